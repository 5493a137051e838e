//! The bytes a walk has before it.

/// A part of a file.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    /// Offset of the first byte in the file.
    pub base: u64,
    /// The bytes.
    pub buf: &'a [u8],
    /// The file ends where the window ends.
    pub last: bool,
}

impl<'a> Window<'a> {
    /// All bytes from a position on.
    #[inline]
    pub(super) fn from(&self, pos: usize) -> &'a [u8] {
        self.buf.get(pos..).unwrap_or_default()
    }

    /// Offset in the file of a position in the window.
    #[inline]
    pub(super) fn offset(&self, pos: usize) -> u64 {
        self.base.saturating_add(pos as u64)
    }

    /// Bytes from a position to the window's end.
    #[inline]
    pub(super) fn left(&self, pos: usize) -> usize {
        self.buf.len().saturating_sub(pos)
    }
}

/// Why a run over records ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the limit, or at the end of the window between two records.
    Boundary,
    /// The record here is not whole in the window.
    Incomplete,
    /// What is here is no record.
    Damage {
        /// It may yet be a record that the end of the file cuts.
        cut: bool,
    },
    /// A capture in this format begins here.
    Appended(super::format::Format),
}
