//! IEEE 802.11 data frames that are not encrypted.

use super::llc;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::{Transport, tcp_flags};

/// Frame control, first octet: version and type.
const VERSION_TYPE: u8 = 0x0f;
const DATA: u8 = 0x08;
const QOS: u8 = 0x80;
/// Set in all data subtypes that carry none.
const NO_DATA: u8 = 0x40;

/// Frame control, second octet.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
/// In QoS frames: an HT Control field follows.
const ORDER: u8 = 0x80;

/// In the QoS control field: the body is an A-MSDU.
const AGGREGATE: u8 = 0x80;

/// Subframes that are looked at: 64 is what a block acknowledgment covers.
const MAX_SUBFRAMES: usize = 64;

/// How the capture deviates from the frame on air.
#[derive(Clone, Copy, Default)]
pub(in crate::packet) struct Framing {
    /// The header is padded to a multiple of four octets.
    pub padded: bool,
    /// The octets of frame control are swapped (CAPWAP of some controllers).
    pub swapped: bool,
    /// The frame check sequence is there.
    pub fcs: bool,
}

/// Dissects from frame control on.
pub(in crate::packet) fn dissect<'a>(
    d: &mut Dissection<'a>,
    frame: Layer<'a>,
    framing: Framing,
) -> Outcome {
    d.descend(frame, "802.11")?;
    let mut control = *frame.header("802.11")?;
    if framing.swapped {
        control.reverse();
    }
    let [kind, flags] = control;
    if kind & VERSION_TYPE != DATA || kind & NO_DATA != 0 || flags & PROTECTED != 0 {
        return Err(frame.not_read("802.11"));
    }
    let header: &[u8; 24] = frame.header("802.11")?;
    if header[22] & 0x0f != 0 {
        // a later fragment
        return Err(frame.not_read("802.11"));
    }
    let frame = match framing.fcs {
        true => frame.clip(frame.wire.saturating_sub(4)),
        false => frame,
    };
    set_addresses(d, frame, header, flags);
    let (len, aggregate) = header_len(frame, kind, flags);
    let len = if framing.padded {
        len.next_multiple_of(4)
    } else {
        len
    };
    let mut body = frame.skip(len);
    body.partial |= flags & MORE_FRAGMENTS != 0;
    match aggregate {
        true => dissect_aggregate(d, body),
        false => llc::dissect(d, body),
    }
}

/// Which of the addresses are source and destination (IEEE 802.11 9.3.2.1).
fn set_addresses<'a>(d: &mut Dissection<'a>, frame: Layer<'a>, header: &[u8; 24], flags: u8) {
    let address = |at: usize| frame.data.get(at..)?.first_chunk::<6>().copied();
    let [first, second, third] = [4, 10, 16].map(|at| header.get(at..)?.first_chunk().copied());
    (d.link.dst_mac, d.link.src_mac) = match (flags & TO_DS != 0, flags & FROM_DS != 0) {
        (false, false) => (first, second),
        (true, false) => (third, second),
        (false, true) => (first, third),
        (true, true) => (third, address(24)),
    };
    d.link.vlan = None;
}

/// Length of the header, and whether an A-MSDU follows.
fn header_len(frame: Layer<'_>, kind: u8, flags: u8) -> (usize, bool) {
    let both = TO_DS | FROM_DS;
    let len = if flags & both == both { 30 } else { 24 };
    if kind & QOS == 0 {
        return (len, false);
    }
    let aggregate = frame.data.get(len).is_some_and(|qos| qos & AGGREGATE != 0);
    (len + if flags & ORDER != 0 { 6 } else { 2 }, aggregate)
}

/// The subframes of an A-MSDU (IEEE 802.11 9.3.2.2). A view has room for one packet: a segment
/// that resets goes before any other segment, and that before what is no TCP.
fn dissect_aggregate<'a>(d: &mut Dissection<'a>, body: Layer<'a>) -> Outcome {
    let mut rest = body;
    let mut best: Option<(u8, Dissection<'a>, Outcome)> = None;
    for _ in 0..MAX_SUBFRAMES {
        let Ok(&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, l0, l1]) = rest.header("a-msdu")
        else {
            break;
        };
        let len = u16::from_be_bytes([l0, l1]);
        let mut trial = *d;
        trial.link.dst_mac = Some([d0, d1, d2, d3, d4, d5]);
        trial.link.src_mac = Some([s0, s1, s2, s3, s4, s5]);
        let outcome = llc::dissect(&mut trial, rest.skip(14).clip(len.into()));
        let rank = match trial.view.transport {
            Transport::Tcp(tcp) if tcp.flags & tcp_flags::RST != 0 => 3,
            Transport::Tcp(_) => 2,
            _ => u8::from(trial.view.ip.is_some()),
        };
        if best.as_ref().is_none_or(|(most, ..)| rank > *most) {
            best = Some((rank, trial, outcome));
        }
        // padded to a multiple of four octets
        rest = rest.skip((14 + usize::from(len)).next_multiple_of(4));
    }
    match best {
        Some((_, found, outcome)) => {
            *d = found;
            outcome
        }
        None => body.header::<14>("a-msdu").map(|_| ()),
    }
}
