//! IPv6 (RFC 8200).

use super::{extensions, protocol};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::{Addresses, IpView, Stop};
use etherparse::Ipv6HeaderSlice;

/// Dissects an IPv6 packet.
#[inline]
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, packet: Layer<'a>) -> Outcome {
    let Ok(header) = Ipv6HeaderSlice::from_slice(packet.data) else {
        return Err(stop(packet));
    };
    let next = header.next_header().0;
    let ip = IpView {
        addresses: Addresses::V6 {
            src: header.source(),
            dst: header.destination(),
        },
        protocol: next,
        ttl: header.hop_limit(),
        id: None,
        dont_fragment: false,
        tos: header.traffic_class(),
        flow_label: Some(header.flow_label().value()),
        fragment: None,
        source_routed: false,
    };
    d.set_ip(packet, ip);
    let payload = payload(d, packet, header.payload_length());
    if extensions::is_extension(next) {
        return dissect_extensions(d, next, payload);
    }
    protocol::dissect(d, next, payload)
}

/// The payload by its length. Zero is segmentation offload or a jumbogram (RFC 2675): then
/// the packet fills the frame.
#[inline]
fn payload<'a>(d: &mut Dissection<'a>, packet: Layer<'a>, len: u16) -> Layer<'a> {
    let rest = packet.skip(40);
    if len == 0 {
        return rest;
    }
    if u32::from(len) > rest.wire && !packet.fragment {
        d.note(packet.malformed("ipv6", usize::from(len) + 40));
    }
    rest.with_len(len.into())
}

fn dissect_extensions<'a>(d: &mut Dissection<'a>, next: u8, payload: Layer<'a>) -> Outcome {
    let chain = extensions::walk(next, payload);
    if let Some(ip) = d.view.ip.as_mut() {
        ip.protocol = chain.protocol;
        ip.fragment = chain.fragment;
        ip.source_routed = chain.source_routed;
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
