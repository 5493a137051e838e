//! How long a plain frame takes. Run by hand: `cargo test --release packet_speed -- --ignored
//! --nocapture`.

use super::super::testing::*;
use super::super::{Transport, dissect};
use crate::units::LinkType;
use std::hint::black_box;
use std::time::Instant;

#[test]
#[ignore = "a measurement"]
fn packet_speed() {
    let vlan = join(&[&[0, 7, 8, 0], &ipv4_tcp()]);
    let vxlan = over_udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &inner_frame()]));
    for (name, frame) in [
        ("eth/ipv4/tcp", ethernet(0x0800, &ipv4_tcp())),
        ("eth/ipv6/tcp", ethernet(0x86dd, &ipv6_tcp())),
        ("eth/vlan/ipv4/tcp", ethernet(0x8100, &vlan)),
        ("eth/ipv4/udp", over_udp(53, b"name")),
        ("eth/ipv4/udp/vxlan/eth/ipv4/tcp", vxlan),
    ] {
        let rounds = 2_000_000;
        let mut total = 0_u64;
        let start = Instant::now();
        for _ in 0..rounds {
            let frame = black_box(&frame[..]);
            let view = dissect(LinkType::ETHERNET, frame, frame.len() as u32);
            total += match (view.transport, view.ip) {
                (Transport::Tcp(tcp), Some(ip)) => {
                    u64::from(tcp.seq) + u64::from(tcp.payload_len) + u64::from(ip.ttl)
                }
                (Transport::Udp(udp), Some(_)) => udp.payload_len.into(),
                _ => 0,
            };
        }
        let nanos = start.elapsed().as_nanos() as f64 / f64::from(rounds);
        println!("{name}: {nanos:.1} ns ({total})");
        assert_ne!(total, 0);
    }
}
