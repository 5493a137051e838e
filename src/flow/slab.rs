//! Numbered places for values of one type, in pages that never move: a table that grows must
//! not be copied, and millions of small allocations would cost more than what they hold.

/// Values per page.
const PAGE: usize = 256;

/// Values by number, from 0.
#[derive(Debug)]
pub struct Slab<T> {
    pages: Vec<Vec<T>>,
    len: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Slab<T> {
    /// Adds a value and returns its number.
    #[inline]
    pub fn push(&mut self, value: T) -> u32 {
        let number = self.len;
        if (number as usize).is_multiple_of(PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(value);
        }
        self.len += 1;
        number
    }

    /// The value of a number, if there is one.
    #[inline]
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        let page = self.pages.get(number as usize / PAGE)?;
        page.get(number as usize % PAGE)
    }

    /// The value of a number, if there is one.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let page = self.pages.get_mut(number as usize / PAGE)?;
        page.get_mut(number as usize % PAGE)
    }

    /// All values, in order of their numbers.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.iter_mut().flatten()
    }

    /// All values, in order of their numbers.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.pages.into_iter().flatten()
    }

    /// Bytes of memory it has from the system.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.pages.len() * PAGE * size_of::<T>() + self.pages.capacity() * size_of::<Vec<T>>()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
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
    fn values_keep_their_numbers() {
        let mut slab = Slab::default();
        let n = 3 * PAGE as u32 + 1;
        assert!((0..n).all(|i| slab.push(i) == i));
        assert_eq!((slab.get(n - 1), slab.get(n)), (Some(&(n - 1)), None));
        slab[7] = 99;
        assert_eq!((slab[7], slab[n - 1], slab.len()), (99, n - 1, n));
    }
}
