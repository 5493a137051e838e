//! Geneve (RFC 8926).

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::link::ether_type;

/// Dissects base header, options and payload.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, geneve: Layer<'a>) -> Outcome {
    let &[version_len, _, t0, t1, v0, v1, v2, _] = geneve.header("geneve")?;
    if version_len >> 6 != 0 {
        return Err(geneve.not_read("geneve"));
    }
    d.enter_keyed(geneve, "geneve", u32::from_be_bytes([0, v0, v1, v2]))?;
    let options = usize::from(version_len & 0x3f) * 4;
    let payload = geneve.skip(8 + options);
    ether_type::dissect(d, u16::from_be_bytes([t0, t1]), payload)
}
