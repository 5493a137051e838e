//! IEEE 802.2 LLC and SNAP (RFC 1042).

use super::{ether_type, ethernet};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

/// SAP of SNAP.
const SNAP: u8 = 0xaa;
/// SAP of IPv4 (RFC 1042).
const IP: u8 = 0x06;
/// Unnumbered information, the only control field read.
const UI: u8 = 0x03;

/// Dissects from the destination SAP on.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, llc: Layer<'a>) -> Outcome {
    d.descend(llc, "llc")?;
    match *llc.header("llc")? {
        [SNAP, SNAP, UI] => dissect_snap(d, llc.skip(3)),
        [IP, IP, UI] => ip::v4::dissect(d, llc.skip(3)),
        _ => Err(llc.not_read("llc")),
    }
}

/// Dissects from the organisation code on.
pub(in crate::packet) fn dissect_snap<'a>(d: &mut Dissection<'a>, snap: Layer<'a>) -> Outcome {
    let &[o0, o1, o2, p0, p1] = snap.header("snap")?;
    let (payload, pid) = (snap.skip(5), u16::from_be_bytes([p0, p1]));
    match ([o0, o1, o2], pid) {
        // RFC 1042, and the bridge tunnel encapsulation of IEEE 802.1H
        ([0, 0, 0] | [0, 0, 0xf8], _) => ether_type::dissect(d, pid, payload),
        // RFC 2684 5.2: bridged Ethernet, with and without FCS; two octets of padding
        ([0, 0x80, 0xc2], 1 | 7) => ethernet::dissect(d, payload.skip(2)),
        _ => Err(snap.not_read("snap")),
    }
}
