//! What an IP protocol number says follows.

use super::extensions;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::transport::{icmp, tcp, udp};

pub(in crate::packet) const ICMP: u8 = 1;
pub(in crate::packet) const TCP: u8 = 6;
pub(in crate::packet) const UDP: u8 = 17;
pub(in crate::packet) const ICMPV6: u8 = 58;
const NO_NEXT_HEADER: u8 = 59;

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
        NO_NEXT_HEADER => Ok(()),
        _ => Err(payload.not_read("ip protocol")),
    }
}
