//! Endace's extensible record format: records without a file header, each with its own type
//! and length (Endace EDM11-01). The time stamp is little-endian, everything else big-endian.
//!
//! A record's data is the whole record, as in files of `LINKTYPE_ERF`: its header says more
//! than another container could.

use super::format::{Appended, appended};
use super::record::{Record, RecordKind, Sink, Structure};
use super::state::{Interface, State};
use super::window::{Stop, Window};
use crate::units::{LinkType, Span, Timestamp, TsResolution};
use std::sync::Arc;

/// Time stamp, type, flags, record length, loss counter, length on the wire.
const HEADER_LEN: usize = 16;

/// Bit of a type octet: an extension header follows.
const MORE: u8 = 0x80;

/// Length of an extension header.
const EXTENSION_LEN: usize = 8;

/// A record that only fills up a block of the card's memory.
const PAD: u8 = 48;

/// What the card says of itself and of the place where it captures.
const META: u8 = 27;

/// Octets behind the packet that are believed: records end at multiples of 8, and a frame
/// check sequence may be counted on one side only.
const MAX_PADDING: usize = 16;

/// First and last second in which a record can have been captured: 1996 and 2106, as the
/// stamp's 32 bits end there.
const SECONDS: std::ops::Range<u64> = 820_454_400..u32::MAX as u64;

/// Longest time between neighbouring records for a file to be believed, in seconds.
const MAX_GAP: u64 = 30 * 24 * 3600;

/// A record's header.
struct Header {
    /// Seconds and fraction, 32 bits each.
    stamp: u64,
    /// Without [`MORE`].
    kind: u8,
    /// The whole record.
    len: usize,
    /// Header, extension headers, and what the type puts before the packet.
    head_len: usize,
    /// Length of the packet on the wire.
    wire_len: usize,
}

impl Header {
    /// `None`: the bytes end within it.
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEADER_LEN>()?;
        let (stamp, rest) = head.split_first_chunk::<8>()?;
        let &[kind, _, len_high, len_low, _, _, wire_high, wire_low] = rest else {
            return None;
        };
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        let mut head_len = HEADER_LEN;
        let mut more = kind & MORE != 0;
        while more && head_len < len {
            more = bytes.get(head_len)? & MORE != 0;
            head_len += EXTENSION_LEN;
        }
        let kind = kind & !MORE;
        Some(Self {
            stamp: u64::from_le_bytes(*stamp),
            kind,
            len,
            head_len: head_len + before_packet(kind),
            wire_len: usize::from(u16::from_be_bytes([wire_high, wire_low])),
        })
    }

    /// The lengths agree with each other and the type is one there is.
    fn can_be(&self) -> bool {
        if self.kind == PAD {
            return self.len >= HEADER_LEN;
        }
        is_known(self.kind) && self.len >= self.head_len
    }

    /// Octets of the record that are no padding.
    fn used(&self) -> usize {
        self.len.min(self.head_len.saturating_add(self.wire_len))
    }

    /// Rounded to nanoseconds, as Wireshark does: a stamp made from nanoseconds gives the same
    /// ones again.
    fn nanos(&self) -> i64 {
        let fraction = (self.stamp & u64::from(u32::MAX)) * 1_000_000_000;
        let nanos = (fraction + (1 << 31)) >> 32;
        // 32 bits of seconds and a fraction that may round up to a whole one
        (self.stamp >> 32) as i64 * 1_000_000_000 + nanos as i64
    }

    fn seconds(&self) -> u64 {
        self.stamp >> 32
    }

    /// As a sound file has it.
    fn is_sound(&self) -> bool {
        let padding = self.len.saturating_sub(self.used());
        self.can_be()
            && (self.is_told() || SECONDS.contains(&self.seconds()) && padding <= MAX_PADDING)
    }

    /// Padding and what the card says of itself may be without a time.
    fn is_told(&self) -> bool {
        matches!(self.kind, PAD | META)
    }
}

/// Octets that a record's type puts between the headers and the packet: offset and padding of
/// Ethernet, the header of multi-channel types.
fn before_packet(kind: u8) -> usize {
    match kind {
        2 | 11 | 16 | 20 => 2,
        5..=9 | 12 | 17 => 4,
        _ => 0,
    }
}

/// The types that were given out: links, not the reserved ones, and 27 for what the card says
/// of itself.
fn is_known(kind: u8) -> bool {
    matches!(kind, 1..=25 | 27..=31)
}

/// Whether a file begins with records, `prefix` being its beginning. There is no magic number:
/// all headers that are there must be sound, two at least unless the file ends with the first.
pub(super) fn is_erf(prefix: &[u8], whole: bool) -> bool {
    let mut rest = prefix;
    let mut before = None;
    let mut records = 0;
    while let Some(header) = Header::read(rest) {
        let near = |b: u64| header.is_told() || b.abs_diff(header.seconds()) <= MAX_GAP;
        if !header.is_sound() || !before.is_none_or(near) {
            return false;
        }
        records += 1;
        if !header.is_told() {
            before = Some(header.seconds());
        }
        rest = rest.get(header.len..).unwrap_or_default();
    }
    // the headers of zeros and of text are not sound, but chance is: ask for two, or for one
    // whose end is the file's
    records >= 2 || records == 1 && whole && rest.is_empty() && Header::ends(prefix)
}

impl Header {
    /// Whether the first record ends where the bytes do.
    fn ends(bytes: &[u8]) -> bool {
        Self::read(bytes).is_some_and(|h| h.len == bytes.len())
    }
}

/// There is no file header: says what the records have in common.
pub(super) fn begin(state: &mut State, window: &Window<'_>, pos: usize, sink: &mut impl Sink) {
    let span = Span {
        offset: window.offset(pos),
        len: 0,
    };
    let interface = Interface {
        link_type: LinkType::ERF,
        snaplen: 0,
        resolution: TsResolution::NANO,
        offset_seconds: 0,
        fcs_bits: 0,
        span,
    };
    state.begun = true;
    state.interfaces = Arc::new(vec![interface]);
    sink.structure(Structure::Section {
        span,
        big_endian: false,
        format: state.format.clone(),
        lengths_swapped: false,
    });
    sink.structure(Structure::Interface {
        span,
        link_type: interface.link_type,
        interface,
    });
}

/// Hands out records until something other than a whole record comes.
pub(super) fn run(window: &Window<'_>, pos: &mut usize, limit: u64, sink: &mut impl Sink) -> Stop {
    let end = limit
        .saturating_sub(window.base)
        .min(window.buf.len() as u64) as usize;
    while *pos < end {
        let bytes = window.from(*pos);
        let Some(header) = Header::read(bytes) else {
            return Stop::Incomplete;
        };
        if !header.can_be() {
            return match appended(bytes, window.last) {
                Appended::Yes(format) => Stop::Appended(format),
                Appended::More => Stop::Incomplete,
                Appended::No => Stop::Damage { cut: false },
            };
        }
        let (Some(raw), Some(data)) = (bytes.get(..header.len), bytes.get(..header.used())) else {
            return Stop::Incomplete;
        };
        let span = Span {
            offset: window.offset(*pos),
            len: header.len as u32,
        };
        if header.kind == PAD {
            let block_type = u32::from(PAD);
            sink.structure(Structure::Block { span, block_type });
        } else {
            sink.record(&Record {
                span,
                kind: RecordKind::Packet,
                interface: 0,
                link_type: LinkType::ERF,
                time: Some(Timestamp(header.nanos())),
                original_len: header.head_len.saturating_add(header.wire_len) as u32,
                data,
                raw,
            });
        }
        *pos += header.len;
    }
    Stop::Boundary
}

/// What stands at a place where a record may begin.
pub(super) enum Probed {
    /// A record a sound file can hold: its length, and its seconds if it must have some.
    Fits(usize, Option<u32>),
    /// None.
    No,
    /// The bytes end within its headers.
    More,
}

/// Looks for a record at the start of some bytes.
pub(super) fn probe(bytes: &[u8]) -> Probed {
    match Header::read(bytes) {
        None => Probed::More,
        Some(header) if !header.is_sound() => Probed::No,
        Some(header) => {
            let seconds = (!header.is_told()).then_some(header.seconds() as u32);
            Probed::Fits(header.len, seconds)
        }
    }
}

/// A record taken apart for a copy: nanoseconds, length on the wire with the headers, and the
/// octets that are no padding. `None` if it is cut.
#[must_use]
pub fn erf_record(record: &[u8]) -> Option<(u64, u32, &[u8])> {
    let header = Header::read(record)?;
    let wire = u32::try_from(header.head_len.saturating_add(header.wire_len)).ok()?;
    Some((
        u64::try_from(header.nanos()).ok()?,
        wire,
        record.get(..header.used())?,
    ))
}
