//! DNS messages to facts.

use crate::flow::names::DnsFact;
use crate::packet::Addresses;

/// The fact of a message between two addresses, `(frame, offset, time)` relative to its chunk.
pub fn fact(
    _message: &[u8],
    _addresses: &Addresses,
    _src_port: u16,
    _dst_port: u16,
    _place: (u32, u32, i64),
) -> Option<DnsFact> {
    None
}
