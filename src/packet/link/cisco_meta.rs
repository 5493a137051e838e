//! Cisco MetaData, which carries the security group tag.

use super::tag;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Dissects version, length (in options of four octets), options, and the real EtherType.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, meta: Layer<'a>) -> Outcome {
    let &[_version, options] = meta.header("cisco metadata")?;
    tag::dissect(d, meta, 2 + usize::from(options) * 4)
}
