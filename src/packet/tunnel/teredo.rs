//! Teredo (RFC 4380).

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

/// Dissects the optional authentication and origin indications and the IPv6 packet.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, mut packet: Layer<'a>) -> Outcome {
    d.enter(packet, "teredo")?;
    if let Some(&[0, 1, client_len, auth_len]) = packet.data.first_chunk() {
        // then nonce and confirmation
        packet = packet.skip(4 + usize::from(client_len) + usize::from(auth_len) + 9);
    }
    if let Some([0, 0]) = packet.data.first_chunk() {
        packet = packet.skip(8);
    }
    // DNS answers to a client that happened to take this port look like short IPv6 packets
    let fills = packet
        .be16(4)
        .is_some_and(|len| u32::from(len) + 40 == packet.wire);
    if !fills && !packet.partial {
        return Err(packet.not_read("teredo"));
    }
    ip::v6::dissect(d, packet)
}
