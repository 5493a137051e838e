//! IPv4 and IPv6: options, extension headers, fragments, and lengths that lie.

use super::super::testing::*;
use super::super::{Fragment, IpView, PacketView, StopReason, Transport, dissect};
use crate::units::LinkType;

const RAW: LinkType = LinkType::RAW;

fn ip_of(view: &PacketView<'_>) -> IpView {
    view.ip.expect("an IP header")
}

/// The packet with 16 bits of its header replaced.
fn patch16(mut packet: Vec<u8>, at: usize, value: u16) -> Vec<u8> {
    packet[at..at + 2].copy_from_slice(&value.to_be_bytes());
    packet
}

fn payload_len(view: &PacketView<'_>) -> Option<u32> {
    tcp_of(view).map(|t| t.payload_len)
}

fn reason(view: &PacketView<'_>) -> Option<StopReason> {
    view.stop.map(|s| s.reason)
}

#[test]
fn fields_of_ipv4() {
    let mut packet = patch16(ipv4_tcp(), 4, 0xbeef);
    packet[1] = 0x2e;
    packet[6] = 0x40;
    let ip = ip_of(&whole(RAW, &packet));
    assert_eq!(
        (ip.addresses.src(), ip.addresses.dst()),
        (SRC4.into(), DST4.into())
    );
    assert_eq!((ip.protocol, ip.ttl, ip.tos), (6, 57, 0x2e));
    assert_eq!((ip.id, ip.dont_fragment), (Some(0xbeef), true));
    assert_eq!(
        (ip.flow_label, ip.fragment, ip.source_routed),
        (None, None, false)
    );
}

#[test]
fn fields_of_ipv6() {
    let mut packet = ipv6_tcp();
    packet[..4].copy_from_slice(&[0x62, 0xea, 0xbc, 0xde]);
    let ip = ip_of(&whole(RAW, &packet));
    assert_eq!(
        (ip.addresses.src(), ip.addresses.dst()),
        (SRC6.into(), DST6.into())
    );
    assert_eq!((ip.protocol, ip.ttl, ip.tos), (6, 57, 0x2e));
    assert_eq!((ip.id, ip.flow_label), (None, Some(0xabcde)));
}

fn with_options(options: &[u8]) -> Vec<u8> {
    let (packet, segment) = (ipv4_tcp(), tcp());
    let total = (20 + options.len() + segment.len()) as u16;
    let mut packet = patch16(join(&[&packet[..20], options, &segment]), 2, total);
    packet[0] = 0x45 + (options.len() / 4) as u8;
    packet
}

#[test]
fn ipv4_options_and_source_routes() {
    let router_alert = with_options(&[148, 4, 0, 0]);
    assert!(!ip_of(&check(RAW, &router_alert)).source_routed);
    let ahead = with_options(&[1, 131, 7, 4, 10, 0, 0, 1]);
    assert!(ip_of(&check(RAW, &ahead)).source_routed);
    // the pointer is past the route: the packet has arrived
    let arrived = with_options(&[1, 137, 7, 8, 10, 0, 0, 1]);
    assert!(!ip_of(&check(RAW, &arrived)).source_routed);
    let nonsense = with_options(&[7, 0, 0, 0]);
    check(RAW, &nonsense);
    check(RAW, &with_options(&[1; 40]));
}

#[test]
fn ipv6_extension_headers() {
    let padding = [1, 4, 0, 0, 0, 0];
    let hop_by_hop = join(&[&[60, 0], &padding]);
    let destination = join(&[&[43, 1], &padding, &[1, 6, 0, 0, 0, 0, 0, 0]]);
    let routing = join(&[&[6, 2, 0, 1, 0, 0, 0, 0], &DST6]);
    let chain = join(&[&hop_by_hop, &destination, &routing, &tcp()]);
    let frame = ethernet(0x86dd, &ipv6(0, &chain));
    let ip = ip_of(&check(LinkType::ETHERNET, &frame));
    assert_eq!((ip.protocol, ip.source_routed), (6, true));
    for (next, header) in [
        (135, [6, 0, 0, 0, 0, 0, 0, 0]),
        (139, [6, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        check(RAW, &ipv6(next, &join(&[&header, &tcp()])));
    }
    let atomic = ipv6(44, &join(&[&[6, 0, 0, 0, 0, 0, 0, 9], &tcp()]));
    assert_eq!(ip_of(&check(RAW, &atomic)).fragment, None);
    let nothing = ipv6(59, &tcp());
    let view = whole(RAW, &nothing);
    assert_eq!((view.transport, view.stop), (Transport::None, None));
}

#[test]
fn a_cut_extension_header() {
    let packet = ipv6(60, &join(&[&[6, 1], &[0; 14], &tcp()]));
    let view = dissect(RAW, &packet[..50], packet.len() as u32);
    assert_eq!(reason(&view), Some(StopReason::Snaplen));
    assert_eq!(ip_of(&view).protocol, 60);
    let lying = ipv6(60, &[6, 200, 0, 0, 0, 0, 0, 0]);
    assert_eq!(reason(&whole(RAW, &lying)), Some(StopReason::Malformed));
}

#[test]
fn fragments_of_ipv4() {
    let first = patch16(patch16(ipv4_tcp(), 6, 0x2000), 4, 7);
    let view = check(RAW, &first);
    let expected = Fragment {
        id: 7,
        offset: 0,
        more: true,
    };
    assert_eq!(ip_of(&view).fragment, Some(expected));
    let later = patch16(ipv4_tcp(), 6, 2);
    let view = whole(RAW, &later);
    assert_eq!(
        ip_of(&view).fragment.map(|f| (f.offset, f.more)),
        Some((16, false))
    );
    assert_eq!((view.transport, view.stop), (Transport::None, None));
}

#[test]
fn fragments_of_ipv6() {
    let fragment = |offset: u16| {
        let [high, low] = offset.to_be_bytes();
        ipv6(44, &join(&[&[6, 0, high, low, 1, 2, 3, 4], &tcp()]))
    };
    let first = fragment(1);
    let expected = Fragment {
        id: 0x0102_0304,
        offset: 0,
        more: true,
    };
    assert_eq!(ip_of(&check(RAW, &first)).fragment, Some(expected));
    let later = fragment(1480);
    let view = whole(RAW, &later);
    assert_eq!(
        ip_of(&view).fragment.map(|f| (f.offset, f.more)),
        Some((1480, false))
    );
    assert_eq!(
        (ip_of(&view).protocol, view.transport),
        (6, Transport::None)
    );
}

#[test]
fn a_tunnel_in_a_first_fragment_is_not_malformed() {
    let inner = ipv4_tcp();
    let outer = ipv4(4, &inner[..54]);
    let outer = patch16(outer, 6, 0x2000);
    let view = whole(RAW, &outer);
    assert_eq!(payload_len(&view), Some(3), "by the inner total length");
    assert_eq!(view.stop, None);
    assert_eq!(ip_of(&view).fragment, None, "the inner packet is none");
}

#[test]
fn padding_is_no_payload() {
    let frame = join(&[&ethernet(0x0800, &ipv4_tcp()), &[0; 9]]);
    let view = whole(LinkType::ETHERNET, &frame);
    assert_eq!((payload_len(&view), view.stop), (Some(3), None));
    assert_eq!(tcp_of(&view).map(|t| t.payload), Some(TEXT));
    let frame = join(&[&ethernet(0x86dd, &ipv6_tcp()), &[0; 9]]);
    assert_eq!(payload_len(&whole(LinkType::ETHERNET, &frame)), Some(3));
}

#[test]
fn no_length_means_the_whole_frame() {
    for (packet, at) in [(ipv4_tcp(), 2), (ipv6_tcp(), 4)] {
        let frame = patch16(packet, at, 0);
        let view = dissect(RAW, &frame, frame.len() as u32 + 3000);
        assert_eq!((payload_len(&view), view.stop), (Some(3003), None));
    }
    let frame = patch16(ipv4_tcp(), 2, 19);
    assert_eq!(payload_len(&whole(RAW, &frame)), Some(3));
}

#[test]
fn a_length_beyond_the_frame_is_malformed_only_if_the_frame_is_whole() {
    for (packet, at, max) in [(ipv4_tcp(), 2, 1500), (ipv6_tcp(), 4, 1460)] {
        let payload = 1500 - (packet.len() as u32 - 3);
        let frame = patch16(packet, at, max);
        let cut = dissect(RAW, &frame, 1500);
        assert_eq!((payload_len(&cut), cut.stop), (Some(payload), None));
        let contradiction = whole(RAW, &frame);
        assert_eq!(payload_len(&contradiction), Some(payload));
        assert_eq!(reason(&contradiction), Some(StopReason::Malformed));
        assert_eq!(contradiction.stop.map(|s| s.needed), Some(1500));
    }
}

#[test]
fn a_record_that_claims_too_little_is_believed_in_its_bytes() {
    let frame = ipv4_tcp();
    let view = dissect(RAW, &frame, 10);
    assert_eq!((payload_len(&view), view.stop), (Some(3), None));
}

#[test]
fn headers_that_are_none() {
    for first in [0x00, 0x44, 0x55, 0x75, 0xf5] {
        let mut packet = ipv4_tcp();
        packet[0] = first;
        let frame = ethernet(0x0800, &packet);
        let view = whole(LinkType::ETHERNET, &frame);
        assert_eq!(
            (view.ip, reason(&view)),
            (None, Some(StopReason::Malformed))
        );
        assert_eq!(view.link.src_mac, Some(SRC_MAC), "the link layer stands");
    }
}

#[test]
fn protocols_that_are_not_read() {
    for protocol in [50, 89, 132, 255] {
        let packet = ipv4(protocol, &tcp());
        let view = whole(RAW, &packet);
        assert_eq!(reason(&view), Some(StopReason::NotRead));
        assert_eq!(ip_of(&view).protocol, protocol);
    }
}
