//! The start of a datagram that an ICMP error quotes. Never a packet of its own.

use crate::packet::ip::{extensions, protocol, v4};
use crate::packet::layer::Layer;
use crate::packet::{Addresses, Quote};
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

/// Reads the quoted addresses and ports of TCP or UDP; `None` when they are not there. The
/// quoted lengths are those of the original datagram and say nothing about the quote's.
pub(super) fn read(quoted: Layer<'_>) -> Option<Quote> {
    let (addresses, protocol, transport) = match quoted.data.first()? >> 4 {
        4 => read_v4(quoted)?,
        6 => read_v6(quoted)?,
        _ => return None,
    };
    let &[s0, s1, d0, d1, ref rest @ ..] = transport else {
        return None;
    };
    let rest_u32 = |at: usize| {
        let bytes = rest.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*bytes))
    };
    let tcp = protocol == protocol::TCP;
    let header_len = match rest.get(8) {
        Some(offset) if tcp => usize::from(offset >> 4 << 2).max(20),
        _ if tcp => 20,
        _ => 8,
    };
    Some(Quote {
        addresses,
        protocol,
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        // RFC 792 has eight octets quoted at least: without the sequence number it is no quote
        seq: if tcp { rest_u32(0)? } else { 0 },
        ack: if tcp { rest_u32(4) } else { None },
        flags: match (tcp, rest.get(8), rest.get(9)) {
            (true, Some(&high), Some(&low)) => Some(u16::from_be_bytes([high, low]) & 0x0fff),
            _ => None,
        },
        transport_len: transport.len().min(header_len) as u32,
    })
}

type Parts<'a> = (Addresses, u8, &'a [u8]);

fn read_v4(quoted: Layer<'_>) -> Option<Parts<'_>> {
    let header = Ipv4HeaderSlice::from_slice(quoted.data).ok()?;
    let addresses = Addresses::V4 {
        src: header.source(),
        dst: header.destination(),
    };
    if v4::fragment(&header).is_some_and(|f| f.offset != 0) {
        return None;
    }
    let payload = quoted.skip(header.slice().len());
    with_ports(addresses, header.protocol().0, payload)
}

fn read_v6(quoted: Layer<'_>) -> Option<Parts<'_>> {
    let header = Ipv6HeaderSlice::from_slice(quoted.data).ok()?;
    let addresses = Addresses::V6 {
        src: header.source(),
        dst: header.destination(),
    };
    let chain = extensions::walk(header.next_header().0, quoted.skip(40));
    if chain.fragment.is_some_and(|f| f.offset != 0) {
        return None;
    }
    with_ports(addresses, chain.protocol, chain.payload)
}

fn with_ports(addresses: Addresses, protocol: u8, transport: Layer<'_>) -> Option<Parts<'_>> {
    matches!(protocol, protocol::TCP | protocol::UDP).then_some((
        addresses,
        protocol,
        transport.data,
    ))
}
