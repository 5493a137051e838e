//! PPP (RFC 1661, RFC 1662), bridged Ethernet (RFC 3518) and multilink (RFC 1990).

use super::{ethernet, hdlc, mpls};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const BRIDGING: u16 = 0x0031;
const MULTILINK: u16 = 0x003d;
const MPLS: u16 = 0x0281;

/// Dissects with or without HDLC address and control, with or without protocol compression.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    d.descend(frame, "ppp")?;
    let frame = match frame.data {
        [0xff, 0x03, ..] => frame.skip(2),
        _ => frame,
    };
    let &[first] = frame.header("ppp")?;
    // the first octet of an uncompressed protocol is even, the last one odd
    let (protocol, payload) = match first & 1 {
        1 => (u16::from(first), frame.skip(1)),
        _ => (u16::from_be_bytes(*frame.header("ppp")?), frame.skip(2)),
    };
    match protocol {
        IPV4 => ip::v4::dissect(d, payload),
        IPV6 => ip::v6::dissect(d, payload),
        MPLS => mpls::dissect(d, payload),
        MULTILINK => dissect_multilink(d, payload),
        BRIDGING => dissect_bridged(d, payload),
        _ => Err(payload.not_read("ppp")),
    }
}

/// `LINKTYPE_PPP_HDLC`: PPP in HDLC-like framing, or Cisco HDLC, which starts with another
/// address (RFC 1547 4.3.1).
pub(super) fn dissect_hdlc<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    match frame.data {
        [0x0f | 0x8f, 0, ..] => hdlc::dissect(d, frame),
        _ => dissect(d, frame),
    }
}

/// A packet of a bundle with the long sequence number format: only its first fragment can be
/// read.
fn dissect_multilink<'a>(d: &mut Dissection<'a>, fragment: Layer<'a>) -> Outcome {
    let &[flags, _, _, _] = fragment.header("ppp multilink")?;
    let (begins, ends) = (flags & 0x80 != 0, flags & 0x40 != 0);
    if !begins {
        return Err(fragment.not_read("ppp multilink"));
    }
    let mut packet = fragment.skip(4);
    packet.partial |= !ends;
    dissect(d, packet)
}

fn dissect_bridged<'a>(d: &mut Dissection<'a>, packet: Layer<'a>) -> Outcome {
    let &[_, mac_type] = packet.header("ppp bridging")?;
    match mac_type {
        1 => ethernet::dissect(d, packet.skip(2)),
        _ => Err(packet.not_read("ppp bridging")),
    }
}
