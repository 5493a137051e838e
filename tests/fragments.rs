//! Datagrams that come in fragments: what stands in the later ones is read, and all are written.

use crate::support::capture::{Shape, packets};
use crate::support::{run, talk};
use etherparse::{IpFragOffset, Ipv4Header};

const RESOLVER: [u8; 4] = [10, 0, 0, 53];
const CLIENT: [u8; 4] = [10, 0, 0, 1];

/// The answer for `www.example.net`: a long text, then the server's address.
fn answer() -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 6, 0, 0, 0, 0];
    message.extend(b"\x03www\x07example\x03net\0\0\x01\0\x01");
    for _ in 0..5 {
        message.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 14, 16, 1, 0, 255]);
        message.extend([b'x'; 255]);
    }
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 7]);
    message
}

fn frame(from: [u8; 4], to: [u8; 4], offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut ip = Ipv4Header::new(
        payload.len() as u16,
        64,
        etherparse::ip_number::UDP,
        from,
        to,
    )
    .unwrap();
    ip.dont_fragment = false;
    ip.identification = 77;
    ip.more_fragments = more;
    ip.fragment_offset = IpFragOffset::try_new(offset as u16 / 8).unwrap();
    ip.header_checksum = ip.calc_header_checksum();
    let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0];
    ip.write(&mut out).unwrap();
    out.extend(payload);
    out
}

fn udp(ports: (u16, u16), message: &[u8]) -> Vec<u8> {
    let len = 8 + message.len() as u16;
    let mut out = [ports.0, ports.1, len, 0].map(u16::to_be_bytes).concat();
    out.extend(message);
    out
}

/// A lookup whose answer comes in fragments at these offsets, and the connection made of it.
fn capture(order: &[usize], cuts: &[usize]) -> Vec<u8> {
    let mut query = answer()[..33].to_vec();
    query[2..8].copy_from_slice(&[1, 0, 0, 1, 0, 0]);
    let asked = frame(CLIENT, RESOLVER, 0, false, &udp((5353, 53), &query));
    let datagram = udp((53, 5353), &answer());
    let mut ends = cuts.to_vec();
    ends.push(datagram.len());
    let parts: Vec<Vec<u8>> = std::iter::once(&0)
        .chain(cuts)
        .zip(&ends)
        .map(|(&from, &to)| {
            frame(
                RESOLVER,
                CLIENT,
                from,
                to < datagram.len(),
                &datagram[from..to],
            )
        })
        .collect();
    let mut frames = vec![(0, asked)];
    frames.extend(order.iter().map(|&i| (1000 + i as u64, parts[i].clone())));
    let connection = talk::reset_request(40_000, b"GET / HTTP/1.1\r\n\r\n");
    frames.extend(connection.into_iter().map(|(t, f)| (t + 20_000, f)));
    talk::capture(frames).bytes(Shape::PLAIN)
}

#[test]
fn an_address_in_a_later_fragment_of_the_answer_is_read() {
    for order in [&[0, 1, 2][..], &[2, 1, 0], &[1, 0, 2]] {
        let file = run::temporary(&capture(order, &[800, 1200]));
        let ran = run::run(file.path(), &["-j1"]);
        let case = &ran.cases[0];
        assert_eq!(case["server"]["names"][0], "www.example.net", "{order:?}");
        // the query and all fragments of the answer are in the case file
        let kept = packets(&ran.files[0]);
        let of_dns = kept
            .iter()
            .filter(|p| p.packet_id.is_some_and(|id| id <= 4));
        assert_eq!(of_dns.count(), 4, "{order:?}");
        let split = run::run(file.path(), &["-j2", "--chunk-size", "300"]);
        assert!(ran.ndjson == split.ndjson && ran.files == split.files);
    }
}

#[test]
fn a_missing_fragment_ends_what_is_read() {
    let ran = run::run_bytes(&capture(&[0, 2], &[800, 1200]), &["-j1"]);
    assert_eq!(ran.cases.len(), 1);
    assert!(
        ran.cases[0]["server"]["names"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_flood_of_fragmented_answers_is_bounded() {
    let mut frames = Vec::new();
    let datagram = udp((53, 5353), &answer());
    for i in 0..3000_u64 {
        let mut first = frame(RESOLVER, CLIENT, 0, true, &datagram[..800]);
        let mut second = frame(RESOLVER, CLIENT, 800, false, &datagram[800..]);
        for part in [&mut first, &mut second] {
            part[18..20].copy_from_slice(&(i as u16).to_be_bytes());
            part[14 + 10..14 + 12].copy_from_slice(&[0, 0]);
        }
        frames.push((i, first));
        frames.push((i, second));
    }
    let connection = talk::reset_request(40_000, b"GET / HTTP/1.1\r\n\r\n");
    frames.extend(connection.into_iter().map(|(t, f)| (t + 20_000, f)));
    let ran = run::run_bytes(&talk::capture(frames).bytes(Shape::PLAIN), &["-j1"]);
    assert_eq!(ran.cases[0]["server"]["names"][0], "www.example.net");
    assert!(
        ran.anomalies.iter().any(|a| a.0 == "fragments-forgotten"),
        "{:?}",
        ran.anomalies
    );
}
