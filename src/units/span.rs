//! Where a record lies.

/// Index of an input file within one run, in the order of the timeline it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// The bytes of one packet record or block in its (decompressed) file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the record's first byte, header included.
    pub offset: u64,
    /// Length of the whole record in bytes, header and padding included.
    pub len: u32,
}

impl Span {
    /// Offset of the first byte after the record.
    #[must_use]
    pub fn end(self) -> u64 {
        self.offset.saturating_add(u64::from(self.len))
    }
}
