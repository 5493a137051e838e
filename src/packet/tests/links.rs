//! Every link type and everything an EtherType may announce.

use super::super::testing::*;
use super::super::{LinkView, Transport, dissect};
use crate::packet::StopReason;
use crate::units::LinkType;

const MACS: LinkView = LinkView {
    src_mac: Some(SRC_MAC),
    dst_mac: Some(DST_MAC),
    vlan: None,
    outbound: None,
};

fn on(vlan: u16) -> LinkView {
    LinkView {
        vlan: Some(vlan),
        ..MACS
    }
}

/// LLC and SNAP before IPv4.
const SNAP_IPV4: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

fn snap() -> Vec<u8> {
    join(&[&SNAP_IPV4, &ipv4_tcp()])
}

#[test]
fn ethernet_with_both_versions() {
    for frame in [ethernet(0x0800, &ipv4_tcp()), ethernet(0x86dd, &ipv6_tcp())] {
        let view = check(LinkType::ETHERNET, &frame);
        assert_eq!(view.link, MACS);
        assert_eq!((view.depth, view.tunnel.0, view.ip_offset), (0, 0, 14));
    }
}

#[test]
fn any_number_of_vlan_tags() {
    let ids: Vec<u8> = (0..12).flat_map(|id| [0x91, 0, 0x20, id]).collect();
    let types = [0x8100_u16, 0x88a8, 0x9100, 0x9200];
    for (count, outer) in (1..12).zip(types.iter().cycle()) {
        let tags = &ids[2..2 + (count - 1) * 4];
        let last = [0x20, 77, 8, 0];
        // TCI, type, TCI, type ... the last TCI and IPv4
        let tags = join(&[tags, &last]);
        let frame = ethernet(*outer, &join(&[&tags, &ipv4_tcp()]));
        assert_eq!(check(LinkType::ETHERNET, &frame).link, on(77), "{count}");
    }
}

#[test]
fn a_priority_tag_is_no_vlan() {
    let frame = ethernet(0x8100, &join(&[&[0xe0, 0, 8, 0], &ipv4_tcp()]));
    assert_eq!(check(LinkType::ETHERNET, &frame).link.vlan, None);
    let frame = join(&[&[0, 9, 0x81, 0, 0xe0, 0, 8, 0], &ipv4_tcp()]);
    let frame = ethernet(0x88a8, &frame);
    assert_eq!(check(LinkType::ETHERNET, &frame).link, on(9));
}

#[test]
fn llc_and_snap() {
    let llc_len = snap().len() as u16;
    check(LinkType::ETHERNET, &ethernet(llc_len, &snap()));
    check(LinkType::ATM_RFC1483, &snap());
    let plain = join(&[&[6, 6, 3], &ipv4_tcp()]);
    check(LinkType::ETHERNET, &ethernet(plain.len() as u16, &plain));
    let bridged = join(&[&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], &inner_frame()]);
    let view = check(LinkType::ATM_RFC1483, &bridged);
    assert_eq!(view.link.src_mac, Some(INNER_SRC_MAC));
}

#[test]
fn ethertypes_around_ip() {
    let ip = ipv4_tcp();
    let ppp = join(&[&[0, 0x21], &ip]);
    let ppp_len = (ppp.len() as u16).to_be_bytes();
    let tagged = |bytes: &[u8]| join(&[bytes, &[8, 0], &ip]);
    let macsec_icv = [0xee; 16];
    let frames = [
        // MPLS: two labels, and explicit null
        (0x8847, join(&[&[0, 1, 0, 64, 0, 2, 1, 64], &ip])),
        (0x8848, join(&[&[0, 0, 1, 64], &ip])),
        (0x8864, join(&[&[0x11, 0, 0, 5], &ppp_len, &ppp])),
        // the length field of PPPoE left 0 by offload
        (0x8864, join(&[&[0x11, 0, 0, 5, 0, 0], &ppp])),
        (0x880b, ppp),
        // Cisco metadata: version 1, one option with the group tag
        (0x8909, tagged(&[1, 1, 0, 1, 0, 4])),
        (0x8926, tagged(&[0, 1, 0, 2])),
        (0x893f, tagged(&[0, 0, 0, 1, 0, 0])),
        // MACsec without and with channel identifier, integrity only
        (0x88e5, join(&[&tagged(&[0, 0, 0, 0, 0, 1]), &macsec_icv])),
        (
            0x88e5,
            join(&[
                &tagged(&[0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]),
                &macsec_icv,
            ]),
        ),
        // NSH, metadata type 2 without any, next protocol IPv4
        (0x894f, join(&[&[0, 2, 2, 1, 0, 0, 1, 255], &ip])),
    ];
    for (ether_type, payload) in &frames {
        let frame = ethernet(*ether_type, payload);
        let view = check(LinkType::ETHERNET, &frame);
        assert_eq!((view.link, view.depth), (MACS, 0), "{ether_type:#06x}");
    }
}

#[test]
fn frames_in_frames() {
    let inner = inner_frame();
    let frames = [
        // pseudowire with and without control word
        (0x8847, join(&[&[0, 1, 1, 64, 0, 0, 0, 0], &inner]), 1),
        (0x8847, join(&[&[0, 1, 1, 64], &inner]), 1),
        (0x88e7, join(&[&[0, 0, 1, 2], &inner]), 1),
        (0x8903, join(&[&[0, 0x41], &inner]), 0),
        (
            0x22f3,
            join(&[&[0, 0x40, 0, 1, 0, 2, 1, 2, 3, 4], &inner]),
            0,
        ),
        (0x894f, join(&[&[0, 2, 2, 3, 0, 0, 1, 255], &inner]), 0),
    ];
    for (ether_type, payload, depth) in &frames {
        let frame = ethernet(*ether_type, payload);
        // a pseudowire is only seen when its EtherType was captured: no cutting here
        let view = whole(LinkType::ETHERNET, &frame);
        assert!(tcp_of(&view).is_some(), "{ether_type:#06x}");
        assert_eq!(view.link.src_mac, Some(INNER_SRC_MAC), "{ether_type:#06x}");
        assert_eq!((view.depth, view.stop), (*depth, None), "{ether_type:#06x}");
    }
}

#[test]
fn encrypted_macsec_is_not_read() {
    let secured = join(&[&[0x0c, 0, 0, 0, 0, 1, 8, 0], &ipv4_tcp()]);
    let frame = ethernet(0x88e5, &secured);
    let view = whole(LinkType::ETHERNET, &frame);
    assert_eq!(view.transport, Transport::None);
    assert_eq!(view.stop.map(|s| s.reason), Some(StopReason::NotRead));
}

#[test]
fn loopback_in_both_byte_orders() {
    for link in [LinkType::NULL, LinkType::LOOP] {
        for af in [[2, 0, 0, 0], [0, 0, 0, 2], [0, 8, 0, 0]] {
            let view = check(link, &join(&[&af, &ipv4_tcp()])).link;
            assert_eq!(view, LinkView::default());
        }
        for af in [10, 24, 28, 30] {
            check(link, &join(&[&[af, 0, 0, 0], &ipv6_tcp()]));
            check(link, &join(&[&[0, 0, 0, af], &ipv6_tcp()]));
        }
    }
}

#[test]
fn raw_ip_under_all_its_numbers() {
    let raw = [LinkType::RAW, LinkType::RAW_12, LinkType::RAW_14];
    for link in raw.into_iter().chain([LinkType::IPV4, LinkType::IPV6]) {
        check(link, &ipv4_tcp());
        check(link, &ipv6_tcp());
    }
}

fn sll(packet_type: u8, hardware: [u8; 2], protocol: [u8; 2]) -> Vec<u8> {
    let address = [&SRC_MAC[..], &[0, 0]].concat();
    join(&[&[0, packet_type], &hardware, &[0, 6], &address, &protocol])
}

#[test]
fn cooked_captures_tell_the_direction() {
    for (packet_type, outbound) in [
        (0, Some(false)),
        (1, Some(false)),
        (3, None),
        (4, Some(true)),
    ] {
        let v1 = join(&[&sll(packet_type, [0, 1], [8, 0]), &ipv4_tcp()]);
        let v2_head = [0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, packet_type, 6];
        let v2 = join(&[&v2_head, &SRC_MAC, &[0, 0], &ipv6_tcp()]);
        for (link, frame) in [(LinkType::LINUX_SLL, v1), (LinkType::LINUX_SLL2, v2)] {
            let expected = LinkView {
                src_mac: Some(SRC_MAC),
                outbound,
                ..LinkView::default()
            };
            assert_eq!(check(link, &frame).link, expected);
        }
    }
    let tagged = join(&[&sll(4, [0, 1], [0x81, 0]), &[0, 7, 8, 0], &ipv4_tcp()]);
    assert_eq!(check(LinkType::LINUX_SLL, &tagged).link.vlan, Some(7));
    check(
        LinkType::LINUX_SLL,
        &join(&[&sll(0, [0, 1], [0, 4]), &snap()]),
    );
    // hardware types whose protocol field says nothing: Frame Relay
    let relay = join(&[&sll(0, [3, 2], [0, 0]), &[0x18, 0x41, 3, 0xcc], &ipv4_tcp()]);
    check(LinkType::LINUX_SLL, &relay);
}

#[test]
fn serial_lines() {
    let ip = ipv4_tcp();
    let with = |head: &[u8]| join(&[head, &ip]);
    check(LinkType::PPP, &with(&[0xff, 3, 0, 0x21]));
    check(LinkType::PPP, &with(&[0, 0x21]));
    check(LinkType::PPP, &with(&[0x21]));
    check(LinkType::PPP, &join(&[&[0, 0x57], &ipv6_tcp()]));
    check(LinkType::PPP, &with(&[0xff, 3, 2, 0x81, 0, 1, 1, 64]));
    check(LinkType::PPP, &with(&[0, 0x3d, 0xc0, 0, 0, 1, 0, 0x21]));
    check(LinkType::PPP, &join(&[&[0, 0x31, 0, 1], &inner_frame()]));
    check(LinkType::PPP_HDLC, &with(&[0xff, 3, 0, 0x21]));
    check(LinkType::PPP_HDLC, &with(&[0x0f, 0, 8, 0]));
    check(LinkType::C_HDLC, &with(&[0x8f, 0, 8, 0]));
    let pppoe_len = (ip.len() as u16 + 2).to_be_bytes();
    check(
        LinkType::PPP_ETHER,
        &join(&[&[0x11, 0, 0, 1], &pppoe_len, &[0, 0x21], &ip]),
    );
    check(LinkType::FRELAY, &with(&[0x18, 0x41, 3, 0xcc]));
    check(LinkType::FRELAY, &with(&[0x18, 0x41, 8, 0]));
    check(
        LinkType::FRELAY,
        &with(&[0x18, 0x40, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]),
    );
    for (link, head) in [
        (LinkType::PPP_PPPD, &[1, 3, 0, 0x21][..]),
        (LinkType::PPP_WITH_DIR, &[1, 0xff, 3, 0, 0x21]),
        (LinkType::C_HDLC_WITH_DIR, &[1, 0x0f, 0, 8, 0]),
        (LinkType::FRELAY_WITH_DIR, &[1, 0x18, 0x41, 3, 0xcc]),
    ] {
        assert_eq!(check(link, &with(head)).link.outbound, Some(true));
    }
}

#[test]
fn fddi_addresses_are_turned() {
    let turn = |mac: [u8; 6]| mac.map(u8::reverse_bits);
    let frame = join(&[&[0x57], &turn(DST_MAC), &turn(SRC_MAC), &snap()]);
    assert_eq!(check(LinkType::FDDI, &frame).link, MACS);
}

#[test]
fn what_capture_programs_put_before() {
    let (ip, frame) = (ipv4_tcp(), ethernet(0x0800, &ipv4_tcp()));
    let mut pktap = [0; 108];
    (pktap[0], pktap[8], pktap[36]) = (108, 1, 2);
    let view = check(LinkType::PKTAP, &join(&[&pktap, &frame]))
        .link
        .outbound;
    assert_eq!(view, Some(true));
    let nflog_len = (ip.len() as u16 + 4).to_le_bytes();
    let nflog = join(&[
        &[2, 0, 0, 0, 5, 0, 3, 0, 1, 0, 0, 0],
        &nflog_len,
        &[9, 0],
        &ip,
    ]);
    check(LinkType::NFLOG, &nflog);
    let mut pflog = [0; 64];
    pflog[0] = 61;
    check(LinkType::PFLOG, &join(&[&pflog, &ip]));
    check(LinkType::ENC, &join(&[&[0; 12], &ip]));
    check(LinkType::NETANALYZER, &join(&[&[0; 4], &frame]));
    check(
        LinkType::NETANALYZER_TRANSPARENT,
        &join(&[&[0; 12], &frame]),
    );
    check(LinkType::MPLS, &join(&[&[0, 1, 1, 64], &ip]));
    let mut erf = [0; 16];
    erf[8] = 0x82;
    check(LinkType::ERF, &join(&[&erf, &[3; 8], &[0, 0], &frame]));
    // PPI in PPI is no way to exhaust the stack
    let ppi = [0, 0, 8, 0, 192, 0, 0, 0].repeat(10_000);
    let stop = dissect(LinkType::PPI, &ppi, 80_000).stop;
    assert_eq!(stop.map(|s| s.reason), Some(StopReason::TooDeep));
}

fn wifi(kind: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
    let (a1, a2, a3) = match flags & 3 {
        0 => (DST_MAC, SRC_MAC, [9; 6]),
        1 => ([9; 6], SRC_MAC, DST_MAC),
        2 => (DST_MAC, [9; 6], SRC_MAC),
        _ => ([9; 6], [8; 6], DST_MAC),
    };
    join(&[&[kind, flags, 0, 0], &a1, &a2, &a3, &[0, 0], rest, &snap()])
}

#[test]
fn wireless_data_frames() {
    for flags in 0..3 {
        let plain = wifi(0x08, flags, &[]);
        assert_eq!(check(LinkType::IEEE802_11, &plain).link, MACS, "{flags}");
        let qos = wifi(0x88, flags, &[0, 0]);
        assert_eq!(check(LinkType::IEEE802_11, &qos).link, MACS, "{flags}");
        check(
            LinkType::IEEE802_11,
            &wifi(0x88, flags | 0x80, &[0, 0, 1, 2, 3, 4]),
        );
    }
    let bridge = wifi(0x88, 3, &join(&[&SRC_MAC, &[0, 0]]));
    assert_eq!(check(LinkType::IEEE802_11, &bridge).link, MACS);
    let subframe_len = (snap().len() as u16).to_be_bytes();
    let aggregate = wifi(
        0x88,
        1,
        &join(&[&[0x80, 0], &DST_MAC, &SRC_MAC, &subframe_len]),
    );
    assert_eq!(check(LinkType::IEEE802_11, &aggregate).link, MACS);
    // what is no segment comes first, padded to four octets
    let subframe = |payload: &[u8]| {
        let len = (payload.len() as u16).to_be_bytes();
        join(&[&DST_MAC, &SRC_MAC, &len, payload])
    };
    let first = join(&[&subframe(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 6, 1]), &[0]]);
    let second = join(&[&wifi(0x88, 1, &[0x80, 0])[..26], &first, &subframe(&snap())]);
    let view = whole(LinkType::IEEE802_11, &second);
    assert!(matches!(view.transport, Transport::Tcp(_)), "{view:?}");
    for (kind, flags) in [(0x08, 0x40), (0x48, 0), (0x80, 0), (0xc8, 0)] {
        let frame = wifi(kind, flags, &[]);
        let stop = whole(LinkType::IEEE802_11, &frame).stop;
        assert_eq!(stop.map(|s| s.reason), Some(StopReason::NotRead));
    }
}

#[test]
fn what_receivers_put_before_wireless_frames() {
    let frame = wifi(0x08, 1, &[]);
    // flags are the first field, or follow a time stamp aligned to 8
    let short = [0, 0, 9, 0, 2, 0, 0, 0, 0x10];
    check(
        LinkType::IEEE802_11_RADIOTAP,
        &join(&[&short, &frame, &[1, 2, 3, 4]]),
    );
    // two presence words; the header of 26 octets is padded to 28
    let mut long = [0; 25];
    (long[2], long[4], long[7], long[24]) = (25, 3, 0x80, 0x20);
    let padded = wifi(0x88, 1, &[0, 0, 0xff, 0xff]);
    check(LinkType::IEEE802_11_RADIOTAP, &join(&[&long, &padded]));
    let prism = join(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136], &frame]);
    check(LinkType::IEEE802_11_PRISM, &prism);
    let avs = join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56], &frame]);
    check(LinkType::IEEE802_11_PRISM, &avs);
    check(LinkType::IEEE802_11_AVS, &avs);
    let ppi = join(&[&[0, 0, 12, 0, 105, 0, 0, 0, 1, 2, 3, 4], &frame]);
    check(LinkType::PPI, &ppi);
}
