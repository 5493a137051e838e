//! The short way for what nearly all frames are: Ethernet with at most one VLAN tag, a whole
//! IP packet without extension headers, TCP or UDP, nothing cut or odd. It reads the same
//! headers with the same functions, only without the state that nesting needs. All of it is inlined into one
//! function: a view of 200 bytes is cheap to write once and dear to pass around.

use super::ip::{Packet, protocol, v4, v6};
use super::layer::Layer;
use super::link::ether_type::{IPV4, IPV6};
use super::transport::{tcp, udp};
use super::{Addresses, LinkView, PacketView, TcpView, Transport, TunnelId};

/// C-tag (IEEE 802.1Q 9.5).
const C_TAG: u16 = 0x8100;

/// The ends of a plain frame's link layer: VLAN id, EtherType, and where the packet begins.
#[inline(always)]
fn link(frame: Layer<'_>) -> Option<(Option<u16>, u16, usize)> {
    let (ether_type, at) = (frame.be16(12)?, 14);
    if ether_type != C_TAG {
        return Some((None, ether_type, at));
    }
    let vlan = Some(frame.be16(at)? & 0x0fff).filter(|&id| id != 0);
    Some((vlan, frame.be16(at + 2)?, at + 4))
}

/// Dissects an Ethernet frame if it is a plain one.
#[inline(always)]
pub(super) fn dissect(frame: Layer<'_>) -> Option<PacketView<'_>> {
    let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = frame.data.first_chunk()?;
    let (vlan, ether_type, at) = link(frame)?;
    let packet = frame.skip(at);
    let packet = match ether_type {
        IPV4 => v4::read(packet)?,
        IPV6 => v6::read(packet)?,
        _ => return None,
    };
    if packet.too_long || packet.ip.fragment.is_some() {
        return None;
    }
    let transport = match packet.ip.protocol {
        protocol::TCP => Transport::Tcp(tcp::read(packet.payload)?),
        protocol::UDP => Transport::Udp(udp::read_plain(packet.payload)?),
        _ => return None,
    };
    Some(PacketView {
        link: LinkView {
            src_mac: Some([s0, s1, s2, s3, s4, s5]),
            dst_mac: Some([d0, d1, d2, d3, d4, d5]),
            vlan,
            outbound: None,
        },
        tunnel: TunnelId(0),
        depth: 0,
        ip: Some(packet.ip),
        ip_offset: at as u32,
        transport,
        fragmented: false,
        stop: None,
    })
}

/// The parts of a plain TCP segment that a flow table needs. Small and without choices, so
/// that it is never written to memory.
pub struct PlainTcp<'a, A> {
    /// Source and destination.
    pub addresses: [A; 2],
    /// TTL or hop limit.
    pub ttl: u8,
    /// The segment.
    pub tcp: TcpView<'a>,
}

/// Reads a plain segment in IPv4.
#[inline(always)]
pub(super) fn tcp4(frame: Layer<'_>) -> Option<PlainTcp<'_, [u8; 4]>> {
    let (_, IPV4, at) = link(frame)? else {
        return None;
    };
    let packet = v4::read(frame.skip(at))?;
    let Addresses::V4 { src, dst } = packet.ip.addresses else {
        return None;
    };
    segment(&packet, [src, dst])
}

/// Reads a plain segment in IPv6.
#[inline(always)]
pub(super) fn tcp6(frame: Layer<'_>) -> Option<PlainTcp<'_, [u8; 16]>> {
    let (_, IPV6, at) = link(frame)? else {
        return None;
    };
    let packet = v6::read(frame.skip(at))?;
    let Addresses::V6 { src, dst } = packet.ip.addresses else {
        return None;
    };
    segment(&packet, [src, dst])
}

#[inline(always)]
fn segment<'a, A>(packet: &Packet<'a>, addresses: [A; 2]) -> Option<PlainTcp<'a, A>> {
    let ip = &packet.ip;
    if packet.too_long || ip.fragment.is_some() || ip.protocol != protocol::TCP {
        return None;
    }
    Some(PlainTcp {
        addresses,
        ttl: ip.ttl,
        tcp: tcp::read(packet.payload)?,
    })
}
