//! Ethernet frames that a bridge puts into frames of its own.

use super::ethernet;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Provider backbone bridging: an I-TAG (IEEE 802.1Q 9.7) with the service identifier ends where
/// the customer's addresses begin.
pub(super) fn dissect_backbone<'a>(d: &mut Dissection<'a>, tag: Layer<'a>) -> Outcome {
    let &[_, s0, s1, s2] = tag.header("i-tag")?;
    d.enter_keyed(tag, "i-tag", u32::from_be_bytes([0, s0, s1, s2]))?;
    ethernet::dissect(d, tag.skip(4))
}

/// Cisco FabricPath: forwarding tag and TTL, then the frame.
pub(super) fn dissect_fabric_path<'a>(d: &mut Dissection<'a>, tag: Layer<'a>) -> Outcome {
    ethernet::dissect(d, tag.skip(2))
}

/// TRILL (RFC 6325 3.1): flags, two nicknames, options, then the frame.
pub(super) fn dissect_trill<'a>(d: &mut Dissection<'a>, trill: Layer<'a>) -> Outcome {
    let &[f0, f1, _, _, _, _] = trill.header("trill")?;
    let option_words = usize::from(u16::from_be_bytes([f0, f1]) >> 6 & 0x1f);
    ethernet::dissect(d, trill.skip(6 + option_words * 4))
}
