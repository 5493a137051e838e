//! No input can panic, hang or exhaust the stack.

use super::super::testing::*;
use super::super::{PacketView, StopReason, dissect, tcp_checksum, tcp_options};
use crate::units::LinkType;

/// Everything a caller may do with a view.
fn use_up(view: &PacketView<'_>, frame: &[u8]) {
    assert!(view.ip_offset as usize <= frame.len());
    let checksum = tcp_checksum(view);
    if let Some(tcp) = tcp_of(view) {
        assert!(tcp.options.len() <= 40);
        assert!(tcp_options(tcp.options).count() <= 40);
        assert!(tcp.payload.len() <= tcp.payload_len as usize);
        assert!(tcp.header_captured >= 14);
    } else {
        assert_eq!(checksum, None);
    }
}

/// A small generator (xorshift): the same frames in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}

#[test]
fn noise_under_every_link_type() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for link in 0..300 {
        for _ in 0..40 {
            let len = (noise.next() % 120) as usize;
            let frame = noise.bytes(len);
            let original = noise.next() as u32 >> (noise.next() % 32);
            use_up(&dissect(LinkType(link), &frame, original), &frame);
        }
    }
}

#[test]
fn noise_behind_every_announcement() {
    let mut noise = Noise(42);
    let ports = [4789, 4790, 6080, 6081, 6635, 37008, 2152, 3544, 1701, 5247];
    for ether_type in 0..=u16::MAX {
        let frame = ethernet(ether_type, &noise.bytes(50));
        use_up(&whole(LinkType::ETHERNET, &frame), &frame);
    }
    for _ in 0..50 {
        for protocol in 0..=255 {
            let frame = ethernet(0x0800, &ipv4(protocol, &noise.bytes(60)));
            use_up(&whole(LinkType::ETHERNET, &frame), &frame);
            let frame = ethernet(0x86dd, &ipv6(protocol, &noise.bytes(60)));
            use_up(&whole(LinkType::ETHERNET, &frame), &frame);
        }
        for port in ports {
            let frame = over_udp(port, &noise.bytes(60));
            use_up(&whole(LinkType::ETHERNET, &frame), &frame);
        }
    }
}

#[test]
fn every_byte_of_a_deep_frame_changed() {
    let vxlan = over_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &inner_frame()]));
    let gre = join(&[&[0x30, 0, 0x65, 0x58, 0, 0, 0, 9, 0, 0, 0, 1], &vxlan]);
    let frame = ethernet(0x86dd, &ipv6(47, &gre));
    for at in 0..frame.len() {
        for value in 0..=255 {
            let mut changed = frame.clone();
            changed[at] = value;
            use_up(&whole(LinkType::ETHERNET, &changed), &changed);
        }
    }
}

#[test]
fn nesting_bombs_end() {
    let nested = |mut packet: Vec<u8>, times: usize, wrap: &dyn Fn(&[u8]) -> Vec<u8>| {
        for _ in 0..times {
            packet = wrap(&packet);
        }
        packet
    };
    let ip_in_ip = nested(ipv4_tcp(), 500, &|p| ipv4(4, p));
    let view = whole(LinkType::RAW, &ip_in_ip);
    assert_eq!(view.stop.map(|s| s.reason), Some(StopReason::TooDeep));
    assert_eq!(view.depth, 8);
    assert!(view.ip.is_some());
    let eight = nested(ipv4_tcp(), 8, &|p| ipv4(4, p));
    assert_eq!(check(LinkType::RAW, &eight).depth, 8);

    let vxlan = nested(inner_frame(), 60, &|p| {
        over_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], p]))
    });
    let view = whole(LinkType::ETHERNET, &vxlan);
    assert_eq!(
        (view.depth, view.stop.map(|s| s.reason)),
        (8, Some(StopReason::TooDeep))
    );

    // headers that are no tunnels, each in the other
    let bridges = [0, 0x41, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x89, 3].repeat(50_000);
    let frame = ethernet(0x8903, &bridges);
    let view = whole(LinkType::ETHERNET, &frame);
    assert_eq!(view.stop.map(|s| s.reason), Some(StopReason::TooDeep));
    let ppp = [0, 0x3d, 0xc0, 0, 0, 0].repeat(50_000);
    let stop = whole(LinkType::PPP, &ppp).stop;
    assert_eq!(stop.map(|s| s.reason), Some(StopReason::TooDeep));
    let nsh = [0, 2, 2, 4, 0, 0, 1, 255].repeat(50_000);
    let frame = ethernet(0x894f, &nsh);
    let stop = whole(LinkType::ETHERNET, &frame).stop;
    assert_eq!(stop.map(|s| s.reason), Some(StopReason::TooDeep));
}

#[test]
fn long_lists_end() {
    // tags, labels and extension headers up to the last byte of the frame
    let tags = ethernet(0x8100, &[0, 1, 0x81, 0].repeat(60_000));
    let labels = ethernet(0x8847, &[0, 1, 0, 64].repeat(60_000));
    for frame in [tags, labels] {
        let stop = whole(LinkType::ETHERNET, &frame).stop.expect("no end");
        assert_eq!((stop.had, stop.reason), (0, StopReason::Malformed));
    }
    let extensions = ipv6(60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(8_000));
    let view = whole(LinkType::RAW, &extensions);
    assert_eq!(view.stop.map(|s| s.had), Some(0));
}
