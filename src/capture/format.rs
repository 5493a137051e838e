//! Which container a capture is in, told by its first bytes.

use std::fmt;

/// A container that [`super::walk`] reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format(pub(super) Container);

impl Format {
    /// pcapng, in whatever byte order its sections are.
    #[must_use]
    pub fn pcapng() -> Self {
        Self(Container::Pcapng)
    }

    /// Whether the records are Endace's.
    #[must_use]
    pub fn is_erf(&self) -> bool {
        self.0 == Container::Erf
    }
}

/// The containers, with what their magic number alone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// pcapng (draft-ietf-opsawg-pcapng).
    Pcapng,
    /// pcap (draft-ietf-opsawg-pcap) and its variants.
    Pcap(Shape),
    /// Snoop version 2 (RFC 1761), and version 1, which differs in nothing that is read.
    Snoop,
    /// Endace's extensible record format, which has no file header.
    Erf,
}

/// What the magic number of a pcap file fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Byte order of all headers.
    pub big_endian: bool,
    /// The fraction counts nanoseconds, not microseconds.
    pub nanos: bool,
    /// Which program's idea of a record header.
    pub variant: Variant,
}

/// The pcap variants: those with a magic number of their own, and those that
/// [`super::variant`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// 16-byte record headers.
    Standard,
    /// Kuznetzov's patch: interface index, protocol and packet type follow, 24 bytes.
    Modified,
    /// Ixia `lcap`, from hardware (01ac) or software (01ab): the file header is followed by 4
    /// bytes, the length of all records; Wireshark reads both as microseconds.
    Ixia,
    /// netsniff-ng: time source, interface, protocol, hardware and packet type follow, 24 bytes.
    NetsniffNg,
    /// Kuznetzov's patch as of SuSE 6.3: as `Modified` and two processor numbers, 28 bytes.
    Suse,
    /// Nokia's tcpdump: 4 bytes of its own follow, 20 bytes.
    Nokia,
    /// AIX: the fraction counts nanoseconds, and the link types are interface types.
    Aix,
}

/// Magic number as read in the file's own byte order, whether it counts nanoseconds, variant.
const PCAP_MAGICS: [(u32, bool, Variant); 6] = [
    (0xa1b2_c3d4, false, Variant::Standard),
    (0xa1b2_3c4d, true, Variant::Standard),
    (0xa1b2_cd34, false, Variant::Modified),
    (0x1c00_01ac, false, Variant::Ixia),
    (0x1c00_01ab, false, Variant::Ixia),
    (0xa1e2_cb12, true, Variant::NetsniffNg),
];

/// Length of a pcap file header, which all variants share.
pub(super) const PCAP_HEADER_LEN: usize = 24;

impl Shape {
    /// The shape a magic number stands for.
    pub(super) fn of_magic(bytes: &[u8; 4]) -> Option<Self> {
        let find = |magic: u32, big_endian: bool| {
            PCAP_MAGICS
                .iter()
                .find(|(m, ..)| *m == magic)
                .map(|&(_, nanos, variant)| Self {
                    big_endian,
                    nanos,
                    variant,
                })
        };
        find(u32::from_be_bytes(*bytes), true).or_else(|| find(u32::from_le_bytes(*bytes), false))
    }

    /// Bytes before the first record.
    pub(super) fn file_header_len(self) -> usize {
        match self.variant {
            Variant::Ixia => PCAP_HEADER_LEN + 4,
            _ => PCAP_HEADER_LEN,
        }
    }

    /// Bytes before a record's data.
    pub(super) fn record_header_len(self) -> usize {
        match self.variant {
            Variant::Standard | Variant::Ixia | Variant::Aix => 16,
            Variant::Nokia => 20,
            Variant::Suse => 28,
            Variant::Modified | Variant::NetsniffNg => 24,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = match self.0 {
            Container::Pcapng => return f.write_str("pcapng"),
            Container::Snoop => return f.write_str("snoop"),
            Container::Erf => return f.write_str("ERF"),
            Container::Pcap(shape) => shape,
        };
        let variant = match shape.variant {
            Variant::Standard => "",
            Variant::Modified => "modified ",
            Variant::Ixia => "Ixia ",
            Variant::NetsniffNg => "netsniff-ng ",
            Variant::Suse => "SuSE ",
            Variant::Nokia => "Nokia ",
            Variant::Aix => "AIX ",
        };
        let unit = if shape.nanos {
            "nanosecond"
        } else {
            "microsecond"
        };
        let order = if shape.big_endian { "big" } else { "little" };
        write!(f, "{variant}pcap ({unit}, {order}-endian)")
    }
}

/// First bytes of a snoop file.
pub(super) const SNOOP_MAGIC: &[u8; 8] = b"snoop\0\0\0";

/// What a file header at a record boundary is, when a second capture was appended to a first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// A capture in this format begins here.
    Yes(Format),
    /// No.
    No,
    /// More bytes are needed to say; never so at the end of the file.
    More,
}

/// Whether another capture's file header lies at a record boundary. Stricter than
/// [`super::identify`], as any bytes may stand there.
pub(super) fn appended(bytes: &[u8], last: bool) -> Appended {
    let Some(magic) = bytes.first_chunk::<4>() else {
        return if last { Appended::No } else { Appended::More };
    };
    let shape = Shape::of_magic(magic);
    let pcapng = *magic == SHB_TYPE;
    if shape.is_none() && !pcapng && magic[..] != SNOOP_MAGIC[..4] {
        return Appended::No;
    }
    let Some(head) = bytes.first_chunk::<PCAP_HEADER_LEN>() else {
        return if last { Appended::No } else { Appended::More };
    };
    let container = if pcapng {
        section_order(head).map(|_| Container::Pcapng)
    } else if let Some(shape) = shape {
        let u16_at = |at: usize| u16_in(head, at, shape.big_endian);
        let known = u16_at(4) == Some(2) && u16_at(6).is_some_and(|minor| minor <= 4);
        known.then_some(Container::Pcap(shape))
    } else {
        let known = matches!(u32_in(head, 8, true), Some(1 | 2));
        (known && head.starts_with(SNOOP_MAGIC)).then_some(Container::Snoop)
    };
    container.map_or(Appended::No, |c| Appended::Yes(Format(c)))
}

/// Type of a section header block; reads the same in both byte orders (pcapng 4.1).
pub(super) const SHB_TYPE: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Whether a section header block's bytes are big-endian, by its byte-order magic
/// (pcapng 4.1); `None` if that is neither.
pub(super) fn section_order(block: &[u8]) -> Option<bool> {
    match block.get(8..12)? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(true),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(false),
        _ => None,
    }
}

/// 16-bit number at an offset.
#[inline]
pub(super) fn u16_in(bytes: &[u8], at: usize, big_endian: bool) -> Option<u16> {
    let raw = bytes.get(at..)?.first_chunk::<2>()?;
    Some(if big_endian {
        u16::from_be_bytes(*raw)
    } else {
        u16::from_le_bytes(*raw)
    })
}

/// 32-bit number at an offset.
#[inline]
pub(super) fn u32_in(bytes: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let raw = bytes.get(at..)?.first_chunk::<4>()?;
    Some(if big_endian {
        u32::from_be_bytes(*raw)
    } else {
        u32::from_le_bytes(*raw)
    })
}
