//! TCP with odd headers, UDP, ICMP and its quotes, checksums.

use super::super::testing::*;
use super::super::{
    Addresses, IcmpView, PacketView, Quote, StopReason, TcpChecksum, Transport, dissect,
    tcp_checksum, tcp_flags,
};
use crate::units::LinkType;

const RAW: LinkType = LinkType::RAW;

fn reason(view: &PacketView<'_>) -> Option<StopReason> {
    view.stop.map(|s| s.reason)
}

#[test]
fn fields_of_tcp() {
    let mut packet = ipv4_tcp();
    packet[32] |= 0x0f;
    packet[33] = 0xff;
    let view = whole(RAW, &packet);
    let tcp = tcp_of(&view).expect("TCP");
    assert_eq!(tcp.flags, 0x0fff, "reserved bits and AE too");
    assert_eq!(
        (tcp.window, tcp.header_len, tcp.header_captured),
        (0x2345, 32, 32)
    );
    assert_eq!(tcp.options, [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    assert_eq!(tcp.segment, &packet[20..]);
}

#[test]
fn impossible_data_offsets_keep_ports_and_flags() {
    for words in 0..16_u8 {
        let mut packet = ipv4_tcp();
        packet[32] = words << 4;
        let view = whole(RAW, &packet);
        let tcp = tcp_of(&view).expect("TCP");
        assert_eq!(
            (tcp.dst_port, tcp.flags),
            (DST_PORT, tcp_flags::RST | tcp_flags::ACK)
        );
        assert_eq!(tcp.header_len, words * 4);
        // 35 bytes are there
        match words {
            5..=8 => {
                assert_eq!(tcp.payload_len, 35 - u32::from(words) * 4);
                assert_eq!(view.stop, None);
            }
            _ => {
                assert_eq!((tcp.payload_len, tcp.payload.len()), (0, 0));
                assert_eq!(reason(&view), Some(StopReason::Malformed));
            }
        }
        let expected = if words < 5 { 20 } else { 35.min(words * 4) };
        assert_eq!(tcp.header_captured, expected);
    }
}

#[test]
fn a_datagram_too_short_for_tcp() {
    for len in 0..20 {
        let packet = ipv4(6, &tcp()[..len]);
        let view = whole(RAW, &packet);
        assert_eq!(tcp_of(&view).is_some(), len >= 14, "{len}");
        assert_eq!(reason(&view), Some(StopReason::Malformed), "{len}");
    }
}

#[test]
fn udp_lengths() {
    let cases: [(u16, &[u8], Option<StopReason>); 5] = [
        (12, b"name", None),
        (10, b"na", None),
        (0, b"name", None),
        (7, b"name", Some(StopReason::Malformed)),
        (99, b"name", Some(StopReason::Malformed)),
    ];
    for (len, payload, expected) in cases {
        let mut datagram = udp(1025, 53, b"name");
        datagram[4..6].copy_from_slice(&len.to_be_bytes());
        let frame = ethernet(0x0800, &ipv4(17, &datagram));
        let view = whole(LinkType::ETHERNET, &frame);
        let Transport::Udp(udp) = view.transport else {
            panic!("{len}: {view:?}");
        };
        assert_eq!(
            (udp.src_port, udp.dst_port, udp.payload),
            (1025, 53, payload)
        );
        assert_eq!(udp.payload_len as usize, payload.len());
        assert_eq!(reason(&view), expected, "{len}");
    }
    let packet = ipv4(17, &udp(1025, 53, b"name"));
    let cut = dissect(RAW, &packet[..30], packet.len() as u32);
    let Transport::Udp(udp) = cut.transport else {
        panic!("{cut:?}");
    };
    assert_eq!((udp.payload, udp.payload_len), (&b"na"[..], 4));
}

fn icmp_of(view: &PacketView<'_>) -> IcmpView {
    match view.transport {
        Transport::Icmp(icmp) => icmp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn icmp_errors_quote_tcp() {
    let rst = tcp_flags::RST | tcp_flags::ACK;
    for icmp_type in [3, 4, 5, 11, 12] {
        for quoted in 8..=35 {
            let head = [icmp_type, 1, 0, 0, 0, 0, 0, 0];
            let packet = ipv4(1, &join(&[&head, &ipv4_tcp()[..20 + quoted]]));
            let icmp = icmp_of(&whole(RAW, &packet));
            assert_eq!(
                (icmp.v6, icmp.icmp_type, icmp.code, icmp.mtu),
                (false, icmp_type, 1, None)
            );
            let expected = Quote {
                addresses: Addresses::V4 {
                    src: SRC4,
                    dst: DST4,
                },
                protocol: 6,
                src_port: SRC_PORT,
                dst_port: DST_PORT,
                seq: SEQ,
                ack: (quoted >= 12).then_some(ACK),
                flags: (quoted >= 14).then_some(rst),
                transport_len: quoted.min(if quoted > 12 { 32 } else { 20 }) as u32,
            };
            assert_eq!(icmp.quote, Some(expected), "{quoted}");
        }
    }
}

#[test]
fn icmpv6_errors_quote_through_extension_headers() {
    let quoted = ipv6(
        60,
        &join(&[&[17, 0, 1, 4, 0, 0, 0, 0], &udp(1025, 53, b"")]),
    );
    for icmp_type in 1..=4 {
        let head = [icmp_type, 0, 0, 0, 0, 0, 5, 0];
        let packet = ipv6(58, &join(&[&head, &quoted]));
        let icmp = icmp_of(&whole(RAW, &packet));
        assert_eq!(icmp.mtu, (icmp_type == 2).then_some(1280));
        let quote = icmp.quote.expect("a quote");
        assert_eq!(
            (quote.protocol, quote.src_port, quote.dst_port),
            (17, 1025, 53)
        );
        assert_eq!((quote.seq, quote.ack, quote.flags), (0, None, None));
        assert_eq!(quote.transport_len, 8);
    }
}

#[test]
fn icmp_that_quotes_nothing() {
    let error = [3, 1, 0, 0, 0, 0, 0, 0];
    let later_fragment = {
        let mut packet = ipv4_tcp();
        packet[7] = 1;
        packet
    };
    for body in [
        &[][..],
        &ipv4_tcp()[..19],
        &ipv4_tcp()[..27],
        &ipv4(1, &tcp()),
        &later_fragment,
        &[0; 40],
    ] {
        let packet = ipv4(1, &join(&[&error, body]));
        assert_eq!(icmp_of(&whole(RAW, &packet)).quote, None);
    }
    // an echo is no error, whatever it holds
    let echo = ipv4(1, &join(&[&[8, 0, 0, 0, 0, 0, 0, 0], &ipv4_tcp()]));
    assert_eq!(icmp_of(&whole(RAW, &echo)).quote, None);
}

#[test]
fn mtu_of_fragmentation_needed() {
    for (bytes, mtu) in [([5, 0x78], Some(1400)), ([0, 0], None)] {
        let packet = ipv4(1, &join(&[&[3, 4, 0, 0, 0, 0], &bytes, &ipv4_tcp()]));
        assert_eq!(icmp_of(&whole(RAW, &packet)).mtu, mtu);
    }
}

/// The RST in IPv4 with another checksum.
fn with_checksum(checksum: u16) -> Vec<u8> {
    let mut packet = ipv4_tcp();
    packet[36..38].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// One's complement sum of the pseudo-header, as RFC 9293 3.1 lays it out.
fn pseudo_header_sum(len: u16) -> u16 {
    let words = [0xc000, 0x0201, 0xc633, 0x6402, 6, u32::from(len)];
    let sum = words.iter().sum::<u32>();
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[test]
fn checksums() {
    let judge = |packet: &[u8]| tcp_checksum(&whole(RAW, packet));
    assert_eq!(judge(&ipv4_tcp()), Some(TcpChecksum::Good));
    assert_eq!(judge(&with_checksum(0x1234)), Some(TcpChecksum::Bad));
    let partial = with_checksum(pseudo_header_sum(35));
    assert_eq!(judge(&partial), Some(TcpChecksum::Partial));
    let of_a_burst = with_checksum(pseudo_header_sum(0));
    assert_eq!(judge(&of_a_burst), Some(TcpChecksum::Partial));
    let mut header = tcp_header();
    let sum = header.calc_checksum_ipv6_raw(SRC6, DST6, TEXT);
    header.checksum = sum.expect("short payload");
    let v6 = ipv6(6, &join(&[&header.to_bytes(), TEXT]));
    assert_eq!(judge(&v6), Some(TcpChecksum::Good));
    let padded = join(&[&ethernet(0x0800, &ipv4_tcp()), &[7; 9]]);
    let view = whole(LinkType::ETHERNET, &padded);
    assert_eq!(tcp_checksum(&view), Some(TcpChecksum::Good));
}

#[test]
fn checksums_that_cannot_be_told() {
    let packet = ipv4_tcp();
    for captured in 34..packet.len() {
        let view = dissect(RAW, &packet[..captured], packet.len() as u32);
        assert_eq!(tcp_checksum(&view), None, "{captured}");
    }
    let partial = with_checksum(pseudo_header_sum(35));
    let cut = dissect(RAW, &partial[..40], partial.len() as u32);
    assert_eq!(
        tcp_checksum(&cut),
        Some(TcpChecksum::Partial),
        "needs no payload"
    );
    let mut fragment = ipv4_tcp();
    fragment[6] = 0x20;
    assert_eq!(tcp_checksum(&whole(RAW, &fragment)), None);
    let udp = ipv4(17, &udp(1, 2, &[]));
    assert_eq!(tcp_checksum(&whole(RAW, &udp)), None);
}
