//! VLAN tags (IEEE 802.1Q 9.3), any number of them.

use super::ethernet;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Whether an EtherType announces a tag: C-tag, S-tag, and the values used before 802.1ad.
#[inline]
pub(in crate::packet) fn is_tag(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300)
}

/// Dissects from the tag control information on.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, mut tag: Layer<'a>) -> Outcome {
    loop {
        let &[tci0, tci1, t0, t1] = tag.header("vlan")?;
        let id = u16::from_be_bytes([tci0, tci1]) & 0x0fff;
        // id 0 is a priority tag: the frame belongs to no VLAN by it
        if id != 0 {
            d.link.vlan = Some(id);
        }
        tag = tag.skip(4);
        let ether_type = u16::from_be_bytes([t0, t1]);
        if !is_tag(ether_type) {
            return ethernet::dissect_type(d, ether_type, tag);
        }
    }
}
