//! Whether bytes look like a frame or packet, where no field says what follows.

use super::layer::Layer;
use super::link::ether_type::{self, IPV4, IPV6};

/// An IP header whose version and lengths fit what is there.
pub(super) fn is_ip(packet: Layer<'_>) -> bool {
    is_ipv4(packet) || is_ipv6(packet)
}

/// An IPv4 header whose lengths fit what is there.
pub(super) fn is_ipv4(packet: Layer<'_>) -> bool {
    let Some(&[version_ihl, _, l0, l1]) = packet.data.first_chunk() else {
        return false;
    };
    let header_len = u16::from(version_ihl & 0x0f) * 4;
    let total = u16::from_be_bytes([l0, l1]);
    version_ihl >> 4 == 4
        && header_len >= 20
        && total >= header_len
        && fits(packet, u32::from(total))
}

/// An IPv6 header whose length fits what is there.
pub(super) fn is_ipv6(packet: Layer<'_>) -> bool {
    let Some(&[version, _, _, _, l0, l1]) = packet.data.first_chunk() else {
        return false;
    };
    let total = u32::from(u16::from_be_bytes([l0, l1])) + 40;
    version >> 4 == 6 && fits(packet, total)
}

fn fits(packet: Layer<'_>, total: u32) -> bool {
    packet.partial || total <= packet.wire
}

/// An Ethernet header with an EtherType that is known, and an IP header if it says so.
pub(super) fn is_ethernet(frame: Layer<'_>) -> bool {
    match frame.be16(12) {
        Some(IPV4) => is_ipv4(frame.skip(14)),
        Some(IPV6) => is_ipv6(frame.skip(14)),
        Some(other) => ether_type::is_known(other),
        None => false,
    }
}
