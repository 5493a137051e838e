//! IPv6 (RFC 8200).

use super::{Packet, extensions, protocol};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::{Addresses, IpView, Stop};
use etherparse::Ipv6HeaderSlice;

/// Length of the fixed header.
const HEADER_LEN: usize = 40;

/// Dissects an IPv6 packet.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, packet: Layer<'a>) -> Outcome {
    let Some(Packet {
        ip,
        payload,
        too_long,
    }) = read(packet)
    else {
        return Err(stop(packet));
    };
    d.set_ip(packet, ip);
    if too_long {
        d.note(packet.malformed("ipv6", HEADER_LEN + payload.wire as usize));
    }
    if extensions::is_extension(ip.protocol) {
        return dissect_extensions(d, ip.protocol, payload);
    }
    protocol::dissect(d, ip.protocol, payload)
}

/// Reads the fixed header, with the first next-header value as protocol; `None` when it is cut
/// or none.
#[inline(always)]
pub(in crate::packet) fn read(packet: Layer<'_>) -> Option<Packet<'_>> {
    let header = Ipv6HeaderSlice::from_slice(packet.data).ok()?;
    let ip = IpView {
        addresses: Addresses::V6 {
            src: header.source(),
            dst: header.destination(),
        },
        protocol: header.next_header().0,
        ttl: header.hop_limit(),
        id: None,
        dont_fragment: false,
        tos: header.traffic_class(),
        flow_label: Some(header.flow_label().value()),
        fragment: None,
        source_routed: false,
    };
    let rest = packet.skip(HEADER_LEN);
    // A payload length of zero is segmentation offload or a jumbogram (RFC 2675): then the
    // packet fills the frame.
    let (payload, too_long) = match u32::from(header.payload_length()) {
        0 => (rest, false),
        len => (rest.with_len(len), len > rest.wire && !packet.partial),
    };
    Some(Packet {
        ip,
        payload,
        too_long,
    })
}

fn dissect_extensions<'a>(d: &mut Dissection<'a>, next: u8, payload: Layer<'a>) -> Outcome {
    let chain = extensions::walk(next, payload);
    if let Some(ip) = d.view.ip.as_mut() {
        ip.protocol = chain.protocol;
        ip.fragment = chain.fragment;
        ip.source_routed = chain.source_routed;
    }
    if let Some(fragment) = chain.fragment {
        d.set_fragment(fragment, chain.payload);
    }
    if let Some(stop) = chain.stop {
        return Err(stop);
    }
    if chain.fragment.is_some_and(|f| f.offset != 0) {
        return Ok(());
    }
    protocol::dissect(d, chain.protocol, chain.payload)
}

/// Why there is no IPv6 header here.
#[cold]
fn stop(packet: Layer<'_>) -> Stop {
    match packet.data.first() {
        Some(&first) if first >> 4 != 6 => packet.malformed("ipv6", 40),
        _ => packet.cut("ipv6", 40),
    }
}
