//! GRE (RFC 1701, 2784, 2890), NVGRE (RFC 7637), PPTP (RFC 2637), MikroTik EoIP.

use super::erspan;
use crate::packet::Stop;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;
use crate::packet::link::{ether_type, ethernet, ppp};

const HAS_CHECKSUM: u16 = 0x8000;
const HAS_ROUTING: u16 = 0x4000;
const HAS_KEY: u16 = 0x2000;
const HAS_SEQUENCE: u16 = 0x1000;
/// Version 1 only.
const HAS_ACK: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Protocol types beside EtherTypes.
const ERSPAN_V1_V2: u16 = 0x88be;
const ERSPAN_V3: u16 = 0x22eb;
const WCCP: u16 = 0x883e;
/// Version 1 only: MikroTik Ethernet over IP.
const EOIP: u16 = 0x6400;

/// Virtual subnets below are reserved (RFC 7637 3.3): a shorter key is no NVGRE.
const MIN_SUBNET: u32 = 0x1000;

/// Dissects from the flags on.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, gre: Layer<'a>) -> Outcome {
    let &[f0, f1, p0, p1] = gre.header("gre")?;
    let flags = u16::from_be_bytes([f0, f1]);
    let protocol = u16::from_be_bytes([p0, p1]);
    match flags & VERSION {
        0 => dissect_v0(d, gre, flags, protocol),
        1 if protocol == EOIP => dissect_eoip(d, gre),
        1 => dissect_pptp(d, gre, flags),
        _ => Err(gre.malformed("gre", 4)),
    }
}

fn dissect_v0<'a>(d: &mut Dissection<'a>, gre: Layer<'a>, flags: u16, protocol: u16) -> Outcome {
    let has = |flag: u16| flags & flag != 0;
    let mut rest = gre.skip(4);
    if has(HAS_CHECKSUM | HAS_ROUTING) {
        rest = rest.skip(4);
    }
    let mut key = None;
    if has(HAS_KEY) {
        key = Some(u32::from_be_bytes(*rest.header("gre key")?));
        rest = rest.skip(4);
    }
    if has(HAS_SEQUENCE) {
        rest = rest.skip(4);
    }
    if has(HAS_ROUTING) {
        rest = skip_routing(rest)?;
    }
    match protocol {
        ERSPAN_V1_V2 => return erspan::dissect_v1_v2(d, rest, has(HAS_SEQUENCE)),
        ERSPAN_V3 => return erspan::dissect_v3(d, rest),
        _ => {}
    }
    match key {
        Some(key) => d.enter_keyed(gre, "gre", network(protocol, key))?,
        None => d.enter(gre, "gre")?,
    }
    match protocol {
        WCCP => dissect_wccp(d, rest),
        _ => ether_type::dissect(d, protocol, rest),
    }
}

/// The part of the key that identifies a network: in NVGRE the lowest octet is a hash of the
/// flow inside.
fn network(protocol: u16, key: u32) -> u32 {
    match key >> 8 {
        subnet if protocol == ether_type::BRIDGED && subnet >= MIN_SUBNET => subnet,
        _ => key,
    }
}

/// Source route entries (RFC 1701): the last one has neither family nor length.
fn skip_routing(mut rest: Layer<'_>) -> Result<Layer<'_>, Stop> {
    loop {
        let &[a0, a1, _, len] = rest.header("gre routing")?;
        rest = rest.skip(4 + usize::from(len));
        if [a0, a1, len] == [0, 0, 0] {
            return Ok(rest);
        }
    }
}

/// WCCP, version 2 with a redirect header of four octets, version 1 without.
fn dissect_wccp<'a>(d: &mut Dissection<'a>, rest: Layer<'a>) -> Outcome {
    match rest.data.first() {
        Some(first) if first >> 4 == 4 => ip::v4::dissect(d, rest),
        _ => ip::v4::dissect(d, rest.skip(4)),
    }
}

/// PPTP: the call id in the key is the receiver's own, so it differs between the directions.
fn dissect_pptp<'a>(d: &mut Dissection<'a>, gre: Layer<'a>, flags: u16) -> Outcome {
    let &[_, _, _, _, l0, l1, _, _] = gre.header("gre pptp")?;
    if flags & HAS_SEQUENCE == 0 {
        // an acknowledgment alone
        return Err(gre.not_read("gre pptp"));
    }
    let len = if flags & HAS_ACK != 0 { 16 } else { 12 };
    d.enter(gre, "gre pptp")?;
    let payload = gre.skip(len).clip(u16::from_be_bytes([l0, l1]).into());
    ppp::dissect(d, payload)
}

/// EoIP: payload length, then a tunnel id both ends were given, which is little-endian.
fn dissect_eoip<'a>(d: &mut Dissection<'a>, gre: Layer<'a>) -> Outcome {
    let &[_, _, _, _, l0, l1, t0, t1] = gre.header("eoip")?;
    d.enter_keyed(gre, "eoip", u16::from_le_bytes([t0, t1]).into())?;
    let len = u16::from_be_bytes([l0, l1]);
    ethernet::dissect(d, gre.skip(8).clip(len.into()))
}
