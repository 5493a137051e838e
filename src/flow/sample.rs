//! Bounded collections whose content does not depend on the order in which things come, so
//! that a result does not depend on how the work was divided.

use super::slab::Slab;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, Hash};

/// SplitMix64's finaliser.
#[must_use]
pub fn scramble(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The values with the smallest keys. Keys that scramble something unique, like a frame
/// number, make it a fair sample.
#[derive(Debug)]
pub struct Sample<T>(BinaryHeap<Keyed<T>>);

#[derive(Debug)]
struct Keyed<T>(u64, T);

impl<T> PartialEq for Keyed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Keyed<T> {}

impl<T> PartialOrd for Keyed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Keyed<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<T> Sample<T> {
    /// Offers a value, which is looked for only where it would stay; at most `limit` stay.
    #[inline]
    pub fn offer(&mut self, limit: usize, key: u64, value: impl FnOnce() -> Option<T>) {
        let full = self.0.len() >= limit;
        if full && self.0.peek().is_none_or(|largest| key >= largest.0) {
            return;
        }
        if let Some(value) = value() {
            if full {
                self.0.pop();
            }
            self.0.push(Keyed(key, value));
        }
    }

    /// Keeps the `limit` values with the smallest keys.
    pub fn truncate(&mut self, limit: usize) {
        if self.0.len() > limit {
            while self.0.len() > limit {
                self.0.pop();
            }
            self.0.shrink_to_fit();
        }
    }

    /// The values, in no order.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.0.into_vec().into_iter().map(|k| k.1)
    }
}

/// A number that is the same for the same thing in every run.
pub trait Fingerprint {
    /// Well mixed: any bits of it may be used.
    fn fingerprint(&self) -> u64;
}

/// Values by key, of at most `limit` keys: when there are more, those with the smaller
/// fingerprints stay. What stays is complete, as its keys were never turned away.
#[derive(Debug)]
pub struct Bounded<K, V> {
    index: HashTable<u32>,
    // apart from the index, so that its growth moves none of them
    entries: Slab<Option<(K, V)>>,
    free: Vec<u32>,
    hasher: RandomState,
    greatest: u64,
    limit: usize,
}

impl<K: Hash + Eq + Fingerprint, V: Default> Bounded<K, V> {
    /// For at most `limit` keys.
    pub fn new(limit: usize) -> Self {
        Self {
            index: HashTable::new(),
            entries: Slab::default(),
            free: Vec::new(),
            hasher: RandomState::default(),
            greatest: u64::MAX,
            limit,
        }
    }

    fn slot(&self, key: &K) -> Option<u32> {
        let same = |&slot: &u32| matches!(&self.entries[slot], Some((held, _)) if held == key);
        self.index.find(self.hasher.hash_one(key), same).copied()
    }

    /// The value of a key, made when it is new; `None` when it is beyond the limit.
    #[inline]
    pub fn entry(&mut self, key: K, fingerprint: u64) -> Option<&mut V> {
        if fingerprint > self.greatest {
            return None;
        }
        let slot = match self.slot(&key) {
            Some(slot) => slot,
            None => {
                while self.len() >= self.limit {
                    self.halve();
                }
                if fingerprint > self.greatest {
                    return None;
                }
                self.insert(key)
            }
        };
        self.entries[slot].as_mut().map(|(_, value)| value)
    }

    fn halve(&mut self) {
        self.greatest /= 2;
        let (entries, free, greatest) = (&mut self.entries, &mut self.free, self.greatest);
        self.index.retain(|&mut slot| {
            let stays = |(key, _): &(K, V)| key.fingerprint() <= greatest;
            let stays = entries[slot].as_ref().is_some_and(stays);
            if !stays {
                entries[slot] = None;
                free.push(slot);
            }
            stays
        });
    }

    fn insert(&mut self, key: K) -> u32 {
        let hash = self.hasher.hash_one(&key);
        let entry = Some((key, V::default()));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot] = entry;
                slot
            }
            None => self.entries.push(entry),
        };
        let (entries, hasher) = (&self.entries, &self.hasher);
        let rehash = |&slot: &u32| {
            let key = entries[slot].as_ref().map(|(key, _)| key);
            key.map_or(0, |key| hasher.hash_one(key))
        };
        self.index.insert_unique(hash, slot, rehash);
        slot
    }

    /// Keys in use.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// All values.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let entries = self.entries.iter_mut().flatten();
        entries.map(|(_, value)| value)
    }

    /// All keys and values.
    pub fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.entries.into_values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounded, Fingerprint, Sample, scramble};

    impl Fingerprint for u64 {
        fn fingerprint(&self) -> u64 {
            scramble(*self)
        }
    }

    #[test]
    fn a_sample_is_the_same_in_any_order() {
        let sample = |order: &mut dyn Iterator<Item = u64>| {
            let mut sample = Sample::default();
            order.for_each(|n| sample.offer(10, scramble(n), || Some(n)));
            let mut values: Vec<u64> = sample.into_values().collect();
            values.sort_unstable();
            values
        };
        let forward = sample(&mut (0..1000));
        assert_eq!(forward, sample(&mut (0..1000).rev()));
        assert_eq!(forward.len(), 10);
    }

    #[test]
    fn what_stays_does_not_depend_on_the_order_and_is_complete() {
        let fill = |keys: &mut dyn Iterator<Item = u64>| {
            let mut bounded: Bounded<u64, u32> = Bounded::new(100);
            for key in keys {
                if let Some(n) = bounded.entry(key % 1000, (key % 1000).fingerprint()) {
                    *n += 1;
                }
            }
            let mut left: Vec<_> = bounded.into_entries().collect();
            left.sort_unstable();
            left
        };
        let forward = fill(&mut (0..3000));
        assert_eq!(forward, fill(&mut (0..3000).rev()));
        assert!(forward.len() > 30 && forward.len() <= 100);
        assert!(forward.iter().all(|&(_, n)| n == 3));
    }
}
