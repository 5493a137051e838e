//! The short way for what nearly all frames are: Ethernet with at most one VLAN tag, a whole
//! IP packet without extension headers, TCP or UDP, nothing cut or odd. It reads the same
//! headers with the same functions, only without the state that nesting needs. All of it is inlined into one
//! function: a view of 200 bytes is cheap to write once and dear to pass around.

use super::ip::{protocol, v4, v6};
use super::layer::Layer;
use super::link::ether_type::{IPV4, IPV6};
use super::transport::{tcp, udp};
use super::{LinkView, PacketView, Transport, TunnelId};

/// C-tag (IEEE 802.1Q 9.5).
const C_TAG: u16 = 0x8100;

/// Dissects an Ethernet frame if it is a plain one.
#[inline(always)]
pub(super) fn dissect(frame: Layer<'_>) -> Option<PacketView<'_>> {
    let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = frame.data.first_chunk()?;
    let (mut ether_type, mut vlan, mut at) = (u16::from_be_bytes([t0, t1]), None, 14);
    if ether_type == C_TAG {
        vlan = Some(frame.be16(at)? & 0x0fff).filter(|&id| id != 0);
        ether_type = frame.be16(at + 2)?;
        at += 4;
    }
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
