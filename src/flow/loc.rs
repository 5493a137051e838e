//! Compact places of frames, kept per flow instead of the packets themselves.

/// A frame's number in its timeline (40 bits) and its record's offset in its file (48 bits),
/// in 12 bytes. The file follows from the frame number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loc {
    offset_low: u32,
    frame_low: u32,
    offset_high: u16,
    frame_high: u16,
}

const _: () = assert!(size_of::<Loc>() == 12);

impl Loc {
    /// A place; numbers beyond 2^40 frames or 2^48 bytes are cut.
    #[inline]
    #[must_use]
    pub fn new(frame: u64, offset: u64) -> Self {
        Self {
            offset_low: offset as u32,
            frame_low: frame as u32,
            offset_high: (offset >> 32) as u16,
            frame_high: (frame >> 32) as u16,
        }
    }

    /// Frame number in the timeline, from 1.
    #[inline]
    #[must_use]
    pub fn frame(self) -> u64 {
        u64::from(self.frame_high) << 32 | u64::from(self.frame_low)
    }

    /// Offset of the record in its file in bytes.
    #[inline]
    #[must_use]
    pub fn offset(self) -> u64 {
        u64::from(self.offset_high) << 32 | u64::from(self.offset_low)
    }
}

/// A remembered record and its number within its flow, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it is.
    pub loc: Loc,
    /// Its number.
    pub nth: u32,
}

/// How many of a flow's first records are remembered.
pub const HEAD: usize = 24;
/// How many of its latest records are remembered besides.
pub const TAIL: usize = 40;

/// Places per block of a trail.
const BLOCK: usize = 10;
/// Blocks of a full trail.
const BLOCKS: usize = (HEAD + TAIL).div_ceil(BLOCK);

/// Memory for the trails of one table: blocks of places, handed out and taken back. Millions
/// of small allocations that grow would cost more than the places themselves.
#[derive(Debug, Default)]
pub struct Arena {
    blocks: Vec<[Loc; BLOCK]>,
    free: Vec<u32>,
}

impl Arena {
    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.blocks.push([Loc::new(0, 0); BLOCK]);
            self.blocks.len() as u32 - 1
        })
    }

    /// Blocks in use, and the bytes of each.
    #[must_use]
    pub fn in_use(&self) -> (usize, usize) {
        (
            self.blocks.len() - self.free.len(),
            size_of::<[Loc; BLOCK]>(),
        )
    }
}

/// The first [`HEAD`] and the last [`TAIL`] records of a flow. Grows as the flow does; must be
/// given back with [`Trail::release`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Trail {
    blocks: [u32; BLOCKS],
    pushed: u32,
}

impl Trail {
    /// Adds the next record.
    #[inline]
    pub fn push(&mut self, arena: &mut Arena, loc: Loc) {
        let n = self.pushed as usize;
        let slot = if n < HEAD + TAIL {
            n
        } else {
            HEAD + (n - HEAD) % TAIL
        };
        let (block, place) = (slot / BLOCK, slot % BLOCK);
        if n < HEAD + TAIL && place == 0 {
            self.blocks[block] = arena.take();
        }
        arena.blocks[self.blocks[block] as usize][place] = loc;
        self.pushed = self.pushed.saturating_add(1);
    }

    /// Takes the last record back, if it was remembered as the last; for a segment that turns
    /// out to belong to the next incarnation.
    pub fn pop(&mut self, arena: &mut Arena) {
        let Some(last) = (self.pushed as usize)
            .checked_sub(1)
            .filter(|&n| n < HEAD + TAIL)
        else {
            return;
        };
        self.pushed -= 1;
        if last % BLOCK == 0 {
            arena.free.push(self.blocks[last / BLOCK]);
        }
    }

    /// Gives its memory back.
    pub fn release(&mut self, arena: &mut Arena) {
        let used = self.held().div_ceil(BLOCK);
        arena.free.extend(&self.blocks[..used]);
        self.pushed = 0;
    }

    fn held(&self) -> usize {
        (self.pushed as usize).min(HEAD + TAIL)
    }

    fn at(&self, arena: &Arena, slot: usize) -> Loc {
        arena.blocks[self.blocks[slot / BLOCK] as usize][slot % BLOCK]
    }

    /// The very first record.
    #[must_use]
    pub fn first(&self, arena: &Arena) -> Option<Loc> {
        (self.pushed > 0).then(|| self.at(arena, 0))
    }

    /// The place that will be followed by the next one.
    #[inline]
    #[must_use]
    pub fn latest(&self, arena: &Arena) -> Option<Loc> {
        let n = (self.pushed as usize).checked_sub(1)?;
        let slot = if n < HEAD + TAIL {
            n
        } else {
            HEAD + (n - HEAD) % TAIL
        };
        Some(self.at(arena, slot))
    }

    /// Records pushed so far.
    #[must_use]
    pub fn pushed(&self) -> u32 {
        self.pushed
    }

    /// All remembered records in order, each with its number within the flow, from 0.
    pub fn in_order<'a>(&'a self, arena: &'a Arena) -> impl Iterator<Item = Kept> + 'a {
        let held = self.held();
        let first_of_tail = self.pushed as usize - held + held.min(HEAD);
        let head = (0..held.min(HEAD)).map(|n| (n, n));
        let tail = (first_of_tail..self.pushed as usize).map(|n| (HEAD + (n - HEAD) % TAIL, n));
        head.chain(tail).map(|(slot, n)| Kept {
            loc: self.at(arena, slot),
            nth: n as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, HEAD, Loc, TAIL, Trail};

    #[test]
    fn a_place_holds_large_numbers() {
        let loc = Loc::new((1 << 40) - 1, (1 << 48) - 3);
        assert_eq!((loc.frame(), loc.offset()), ((1 << 40) - 1, (1 << 48) - 3));
    }

    #[test]
    fn the_first_and_the_last_are_remembered() {
        let mut arena = Arena::default();
        for n in [
            0,
            1,
            HEAD,
            HEAD + 1,
            HEAD + TAIL,
            HEAD + TAIL + 1,
            3 * (HEAD + TAIL),
        ] {
            let mut trail = Trail::default();
            (0..n as u64).for_each(|i| trail.push(&mut arena, Loc::new(i, i)));
            let kept: Vec<_> = trail.in_order(&arena).collect();
            assert!(kept.iter().all(|k| u64::from(k.nth) == k.loc.frame()));
            let got: Vec<u64> = kept.iter().map(|k| k.loc.frame()).collect();
            let want: Vec<u64> = (0..n as u64)
                .filter(|&i| i < HEAD as u64 || i + TAIL as u64 >= n as u64)
                .collect();
            assert_eq!(got, want, "{n} records");
            trail.release(&mut arena);
            assert_eq!(arena.in_use().0, 0);
        }
    }

    #[test]
    fn the_last_can_be_taken_back() {
        let mut arena = Arena::default();
        let mut trail = Trail::default();
        (0..11).for_each(|i| trail.push(&mut arena, Loc::new(i, i)));
        trail.pop(&mut arena);
        assert_eq!((trail.pushed(), arena.in_use().0), (10, 1));
        assert_eq!(
            trail.in_order(&arena).last().map(|k| k.loc.frame()),
            Some(9)
        );
    }
}
