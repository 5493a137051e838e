//! Reading numbers off a slice that may end anywhere.

/// A position in a byte slice. Every read is `None` past the end and then moves nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Cursor { data, at: 0 }
    }

    /// A cursor that begins `at` bytes into `data`.
    pub(super) fn from(data: &'a [u8], at: usize) -> Self {
        Cursor {
            data,
            at: at.min(data.len()),
        }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(n)?;
        let taken = self.data.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// As many of the next `n` bytes as there are.
    pub(super) fn take_some(&mut self, n: usize) -> &'a [u8] {
        let rest = self.rest();
        let taken = rest.get(..n).unwrap_or(rest);
        self.at += taken.len();
        taken
    }

    pub(super) fn skip(&mut self, n: usize) -> Option<()> {
        self.take(n).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    pub(super) fn be16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn be24(&mut self) -> Option<u32> {
        self.array()
            .map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(super) fn be32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn be64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn le16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn le24(&mut self) -> Option<u32> {
        self.array()
            .map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    pub(super) fn le32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A vector behind a one-byte length; the length may promise more than there is.
    pub(super) fn vec8(&mut self) -> Option<&'a [u8]> {
        let n = self.u8()?;
        Some(self.take_some(usize::from(n)))
    }

    /// A vector behind a two-byte big-endian length; may be short.
    pub(super) fn vec16(&mut self) -> Option<&'a [u8]> {
        let n = self.be16()?;
        Some(self.take_some(usize::from(n)))
    }

    /// Bytes up to a NUL, which is read too; without one, all that is left.
    pub(super) fn c_str(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let n = memchr::memchr(0, rest).unwrap_or(rest.len());
        self.at = (self.at + n + 1).min(self.data.len());
        rest.get(..n).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stop_at_the_end_and_move_nothing() {
        let mut c = Cursor::new(&[1, 2, 3, 4, 5]);
        assert_eq!(c.be32(), Some(0x0102_0304));
        assert_eq!(c.be16(), None);
        assert_eq!(c.position(), 4);
        assert_eq!(c.u8(), Some(5));
        assert_eq!(c.u8(), None);
    }

    #[test]
    fn vectors_may_be_short_and_strings_unterminated() {
        let mut c = Cursor::new(&[9, b'a', b'b']);
        assert_eq!(c.vec8(), Some(&b"ab"[..]));
        let mut c = Cursor::new(b"ab\0cd");
        assert_eq!(
            (c.c_str(), c.c_str(), c.c_str()),
            (&b"ab"[..], &b"cd"[..], &b""[..])
        );
    }
}
