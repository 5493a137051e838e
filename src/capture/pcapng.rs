//! pcapng: sections of blocks (draft-ietf-opsawg-pcapng).

use super::format::{Appended, SHB_TYPE, appended, section_order, u16_in, u32_in};
use super::options::interface_of;
use super::record::{Record, RecordKind, Sink, Structure};
use super::state::{Interface, State};
use super::window::{Stop, Window};
use crate::anomaly::{Anomaly, AnomalyKind};
use crate::units::{LinkType, Span, Timestamp};
use std::sync::Arc;

/// Block types (pcapng 11.1) that are looked into or counted.
pub(super) mod block_type {
    pub const INTERFACE: u32 = 1;
    pub const OBSOLETE_PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const ENHANCED_PACKET: u32 = 6;
    pub const JOURNAL: u32 = 9;
    pub const SECRETS: u32 = 10;
    pub const CUSTOM: u32 = 0x0000_0bad;
    pub const CUSTOM_NO_COPY: u32 = 0x4000_0bad;
    pub const SYSDIG_EVENT: u32 = 0x204;
    pub const SYSDIG_EVENT_V2: u32 = 0x216;
    pub const SYSDIG_EVENT_V2_LARGE: u32 = 0x221;
    pub const SECTION: u32 = 0x0a0d_0d0a;
}

/// Longest block that is believed: what Wireshark reads, 16 MiB.
pub(super) const MAX_BLOCK_LEN: usize = 16 << 20;

/// Most interfaces of a section that are kept; packets of further ones count as of unknown
/// interfaces. No capture has as many, but a file of nothing else must not fill the memory.
const MAX_INTERFACES: usize = 1 << 18;

/// Bytes of the shortest block: type and two lengths.
pub(super) const FRAME_LEN: usize = 12;

/// EPB: interface, time, captured and original length, after type and length.
const EPB_HEADER_LEN: usize = 28;

/// Hands out EPBs, and reads every other block, until something else comes.
pub(super) fn run(
    state: &mut State,
    window: &Window<'_>,
    pos: &mut usize,
    limit: u64,
    sink: &mut impl Sink,
) -> Stop {
    let end = limit
        .saturating_sub(window.base)
        .min(window.buf.len() as u64) as usize;
    loop {
        if state.begun {
            if state.big_endian {
                run_packets::<true>(state, window, pos, end, sink);
            } else {
                run_packets::<false>(state, window, pos, end, sink);
            }
        }
        if *pos >= end {
            return Stop::Boundary;
        }
        match block(state, window, *pos, sink) {
            Ok(len) => *pos += len,
            Err(stop) => return stop,
        }
    }
}

/// The hot loop: sound EPBs; anything else ends it.
fn run_packets<const BE: bool>(
    state: &State,
    window: &Window<'_>,
    pos: &mut usize,
    end: usize,
    sink: &mut impl Sink,
) {
    let interfaces = state.interfaces();
    while *pos < end {
        let offset = window.offset(*pos);
        let Some(record) = sound_packet::<BE>(interfaces, window.from(*pos), offset) else {
            return;
        };
        sink.record(&record);
        *pos += record.raw.len();
    }
}

/// The EPB that some bytes begin with, if there is nothing to say against it.
#[inline(always)]
fn sound_packet<'a, const BE: bool>(
    interfaces: &[Interface],
    bytes: &'a [u8],
    offset: u64,
) -> Option<Record<'a>> {
    let number = |raw: [u8; 4]| {
        if BE {
            u32::from_be_bytes(raw)
        } else {
            u32::from_le_bytes(raw)
        }
    };
    let head = bytes.first_chunk::<EPB_HEADER_LEN>()?;
    let field = |i: usize| {
        let at = i * 4;
        number([head[at], head[at + 1], head[at + 2], head[at + 3]])
    };
    let len = field(1) as usize;
    if field(0) != block_type::ENHANCED_PACKET || !len.is_multiple_of(4) || len > MAX_BLOCK_LEN {
        return None;
    }
    let raw = bytes.get(..len)?;
    let interface = interfaces.get(field(2) as usize)?;
    let (captured, original_len) = (field(5), field(6));
    let data_end = EPB_HEADER_LEN + captured as usize;
    if number(*raw.last_chunk()?) as usize != len
        || data_end + 4 > len
        || captured > original_len
        || captured > interface.snaplen && interface.snaplen != 0
    {
        return None;
    }
    let time = time_of(interface, u64::from(field(3)) << 32 | u64::from(field(4)));
    if is_clamped(time) {
        return None;
    }
    Some(Record {
        span: Span {
            offset,
            len: len as u32,
        },
        kind: RecordKind::Packet,
        interface: field(2),
        link_type: interface.link_type,
        time: Some(time),
        original_len,
        data: raw.get(EPB_HEADER_LEN..data_end)?,
        raw,
    })
}

/// How a block's two length fields delimit it.
pub(super) enum Framing {
    /// It takes this many bytes; the flag says whether its last four agree.
    Whole(usize, bool),
    /// It is longer than the window.
    Incomplete,
    /// The length cannot be.
    Bad,
}

/// Delimits the block at a position. Wireshark pads lengths that are not a multiple of 4.
pub(super) fn framing(window: &Window<'_>, pos: usize, big_endian: bool) -> Framing {
    let bytes = window.from(pos);
    let Some(claimed) = u32_in(bytes, 4, big_endian) else {
        return Framing::Incomplete;
    };
    let claimed = claimed as usize;
    if !(FRAME_LEN..=MAX_BLOCK_LEN).contains(&claimed) {
        return Framing::Bad;
    }
    let padded = claimed.next_multiple_of(4);
    let ends_at = |len: usize| {
        bytes.get(..len).is_some() && u32_in(bytes, len - 4, big_endian) == Some(claimed as u32)
    };
    if ends_at(padded) {
        Framing::Whole(padded, true)
    } else if bytes.len() < padded && !window.last {
        // whichever length is meant, the answer must not depend on how much was read so far
        Framing::Incomplete
    } else if ends_at(claimed) {
        Framing::Whole(claimed, true)
    } else if bytes.len() < padded {
        Framing::Incomplete
    } else {
        Framing::Whole(padded, false)
    }
}

/// Reads one block of any type; its length, or why not.
fn block(
    state: &mut State,
    window: &Window<'_>,
    pos: usize,
    sink: &mut impl Sink,
) -> Result<usize, Stop> {
    let bytes = window.from(pos);
    let (kind, big_endian) = begins(state, window, pos)?;
    let (len, trailer_ok) = match framing(window, pos, big_endian) {
        Framing::Whole(len, ok) => (len, ok),
        Framing::Bad => return Err(Stop::Damage { cut: false }),
        Framing::Incomplete if window.last && !packet_fits(state, bytes, kind) => {
            return Err(Stop::Damage { cut: true });
        }
        Framing::Incomplete => return Err(Stop::Incomplete),
    };
    let span = Span {
        offset: window.offset(pos),
        len: len as u32,
    };
    if !trailer_ok {
        match super::boundary::follows(window, pos, len, big_endian) {
            super::boundary::Verdict::Yes => sink.anomaly(Anomaly::at(
                AnomalyKind::MalformedMetadata,
                span.offset,
                0,
                "the length at the end of the block differs from that at its start",
            )),
            super::boundary::Verdict::More => return Err(Stop::Incomplete),
            super::boundary::Verdict::No => return Err(Stop::Damage { cut: false }),
        }
    }
    let raw = bytes.get(..len).ok_or(Stop::Incomplete)?;
    let body = raw.get(8..len.saturating_sub(4)).unwrap_or_default();
    match kind {
        block_type::SECTION => section(state, span, body, big_endian, sink),
        block_type::INTERFACE => describe_interface(state, span, body, sink),
        block_type::ENHANCED_PACKET => packet(state, span, raw, enhanced(body, big_endian), sink),
        block_type::OBSOLETE_PACKET => packet(state, span, raw, obsolete(body, big_endian), sink),
        block_type::SIMPLE_PACKET => packet(state, span, raw, simple(state, body), sink),
        kind if is_frame(kind) => {
            sink.record(&frame_only(span, 0, raw, body));
            if matches!(kind, block_type::CUSTOM | block_type::JOURNAL) {
                let block_type = kind;
                sink.structure(Structure::Block { span, block_type });
            }
        }
        block_type => sink.structure(Structure::Block { span, block_type }),
    }
    Ok(len)
}

/// Type and byte order of the block at a position, if one can begin there.
fn begins(state: &State, window: &Window<'_>, pos: usize) -> Result<(u32, bool), Stop> {
    let bytes = window.from(pos);
    if bytes.len() < FRAME_LEN {
        return Err(Stop::Incomplete);
    }
    if bytes.starts_with(&SHB_TYPE) {
        let order = section_order(bytes).ok_or(Stop::Damage { cut: false })?;
        return Ok((block_type::SECTION, order));
    }
    if !state.begun {
        return Err(Stop::Damage { cut: false });
    }
    let kind = u32_in(bytes, 0, state.big_endian).ok_or(Stop::Incomplete)?;
    if !is_known(kind) {
        match appended(bytes, window.last) {
            Appended::Yes(format) => return Err(Stop::Appended(format)),
            Appended::More => return Err(Stop::Incomplete),
            Appended::No => {}
        }
    }
    Ok((kind, state.big_endian))
}

/// Block types of the specification that this reader names.
pub(super) fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        block_type::INTERFACE
            ..=block_type::ENHANCED_PACKET
                | block_type::JOURNAL
                | block_type::SECRETS
                | block_type::CUSTOM
                | block_type::CUSTOM_NO_COPY
    )
}

/// Blocks without a packet that Wireshark numbers as frames.
fn is_frame(kind: u32) -> bool {
    matches!(
        kind,
        block_type::CUSTOM
            | block_type::CUSTOM_NO_COPY
            | block_type::JOURNAL
            | block_type::SYSDIG_EVENT
            | block_type::SYSDIG_EVENT_V2
            | block_type::SYSDIG_EVENT_V2_LARGE
    )
}

/// Whether an EPB's lengths agree with each other, so that its length can be trusted although
/// its end is missing.
fn packet_fits(state: &State, bytes: &[u8], kind: u32) -> bool {
    let field = |i: usize| u32_in(bytes, i * 4, state.big_endian).unwrap_or_default();
    let (len, captured) = (field(1) as usize, field(5) as usize);
    kind == block_type::ENHANCED_PACKET
        && bytes.len() >= EPB_HEADER_LEN
        && (field(2) as usize) < state.interfaces.len()
        && field(5) <= field(6)
        && len >= EPB_HEADER_LEN + 4 + captured
        && len - captured <= 1 << 16
}

fn section(state: &mut State, span: Span, body: &[u8], big_endian: bool, sink: &mut impl Sink) {
    let major = u16_in(body, 4, big_endian);
    if major != Some(1) || body.len() < 16 {
        sink.anomaly(Anomaly::at(
            AnomalyKind::MalformedMetadata,
            span.offset,
            0,
            "a section header of an unknown version or too short",
        ));
    }
    state.begun = true;
    state.big_endian = big_endian;
    state.interfaces = Arc::new(Vec::new());
    sink.structure(Structure::Section {
        span,
        big_endian,
        format: state.format.clone(),
        lengths_swapped: false,
    });
}

fn describe_interface(state: &mut State, span: Span, body: &[u8], sink: &mut impl Sink) {
    if state.interfaces.len() >= MAX_INTERFACES {
        let kind = AnomalyKind::MalformedMetadata;
        sink.anomaly(Anomaly::at(kind, span.offset, 0, "too many interfaces"));
        let block_type = block_type::INTERFACE;
        return sink.structure(Structure::Block { span, block_type });
    }
    let (interface, malformed) = interface_of(span, body, state.big_endian);
    if let Some(detail) = malformed {
        sink.anomaly(Anomaly::at(
            AnomalyKind::MalformedMetadata,
            span.offset,
            0,
            detail,
        ));
    }
    Arc::make_mut(&mut state.interfaces).push(interface);
    sink.structure(Structure::Interface {
        span,
        link_type: interface.link_type,
        interface,
    });
}

/// What the three packet blocks have in common.
struct Packet<'a> {
    interface: u32,
    ticks: Option<u64>,
    captured: u32,
    original: u32,
    /// Data, padding and options.
    rest: &'a [u8],
}

/// EPB (pcapng 4.3).
fn enhanced(body: &[u8], big_endian: bool) -> Option<Packet<'_>> {
    let field = |i: usize| u32_in(body, i * 4, big_endian);
    Some(Packet {
        interface: field(0)?,
        ticks: Some(u64::from(field(1)?) << 32 | u64::from(field(2)?)),
        captured: field(3)?,
        original: field(4)?,
        rest: body.get(20..)?,
    })
}

/// Obsolete packet block (pcapng appendix A): a 16-bit interface id and a drop count come first.
fn obsolete(body: &[u8], big_endian: bool) -> Option<Packet<'_>> {
    Some(Packet {
        interface: u16_in(body, 0, big_endian)?.into(),
        ..enhanced(body, big_endian)?
    })
}

/// SPB (pcapng 4.4): interface 0, no time; the captured length is the smallest of the original
/// length, the snaplen and what the block holds.
fn simple<'a>(state: &State, body: &'a [u8]) -> Option<Packet<'a>> {
    let original = u32_in(body, 0, state.big_endian)?;
    let snaplen = state.interfaces.first().map_or(0, |i| i.snaplen);
    let captured = match snaplen {
        0 => original,
        snaplen => original.min(snaplen),
    };
    Some(Packet {
        interface: 0,
        ticks: None,
        captured,
        original,
        rest: body.get(4..)?,
    })
}

fn frame_only<'a>(span: Span, interface: u32, raw: &'a [u8], data: &'a [u8]) -> Record<'a> {
    Record {
        span,
        kind: RecordKind::FrameOnly,
        interface,
        link_type: LinkType(u16::MAX),
        time: None,
        original_len: 0,
        data,
        raw,
    }
}

/// Hands out a packet block that needs a closer look.
fn packet(state: &State, span: Span, raw: &[u8], packet: Option<Packet<'_>>, sink: &mut impl Sink) {
    let mut report = |kind, detail: &str| sink.anomaly(Anomaly::at(kind, span.offset, 0, detail));
    let Some(packet) = packet else {
        report(AnomalyKind::MalformedMetadata, "a packet block too short");
        return sink.record(&frame_only(span, 0, raw, &[]));
    };
    let Some(interface) = state.interfaces.get(packet.interface as usize) else {
        report(AnomalyKind::UnknownInterface, "");
        return sink.record(&frame_only(span, packet.interface, raw, &[]));
    };
    if packet.captured > packet.original {
        report(AnomalyKind::CapturedOverOriginal, "");
    }
    if packet.captured > interface.snaplen && interface.snaplen != 0 {
        report(AnomalyKind::CapturedOverSnaplen, "");
    }
    let data = packet.rest.get(..packet.captured as usize);
    if data.is_none() {
        report(
            AnomalyKind::MalformedMetadata,
            "a packet block holds fewer bytes than it says",
        );
    }
    let time = packet.ticks.map(|ticks| time_of(interface, ticks));
    if time.is_some_and(is_clamped) {
        report(AnomalyKind::ImpossibleTime, "beyond the years 1677 to 2262");
    }
    sink.record(&Record {
        span,
        kind: RecordKind::Packet,
        interface: packet.interface,
        link_type: interface.link_type,
        time,
        original_len: packet.original.max(packet.captured),
        data: data.unwrap_or(packet.rest),
        raw,
    });
}

#[inline]
fn time_of(interface: &Interface, ticks: u64) -> Timestamp {
    interface
        .resolution
        .to_timestamp(ticks, interface.offset_seconds)
}

/// Whether a time is beyond what 64 bits of nanoseconds hold.
#[inline]
fn is_clamped(time: Timestamp) -> bool {
    matches!(time, Timestamp(i64::MAX | i64::MIN))
}
