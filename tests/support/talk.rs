//! A TCP connection written down segment by segment, as Ethernet frames.

use super::capture::{Capture, Frame};
use etherparse::PacketBuilder;

const CLIENT: ([u8; 6], [u8; 4]) = ([2, 0, 0, 0, 0, 1], [10, 0, 0, 1]);
const SERVER: ([u8; 6], [u8; 4]) = ([2, 0, 0, 0, 0, 2], [192, 0, 2, 7]);
const START: u64 = 1_720_958_477_000_000_000;

/// Flags of a segment, in letters as tcpdump writes them: S, F, R, P and A.
pub fn segment(
    from_client: bool,
    ports: (u16, u16),
    numbers: (u32, u32),
    flags: &str,
    payload: &[u8],
) -> Vec<u8> {
    let (client, server) = ports;
    let ((from, to), (source, destination)) = if from_client {
        ((CLIENT, SERVER), (client, server))
    } else {
        ((SERVER, CLIENT), (server, client))
    };
    let mut step = PacketBuilder::ethernet2(from.0, to.0)
        .ipv4(from.1, to.1, if from_client { 64 } else { 57 })
        .tcp(source, destination, numbers.0, 64_240);
    for flag in flags.chars() {
        step = match flag {
            'S' => step.syn(),
            'F' => step.fin(),
            'R' => step.rst(),
            'P' => step.psh(),
            _ => step.ack(numbers.1),
        };
    }
    let mut frame = Vec::new();
    step.write(&mut frame, payload).unwrap();
    frame
}

/// Frames at given microseconds after the start.
pub fn capture(frames: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Capture {
    let frames = frames.into_iter().map(|(micros, data)| Frame {
        ns: START + micros * 1000,
        original_len: data.len() as u32,
        data,
    });
    Capture {
        link_type: 1,
        snaplen: 262_144,
        frames: frames.collect(),
    }
}

/// A connection whose request is answered by a RST.
pub fn reset_request(client_port: u16, request: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let ports = (client_port, 80);
    let sent = 1001 + request.len() as u32;
    vec![
        (0, segment(true, ports, (1000, 0), "S", b"")),
        (20_000, segment(false, ports, (5000, 1001), "SA", b"")),
        (20_050, segment(true, ports, (1001, 5001), "A", b"")),
        (20_300, segment(true, ports, (1001, 5001), "PA", request)),
        (41_000, segment(false, ports, (5001, sent), "RA", b"")),
    ]
}
