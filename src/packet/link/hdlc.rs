//! Cisco HDLC (RFC 1547 4.3.1).

use super::ether_type;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Dissects address, control and EtherType.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[_, _, t0, t1] = frame.header("hdlc")?;
    ether_type::dissect(d, u16::from_be_bytes([t0, t1]), frame.skip(4))
}
