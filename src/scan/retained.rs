//! Decompressed bytes that are kept until it is known which records are needed, as long as
//! there is room for them.

use super::stream::Block;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may be kept by all files that are scanned at the same time.
#[derive(Debug)]
pub struct Budget(AtomicU64);

impl Budget {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    fn take(&self, bytes: u64) -> bool {
        let less = |left: u64| left.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

/// All blocks of one file, or none.
pub struct Retained<'a> {
    // none: nothing is kept, or no longer
    budget: Option<&'a Budget>,
    blocks: Vec<(u64, Block)>,
    taken: u64,
    most: u64,
    forecast: Option<Forecast>,
}

/// How many bytes a file will have, once so many of them were met.
pub type Forecast = Box<dyn Fn(u64) -> u64 + Send + Sync>;

/// A forecast after so many bytes is believed.
const TELLING: u64 = 16 << 20;

impl<'a> Retained<'a> {
    /// Keeps blocks as long as the budget allows, and they have no more than `most` bytes.
    #[must_use]
    pub fn within(budget: &'a Budget, most: u64) -> Self {
        Self {
            budget: Some(budget),
            blocks: Vec::new(),
            taken: 0,
            most,
            forecast: None,
        }
    }

    /// Gives up at once where the file is going to have too many bytes, rather than when it has.
    #[must_use]
    pub fn expecting(mut self, forecast: Forecast) -> Self {
        self.forecast = Some(forecast);
        self
    }

    /// Keeps nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            budget: None,
            blocks: Vec::new(),
            taken: 0,
            most: 0,
            forecast: None,
        }
    }

    /// Takes the next block, which begins at offset `at` of the file, or gives it back. With
    /// one that does not fit, all that was kept goes: a second pass reads all of the file.
    pub fn offer(&mut self, at: u64, block: Block) -> Option<Block> {
        let Some(budget) = self.budget else {
            return Some(block);
        };
        let len = block.footprint() as u64;
        let expected = match &self.forecast {
            Some(forecast) if at >= TELLING => forecast(at),
            _ => 0,
        };
        if expected.max(self.taken + len) <= self.most && budget.take(len) {
            self.taken += len;
            self.blocks.push((at, block));
            return None;
        }
        self.give_back();
        Some(block)
    }

    fn give_back(&mut self) {
        self.blocks = Vec::new();
        if let Some(Budget(left)) = self.budget.take() {
            left.fetch_add(std::mem::take(&mut self.taken), Ordering::Relaxed);
        }
    }

    /// The blocks with their offsets, if all of them were kept. Every record lies whole in the
    /// last one that begins at or before it.
    #[must_use]
    pub fn blocks(&self) -> Option<&[(u64, Block)]> {
        self.budget.map(|_| &self.blocks[..])
    }
}

impl Drop for Retained<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Retained, TELLING};
    use crate::scan::stream::Block;

    #[test]
    fn files_share_a_budget_and_give_it_back() {
        let one = Block::empty().footprint() as u64;
        let budget = Budget::new(3 * one);
        let mut first = Retained::within(&budget, u64::MAX);
        let mut second = Retained::within(&budget, u64::MAX);
        assert!(first.offer(0, Block::empty()).is_none());
        assert!(first.offer(9, Block::empty()).is_none());
        assert!(second.offer(0, Block::empty()).is_none());
        assert!(second.offer(9, Block::empty()).is_some()); // too many: it gives up
        assert!(second.offer(9, Block::empty()).is_some());
        assert!(second.blocks().is_none());
        assert_eq!(first.blocks().map(<[_]>::len), Some(2));
        assert!(first.offer(20, Block::empty()).is_none());
        drop(first);
        let mut third = Retained::within(&budget, u64::MAX);
        for at in 0..3 {
            assert!(third.offer(at, Block::empty()).is_none());
        }
        drop(third);
        let mut small = Retained::within(&budget, one);
        assert!(small.offer(0, Block::empty()).is_none());
        assert!(small.offer(9, Block::empty()).is_some());
        assert!(small.blocks().is_none());
        let mut early = Retained::within(&budget, 100 * one).expecting(Box::new(move |n| 9 * n));
        drop(small);
        assert!(early.offer(0, Block::empty()).is_none());
        assert!(early.offer(TELLING, Block::empty()).is_some());
        assert!(early.blocks().is_none());
        assert!(Retained::nothing().offer(0, Block::empty()).is_some());
    }
}
