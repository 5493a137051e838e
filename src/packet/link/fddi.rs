//! FDDI (ISO 9314-2).

use super::llc;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Dissects frame control, addresses and LLC. Addresses stand in the order of the medium,
/// highest bit first: they are turned into the order Ethernet writes.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[control, d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = frame.header("fddi")?;
    d.link.dst_mac = Some([d0, d1, d2, d3, d4, d5].map(u8::reverse_bits));
    d.link.src_mac = Some([s0, s1, s2, s3, s4, s5].map(u8::reverse_bits));
    // class, 48-bit addresses, LLC; the low four bits are priority
    if control & 0x70 != 0x50 {
        return Err(frame.not_read("fddi"));
    }
    llc::dissect(d, frame.skip(13))
}
