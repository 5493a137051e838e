//! Ethernet II and IEEE 802.3.

use super::{ether_type, llc};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Largest value of the type field that is a length (IEEE 802.3 3.2.6).
const MAX_LENGTH: u16 = 1500;

/// Dissects a frame that starts with the destination address.
#[inline]
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = frame.header("ethernet")?;
    d.link.dst_mac = Some([d0, d1, d2, d3, d4, d5]);
    d.link.src_mac = Some([s0, s1, s2, s3, s4, s5]);
    d.link.vlan = None;
    dissect_type(d, u16::from_be_bytes([t0, t1]), frame.skip(14))
}

/// Dissects what follows a type or length field.
#[inline]
pub(super) fn dissect_type<'a>(
    d: &mut Dissection<'a>,
    type_or_length: u16,
    payload: Layer<'a>,
) -> Outcome {
    if type_or_length <= MAX_LENGTH {
        let len = u32::from(type_or_length);
        return llc::dissect(d, if len == 0 { payload } else { payload.clip(len) });
    }
    ether_type::dissect(d, type_or_length, payload)
}
