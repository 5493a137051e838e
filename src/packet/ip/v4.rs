//! IPv4 (RFC 791).

use super::{Packet, protocol};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::{Addresses, Fragment, IpView, Stop};
use etherparse::Ipv4HeaderSlice;

/// Dissects an IPv4 packet.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, packet: Layer<'a>) -> Outcome {
    let Some(Packet {
        ip,
        mut payload,
        too_long,
    }) = read(packet)
    else {
        return Err(stop(packet));
    };
    d.set_ip(packet, ip);
    if too_long {
        let total = payload.offset - packet.offset + payload.wire;
        d.note(packet.malformed("ipv4", total as usize));
    }
    if let Some(f) = ip.fragment {
        d.set_fragment(f, payload);
        if f.offset != 0 {
            return Ok(());
        }
        payload.partial |= f.more;
    }
    protocol::dissect(d, ip.protocol, payload)
}

/// Reads the header; `None` when it is cut or none.
#[inline(always)]
pub(in crate::packet) fn read(packet: Layer<'_>) -> Option<Packet<'_>> {
    let header = Ipv4HeaderSlice::from_slice(packet.data).ok()?;
    let ip = IpView {
        addresses: Addresses::V4 {
            src: header.source(),
            dst: header.destination(),
        },
        protocol: header.protocol().0,
        ttl: header.ttl(),
        id: Some(header.identification()),
        dont_fragment: header.dont_fragment(),
        tos: header.slice().get(1).copied().unwrap_or_default(),
        flow_label: None,
        fragment: fragment(&header),
        source_routed: is_source_routed(header.options()),
    };
    let header_len = header.slice().len();
    let rest = packet.skip(header_len);
    // A total length of zero is segmentation offload (the card would have filled it in), and
    // less than the header is no better: then the packet fills the frame.
    let Some(len) = usize::from(header.total_len()).checked_sub(header_len) else {
        return Some(Packet {
            ip,
            payload: rest,
            too_long: false,
        });
    };
    Some(Packet {
        ip,
        payload: rest.with_len(len as u32),
        too_long: len as u32 > rest.wire && !packet.partial,
    })
}

/// Flags and fragment offset; `None` when the datagram is whole.
#[inline(always)]
pub(in crate::packet) fn fragment(header: &Ipv4HeaderSlice) -> Option<Fragment> {
    let offset = u32::from(header.fragments_offset().value()) * 8;
    let more = header.more_fragments();
    (more || offset != 0).then(|| Fragment {
        id: header.identification().into(),
        offset,
        more,
    })
}

/// Whether a loose or strict source route (RFC 791 3.1) has hops left: then the destination
/// field is not the final destination.
#[inline(always)]
fn is_source_routed(options: &[u8]) -> bool {
    !options.is_empty() && has_source_route(options)
}

#[cold]
fn has_source_route(mut options: &[u8]) -> bool {
    loop {
        match *options {
            [1, ref rest @ ..] => options = rest,
            [131 | 137, len, pointer, ..] => return pointer <= len,
            [kind, len, ..] if kind != 0 && len >= 2 => match options.get(usize::from(len)..) {
                Some(rest) => options = rest,
                None => return false,
            },
            _ => return false,
        }
    }
}

/// Why there is no IPv4 header here.
#[cold]
fn stop(packet: Layer<'_>) -> Stop {
    match packet.data.first() {
        Some(&first) if first >> 4 != 4 || first & 0x0f < 5 => packet.malformed("ipv4", 20),
        Some(&first) => packet.cut("ipv4", usize::from(first & 0x0f) * 4),
        None => packet.cut("ipv4", 20),
    }
}
