//! Frames for tests, built from the inside out, and the checks every encapsulation must pass.

use super::{PacketView, StopReason, TcpView, Transport, dissect, tcp_flags};
use crate::units::LinkType;
use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6Header, TcpHeader};

pub const SRC4: [u8; 4] = [192, 0, 2, 1];
pub const DST4: [u8; 4] = [198, 51, 100, 2];
pub const SRC6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub const DST6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
pub const SRC_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const DST_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const SRC_PORT: u16 = 49152;
pub const DST_PORT: u16 = 443;
pub const SEQ: u32 = 0xdead_beef;
pub const ACK: u32 = 0x0102_0304;
pub const TEXT: &[u8] = b"bye";

/// One after the other.
pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The header of the RST that all frames carry, with time stamps, without checksum.
pub fn tcp_header() -> TcpHeader {
    let mut header = TcpHeader::new(SRC_PORT, DST_PORT, SEQ, 0x2345);
    header.rst = true;
    header.ack = true;
    header.acknowledgment_number = ACK;
    let options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    header.set_options_raw(&options).expect("twelve octets fit");
    header
}

/// The RST, 35 bytes, with the right checksum for [`SRC4`] and [`DST4`].
pub fn tcp() -> Vec<u8> {
    let mut header = tcp_header();
    let checksum = header.calc_checksum_ipv4_raw(SRC4, DST4, TEXT);
    header.checksum = checksum.expect("short payload");
    join(&[&header.to_bytes(), TEXT])
}

pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u16;
    let header = Ipv4Header::new(len, 57, IpNumber(protocol), SRC4, DST4);
    join(&[&header.expect("short payload").to_bytes(), payload])
}

pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        payload_length: payload.len() as u16,
        next_header: IpNumber(next),
        hop_limit: 57,
        source: SRC6,
        destination: DST6,
        ..Ipv6Header::default()
    };
    join(&[&header.to_bytes(), payload])
}

pub fn udp(src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u16 + 8;
    let [s, d, l] = [src_port, dst_port, len].map(u16::to_be_bytes);
    join(&[&s, &d, &l, &[0, 0], payload])
}

pub fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let header = Ethernet2Header {
        source: SRC_MAC,
        destination: DST_MAC,
        ether_type: EtherType(ether_type),
    };
    join(&[&header.to_bytes(), payload])
}

/// The RST in IPv4.
pub fn ipv4_tcp() -> Vec<u8> {
    ipv4(6, &tcp())
}

/// The RST in IPv6 (its checksum is that of IPv4).
pub fn ipv6_tcp() -> Vec<u8> {
    ipv6(6, &tcp())
}

/// The RST in IPv4 in an Ethernet frame whose addresses are not those of the outer frames.
pub fn inner_frame() -> Vec<u8> {
    let mut frame = ethernet(0x0800, &ipv4_tcp());
    frame[0] = 6;
    frame[6] = 6;
    frame
}

/// Source address of [`inner_frame`].
pub const INNER_SRC_MAC: [u8; 6] = [6, 0, 0, 0, 0, 1];

/// A frame of Ethernet, IPv4 and UDP around `payload`.
pub fn over_udp(dst_port: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(17, &udp(50_000, dst_port, payload)))
}

pub fn whole(link: LinkType, frame: &[u8]) -> PacketView<'_> {
    dissect(link, frame, frame.len() as u32)
}

pub fn tcp_of<'a>(view: &PacketView<'a>) -> Option<TcpView<'a>> {
    match view.transport {
        Transport::Tcp(tcp) => Some(tcp),
        _ => None,
    }
}

fn is_the_rst(tcp: &TcpView<'_>) -> bool {
    let flags = tcp_flags::RST | tcp_flags::ACK;
    (tcp.src_port, tcp.dst_port, tcp.seq, tcp.ack, tcp.flags)
        == (SRC_PORT, DST_PORT, SEQ, ACK, flags)
}

/// The frame holds the RST and nothing is wrong with it. The same holds however short the
/// snaplen cut it, as long as the flags are there; before that, nothing else is made of it.
/// Gives the view of the whole frame.
#[track_caller]
pub fn check(link: LinkType, frame: &[u8]) -> PacketView<'_> {
    let header = tcp_header().to_bytes();
    // without the checksum, which differs
    let at = frame.windows(16).position(|w| w == &header[..16]);
    let at = at.expect("the RST is in the frame");
    for captured in 0..=frame.len() {
        let view = dissect(link, &frame[..captured], frame.len() as u32);
        let there = captured.saturating_sub(at);
        let Some(tcp) = tcp_of(&view) else {
            assert!(there < 14, "no TCP with {there} bytes of it: {view:?}");
            continue;
        };
        assert!(there >= 14 && is_the_rst(&tcp), "{there} bytes: {tcp:?}");
        assert_eq!(tcp.payload_len as usize, TEXT.len(), "{there} bytes");
        assert_eq!(usize::from(tcp.header_captured), there.min(32));
        assert_eq!(tcp.payload, &TEXT[..there.saturating_sub(32).min(3)]);
        match view.stop {
            None => assert!(there >= 32),
            Some(stop) => assert!(there < 32 && stop.reason == StopReason::Snaplen, "{stop:?}"),
        }
    }
    whole(link, frame)
}

/// As [`check`], for a tunnel: the packet lies `depth` deep.
#[track_caller]
pub fn check_tunnel(frame: &[u8], depth: u8) -> PacketView<'_> {
    let view = check(LinkType::ETHERNET, frame);
    assert_eq!(view.depth, depth);
    view
}
