//! ICMP (RFC 792) and ICMPv6 (RFC 4443).

use super::quote;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::{IcmpView, Transport};

const UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const V6_PACKET_TOO_BIG: u8 = 2;

/// Dissects an ICMP message.
pub(in crate::packet) fn dissect_v4<'a>(d: &mut Dissection<'a>, message: Layer<'a>) -> Outcome {
    let &[icmp_type, code] = message.header("icmp")?;
    // unreachable, source quench, redirect, time exceeded, parameter problem
    let is_error = matches!(icmp_type, 3 | 4 | 5 | 11 | 12);
    let mtu = match (icmp_type, code) {
        // 0 from routers older than RFC 1191
        (UNREACHABLE, FRAGMENTATION_NEEDED) => message.be16(6).filter(|&m| m != 0),
        _ => None,
    };
    d.view.transport = Transport::Icmp(IcmpView {
        v6: false,
        icmp_type,
        code,
        mtu: mtu.map(u32::from),
        quote: is_error.then(|| quote::read(message.skip(8))).flatten(),
    });
    Ok(())
}

/// Dissects an ICMPv6 message.
pub(in crate::packet) fn dissect_v6<'a>(d: &mut Dissection<'a>, message: Layer<'a>) -> Outcome {
    let &[icmp_type, code] = message.header("icmpv6")?;
    // unreachable, packet too big, time exceeded, parameter problem
    let is_error = matches!(icmp_type, 1..=4);
    let mtu = match (icmp_type, message.be16(4), message.be16(6)) {
        (V6_PACKET_TOO_BIG, Some(high), Some(low)) => Some(u32::from(high) << 16 | u32::from(low)),
        _ => None,
    };
    d.view.transport = Transport::Icmp(IcmpView {
        v6: true,
        icmp_type,
        code,
        mtu,
        quote: is_error.then(|| quote::read(message.skip(8))).flatten(),
    });
    Ok(())
}
