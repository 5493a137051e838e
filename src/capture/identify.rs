//! What a file is, by its first bytes, never by its name.

use super::format::{Container, Format, SHB_TYPE, SNOOP_MAGIC, Shape, section_order};
use super::netmon;
use std::fmt;

/// What [`identify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identified {
    /// A capture that can be walked.
    Capture(Format),
    /// Records that only a table in the file finds (Network Monitor): it is rewritten as
    /// pcapng before it is walked.
    Tabled,
    /// Compressed; what is inside is yet to be seen.
    Compressed(Compression),
    /// A known format that is not read; names it and the command that converts it.
    Unsupported(String),
    /// Nothing known; says what the first bytes are.
    Unknown(String),
    /// There are no bytes.
    Empty,
}

/// A compression that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// LZ4 frames, and the legacy format.
    Lz4,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        })
    }
}

/// Bytes of a file's beginning that [`identify`] makes use of.
pub(super) const PREFIX_LEN: usize = 16 << 10;

/// LZ4 frame, LZ4 legacy frame, Zstandard frame: first four bytes.
pub(super) const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
pub(super) const LZ4_LEGACY_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Says what a file is. `prefix` is its beginning: at least 64 bytes if the file has them, and
/// 16 KiB to recognise formats without a magic number.
#[must_use]
pub fn identify(prefix: &[u8]) -> Identified {
    if prefix.is_empty() {
        return Identified::Empty;
    }
    if let Some(format) = capture(prefix) {
        return Identified::Capture(format);
    }
    if prefix.starts_with(netmon::MAGIC_2) || prefix.starts_with(netmon::MAGIC_1) {
        return Identified::Tabled;
    }
    if let Some(compression) = compression(prefix) {
        return Identified::Compressed(compression);
    }
    if let Some(text) = unsupported(prefix) {
        return Identified::Unsupported(text);
    }
    Identified::Unknown(describe(prefix))
}

fn capture(prefix: &[u8]) -> Option<Format> {
    if prefix.starts_with(&SHB_TYPE) {
        return section_order(prefix).map(|_| Format(Container::Pcapng));
    }
    if prefix.starts_with(SNOOP_MAGIC) {
        // later versions are not of Solaris, and their datalink types mean other things
        let version = super::format::u32_in(prefix, 8, true)?;
        return matches!(version, 1 | 2).then_some(Format(Container::Snoop));
    }
    if let Some(shape) = Shape::of_magic(prefix.first_chunk()?) {
        let shape = super::variant::settle(shape, prefix);
        return Some(Format(Container::Pcap(shape)));
    }
    let whole = prefix.len() < PREFIX_LEN;
    super::erf::is_erf(prefix, whole).then_some(Format(Container::Erf))
}

fn compression(prefix: &[u8]) -> Option<Compression> {
    if prefix.starts_with(&[0x1f, 0x8b]) {
        return Some(Compression::Gzip);
    }
    let mut rest = prefix;
    let mut skippable = false;
    loop {
        match rest.first_chunk::<4>() {
            Some(&ZSTD_MAGIC) => return Some(Compression::Zstd),
            Some(&LZ4_MAGIC | &LZ4_LEGACY_MAGIC) => return Some(Compression::Lz4),
            Some(&magic) if is_skippable(magic) => {
                skippable = true;
                let len = super::format::u32_in(rest, 4, false)? as usize;
                rest = len
                    .checked_add(8)
                    .and_then(|end| rest.get(end..))
                    .unwrap_or_default();
            }
            // both formats share skippable frames; the reader looks at what follows
            None if skippable => return Some(Compression::Zstd),
            _ => return None,
        }
    }
}

/// Skippable frames of Zstandard and LZ4: 0x184D2A50 to 0x184D2A5F, little-endian.
pub(super) fn is_skippable(magic: [u8; 4]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// First bytes, name, and what turns such a file into one that can be read.
const UNSUPPORTED: &[(&[u8], &str, &str)] = &[
    (b"BZh", "bzip2-compressed", "bzip2 -dc FILE | rstcap -"),
    (b"\xfd7zXZ\0", "xz-compressed", "xz -dc FILE | rstcap -"),
    (b"LZIP", "lzip-compressed", "lzip -dc FILE | rstcap -"),
    (
        b"\x1f\x9d",
        "compressed with compress",
        "gzip -dc FILE | rstcap -",
    ),
    (b"\x5d\0\0", "lzma-compressed", "xz -dc FILE | rstcap -"),
    (b"PK\x03\x04", "a zip archive", "unzip -p FILE | rstcap -"),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7-zip archive",
        "7z x -so FILE | rstcap -",
    ),
    (b"\x7fver", "a Savvius/WildPackets Peek capture", EDITCAP),
    (b"XCP\0", "a NetXray or Sniffer (Windows) capture", EDITCAP),
    (b"VL\0\0", "a NetXray 1.0 capture", EDITCAP),
    (b"TRSNIFF data", "a Sniffer (DOS) capture", EDITCAP),
    (b"ObserverPktBuffe", "an Observer capture", EDITCAP),
    (b"iptrace 1.0", "an AIX iptrace capture", EDITCAP),
    (b"iptrace 2.0", "an AIX iptrace capture", EDITCAP),
    (b"\xaa\xaa\xaa\xaa", "an InfoVista 5View capture", EDITCAP),
    (b"\x05VNF", "a Visual Networks capture", EDITCAP),
    (b"\x01\x10", "a Novell LANalyzer capture", EDITCAP),
    (b"\x54\x52\x00\x64", "an HP-UX nettl trace", EDITCAP),
    (
        b"snoop\0\0\0",
        "a Shomiti or Finisar Surveyor capture",
        EDITCAP,
    ),
    (b"+---------+---------------+", "a K12 text file", EDITCAP),
    (
        b"\0\0\x02\0\x12\x05\0\x10",
        "a Tektronix K12xx rf5 capture",
        EDITCAP,
    ),
    (b"Session Transcript", "a Catapult DCT2000 trace", EDITCAP),
    (
        b"EyeSDN",
        "an EyeSDN ISDN trace, which holds no TCP over Ethernet",
        EDITCAP,
    ),
    (
        b"btsnoop\0",
        "a Bluetooth snoop capture, which holds no TCP over IP",
        EDITCAP,
    ),
];

const EDITCAP: &str = "editcap FILE FILE.pcapng";

fn unsupported(prefix: &[u8]) -> Option<String> {
    let say = |name: &str, command: &str| format!("{name}; use `{command}`");
    if let Some((_, name, command)) = UNSUPPORTED
        .iter()
        .find(|(magic, ..)| prefix.starts_with(magic))
    {
        return Some(say(name, command));
    }
    if is_event_trace(prefix) {
        return Some(say(
            "a Windows event trace (ETL, from pktmon or netsh)",
            "etl2pcapng FILE FILE.pcapng",
        ));
    }
    if is_comm_view(prefix) {
        return Some(say("a TamoSoft CommView capture", EDITCAP));
    }
    if is_netscreen(prefix) {
        return Some(say("a Juniper NetScreen snoop text", EDITCAP));
    }
    if is_netscaler(prefix) {
        return Some(say("a NetScaler trace", EDITCAP));
    }
    None
}

/// ETL begins with a buffer header (its size first), and at 0x48 the trace's own header, whose
/// type byte is 1 or 2 and whose marker flags are 0xc0.
fn is_event_trace(prefix: &[u8]) -> bool {
    let size = super::format::u32_in(prefix, 0, false).unwrap_or_default();
    size != 0
        && size.is_multiple_of(1024)
        && size <= 16 << 20
        && matches!(prefix.get(0x4a..0x4c), Some([1 | 2, 0xc0]))
}

/// CommView has no magic number: a record begins with its length (16 bits, twice, and a zero
/// octet in NCF; 32 bits in NCFX), and a date and time in numbers of their own.
fn is_comm_view(prefix: &[u8]) -> bool {
    let half = |at| super::format::u16_in(prefix, at, false).unwrap_or_default();
    let date = |at: usize| {
        let octet = |i: usize| prefix.get(at + i).copied().unwrap_or(u8::MAX);
        (1990..2100).contains(&half(at))
            && (1..=12).contains(&octet(2))
            && (1..=31).contains(&octet(3))
            && octet(4) < 24
            && octet(5) < 60
            && octet(6) < 60
    };
    half(0) != 0 && (half(0) == half(2) && date(5) || half(2) == 0 && date(4))
}

/// Lines like `1234.5(i) len=98:...`: time, direction, length.
fn is_netscreen(prefix: &[u8]) -> bool {
    let head = prefix.get(..256).unwrap_or(prefix);
    let has = |words: &[u8]| head.windows(words.len()).any(|w| w == words);
    has(b"(i) len=") || has(b"(o) len=")
}

/// The signature record of a NetScaler trace holds a name a few bytes in: `NetScaler
/// Performance Data`, or with `V20` or `V30` in the middle.
fn is_netscaler(prefix: &[u8]) -> bool {
    let head = prefix.get(..32).unwrap_or(prefix);
    head.windows(10).any(|w| w == b"NetScaler ")
}

/// Words for bytes that are nothing known.
fn describe(prefix: &[u8]) -> String {
    if prefix.starts_with(&SHB_TYPE) {
        return "it begins like pcapng, but its byte-order magic is damaged".to_owned();
    }
    let head = prefix.get(..64).unwrap_or(prefix);
    if head.iter().all(|b| *b == 0) {
        return "it begins with zeros".to_owned();
    }
    let printable = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    if head.iter().all(printable) {
        let line: String = head
            .iter()
            .take_while(|b| !matches!(b, b'\r' | b'\n'))
            .take(32)
            .map(|b| char::from(*b))
            .collect();
        return format!(
            "it is text beginning {line:?} (a hex dump? use `text2pcap FILE FILE.pcapng`)"
        );
    }
    let bytes: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("it begins with the bytes {}", bytes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::{Compression, Identified, UNSUPPORTED, identify};

    fn padded(head: &[u8]) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.resize(512, 0xe5);
        bytes
    }

    #[test]
    fn captures_by_their_magic() {
        for (head, name) in [
            (
                &[0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d][..],
                "pcapng",
            ),
            (
                &[0xd4, 0xc3, 0xb2, 0xa1],
                "pcap (microsecond, little-endian)",
            ),
            (&[0xa1, 0xb2, 0x3c, 0x4d], "pcap (nanosecond, big-endian)"),
            (
                &[0x34, 0xcd, 0xb2, 0xa1],
                "modified pcap (microsecond, little-endian)",
            ),
            (
                &[0x1c, 0x00, 0x01, 0xac],
                "Ixia pcap (microsecond, big-endian)",
            ),
            (
                &[0xab, 0x01, 0x00, 0x1c],
                "Ixia pcap (microsecond, little-endian)",
            ),
            (
                &[0x12, 0xcb, 0xe2, 0xa1],
                "netsniff-ng pcap (nanosecond, little-endian)",
            ),
            (b"snoop\0\0\0\0\0\0\x02\0\0\0\x04", "snoop"),
        ] {
            let Identified::Capture(format) = identify(&padded(head)) else {
                panic!("{name}");
            };
            assert_eq!(format.to_string(), name);
        }
    }

    #[test]
    fn compressions_by_their_magic() {
        for (head, compression) in [
            (&[0x1f, 0x8b, 8][..], Compression::Gzip),
            (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
            (&[0x04, 0x22, 0x4d, 0x18], Compression::Lz4),
            (&[0x02, 0x21, 0x4c, 0x18], Compression::Lz4),
            // skippable frames first: what follows decides
            (
                &[
                    0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9, 0x04, 0x22, 0x4d, 0x18,
                ],
                Compression::Lz4,
            ),
            (
                &[0x5f, 0x2a, 0x4d, 0x18, 0, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd],
                Compression::Zstd,
            ),
            (&[0x5f, 0x2a, 0x4d, 0x18, 0, 0, 1, 0], Compression::Zstd),
        ] {
            assert_eq!(identify(&padded(head)), Identified::Compressed(compression));
        }
    }

    #[test]
    fn other_formats_are_named_with_a_command() {
        for (magic, name, command) in UNSUPPORTED {
            let Identified::Unsupported(text) = identify(&padded(magic)) else {
                panic!("{name}");
            };
            assert!(text.contains(name) && text.contains(&format!("`{command}`")));
        }
    }

    #[test]
    fn the_rest_is_described() {
        assert_eq!(identify(b""), Identified::Empty);
        for (bytes, words) in [
            (&b"#!/bin/sh\necho"[..], "text beginning \"#!/bin/sh\""),
            (&[0; 64], "zeros"),
            (&[0xff, 0xd8, 0xff, 0xe0], "ff d8 ff e0"),
            (
                &[0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 1, 2, 3, 4],
                "byte-order magic",
            ),
        ] {
            let Identified::Unknown(text) = identify(bytes) else {
                panic!("{words}");
            };
            assert!(text.contains(words), "{text}");
        }
    }
}
