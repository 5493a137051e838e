//! TCP sequence numbers.

use std::fmt;

/// A sequence or acknowledgment number. All comparisons are serial: modulo 2^32, as
/// RFC 9293 3.4 demands. There is deliberately no `Ord`: serial order is not total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// `self + n`, modulo 2^32.
    #[inline]
    #[must_use]
    pub fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// `self - n`, modulo 2^32.
    #[inline]
    #[must_use]
    pub fn minus(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }

    /// Signed distance from `other` to `self`, in bytes of sequence space: positive when
    /// `self` is later. Distances of 2^31 and more come out negative.
    #[inline]
    #[must_use]
    pub fn since(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// `self` is later than `other`.
    #[inline]
    #[must_use]
    pub fn after(self, other: Self) -> bool {
        self.since(other) > 0
    }

    /// `self` is `other` or later.
    #[inline]
    #[must_use]
    pub fn at_or_after(self, other: Self) -> bool {
        self.since(other) >= 0
    }

    /// `self` is earlier than `other`.
    #[inline]
    #[must_use]
    pub fn before(self, other: Self) -> bool {
        self.since(other) < 0
    }

    /// The later of the two.
    #[inline]
    #[must_use]
    pub fn latest(self, other: Self) -> Self {
        if other.after(self) { other } else { self }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Seq;

    #[test]
    fn distances_go_across_the_wrap() {
        assert_eq!(Seq(10).since(Seq(u32::MAX - 9)), 20);
        assert_eq!(Seq(u32::MAX - 9).since(Seq(10)), -20);
        assert_eq!(Seq(0).since(Seq(u32::MAX)), 1);
    }

    #[test]
    fn order_is_serial() {
        assert!(Seq(5).after(Seq(u32::MAX - 5)));
        assert!(Seq(u32::MAX - 5).before(Seq(5)));
        assert!(Seq(7).at_or_after(Seq(7)));
        assert_eq!(Seq(5).latest(Seq(u32::MAX)), Seq(5));
        assert_eq!(Seq(u32::MAX).latest(Seq(5)), Seq(5));
    }
}
