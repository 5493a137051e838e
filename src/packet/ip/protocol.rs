//! What an IP protocol number says follows.

use super::{extensions, v4, v6};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::link::{ethernet, mpls};
use crate::packet::transport::{icmp, tcp, udp};
use crate::packet::tunnel::{gre, l2tp, nsh};

pub(in crate::packet) const ICMP: u8 = 1;
pub(in crate::packet) const TCP: u8 = 6;
pub(in crate::packet) const UDP: u8 = 17;
pub(in crate::packet) const ICMPV6: u8 = 58;
const IP_IN_IP: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const NO_NEXT_HEADER: u8 = 59;
/// IP within IP by the number it had before RFC 2003.
const IPIP_OLD: u8 = 94;
const ETHER_IP: u8 = 97;
const L2TP: u8 = 115;
const MPLS: u8 = 137;
const ETHERNET: u8 = 143;
const NSH: u8 = 145;

/// Dissects the payload of an IP packet.
#[inline]
pub(in crate::packet) fn dissect<'a>(
    d: &mut Dissection<'a>,
    protocol: u8,
    payload: Layer<'a>,
) -> Outcome {
    match protocol {
        TCP => tcp::dissect(d, payload),
        UDP => udp::dissect(d, payload),
        _ => dissect_other(d, protocol, payload),
    }
}

#[inline(never)]
fn dissect_other<'a>(d: &mut Dissection<'a>, protocol: u8, payload: Layer<'a>) -> Outcome {
    d.descend(payload, "ip protocol")?;
    match protocol {
        ICMP => icmp::dissect_v4(d, payload),
        ICMPV6 => icmp::dissect_v6(d, payload),
        // in IPv4; an IPv6 chain never leaves one over
        extensions::AUTHENTICATION => {
            let chain = extensions::walk(protocol, payload);
            if let Some(ip) = d.view.ip.as_mut() {
                ip.protocol = chain.protocol;
            }
            match chain.stop {
                Some(stop) => Err(stop),
                None => dissect(d, chain.protocol, chain.payload),
            }
        }
        GRE => gre::dissect(d, payload),
        L2TP => l2tp::dissect_v3(d, payload),
        NO_NEXT_HEADER => Ok(()),
        _ => {
            d.enter(payload, "ip tunnel")?;
            dissect_tunnelled(d, protocol, payload)
        }
    }
}

/// Dissects the payload of a protocol that carries a packet or frame and has no header to
/// speak of.
pub(in crate::packet) fn dissect_tunnelled<'a>(
    d: &mut Dissection<'a>,
    protocol: u8,
    payload: Layer<'a>,
) -> Outcome {
    match protocol {
        IP_IN_IP | IPIP_OLD => v4::dissect(d, payload),
        IPV6 => v6::dissect(d, payload),
        // RFC 3378: version and reserved bits
        ETHER_IP => ethernet::dissect(d, payload.skip(2)),
        ETHERNET => ethernet::dissect(d, payload),
        MPLS => mpls::dissect(d, payload),
        NSH => nsh::dissect(d, payload),
        _ => Err(payload.not_read("ip protocol")),
    }
}
