//! Link layers, by link type.

pub(super) mod ether_type;
pub(super) mod ethernet;
mod llc;
mod null;
mod sll;
mod vlan;

use super::dissection::{Dissection, Outcome};
use super::ip;
use super::layer::Layer;
use crate::units::LinkType;

/// Dissects a frame of the given link type.
#[inline]
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, link: LinkType, frame: Layer<'a>) -> Outcome {
    if link == LinkType::ETHERNET {
        return ethernet::dissect(d, frame);
    }
    dissect_other(d, link, frame)
}

fn dissect_other<'a>(d: &mut Dissection<'a>, link: LinkType, frame: Layer<'a>) -> Outcome {
    match link {
        LinkType::NULL | LinkType::LOOP => null::dissect(d, frame),
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 | LinkType::IPV4 | LinkType::IPV6 => {
            ip::dissect(d, frame)
        }
        LinkType::LINUX_SLL => sll::dissect_v1(d, frame),
        LinkType::LINUX_SLL2 => sll::dissect_v2(d, frame),
        _ => Err(frame.not_read("link")),
    }
}
