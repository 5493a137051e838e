//! What an EtherType says follows.

use super::vlan;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

pub(in crate::packet) const IPV4: u16 = 0x0800;
pub(in crate::packet) const IPV6: u16 = 0x86dd;

/// Dissects the payload of a given EtherType.
#[inline]
pub(in crate::packet) fn dissect<'a>(
    d: &mut Dissection<'a>,
    ether_type: u16,
    payload: Layer<'a>,
) -> Outcome {
    match ether_type {
        IPV4 => ip::v4::dissect(d, payload),
        IPV6 => ip::v6::dissect(d, payload),
        _ => dissect_other(d, ether_type, payload),
    }
}

fn dissect_other<'a>(d: &mut Dissection<'a>, ether_type: u16, payload: Layer<'a>) -> Outcome {
    d.descend(payload, "ethertype")?;
    match ether_type {
        t if vlan::is_tag(t) => vlan::dissect(d, payload),
        _ => Err(payload.not_read("ethertype")),
    }
}
