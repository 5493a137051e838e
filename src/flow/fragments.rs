//! Where the fragments of datagrams lie: the first ones, which hold the transport header, and
//! the later ones, which belong to the same connection and name no port.
//!
//! Memory is bounded against floods of fragments: later fragments without a first one near
//! are let go first, then the oldest.

use super::loc::Loc;
use std::collections::{BTreeMap, HashMap};

/// Fragments of a datagram lie within this time, in nanoseconds: the upper end of how long
/// hosts wait for the missing ones (RFC 1122 3.3.2, RFC 8200 4.5).
const TOGETHER: i64 = 60_000_000_000;
/// Fragments remembered of one timeline: 32 bytes each.
const MAX_REMEMBERED: usize = 1 << 19;
/// Fragments remembered between two occasions to let some go, at least.
const MIN_REMEMBERED: usize = 1 << 16;
/// Later fragments of one datagram: 65,535 bytes at 256 bytes each.
const MAX_PARTS: usize = 256;

/// One fragment as a worker saw it.
#[derive(Clone, Copy, Debug)]
pub struct FragmentFact {
    /// Seeded hash of addresses, protocol, identification and tunnel.
    pub key: u64,
    /// Capture time in nanoseconds since the epoch.
    pub time: i64,
    /// Offset of the record from the start of its chunk in bytes.
    pub offset: u32,
    /// Number of the frame from the start of its chunk, from 0.
    pub frame: u32,
    /// The first fragment of something that is looked at; a later fragment otherwise.
    pub first: bool,
}

/// A remembered fragment.
#[derive(Clone, Copy, Debug)]
struct Part {
    key: u64,
    time: i64,
    loc: Loc,
    first: bool,
}

/// The fragments of one timeline.
#[derive(Debug)]
pub struct Fragments {
    parts: Vec<Part>,
    room: usize,
    forgotten: u64,
}

impl Default for Fragments {
    fn default() -> Self {
        Self {
            parts: Vec::new(),
            room: MIN_REMEMBERED,
            forgotten: 0,
        }
    }
}

impl Fragments {
    /// Takes a fragment in, in capture order.
    pub fn add(&mut self, fact: &FragmentFact, loc: Loc) {
        if self.parts.len() >= self.room {
            self.let_go(fact.time);
        }
        self.parts.push(Part {
            key: fact.key,
            time: fact.time,
            loc,
            first: fact.first,
        });
    }

    /// Fragments that may have belonged to a datagram and are no longer known.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    // Keeps those with a partner and those that may still get one.
    fn let_go(&mut self, now: i64) {
        let mut kinds: HashMap<u64, (bool, bool)> = HashMap::with_capacity(self.parts.len() / 2);
        for part in &self.parts {
            let (first, later) = kinds.entry(part.key).or_default();
            *first |= part.first;
            *later |= !part.first;
        }
        self.parts.retain(|part| {
            let waits = part.time.saturating_add(TOGETHER) > now;
            waits || kinds.get(&part.key) == Some(&(true, true))
        });
        if self.parts.len() > MAX_REMEMBERED / 2 {
            let most = MAX_REMEMBERED / 2;
            let oldest = self.parts.len() - most;
            self.forgotten += oldest as u64;
            self.parts.drain(..oldest);
        }
        self.room = (2 * self.parts.len()).clamp(MIN_REMEMBERED, MAX_REMEMBERED);
    }

    /// The later fragments by the frame number of their first one.
    #[must_use]
    pub fn by_first(mut self) -> BTreeMap<u64, Vec<Loc>> {
        self.parts.sort_by_key(|part| (part.key, part.loc.frame()));
        let mut found: BTreeMap<u64, Vec<Loc>> = BTreeMap::new();
        for same in self.parts.chunk_by(|a, b| a.key == b.key) {
            let firsts: Vec<&Part> = same.iter().filter(|part| part.first).collect();
            for part in same.iter().filter(|part| !part.first) {
                let near = nearest(&firsts, part);
                let Some(first) = near.filter(|f| f.time.abs_diff(part.time) <= TOGETHER as u64)
                else {
                    continue;
                };
                let parts = found.entry(first.loc.frame()).or_default();
                if parts.len() < MAX_PARTS {
                    parts.push(part.loc);
                }
            }
        }
        found
    }
}

// The first fragment with the fewest frames between, as identifications come again.
fn nearest<'a>(firsts: &[&'a Part], part: &Part) -> Option<&'a Part> {
    let at = firsts.partition_point(|first| first.loc.frame() < part.loc.frame());
    let before = at.checked_sub(1).and_then(|at| firsts.get(at));
    let after = firsts.get(at);
    let distance = |first: &&&Part| first.loc.frame().abs_diff(part.loc.frame());
    before
        .into_iter()
        .chain(after)
        .min_by_key(distance)
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(fragments: &mut Fragments, key: u64, frame: u32, seconds: i64, first: bool) {
        let time = seconds * 1_000_000_000;
        let fact = FragmentFact {
            key,
            time,
            offset: 0,
            frame,
            first,
        };
        fragments.add(&fact, Loc::new(frame.into(), frame.into()));
    }

    fn frames(fragments: Fragments) -> Vec<(u64, Vec<u64>)> {
        let frames = |locs: Vec<Loc>| locs.into_iter().map(Loc::frame).collect();
        let found = fragments.by_first().into_iter();
        found.map(|(first, later)| (first, frames(later))).collect()
    }

    #[test]
    fn fragments_in_any_order_find_their_first() {
        let mut fragments = Fragments::default();
        add(&mut fragments, 1, 10, 0, true);
        add(&mut fragments, 1, 11, 0, false);
        add(&mut fragments, 2, 12, 0, false); // sent last part first
        add(&mut fragments, 2, 13, 0, true);
        add(&mut fragments, 3, 14, 0, false); // without a first one
        add(&mut fragments, 1, 15, 0, false);
        assert_eq!(frames(fragments), [(10, vec![11, 15]), (13, vec![12])]);
    }

    #[test]
    fn an_identification_that_comes_again_is_another_datagram() {
        let mut fragments = Fragments::default();
        add(&mut fragments, 1, 10, 0, true);
        add(&mut fragments, 1, 11, 0, false);
        add(&mut fragments, 1, 90, 30, true);
        add(&mut fragments, 1, 91, 30, false);
        add(&mut fragments, 1, 200, 300, false); // too late for any
        assert_eq!(frames(fragments), [(10, vec![11]), (90, vec![91])]);
    }

    #[test]
    fn a_flood_is_let_go_and_datagrams_are_not() {
        let mut fragments = Fragments::default();
        add(&mut fragments, 1, 1, 0, true);
        add(&mut fragments, 1, 2, 0, false);
        let flood = 3 * MIN_REMEMBERED as u32;
        for n in 0..flood {
            let seconds = i64::from(n) / 100;
            add(&mut fragments, 100 + u64::from(n), 3 + n, seconds, false);
        }
        assert!(fragments.parts.len() <= 2 * MIN_REMEMBERED);
        assert_eq!(fragments.forgotten(), 0);
        assert_eq!(frames(fragments), [(1, vec![2])]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut fragments = Fragments::default();
        for n in 0..2 * MAX_REMEMBERED as u32 {
            add(&mut fragments, n.into(), n, 0, n % 2 == 0);
        }
        assert!(fragments.parts.len() <= MAX_REMEMBERED);
        assert!(fragments.forgotten() > 0);
    }
}
