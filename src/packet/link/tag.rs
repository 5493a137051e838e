//! Tags of a fixed length before the real EtherType: Cisco VN-Tag, E-TAG (IEEE 802.1BR 7.5).

use super::ethernet;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Skips a tag of `len` bytes and dissects from the EtherType after it on.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, tag: Layer<'a>, len: usize) -> Outcome {
    match tag.be16(len) {
        Some(ether_type) => ethernet::dissect_type(d, ether_type, tag.skip(len + 2)),
        None => Err(tag.cut("tag", len + 2)),
    }
}
