//! Which lookups gave a client an address, in the order of their answers.

use super::ring::Ring;
use super::{ANSWERS, Halves};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Lookups looked at for one question once those that are too late are passed.
const LOOKED_AT: usize = 64;

/// One address of one answer. A client that looks a name up again and again makes a long chain,
/// and the latest before some frame may lie far back in it; so a link also leads to one further
/// back, by the lengths of a skew-binary number (Myers, "An applicative random-access stack",
/// 1983), and any link is reached in a logarithm of steps.
#[derive(Debug)]
struct Link {
    /// Seeded hash of client and address.
    key: Halves,
    /// Frame of the answer.
    frame_low: u32,
    /// The link before with the same key; itself if it is the first.
    previous: u32,
    /// The link 2^level - 1 before.
    far: u32,
    /// The lookup that was answered.
    lookup: u32,
    frame_high: u8,
    /// 0 for the first of a chain.
    level: u8,
}

const _: () = assert!(size_of::<Link>() == 28);

impl Link {
    fn frame(&self) -> u64 {
        u64::from(self.frame_high) << 32 | u64::from(self.frame_low)
    }
}

/// The links of a timeline.
#[derive(Debug, Default)]
pub(super) struct Answers {
    links: Ring<Link, ANSWERS>,
    /// The newest link of every key.
    newest: HashTable<u32>,
}

impl Answers {
    /// Remembers that the answer in `frame` to a lookup held an address; frames come in order.
    pub fn add(&mut self, key: u64, lookup: u32, frame: u64) {
        let Self { links, newest } = self;
        let number = links.next_number();
        let key_of = |&n: &u32| links.get(n).map_or(0, |l| l.key.get());
        let (previous, far, level) = match newest.entry(key, |n| key_of(n) == key, key_of) {
            Entry::Vacant(vacant) => {
                vacant.insert(number);
                (number, number, 0)
            }
            Entry::Occupied(mut held) => {
                let previous = *held.get();
                if links.get(previous).is_some_and(|l| l.lookup == lookup) {
                    return; // the address came twice in one answer
                }
                *held.get_mut() = number;
                let (far, level) = further(links, previous);
                (previous, far, level)
            }
        };
        links.push(Link {
            key: key.into(),
            frame_low: frame as u32,
            previous,
            far,
            lookup,
            frame_high: (frame >> 32) as u8,
            level,
        });
    }

    /// Lookups with an answer of this key before `frame`, the latest first. Another key with the
    /// same hash may be among them.
    pub fn before(&self, key: u64, frame: u64) -> impl Iterator<Item = u32> + '_ {
        let key_of = |&n: &u32| self.links.get(n).map_or(0, |l| l.key.get());
        let mut at = self.newest.find(key, |n| key_of(n) == key).copied();
        while let Some(link) = at.and_then(|n| self.links.get(n))
            && link.frame() >= frame
        {
            let late = |far: &Link| far.frame() >= frame;
            at = if link.level > 0 && self.links.get(link.far).is_some_and(late) {
                Some(link.far)
            } else {
                at.and_then(|n| self.previous(n))
            };
        }
        std::iter::successors(at, |&n| self.previous(n))
            .take(LOOKED_AT)
            .filter_map(|n| self.links.get(n).map(|l| l.lookup))
    }

    fn previous(&self, number: u32) -> Option<u32> {
        let previous = self.links.get(number)?.previous;
        (previous != number && self.links.get(previous).is_some()).then_some(previous)
    }

    /// No more fit in: the lookups of the oldest have to go first.
    pub fn is_full(&self) -> bool {
        self.links.is_full()
    }

    /// Forgets the oldest as long as their lookups are gone.
    pub fn let_go(&mut self, gone: impl Fn(u32) -> bool) {
        while self.links.front().is_some_and(|l| gone(l.lookup))
            && let Some((number, link)) = self.links.pop()
        {
            if let Ok(entry) = self.newest.find_entry(link.key.get(), |&n| n == number) {
                entry.remove();
            }
        }
    }

    /// How many links and keys are held.
    #[cfg(test)]
    pub fn len(&self) -> (usize, usize) {
        (self.links.len(), self.newest.len())
    }

    /// Bytes of memory it has from the system.
    pub fn heap_bytes(&self) -> usize {
        self.links.heap_bytes() + self.newest.allocation_size()
    }
}

// Where the far link of the one behind `previous` leads, and its level: two equal leaps become
// one, otherwise a short one begins.
fn further(links: &Ring<Link, ANSWERS>, previous: u32) -> (u32, u8) {
    let two = links.get(previous).and_then(|p| {
        let far = links.get(p.far)?;
        (p.level > 0 && far.level == p.level).then_some((far.far, p.level + 1))
    });
    two.unwrap_or((previous, 1))
}

#[cfg(test)]
mod tests {
    use super::{Answers, LOOKED_AT};

    #[test]
    fn the_latest_before_any_frame_is_found() {
        let mut answers = Answers::default();
        for n in 0..5_000_u32 {
            answers.add(7, n, u64::from(n) * 10);
            answers.add(u64::from(n % 3) + 8, n, u64::from(n) * 10);
        }
        for frame in (0..50_030_u64).step_by(7) {
            let want = (frame.div_ceil(10) as u32).min(5_000);
            let got: Vec<u32> = answers.before(7, frame).collect();
            let all: Vec<u32> = (0..want).rev().take(LOOKED_AT).collect();
            assert_eq!(got, all, "before frame {frame}");
            let third = answers.before(9, frame).next();
            assert_eq!(third, (0..want).rev().find(|n| n % 3 == 1), "{frame}");
        }
        assert_eq!(answers.before(12, 50_000).next(), None);
    }

    #[test]
    fn leaps_double() {
        let mut answers = Answers::default();
        for n in 0..1 << 16 {
            answers.add(7, n, n.into());
        }
        let levels = (0..1 << 16).filter_map(|n| answers.links.get(n).map(|l| l.level));
        assert_eq!(levels.max(), Some(16), "one leap is 2^16 - 1 long");
    }

    #[test]
    fn what_is_gone_is_not_found_and_its_keys_go_too() {
        let mut answers = Answers::default();
        for n in 0..1_000_u32 {
            answers.add(u64::from(n % 10), n, n.into());
        }
        answers.let_go(|lookup| lookup < 995);
        assert_eq!(answers.len(), (5, 5));
        assert_eq!(answers.before(4, 2_000).next(), None);
        assert_eq!(answers.before(6, 2_000).collect::<Vec<_>>(), [996]);
        assert_eq!(answers.before(6, 996).next(), None);
    }
}
