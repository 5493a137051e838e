//! Snoop (RFC 1761): the capture format of Solaris. Everything is big-endian.

use super::format::{Appended, appended, u32_in};
use super::record::{Record, RecordKind, Sink, Structure};
use super::state::{Interface, State};
use super::window::{Stop, Window};
use crate::anomaly::{Anomaly, AnomalyKind};
use crate::units::{LinkType, Span, Timestamp, TsResolution};
use std::sync::Arc;

/// Magic, version, datalink type.
pub(super) const FILE_HEADER_LEN: usize = 16;

/// Original, included and record length, drops, seconds, microseconds.
pub(super) const RECORD_HEADER_LEN: usize = 24;

/// Most bytes of one packet that is believed: Wireshark's limit (262144).
const MAX_CAPTURED: u32 = 262_144;

/// Most bytes of padding behind a packet that are believed; writers use less than 8.
const MAX_PADDING: u32 = 4096;

/// Most bytes that a packet can have had on the wire to be believed when searching.
const MAX_ORIGINAL: u32 = 1 << 24;

/// Reads the file header into the state.
pub(super) fn read_file_header(
    state: &mut State,
    window: &Window<'_>,
    pos: usize,
    sink: &mut impl Sink,
) -> Result<usize, Stop> {
    let head = window
        .from(pos)
        .get(..FILE_HEADER_LEN)
        .ok_or(Stop::Incomplete)?;
    let field = |at| u32_in(head, at, true).unwrap_or_default();
    let span = Span {
        offset: window.offset(pos),
        len: FILE_HEADER_LEN as u32,
    };
    let interface = Interface {
        link_type: link_type(field(12)),
        snaplen: 0,
        resolution: TsResolution::MICRO,
        offset_seconds: 0,
        fcs_bits: 0,
        span,
    };
    state.begun = true;
    state.interfaces = Arc::new(vec![interface]);
    sink.structure(Structure::Section {
        span,
        big_endian: true,
        format: state.format.clone(),
        lengths_swapped: false,
    });
    sink.structure(Structure::Interface {
        span,
        link_type: interface.link_type,
        interface,
    });
    Ok(FILE_HEADER_LEN)
}

/// RFC 1761's datalink types and those Solaris added (`sys/dlpi.h`), as far as Wireshark knows
/// them.
fn link_type(datalink: u32) -> LinkType {
    match datalink {
        0 | 4 => LinkType::ETHERNET, // IEEE 802.3 and Ethernet: told apart by their type field
        2 => LinkType(6),            // token ring
        8 => LinkType::FDDI,
        9 | 14 => LinkType::NULL,
        16 => LinkType(122), // IP over Fibre Channel
        26 => LinkType(242), // IP over InfiniBand
        _ => LinkType(u16::MAX),
    }
}

/// Hands out records until something other than a whole record comes.
pub(super) fn run(
    state: &State,
    window: &Window<'_>,
    pos: &mut usize,
    limit: u64,
    sink: &mut impl Sink,
) -> Stop {
    let Some(interface) = state.interfaces.first() else {
        return Stop::Damage { cut: false };
    };
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
        let len = header.record as usize;
        let data_end = RECORD_HEADER_LEN + header.captured as usize;
        let (Some(raw), Some(data)) = (bytes.get(..len), bytes.get(RECORD_HEADER_LEN..data_end))
        else {
            return Stop::Incomplete;
        };
        let offset = window.offset(*pos);
        if header.captured > header.original {
            sink.anomaly(Anomaly::at(
                AnomalyKind::CapturedOverOriginal,
                offset,
                0,
                "",
            ));
        }
        if header.microseconds >= 1_000_000 {
            sink.anomaly(Anomaly::at(AnomalyKind::ImpossibleTime, offset, 0, ""));
        }
        sink.record(&Record {
            span: Span {
                offset,
                len: header.record,
            },
            kind: RecordKind::Packet,
            interface: 0,
            link_type: interface.link_type,
            time: Some(Timestamp(
                i64::from(header.seconds) * 1_000_000_000 + i64::from(header.microseconds) * 1000,
            )),
            original_len: header.original.max(header.captured),
            data,
            raw,
        });
        *pos += len;
    }
    Stop::Boundary
}

struct Header {
    original: u32,
    captured: u32,
    record: u32,
    seconds: u32,
    microseconds: u32,
}

impl Header {
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<RECORD_HEADER_LEN>()?;
        let field = |at| u32_in(head, at, true);
        Some(Self {
            original: field(0)?,
            captured: field(4)?,
            record: field(8)?,
            seconds: field(16)?,
            microseconds: field(20)?,
        })
    }

    /// Bytes behind the data, if the record's length holds its header and data.
    #[inline]
    fn padding(&self) -> Option<u32> {
        self.record
            .checked_sub(RECORD_HEADER_LEN as u32)?
            .checked_sub(self.captured)
    }

    /// The lengths agree with each other.
    #[inline]
    fn can_be(&self) -> bool {
        self.captured <= MAX_CAPTURED && self.padding().is_some_and(|p| p <= MAX_PADDING)
    }
}

/// Length and seconds of the record at the start of some bytes, if a sound file can hold it.
pub(super) fn probe(bytes: &[u8]) -> Option<(usize, u32)> {
    let header = Header::read(bytes)?;
    let sound = header.can_be()
        && header.captured <= header.original
        && header.padding().is_some_and(|p| p < 8)
        && header.microseconds < 1_000_000
        && header.original <= MAX_ORIGINAL;
    sound.then_some((header.record as usize, header.seconds))
}
