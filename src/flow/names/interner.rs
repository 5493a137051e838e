//! Byte strings held once however often they come: names, chains of names, pairs of addresses.

use crate::flow::slab::Slab;
use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// Byte strings one after the other in one allocation, each with the number of its uses. What
/// is used no longer leaves a gap; the gaps are closed before more memory is taken.
#[derive(Debug, Default)]
pub(super) struct Interner {
    bytes: Vec<u8>,
    slots: Slab<Slot>,
    free: Vec<u32>,
    table: HashTable<u32>,
    hasher: RandomState,
    gaps: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    start: u32,
    len: u32,
    uses: u32,
}

impl Slot {
    fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes
            .get(start..start.saturating_add(self.len as usize))
            .unwrap_or_default()
    }
}

impl Interner {
    /// The id of a byte string, with one use more.
    pub fn take(&mut self, value: &[u8]) -> u32 {
        self.make_room(value.len());
        let Self {
            bytes,
            slots,
            free,
            table,
            hasher,
            ..
        } = self;
        let same = |&id: &u32| slot(slots, id).of(bytes) == value;
        let hash = |&id: &u32| hasher.hash_one(slot(slots, id).of(bytes));
        let vacant = match table.entry(hasher.hash_one(value), same, hash) {
            Entry::Occupied(held) => {
                let id = *held.get();
                if let Some(slot) = slots.get_mut(id) {
                    slot.uses += 1;
                }
                return id;
            }
            Entry::Vacant(vacant) => vacant,
        };
        let new = Slot {
            start: bytes.len() as u32,
            len: value.len() as u32,
            uses: 1,
        };
        bytes.extend_from_slice(value);
        let id = match free.pop() {
            Some(id) => {
                if let Some(slot) = slots.get_mut(id) {
                    *slot = new;
                }
                id
            }
            None => slots.push(new),
        };
        vacant.insert(id);
        id
    }

    /// The id of a byte string that is held.
    pub fn find(&self, value: &[u8]) -> Option<u32> {
        self.table
            .find(self.hasher.hash_one(value), |&id| self.get(id) == value)
            .copied()
    }

    /// The byte string of an id.
    pub fn get(&self, id: u32) -> &[u8] {
        slot(&self.slots, id).of(&self.bytes)
    }

    /// One use less; with the last one the byte string goes and its id is free for another.
    pub fn release(&mut self, id: u32) {
        let Some(slot) = self.slots.get_mut(id).filter(|s| s.uses > 0) else {
            return;
        };
        slot.uses -= 1;
        if slot.uses > 0 {
            return;
        }
        let gone = *slot;
        let hash = self.hasher.hash_one(gone.of(&self.bytes));
        if let Ok(entry) = self.table.find_entry(hash, |&n| n == id) {
            entry.remove();
        }
        self.gaps += gone.len as usize;
        self.free.push(id);
    }

    /// Bytes of the strings that are held.
    pub fn held_bytes(&self) -> usize {
        self.bytes.len() - self.gaps
    }

    /// How many are held.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes of memory it has from the system.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.slots.heap_bytes()
            + self.free.capacity() * size_of::<u32>()
            + self.table.allocation_size()
    }

    // Closes the gaps if they are an eighth or more, so that every byte is moved a few times at
    // most for every one that came; takes more memory otherwise.
    fn make_room(&mut self, more: usize) {
        if more <= self.bytes.capacity() - self.bytes.len() {
            return;
        }
        if self.gaps >= more && self.gaps >= self.bytes.len() / 8 {
            self.close_gaps();
        } else {
            let step = (self.bytes.len() / 2).max(4096).max(more);
            self.bytes.reserve_exact(step);
        }
    }

    fn close_gaps(&mut self) {
        let mut held: Vec<u32> = self.table.iter().copied().collect();
        held.sort_unstable_by_key(|&id| slot(&self.slots, id).start);
        let mut end = 0;
        for id in held {
            let Some(slot) = self.slots.get_mut(id) else {
                continue;
            };
            let start = slot.start as usize;
            let len = slot.len as usize;
            self.bytes.copy_within(start..start + len, end);
            slot.start = end as u32;
            end += len;
        }
        self.bytes.truncate(end);
        self.gaps = 0;
    }
}

fn slot(slots: &Slab<Slot>, id: u32) -> Slot {
    const NONE: Slot = Slot {
        start: 0,
        len: 0,
        uses: 0,
    };
    slots.get(id).copied().unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::Interner;

    #[test]
    fn the_same_string_is_held_once_and_goes_with_its_last_use() {
        let mut interner = Interner::default();
        let (a, b) = (interner.take(b"a.example"), interner.take(b"b.example"));
        assert_eq!(interner.take(b"a.example"), a);
        assert_eq!((interner.len(), interner.held_bytes()), (2, 18));
        interner.release(a);
        assert_eq!(interner.find(b"a.example"), Some(a));
        interner.release(a);
        interner.release(a);
        assert_eq!(
            (interner.find(b"a.example"), interner.held_bytes()),
            (None, 9)
        );
        assert_eq!(interner.get(b), b"b.example");
        assert_eq!(interner.take(b"c.example"), a, "its id is used again");
    }

    #[test]
    fn gaps_are_closed_before_memory_is_taken() {
        let mut interner = Interner::default();
        let name = |n: u32| format!("{n}.host.example").into_bytes();
        let mut ids = std::collections::VecDeque::new();
        for n in 0..100_000 {
            ids.push_back((n, interner.take(&name(n))));
            if ids.len() > 500 {
                interner.release(ids.pop_front().expect("there are 501").1);
            }
        }
        assert!(ids.iter().all(|&(n, id)| interner.get(id) == name(n)));
        assert_eq!(interner.len(), 500);
        let bytes = interner.heap_bytes();
        assert!(bytes < 40_000, "{bytes} bytes for 500 names");
    }
}
