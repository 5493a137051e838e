//! What is held of a long sequence: the latest entries, by their numbers.

use std::collections::VecDeque;

/// The latest of a sequence, `LIMIT` at most. Numbers wrap: one that is held tells from one
/// that was let go for 2^32 - `LIMIT` entries.
#[derive(Debug)]
pub(super) struct Ring<T, const LIMIT: usize> {
    items: VecDeque<T>,
    base: u32,
}

impl<T, const LIMIT: usize> Default for Ring<T, LIMIT> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            base: 0,
        }
    }
}

impl<T, const LIMIT: usize> Ring<T, LIMIT> {
    /// How many are held.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The oldest has to go before another one comes.
    pub fn is_full(&self) -> bool {
        self.items.len() >= LIMIT
    }

    /// The number the next one will get.
    pub fn next_number(&self) -> u32 {
        self.base.wrapping_add(self.items.len() as u32)
    }

    /// Takes one in. Grows in small steps, as twice the memory would often be half empty.
    pub fn push(&mut self, item: T) {
        let len = self.items.len();
        if len == self.items.capacity() {
            let step = (len / 8).max(64).min(LIMIT.saturating_sub(len)).max(1);
            self.items.reserve_exact(step);
        }
        self.items.push_back(item);
    }

    /// The oldest one.
    pub fn front(&self) -> Option<&T> {
        self.items.front()
    }

    /// Lets the oldest one go, with its number.
    pub fn pop(&mut self) -> Option<(u32, T)> {
        let item = self.items.pop_front()?;
        let number = self.base;
        self.base = self.base.wrapping_add(1);
        Some((number, item))
    }

    /// The one of this number, unless it was let go.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.items.get(number.wrapping_sub(self.base) as usize)
    }

    /// The one of this number, unless it was let go.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.items.get_mut(number.wrapping_sub(self.base) as usize)
    }

    /// All that are held, with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (u32, &T)> {
        let numbers = (0..).map(|n| self.base.wrapping_add(n));
        numbers.zip(&self.items)
    }

    /// Bytes of memory it has from the system.
    pub fn heap_bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn numbers_stay_and_wrap() {
        let mut ring: Ring<u64, 4> = Ring {
            base: u32::MAX - 1,
            ..Ring::default()
        };
        let first = ring.next_number();
        for n in 0..10_u64 {
            if ring.is_full() {
                assert_eq!(ring.pop().map(|p| p.1), Some(n - 4));
            }
            assert_eq!(ring.next_number(), first.wrapping_add(n as u32));
            ring.push(n);
        }
        let at = |n: u32| ring.get(first.wrapping_add(n)).copied();
        assert_eq!(
            [at(5), at(6), at(9), at(10)],
            [None, Some(6), Some(9), None]
        );
        assert!(ring.heap_bytes() < 100 * size_of::<u64>());
    }
}
