//! Internet Protocol.

pub(super) mod extensions;
pub(super) mod protocol;
pub(super) mod v4;
pub(super) mod v6;

use super::IpView;
use super::dissection::{Dissection, Outcome};
use super::layer::Layer;

/// An IP header and where it ends.
pub(super) struct Packet<'a> {
    /// The header's fields.
    pub ip: IpView,
    /// What follows it, as long as its length field says.
    pub payload: Layer<'a>,
    /// The length field asks for more than the frame has.
    pub too_long: bool,
}

/// Dissects an IP packet of the version its first nibble says.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, packet: Layer<'a>) -> Outcome {
    let &[first] = packet.header("ip")?;
    match first >> 4 {
        4 => v4::dissect(d, packet),
        6 => v6::dissect(d, packet),
        _ => Err(packet.malformed("ip", 1)),
    }
}
