//! Classic pcap: one file header, then records (draft-ietf-opsawg-pcap).

use super::MAX_RECORD_LEN;
use super::format::{Appended, Shape, Variant, appended, u16_in, u32_in};
use super::record::{Record, RecordKind, Sink, Structure};
use super::state::{Interface, State};
use super::variant::AIX_LINKS;
use super::window::{Stop, Window};
use crate::anomaly::{Anomaly, AnomalyKind};
use crate::units::{LinkType, Span, Timestamp, TsResolution};
use std::sync::Arc;

/// Most bytes of one packet that is believed whatever the snaplen says: Wireshark's and
/// libpcap's own limit (262144).
const USUAL_MAX_CAPTURED: u32 = 262_144;

/// Most bytes of one packet that is believed if the snaplen allows it.
const MAX_CAPTURED: u32 = MAX_RECORD_LEN as u32 - 4096;

/// Most bytes that a packet can have had on the wire for its record header to be believed
/// when looking for a boundary.
const MAX_ORIGINAL: u32 = 1 << 24;

/// Longest time between neighbouring records for a boundary to be believed: 30 days, in seconds.
const MAX_GAP: u32 = 30 * 24 * 3600;

/// Reads the file header into the state.
pub(super) fn read_file_header(
    state: &mut State,
    shape: Shape,
    window: &Window<'_>,
    pos: usize,
    sink: &mut impl Sink,
) -> Result<usize, Stop> {
    let len = shape.file_header_len();
    let head = window.from(pos).get(..len).ok_or(Stop::Incomplete)?;
    let u16_at = |at| u16_in(head, at, shape.big_endian).unwrap_or_default();
    let u32_at = |at| u32_in(head, at, shape.big_endian).unwrap_or_default();
    let span = Span {
        offset: window.offset(pos),
        len: len as u32,
    };
    let (major, minor) = (u16_at(4), u16_at(6));
    if major != 2 {
        sink.anomaly(Anomaly::at(
            AnomalyKind::MalformedMetadata,
            span.offset,
            0,
            format!("pcap version {major}.{minor}"),
        ));
    }
    let network = u32_at(20);
    let fcs_bits = if network & (1 << 26) != 0 {
        (network >> 28) as u8 * 16
    } else {
        0
    };
    let interface = Interface {
        link_type: link_type(network, shape),
        snaplen: u32_at(16),
        resolution: if shape.nanos {
            TsResolution::NANO
        } else {
            TsResolution::MICRO
        },
        offset_seconds: 0,
        fcs_bits,
        span,
    };
    state.begun = true;
    state.big_endian = shape.big_endian;
    state.lengths_swapped = major == 2 && minor <= 3;
    state.interfaces = Arc::new(vec![interface]);
    sink.structure(Structure::Section {
        span,
        big_endian: shape.big_endian,
        format: state.format.clone(),
        lengths_swapped: state.lengths_swapped,
    });
    sink.structure(Structure::Interface {
        span,
        link_type: interface.link_type,
        interface,
    });
    Ok(len)
}

/// The low 16 bits of the header's network field; 12 and 14 are DLT_RAW of some systems.
fn link_type(network: u32, shape: Shape) -> LinkType {
    if shape.variant == Variant::Aix {
        let found = AIX_LINKS.iter().find(|(aix, _)| *aix == network);
        return LinkType(found.map_or(u16::MAX, |(_, link)| *link));
    }
    match LinkType(network as u16) {
        LinkType::RAW_12 | LinkType::RAW_14 => LinkType::RAW,
        other => other,
    }
}

/// What the record headers of one file have in common.
#[derive(Clone, Copy)]
struct Rules {
    interface: Interface,
    header_len: usize,
    /// Fractions of a second from here on cannot be.
    units: u32,
    nanos_per_unit: i64,
    /// Captured lengths up to this raise no question.
    unremarkable: u32,
    /// Captured lengths beyond this are damage.
    limit: u32,
    swapped: bool,
}

impl Rules {
    fn new(state: &State, shape: Shape) -> Option<Self> {
        let interface = *state.interfaces.first()?;
        let limit = interface.snaplen.clamp(USUAL_MAX_CAPTURED, MAX_CAPTURED);
        Some(Self {
            interface,
            header_len: shape.record_header_len(),
            units: if shape.nanos {
                1_000_000_000
            } else {
                1_000_000
            },
            nanos_per_unit: if shape.nanos { 1 } else { 1000 },
            unremarkable: match interface.snaplen {
                0 => limit,
                snaplen => snaplen.min(limit),
            },
            limit,
            swapped: state.lengths_swapped,
        })
    }
}

/// The four numbers every record header begins with.
#[derive(Clone, Copy)]
struct Header {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Header {
    #[inline]
    fn read<const BE: bool>(raw: &[u8; 16], swapped: bool) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *raw;
        let number = |raw| {
            if BE {
                u32::from_be_bytes(raw)
            } else {
                u32::from_le_bytes(raw)
            }
        };
        let mut header = Self {
            seconds: number([a, b, c, d]),
            fraction: number([e, f, g, h]),
            captured: number([i, j, k, l]),
            original: number([m, n, o, p]),
        };
        // no packet has fewer bytes on the wire than were captured: the smaller one is captured
        if swapped && header.captured > header.original {
            std::mem::swap(&mut header.captured, &mut header.original);
        }
        header
    }

    #[inline]
    fn time(self, rules: &Rules) -> Timestamp {
        Timestamp(
            i64::from(self.seconds) * 1_000_000_000
                + i64::from(self.fraction) * rules.nanos_per_unit,
        )
    }

    fn is_zeros(self) -> bool {
        (self.seconds, self.fraction, self.captured, self.original) == (0, 0, 0, 0)
    }

    #[inline]
    fn at<const BE: bool>(window: &Window<'_>, pos: usize, swapped: bool) -> Option<Self> {
        let raw = window.from(pos).first_chunk::<16>()?;
        Some(Self::read::<BE>(raw, swapped))
    }
}

/// Hands out records until something other than a whole record comes.
pub(super) fn run(
    state: &State,
    shape: Shape,
    window: &Window<'_>,
    pos: &mut usize,
    limit: u64,
    sink: &mut impl Sink,
) -> Stop {
    let Some(rules) = Rules::new(state, shape) else {
        return Stop::Damage { cut: false };
    };
    if shape.big_endian {
        run_in_order::<true>(&rules, window, pos, limit, sink)
    } else {
        run_in_order::<false>(&rules, window, pos, limit, sink)
    }
}

fn run_in_order<const BE: bool>(
    rules: &Rules,
    window: &Window<'_>,
    pos: &mut usize,
    limit: u64,
    sink: &mut impl Sink,
) -> Stop {
    let end = limit
        .saturating_sub(window.base)
        .min(window.buf.len() as u64) as usize;
    while *pos < end {
        let Some(mut header) = Header::at::<BE>(window, *pos, rules.swapped) else {
            return Stop::Incomplete;
        };
        let odd = header.captured > rules.unremarkable
            || header.captured > header.original
            || header.fraction >= rules.units
            || header.original == 0;
        let mut kind = RecordKind::Packet;
        if odd {
            match judge::<BE>(rules, window, *pos, header) {
                Odd::Record => {}
                Odd::Zeros => kind = RecordKind::FrameOnly,
                Odd::Stop(stop) => return stop,
            }
        }
        let len = rules.header_len + header.captured as usize;
        let rest = window.from(*pos);
        let (Some(raw), Some(data)) = (rest.get(..len), rest.get(rules.header_len..len)) else {
            return Stop::Incomplete;
        };
        let offset = window.offset(*pos);
        if odd {
            let next = Header::at::<BE>(window, *pos + len, rules.swapped);
            report(rules, offset, header, next, sink);
            header.original = header.original.max(header.captured);
        }
        sink.record(&Record {
            span: Span {
                offset,
                len: len as u32,
            },
            kind,
            interface: 0,
            link_type: rules.interface.link_type,
            time: (kind == RecordKind::Packet).then(|| header.time(rules)),
            original_len: header.original,
            data,
            raw,
        });
        *pos += len;
    }
    Stop::Boundary
}

/// Verdict on a record header that is not as it should be.
enum Odd {
    Record,
    /// Nothing but zeros: no packet, though Wireshark numbers it.
    Zeros,
    Stop(Stop),
}

/// An odd header is a record all the same if its length leads to the next one.
#[cold]
fn judge<const BE: bool>(rules: &Rules, window: &Window<'_>, pos: usize, header: Header) -> Odd {
    match appended(window.from(pos), window.last) {
        Appended::Yes(format) => return Odd::Stop(Stop::Appended(format)),
        Appended::More => return Odd::Stop(Stop::Incomplete),
        Appended::No => {}
    }
    if header.captured > rules.limit {
        return Odd::Stop(Stop::Damage { cut: false });
    }
    let next = pos + rules.header_len + header.captured as usize;
    if next > window.buf.len() {
        return Odd::Stop(if window.last {
            Stop::Damage { cut: true }
        } else {
            Stop::Incomplete
        });
    }
    match Header::at::<BE>(window, next, rules.swapped) {
        None if !window.last => return Odd::Stop(Stop::Incomplete),
        Some(following) if following.captured > rules.limit => {
            match appended(window.from(next), window.last) {
                Appended::Yes(_) => {}
                Appended::More => return Odd::Stop(Stop::Incomplete),
                Appended::No => return Odd::Stop(Stop::Damage { cut: false }),
            }
        }
        _ => {}
    }
    if header.is_zeros() {
        Odd::Zeros
    } else {
        Odd::Record
    }
}

/// Tells what is odd about a record; of zeros, once for each run of them, at its end.
#[cold]
fn report(rules: &Rules, offset: u64, header: Header, next: Option<Header>, sink: &mut impl Sink) {
    if header.is_zeros() {
        if !next.is_some_and(Header::is_zeros) {
            let kind = AnomalyKind::MalformedMetadata;
            sink.anomaly(Anomaly::at(
                kind,
                offset,
                0,
                "record headers of zeros end here",
            ));
        }
        return;
    }
    if header.captured > rules.unremarkable {
        sink.anomaly(Anomaly::at(AnomalyKind::CapturedOverSnaplen, offset, 0, ""));
    }
    if header.captured > header.original {
        sink.anomaly(Anomaly::at(
            AnomalyKind::CapturedOverOriginal,
            offset,
            0,
            "",
        ));
    }
    if header.fraction >= rules.units {
        sink.anomaly(Anomaly::at(
            AnomalyKind::ImpossibleTime,
            offset,
            0,
            format!("fraction {} of {}", header.fraction, rules.units),
        ));
    }
}

/// Whether a record header could be at a position, for boundary search.
#[derive(Clone, Copy)]
pub(super) struct Probe {
    rules: Rules,
    big_endian: bool,
}

impl Probe {
    pub(super) fn new(state: &State, shape: Shape) -> Option<Self> {
        Some(Self {
            rules: Rules::new(state, shape)?,
            big_endian: shape.big_endian,
        })
    }

    /// Bytes of a record header that are looked at.
    pub(super) const NEEDED: usize = 16;

    /// The record's length and its seconds, if the header is one that a sound file has.
    #[inline]
    pub(super) fn at(&self, window: &Window<'_>, pos: usize) -> Option<(usize, u32)> {
        let header = if self.big_endian {
            Header::at::<true>(window, pos, self.rules.swapped)
        } else {
            Header::at::<false>(window, pos, self.rules.swapped)
        }?;
        let sound = header.captured <= self.rules.limit
            && header.captured <= header.original
            && header.original <= MAX_ORIGINAL
            && header.original != 0
            && header.fraction < self.rules.units
            && header.seconds != 0;
        sound.then_some((
            self.rules.header_len + header.captured as usize,
            header.seconds,
        ))
    }

    /// Whether two records can be neighbours.
    #[inline]
    pub(super) fn near(earlier: u32, later: u32) -> bool {
        earlier.abs_diff(later) <= MAX_GAP
    }
}
