//! Numbered places for values of one type, in pages that never move: a table that grows must
//! not be copied, and millions of small allocations would cost more than what they hold.

/// Values per page.
const PAGE: usize = 256;

/// Values by number; freed numbers are used again, the latest first.
#[derive(Debug)]
pub struct Slab<T> {
    pages: Vec<Vec<T>>,
    free: Vec<u32>,
    len: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Slab<T> {
    /// Puts a value in and returns its number.
    #[inline]
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(number) = self.free.pop() {
            self[number] = value;
            return number;
        }
        let number = self.len;
        if number as usize % PAGE == 0 {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(value);
        }
        self.len += 1;
        number
    }

    /// Lets a number be used again. Its value stays until then.
    #[inline]
    pub fn free(&mut self, number: u32) {
        self.free.push(number);
    }

    /// Numbers handed out so far, free ones among them.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Values that are in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.len as usize - self.free.len()
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, number: u32) -> &T {
        &self.pages[number as usize / PAGE][number as usize % PAGE]
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.pages[number as usize / PAGE][number as usize % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Slab};

    #[test]
    fn freed_numbers_come_again() {
        let mut slab = Slab::default();
        let n = 3 * PAGE as u32;
        assert!((0..n).all(|i| slab.insert(i) == i));
        slab.free(7);
        assert_eq!((slab.in_use(), slab.len()), (n as usize - 1, n));
        assert_eq!(slab.insert(99), 7);
        assert_eq!((slab[7], slab[n - 1]), (99, n - 1));
    }
}
