//! Everything that carries a packet or frame in a packet.

use super::super::testing::*;
use super::super::{StopReason, Transport};
use crate::packet::PacketView;
use crate::units::LinkType;

fn in_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(protocol, payload))
}

fn gre(head: &[u8], payload: &[u8]) -> Vec<u8> {
    in_ipv4(47, &join(&[head, payload]))
}

fn tunnel_of(frame: &[u8]) -> u32 {
    whole(LinkType::ETHERNET, frame).tunnel.0
}

/// The frame's addresses are those of the frame in the tunnel.
fn is_inner_link(view: &PacketView<'_>) -> bool {
    view.link.src_mac == Some(INNER_SRC_MAC)
}

#[test]
fn ip_in_ip_in_all_combinations() {
    for (protocol, inner) in [(4, ipv4_tcp()), (41, ipv6_tcp())] {
        let frames = [
            in_ipv4(protocol, &inner),
            ethernet(0x86dd, &ipv6(protocol, &inner)),
        ];
        for frame in &frames {
            let view = check_tunnel(frame, 1);
            assert_eq!(view.tunnel.0, 0, "nothing identifies it");
            assert_eq!(view.link.src_mac, Some(SRC_MAC));
        }
    }
    check_tunnel(&in_ipv4(97, &join(&[&[0x30, 0], &inner_frame()])), 1);
    check_tunnel(&in_ipv4(143, &inner_frame()), 1);
    check_tunnel(&in_ipv4(137, &join(&[&[0, 1, 1, 64], &ipv4_tcp()])), 1);
}

#[test]
fn an_authentication_header_is_no_tunnel() {
    let header = [6, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    let payload = join(&[&header, &[7; 12], &tcp()]);
    for frame in [in_ipv4(51, &payload), ethernet(0x86dd, &ipv6(51, &payload))] {
        let view = check_tunnel(&frame, 0);
        assert_eq!(view.ip.map(|ip| ip.protocol), Some(6));
    }
}

#[test]
fn gre_with_all_its_fields() {
    let ip = ipv4_tcp();
    check_tunnel(&gre(&[0, 0, 8, 0], &ip), 1);
    check_tunnel(&gre(&[0x80, 0, 8, 0, 1, 2, 0, 0], &ip), 1);
    check_tunnel(&gre(&[0x10, 0, 8, 0, 0, 0, 0, 1], &ip), 1);
    let keyed = [0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1];
    assert_ne!(check_tunnel(&gre(&keyed, &ip), 1).tunnel.0, 0);
    let routed = [
        0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 10, 0, 0, 1, 0, 0, 0, 0,
    ];
    check_tunnel(&gre(&routed, &ip), 1);
    check_tunnel(&gre(&[0, 0, 0x88, 0x3e], &ip), 1);
    check_tunnel(&gre(&[0, 0, 0x88, 0x3e, 1, 2, 3, 4], &ip), 1);
    assert!(is_inner_link(&check_tunnel(
        &gre(&[0, 0, 0x65, 0x58], &inner_frame()),
        1
    )));
}

#[test]
fn the_key_tells_tunnels_apart_and_the_flow_hash_of_nvgre_does_not() {
    let keyed = |key: [u8; 4]| {
        let frame = gre(&join(&[&[0x20, 0, 0x65, 0x58], &key]), &inner_frame());
        tunnel_of(&frame)
    };
    assert_eq!(keyed([0, 0x20, 1, 5]), keyed([0, 0x20, 1, 99]));
    assert_ne!(keyed([0, 0x20, 1, 5]), keyed([0, 0x20, 2, 5]));
    // too small for NVGRE: a plain key
    assert_ne!(keyed([0, 0, 0, 5]), keyed([0, 0, 0, 6]));
}

#[test]
fn gre_version_1() {
    let ppp = join(&[&[0xff, 3, 0, 0x21], &ipv4_tcp()]);
    let len = (ppp.len() as u16).to_be_bytes();
    let head = join(&[&[0x30, 1, 0x88, 0x0b], &len, &[0, 7, 0, 0, 0, 1]]);
    check_tunnel(&gre(&head, &ppp), 1);
    let head = join(&[
        &[0x30, 0x81, 0x88, 0x0b],
        &len,
        &[0, 7, 0, 0, 0, 1, 0, 0, 0, 1],
    ]);
    check_tunnel(&gre(&head, &ppp), 1);
    let frame = gre(&[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 1], &[]);
    assert_eq!(whole(LinkType::ETHERNET, &frame).transport, Transport::None);
    let len = (inner_frame().len() as u16).to_be_bytes();
    let head = join(&[&[0x20, 1, 0x64, 0], &len, &[9, 0]]);
    assert!(is_inner_link(&check_tunnel(&gre(&head, &inner_frame()), 1)));
}

#[test]
fn erspan_of_all_types() {
    let inner = inner_frame();
    let sequenced = |protocol: [u8; 2]| join(&[&[0x10, 0], &protocol, &[0, 0, 0, 1]]);
    let v2 = join(&[&sequenced([0x88, 0xbe]), &[0x10, 5, 0, 1, 0, 0, 0, 0]]);
    let v3 = join(&[&sequenced([0x22, 0xeb]), &[0x20, 5, 0, 1], &[0; 8]]);
    let mut with_subheader = join(&[&v3, &[0; 8]]);
    with_subheader[8 + 11] = 1;
    for head in [&[0, 0, 0x88, 0xbe][..], &v2, &v3, &with_subheader] {
        let frame = gre(head, &inner);
        let view = check_tunnel(&frame, 1);
        assert!(is_inner_link(&view));
        assert_eq!(view.tunnel.0, 0, "a mirror is no network");
    }
}

#[test]
fn a_truncated_mirror_is_no_malformed_packet() {
    let head = [
        0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0x04, 1, 0, 0, 0, 0,
    ];
    let inner = inner_frame();
    let frame = gre(&head, &inner[..inner.len() - 10]);
    let view = whole(LinkType::ETHERNET, &frame);
    assert_eq!(view.stop.map(|s| s.reason), Some(StopReason::Snaplen));
    assert_eq!(tcp_of(&view).map(|t| t.payload_len), Some(3));
}

#[test]
fn vxlan_and_its_extension() {
    let head = |flags: u8, next: u8, vni: u8| [flags, 0, 0, next, 0, 0, vni, 0];
    for port in [4789, 8472, 4790] {
        let frame = over_udp(port, &join(&[&head(8, 0, 5), &inner_frame()]));
        assert!(is_inner_link(&check_tunnel(&frame, 1)));
    }
    let five = over_udp(4789, &join(&[&head(8, 0, 5), &inner_frame()]));
    let six = over_udp(4789, &join(&[&head(8, 0, 6), &inner_frame()]));
    assert_ne!(tunnel_of(&five), tunnel_of(&six));
    let nsh = [0, 2, 2, 1, 0, 0, 1, 255];
    for (next, payload) in [
        (1, ipv4_tcp()),
        (2, ipv6_tcp()),
        (3, inner_frame()),
        (4, join(&[&nsh, &ipv4_tcp()])),
        (5, join(&[&[0, 1, 1, 64], &ipv4_tcp()])),
    ] {
        check_tunnel(&over_udp(4790, &join(&[&head(12, next, 5), &payload])), 1);
    }
}

#[test]
fn geneve_with_options() {
    let head = [2, 0, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 3, 1, 9, 9, 9, 9];
    let frame = over_udp(6081, &join(&[&head, &inner_frame()]));
    assert!(is_inner_link(&check_tunnel(&frame, 1)));
    check_tunnel(
        &over_udp(6081, &join(&[&[0, 0, 8, 0, 0, 0, 5, 0], &ipv4_tcp()])),
        1,
    );
}

#[test]
fn gtp_user_packets() {
    let ip = ipv4_tcp();
    let gtp = |flags: u8, teid: u8, rest: &[u8]| {
        let len = ((rest.len() + ip.len()) as u16).to_be_bytes();
        over_udp(
            2152,
            &join(&[&[flags, 255], &len, &[0, 0, 0, teid], rest, &ip]),
        )
    };
    check_tunnel(&gtp(0x30, 1, &[]), 1);
    check_tunnel(&gtp(0x32, 1, &[0, 1, 0, 0]), 1);
    // PDU session container, then none
    check_tunnel(&gtp(0x34, 1, &[0, 0, 0, 0x85, 1, 0x10, 9, 0]), 1);
    assert_eq!(tunnel_of(&gtp(0x30, 1, &[])), tunnel_of(&gtp(0x30, 2, &[])));
}

#[test]
fn teredo_with_indications() {
    let auth = join(&[&[0, 1, 0, 0], &[1; 8], &[0]]);
    let origin = [0, 0, 1, 2, 3, 4, 5, 6];
    for head in [&[][..], &auth, &origin, &join(&[&auth, &origin])] {
        check_tunnel(&over_udp(3544, &join(&[head, &ipv6_tcp()])), 1);
    }
}

#[test]
fn a_dns_answer_to_the_port_of_teredo() {
    let mut answer = [0; 60];
    (answer[0], answer[2], answer[5]) = (0x6a, 0x81, 1);
    let frame = ethernet(0x0800, &ipv4(17, &udp(53, 3544, &answer)));
    let view = whole(LinkType::ETHERNET, &frame);
    assert!(matches!(view.transport, Transport::Udp(u) if u.payload == answer));
    assert_eq!((view.depth, view.ip_offset), (0, 14));
}

#[test]
fn l2tp_of_both_versions() {
    let ppp = join(&[&[0xff, 3, 0, 0x21], &ipv4_tcp()]);
    let len = (ppp.len() as u16 + 8).to_be_bytes();
    let v2 = |head: &[u8]| over_udp(1701, &join(&[head, &ppp]));
    check_tunnel(&v2(&[0, 2, 0, 1, 0, 2]), 1);
    check_tunnel(&v2(&join(&[&[0x40, 2], &len, &[0, 1, 0, 2]])), 1);
    check_tunnel(&v2(&[0x0a, 2, 0, 1, 0, 2, 0, 1, 0, 1, 0, 2, 9, 9]), 1);
    // nothing says what version 3 carries: only whole IP headers are believed
    for head in [&[0, 0, 0, 5][..], &[0, 0, 0, 5, 1, 2, 3, 4], &[5; 12]] {
        let payload = join(&[head, &inner_frame()]);
        for frame in [
            in_ipv4(115, &payload),
            over_udp(1701, &join(&[&[0, 3, 0, 0], &payload])),
        ] {
            let view = whole(LinkType::ETHERNET, &frame);
            assert!(tcp_of(&view).is_some() && is_inner_link(&view));
            assert_eq!((view.depth, view.stop), (1, None));
        }
    }
}

#[test]
fn capwap_and_tzsp() {
    let frame = inner_frame();
    let capwap =
        |word: [u8; 3], inner: &[u8]| over_udp(5247, &join(&[&[0], &word, &[0, 0, 0, 0], inner]));
    check_tunnel(&capwap([0x10, 0, 0], &frame), 1);
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let wifi = |control: [u8; 2]| {
        let addresses = join(&[&[0, 0], &[9; 6], &SRC_MAC, &DST_MAC, &[0, 0]]);
        join(&[&control, &addresses, &snap, &ipv4_tcp()])
    };
    check_tunnel(&capwap([0x10, 3, 0], &wifi([8, 1])), 1);
    check_tunnel(&capwap([0x10, 3, 0], &wifi([1, 8])), 1);
    let tags = [10, 1, 0x40, 0, 1];
    check_tunnel(&over_udp(37008, &join(&[&[1, 0, 0, 1], &tags, &frame])), 1);
    check_tunnel(
        &over_udp(37008, &join(&[&[1, 0, 0, 18], &tags, &wifi([8, 1])])),
        1,
    );
}

#[test]
fn ip_and_mpls_straight_in_udp() {
    check_tunnel(&over_udp(6080, &ipv4_tcp()), 1);
    check_tunnel(
        &over_udp(6080, &join(&[&[1, 4, 0, 0, 1, 2, 3, 4], &ipv4_tcp()])),
        1,
    );
    check_tunnel(&over_udp(6635, &join(&[&[0, 1, 1, 64], &ipv4_tcp()])), 1);
}

#[test]
fn a_tunnel_port_alone_makes_no_tunnel() {
    for port in [
        4789, 8472, 4790, 6080, 6081, 6635, 37008, 2152, 3544, 1701, 5247,
    ] {
        for payload in [
            &[][..],
            &[0; 3],
            &[0; 60],
            &[0xff; 60],
            b"hello, this is no tunnel",
        ] {
            let frame = over_udp(port, payload);
            let view = whole(LinkType::ETHERNET, &frame);
            let Transport::Udp(udp) = view.transport else {
                panic!("{port}: {view:?}");
            };
            assert_eq!((udp.dst_port, udp.payload), (port, payload));
            assert_eq!((view.depth, view.stop, view.ip_offset), (0, None, 14));
            assert_eq!(view.link.src_mac, Some(SRC_MAC));
        }
    }
}

#[test]
fn tunnels_in_tunnels() {
    let vxlan = over_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &inner_frame()]));
    let erspan = gre(&[0, 0, 0x88, 0xbe], &vxlan);
    let view = check_tunnel(&erspan, 2);
    assert!(is_inner_link(&view));
    assert_eq!(
        view.tunnel.0,
        tunnel_of(&vxlan),
        "a mirror of it is the same network"
    );
    let inner_id = over_udp(6081, &join(&[&[0, 0, 0x65, 0x58, 0, 0, 5, 0], &vxlan]));
    assert_ne!(check_tunnel(&inner_id, 2).tunnel.0, tunnel_of(&vxlan));
}
