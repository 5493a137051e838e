//! VXLAN (RFC 7348), also as cloud traffic mirrors write it, and its generic protocol extension.

use super::nsh;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;
use crate::packet::link::{ethernet, mpls};

/// The VNI is valid.
const HAS_VNI: u8 = 0x08;
/// Generic protocol extension: the next-protocol field is valid.
const HAS_NEXT: u8 = 0x04;

/// Dissects an Ethernet frame in VXLAN.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, vxlan: Layer<'a>) -> Outcome {
    let &[flags, _, _, _, v0, v1, v2, _] = vxlan.header("vxlan")?;
    if flags & HAS_VNI == 0 {
        return Err(vxlan.not_read("vxlan"));
    }
    d.enter_keyed(vxlan, "vxlan", u32::from_be_bytes([0, v0, v1, v2]))?;
    ethernet::dissect(d, vxlan.skip(8))
}

/// Dissects whatever the next-protocol field of VXLAN-GPE says.
pub(super) fn dissect_gpe<'a>(d: &mut Dissection<'a>, vxlan: Layer<'a>) -> Outcome {
    let &[flags, _, _, next, v0, v1, v2, _] = vxlan.header("vxlan")?;
    if flags & HAS_NEXT == 0 {
        return dissect(d, vxlan);
    }
    d.enter_keyed(vxlan, "vxlan", u32::from_be_bytes([0, v0, v1, v2]))?;
    let payload = vxlan.skip(8);
    match next {
        1 => ip::v4::dissect(d, payload),
        2 => ip::v6::dissect(d, payload),
        3 => ethernet::dissect(d, payload),
        4 => nsh::dissect(d, payload),
        5 => mpls::dissect(d, payload),
        _ => Err(vxlan.not_read("vxlan")),
    }
}
