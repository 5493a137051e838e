//! Compact places of frames, kept per flow instead of the packets themselves.

use super::slab::Slab;

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
    pub const fn new(frame: u64, offset: u64) -> Self {
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

/// Places per block: with the number of the next block, one cache line.
const BLOCK: usize = 5;
/// Blocks of a flow's first records.
const HEAD_BLOCKS: usize = 5;
/// Blocks of its latest records besides.
const TAIL_BLOCKS: usize = 8;
/// How many of a flow's first records are remembered.
pub const HEAD: usize = HEAD_BLOCKS * BLOCK;
/// How many of its latest records are remembered besides.
pub const TAIL: usize = TAIL_BLOCKS * BLOCK;

/// Places, and the block that comes after; the last block of the tail leads to its first.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Block {
    locs: [Loc; BLOCK],
    next: u32,
}

const _: () = assert!(size_of::<Block>() == 64);

/// No block.
const NOWHERE: u32 = u32::MAX;

/// Memory for the trails of one table.
#[derive(Debug)]
pub struct Arena {
    blocks: Slab<Block>,
    // the first of the free blocks, which are a list
    free: u32,
    in_use: usize,
}

impl Default for Arena {
    fn default() -> Self {
        Self {
            blocks: Slab::default(),
            free: NOWHERE,
            in_use: 0,
        }
    }
}

impl Arena {
    fn take(&mut self) -> u32 {
        self.in_use += 1;
        if self.free != NOWHERE {
            let block = self.free;
            self.free = self.blocks[block].next;
            return block;
        }
        self.blocks.push(Block {
            locs: [Loc::new(0, 0); BLOCK],
            next: NOWHERE,
        })
    }

    // Gives back the `count` blocks of the list from `first` to `last`; only `last` is touched.
    fn give_back(&mut self, first: u32, last: u32, count: usize) {
        self.blocks[last].next = self.free;
        self.free = first;
        self.in_use -= count;
    }

    /// Bytes in use.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.in_use * size_of::<Block>()
    }
}

/// The first [`HEAD`] and the last [`TAIL`] records of a flow. Grows as the flow does; must be
/// given back with [`Trail::release`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Trail {
    head: u32,
    current: u32,
    pushed: u32,
}

/// The slot of a flow's `n`-th record: the tail is a ring.
#[inline]
fn slot(n: usize) -> usize {
    if n < HEAD + TAIL {
        n
    } else {
        HEAD + (n - HEAD) % TAIL
    }
}

impl Trail {
    /// Adds the next record.
    #[inline]
    pub fn push(&mut self, arena: &mut Arena, loc: Loc) {
        let n = self.pushed as usize;
        let place = slot(n) % BLOCK;
        if place == 0 {
            self.advance(arena, n);
        }
        arena.blocks[self.current].locs[place] = loc;
        self.pushed = self.pushed.saturating_add(1);
    }

    // The block for record `n`, which is the first of its block.
    fn advance(&mut self, arena: &mut Arena, n: usize) {
        if n >= HEAD + TAIL {
            self.current = arena.blocks[self.current].next;
            return;
        }
        let block = arena.take();
        if n == 0 {
            self.head = block;
        } else {
            arena.blocks[self.current].next = block;
        }
        self.current = block;
        if n == HEAD + TAIL - BLOCK {
            arena.blocks[block].next = self.block(arena, HEAD_BLOCKS);
        }
    }

    // The number of the `n`-th block.
    fn block(&self, arena: &Arena, n: usize) -> u32 {
        (0..n).fold(self.head, |block, _| arena.blocks[block].next)
    }

    /// Takes the last record back and says whether it could: it was not put over another one.
    pub fn pop(&mut self, arena: &mut Arena) -> bool {
        let Some(last) = (self.pushed as usize)
            .checked_sub(1)
            .filter(|&n| n < HEAD + TAIL)
        else {
            return false;
        };
        self.pushed -= 1;
        if last % BLOCK == 0 {
            arena.give_back(self.current, self.current, 1);
            self.current = self.block(arena, (last / BLOCK).saturating_sub(1));
        }
        true
    }

    /// Gives its memory back.
    pub fn release(&mut self, arena: &mut Arena) {
        let count = self.held().div_ceil(BLOCK);
        if count == 0 {
            return;
        }
        if self.pushed as usize > HEAD + TAIL {
            // the ring is opened after the latest block
            let last_of_head = self.block(arena, HEAD_BLOCKS - 1);
            arena.blocks[last_of_head].next = arena.blocks[self.current].next;
        }
        arena.give_back(self.head, self.current, count);
        self.pushed = 0;
    }

    fn held(&self) -> usize {
        (self.pushed as usize).min(HEAD + TAIL)
    }

    /// The very first record.
    #[must_use]
    pub fn first(&self, arena: &Arena) -> Option<Loc> {
        (self.pushed > 0).then(|| arena.blocks[self.head].locs[0])
    }

    /// Records pushed so far.
    #[inline]
    #[must_use]
    pub fn pushed(&self) -> u32 {
        self.pushed
    }

    /// The places of the first records, as many as `first` has room for and there are; how many.
    pub fn first_into(&self, arena: &Arena, first: &mut [Loc]) -> usize {
        let count = self.held().min(HEAD).min(first.len());
        let mut block = self.head;
        for places in first[..count].chunks_mut(BLOCK) {
            places.copy_from_slice(&arena.blocks[block].locs[..places.len()]);
            block = arena.blocks[block].next;
        }
        count
    }

    /// All remembered records in order, each with its number within the flow, from 0.
    pub fn in_order<'a>(&self, arena: &'a Arena) -> impl Iterator<Item = Kept> + 'a {
        let (held, pushed) = (self.held(), self.pushed as usize);
        let mut blocks = [0; HEAD_BLOCKS + TAIL_BLOCKS];
        let mut next = self.head;
        for block in blocks.iter_mut().take(held.div_ceil(BLOCK)) {
            *block = next;
            next = arena.blocks[next].next;
        }
        let first_of_tail = pushed - held + held.min(HEAD);
        (0..held.min(HEAD))
            .chain(first_of_tail..pushed)
            .map(move |n| Kept {
                loc: arena.blocks[blocks[slot(n) / BLOCK]].locs[slot(n) % BLOCK],
                nth: n as u32,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, BLOCK, HEAD, Loc, TAIL, Trail};

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
            let mut first = [Loc::new(0, 0); HEAD - 2];
            let count = trail.first_into(&arena, &mut first);
            let first: Vec<u64> = first[..count].iter().map(|l| l.frame()).collect();
            assert_eq!(first, got[..n.min(HEAD - 2)]);
            trail.release(&mut arena);
            assert_eq!(arena.in_use, 0);
        }
    }

    #[test]
    fn the_last_can_be_taken_back() {
        let mut arena = Arena::default();
        let mut trail = Trail::default();
        for n in 1..=(HEAD + TAIL) as u64 {
            (0..n).for_each(|i| trail.push(&mut arena, Loc::new(i, i)));
            trail.pop(&mut arena);
            assert_eq!(arena.in_use, (n as usize - 1).div_ceil(BLOCK));
            trail.push(&mut arena, Loc::new(n, n));
            trail.pop(&mut arena);
            let left: Vec<u64> = trail.in_order(&arena).map(|k| k.loc.frame()).collect();
            assert_eq!(left, (0..n - 1).collect::<Vec<_>>());
            trail.release(&mut arena);
        }
    }
}
