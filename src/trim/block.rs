//! The bytes of pcapng blocks: numbers in a section's byte order, padding, options
//! (pcapng 3.1, 3.5).

/// Block type codes (pcapng 11.1).
pub(super) mod types {
    pub const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    pub const INTERFACE: u32 = 1;
    /// The obsolete Packet Block.
    pub const PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const NAMES: u32 = 4;
    pub const STATISTICS: u32 = 5;
    pub const ENHANCED_PACKET: u32 = 6;
    /// An entry of the systemd journal.
    pub const JOURNAL: u32 = 9;
    pub const SECRETS: u32 = 10;
    /// A custom block that may be copied.
    pub const CUSTOM: u32 = 0x0000_0bad;
    /// Apple's process information, to which packet options 0x8001 and 0x8003 refer by index.
    pub const APPLE_PROCESS: u32 = 0x8000_0001;
}

/// Option codes of all blocks (pcapng 3.5).
pub(super) mod codes {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const CUSTOM_TEXT: u16 = 2988;
    pub const CUSTOM_BYTES: u16 = 2989;
    pub const CUSTOM_TEXT_NO_COPY: u16 = 19372;
    pub const CUSTOM_BYTES_NO_COPY: u16 = 19373;
}

/// Byte order of a section or file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

impl Endian {
    pub fn of(big: bool) -> Self {
        if big { Self::Big } else { Self::Little }
    }

    pub fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let raw = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(raw),
            Self::Big => u16::from_be_bytes(raw),
        })
    }

    pub fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let raw = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(raw),
            Self::Big => u32::from_be_bytes(raw),
        })
    }

    pub fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let raw = *bytes.get(at..)?.first_chunk::<8>()?;
        Some(match self {
            Self::Little => u64::from_le_bytes(raw),
            Self::Big => u64::from_be_bytes(raw),
        })
    }

    /// The two halves of a time stamp, high one first whatever the byte order (pcapng 4.3).
    pub fn ticks(self, bytes: &[u8], at: usize) -> Option<u64> {
        let high = u64::from(self.u32(bytes, at)?);
        let low = u64::from(self.u32(bytes, at.checked_add(4)?)?);
        Some(high << 32 | low)
    }

    pub fn bytes16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub fn bytes32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub fn bytes64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// An option as it stands in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawOption<'a> {
    pub code: u16,
    pub value: &'a [u8],
}

/// The options of a block up to `opt_endofopt`, to the end of the list, or to where the list
/// stops making sense.
pub(super) struct Options<'a> {
    rest: &'a [u8],
    endian: Endian,
}

impl<'a> Options<'a> {
    pub fn new(list: &'a [u8], endian: Endian) -> Self {
        Self { rest: list, endian }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = RawOption<'a>;

    fn next(&mut self) -> Option<RawOption<'a>> {
        let code = self.endian.u16(self.rest, 0)?;
        let len = usize::from(self.endian.u16(self.rest, 2)?);
        let value = self.rest.get(4..)?.get(..len)?;
        if code == codes::END {
            self.rest = &[];
            return None;
        }
        // the padding of the last option may be missing in a damaged block
        self.rest = self.rest.get(4 + padded(len)..).unwrap_or(&[]);
        Some(RawOption { code, value })
    }
}

/// `len` rounded up to a multiple of four.
pub(super) fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

/// Blocks under construction, one after the other in one buffer.
pub(super) struct Blocks {
    pub out: Vec<u8>,
    pub endian: Endian,
}

/// A block that was begun: where its type stands.
#[must_use]
pub(super) struct Begun(usize);

impl Blocks {
    pub fn new(endian: Endian) -> Self {
        Self {
            out: Vec::with_capacity(16 * 1024),
            endian,
        }
    }

    pub fn begin(&mut self, block_type: u32) -> Begun {
        let start = self.out.len();
        self.u32(block_type);
        self.u32(0);
        Begun(start)
    }

    /// Writes the total length at both ends.
    pub fn end(&mut self, begun: Begun) {
        let len = self.out.len() - begun.0 + 4;
        // a block is as long as one record of the source plus bounded comments
        let len = self.endian.bytes32(u32::try_from(len).unwrap_or(u32::MAX));
        if let Some(field) = self.out.get_mut(begun.0 + 4..begun.0 + 8) {
            field.copy_from_slice(&len);
        }
        self.out.extend_from_slice(&len);
    }

    pub fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&self.endian.bytes16(value));
    }

    pub fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&self.endian.bytes32(value));
    }

    /// A time stamp's halves, high one first.
    pub fn ticks(&mut self, value: u64) {
        self.u32((value >> 32) as u32);
        self.u32(value as u32);
    }

    /// Bytes and zeros up to the next multiple of four.
    pub fn padded(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        let zeros = padded(bytes.len()) - bytes.len();
        self.out
            .extend_from_slice([0; 3].get(..zeros).unwrap_or(&[]));
    }

    /// One option; a value that does not fit in one is cut at 65,535 bytes.
    pub fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.u16(code);
        self.u16(value.len() as u16);
        self.padded(value);
    }

    /// `opt_endofopt`.
    pub fn end_of_options(&mut self) {
        self.u16(codes::END);
        self.u16(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocks, Endian, Options, RawOption};

    #[test]
    fn options_end_where_they_say() {
        let list = [1, 0, 3, 0, b'a', b'b', b'c', 0, 0, 0, 0, 0, 1, 0, 0, 0];
        let found: Vec<_> = Options::new(&list, Endian::Little).collect();
        assert_eq!(
            found,
            [RawOption {
                code: 1,
                value: b"abc"
            }]
        );
    }

    #[test]
    fn options_that_overrun_end_the_list() {
        let list = [0, 1, 0, 1, b'a', 0, 0, 0, 0, 2, 0, 9, 1, 2, 3, 4];
        let found: Vec<_> = Options::new(&list, Endian::Big).collect();
        assert_eq!(found.len(), 1);
        // without its padding the last one still counts
        assert_eq!(Options::new(&list[..5], Endian::Big).count(), 1);
        assert_eq!(Options::new(&list[..4], Endian::Big).count(), 0);
    }

    #[test]
    fn a_block_has_its_length_at_both_ends() {
        let mut blocks = Blocks::new(Endian::Big);
        let begun = blocks.begin(4);
        blocks.option(1, b"x");
        blocks.end_of_options();
        blocks.end(begun);
        assert_eq!(
            blocks.out,
            [
                0, 0, 0, 4, 0, 0, 0, 24, 0, 1, 0, 1, b'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24
            ]
        );
    }
}
