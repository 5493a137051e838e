//! What is held of a long sequence: the latest entries, by their numbers.

use std::collections::VecDeque;

/// Values per page.
const PAGE: usize = 256;

/// The latest of a sequence, `LIMIT` at most. Numbers wrap: one that is held tells from one
/// that was let go for 2^32 - `LIMIT` entries.
///
/// In pages: one allocation that grows would be copied, and every copy is memory touched anew.
#[derive(Debug)]
pub(super) struct Ring<T, const LIMIT: usize> {
    // all full but the last, from which is added, and the first, from which is taken
    pages: VecDeque<VecDeque<T>>,
    base: u32,
    len: usize,
}

impl<T, const LIMIT: usize> Default for Ring<T, LIMIT> {
    fn default() -> Self {
        Self {
            pages: VecDeque::new(),
            base: 0,
            len: 0,
        }
    }
}

impl<T, const LIMIT: usize> Ring<T, LIMIT> {
    /// How many are held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The oldest has to go before another one comes.
    pub fn is_full(&self) -> bool {
        self.len >= LIMIT
    }

    /// The number the next one will get.
    pub fn next_number(&self) -> u32 {
        self.base.wrapping_add(self.len as u32)
    }

    /// Takes one in.
    pub fn push(&mut self, item: T) {
        // numbers tell when a page is full: the first one may have lost some
        if (self.next_number() as usize).is_multiple_of(PAGE) || self.pages.is_empty() {
            self.pages
                .push_back(VecDeque::with_capacity(PAGE.min(LIMIT)));
        }
        if let Some(page) = self.pages.back_mut() {
            page.push_back(item);
        }
        self.len += 1;
    }

    /// The oldest one.
    pub fn front(&self) -> Option<&T> {
        self.pages.front()?.front()
    }

    /// Lets the oldest one go, with its number.
    pub fn pop(&mut self) -> Option<(u32, T)> {
        let first = self.pages.front_mut()?;
        let item = first.pop_front()?;
        if first.is_empty() {
            self.pages.pop_front();
        }
        let number = self.base;
        self.base = self.base.wrapping_add(1);
        self.len -= 1;
        Some((number, item))
    }

    // Page of a number, and its place there.
    fn place(&self, number: u32) -> (usize, usize) {
        let nth = number.wrapping_sub(self.base) as usize;
        let first = self.pages.front().map_or(0, VecDeque::len);
        match nth.checked_sub(first) {
            None => (0, nth),
            Some(beyond) => (1 + beyond / PAGE, beyond % PAGE),
        }
    }

    /// The one of this number, unless it was let go.
    pub fn get(&self, number: u32) -> Option<&T> {
        let (page, place) = self.place(number);
        self.pages.get(page)?.get(place)
    }

    /// The one of this number, unless it was let go.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (page, place) = self.place(number);
        self.pages.get_mut(page)?.get_mut(place)
    }

    /// All that are held, with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (u32, &T)> {
        let numbers = (0..).map(|n| self.base.wrapping_add(n));
        numbers.zip(self.pages.iter().flatten())
    }

    /// Bytes of memory it has from the system.
    pub fn heap_bytes(&self) -> usize {
        let held: usize = self.pages.iter().map(VecDeque::capacity).sum();
        held * size_of::<T>() + self.pages.capacity() * size_of::<VecDeque<T>>()
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

    #[test]
    fn pages_come_and_go() {
        let mut ring: Ring<u64, 1000> = Ring {
            base: u32::MAX - 299,
            ..Ring::default()
        };
        let first = ring.next_number();
        for n in 0..5000_u64 {
            if ring.is_full() {
                assert_eq!(ring.pop().map(|p| p.1), Some(n - 1000));
            }
            ring.push(n);
            let oldest = (n + 1).saturating_sub(1000);
            for held in [oldest, oldest.midpoint(n), n] {
                assert_eq!(ring.get(first.wrapping_add(held as u32)), Some(&held));
            }
            assert_eq!(ring.get(first.wrapping_add(n as u32 + 1)), None);
            assert_eq!(ring.front(), Some(&oldest));
            assert_eq!(ring.len(), (n - oldest) as usize + 1);
        }
        let held: Vec<u64> = ring.numbered().map(|(_, &n)| n).collect();
        assert_eq!(held, (4000..5000).collect::<Vec<_>>());
        while ring.pop().is_some() {}
        ring.push(7);
        assert_eq!(
            (ring.get(ring.next_number().wrapping_sub(1)), ring.len()),
            (Some(&7), 1)
        );
    }
}
