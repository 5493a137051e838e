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

/// The first [`HEAD`] and the last [`TAIL`] records of a flow. Grows as the flow does.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    locs: Vec<Loc>,
    pushed: u32,
}

impl Trail {
    /// Adds the next record.
    #[inline]
    pub fn push(&mut self, loc: Loc) {
        let n = self.locs.len();
        if n < HEAD + TAIL {
            if n == self.locs.capacity() {
                self.grow();
            }
            self.locs.push(loc);
        } else {
            let slot = HEAD + (self.pushed as usize - HEAD) % TAIL;
            self.locs[slot] = loc;
        }
        self.pushed = self.pushed.saturating_add(1);
    }

    // exact steps: three million flows of a dozen packets must not each hold a power of two
    fn grow(&mut self) {
        let more = match self.locs.len() {
            0..8 => 4,
            8..24 => 8,
            _ => HEAD + TAIL - self.locs.len(),
        };
        self.locs.reserve_exact(more);
    }

    /// Takes the last record back, if it was remembered as the last; for a segment that turns
    /// out to belong to the next incarnation.
    pub fn pop(&mut self) {
        if self.locs.len() < HEAD + TAIL && self.locs.pop().is_some() {
            self.pushed -= 1;
        }
    }

    /// The very first record.
    #[must_use]
    pub fn first(&self) -> Option<Loc> {
        self.locs.first().copied()
    }

    /// Records pushed so far.
    #[must_use]
    pub fn pushed(&self) -> u32 {
        self.pushed
    }

    /// All remembered records in order, each with its number within the flow, from 0.
    #[must_use]
    pub fn in_order(&self) -> Vec<Kept> {
        let numbered = |(i, &loc): (usize, &Loc)| Kept { loc, nth: i as u32 };
        if self.locs.len() < HEAD + TAIL {
            return self.locs.iter().enumerate().map(numbered).collect();
        }
        let start = (self.pushed as usize - HEAD) % TAIL;
        let (head, ring) = self.locs.split_at(HEAD);
        let first = self.pushed - TAIL as u32;
        let tail = ring[start..].iter().chain(&ring[..start]).enumerate();
        let tail = tail.map(|(i, &loc)| Kept {
            loc,
            nth: first + i as u32,
        });
        head.iter().enumerate().map(numbered).chain(tail).collect()
    }

    /// Heap bytes in use.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.locs.capacity() * size_of::<Loc>()
    }
}

#[cfg(test)]
mod tests {
    use super::{HEAD, Loc, TAIL, Trail};

    #[test]
    fn a_place_holds_large_numbers() {
        let loc = Loc::new((1 << 40) - 1, (1 << 48) - 3);
        assert_eq!((loc.frame(), loc.offset()), ((1 << 40) - 1, (1 << 48) - 3));
    }

    #[test]
    fn the_first_and_the_last_are_remembered() {
        for n in [1, HEAD, HEAD + TAIL, HEAD + TAIL + 1, 3 * (HEAD + TAIL)] {
            let mut trail = Trail::default();
            (0..n as u64).for_each(|i| trail.push(Loc::new(i, i)));
            let kept = trail.in_order();
            assert!(kept.iter().all(|k| u64::from(k.nth) == k.loc.frame()));
            let got: Vec<u64> = kept.iter().map(|k| k.loc.frame()).collect();
            let want: Vec<u64> = (0..n as u64)
                .filter(|&i| i < HEAD as u64 || i + TAIL as u64 >= n as u64)
                .collect();
            assert_eq!(got, want, "{n} records");
        }
    }
}
