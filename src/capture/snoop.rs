//! Snoop (RFC 1761): the capture format of Solaris. Everything is big-endian.

use super::MAX_RECORD_LEN;
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

/// Longest record that is believed, in bytes.
const MAX_LEN: usize = MAX_RECORD_LEN - 4096;

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

/// RFC 1761's datalink types, and those Solaris added in `sys/dlpi.h`.
fn link_type(datalink: u32) -> LinkType {
    match datalink {
        0 | 4 => LinkType::ETHERNET, // IEEE 802.3, Ethernet: the frames are told apart by their type field
        8 => LinkType::FDDI,
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

    /// The record's length holds its header and data, and not much more.
    #[inline]
    fn can_be(&self) -> bool {
        let least = (self.captured as usize).saturating_add(RECORD_HEADER_LEN);
        let len = self.record as usize;
        least <= len && len <= MAX_LEN
    }
}

/// Length and seconds of the record at the start of some bytes, if a sound file can hold it.
pub(super) fn probe(bytes: &[u8]) -> Option<(usize, u32)> {
    let header = Header::read(bytes)?;
    let padding = header.record.checked_sub(header.captured)?;
    let sound = header.can_be()
        && header.captured <= header.original
        && padding < RECORD_HEADER_LEN as u32 + 8
        && header.microseconds < 1_000_000
        && header.original <= MAX_LEN as u32;
    sound.then_some((header.record as usize, header.seconds))
}
