//! L2TP, version 2 (RFC 2661) and version 3 (RFC 3931). Tunnel and session identifiers are the
//! receiver's own, so they differ between the directions.

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;
use crate::packet::link::{ethernet, ppp};
use crate::packet::probe;

const CONTROL: u16 = 0x8000;
const HAS_LENGTH: u16 = 0x4000;
const HAS_SEQUENCE: u16 = 0x0800;
const HAS_OFFSET: u16 = 0x0200;
const VERSION: u16 = 0x000f;

/// Dissects a data message in UDP.
pub(super) fn dissect_udp<'a>(d: &mut Dissection<'a>, l2tp: Layer<'a>) -> Outcome {
    let flags = u16::from_be_bytes(*l2tp.header("l2tp")?);
    match flags & VERSION {
        _ if flags & CONTROL != 0 => Err(l2tp.not_read("l2tp")),
        2 => dissect_v2(d, l2tp, flags),
        // two reserved octets, then as in IP
        3 => dissect_session(d, l2tp.skip(4)),
        _ => Err(l2tp.not_read("l2tp")),
    }
}

fn dissect_v2<'a>(d: &mut Dissection<'a>, l2tp: Layer<'a>, flags: u16) -> Outcome {
    let has = |flag: u16| flags & flag != 0;
    d.enter(l2tp, "l2tp")?;
    let mut message = l2tp;
    let mut len = 6;
    if has(HAS_LENGTH) {
        message = match l2tp.be16(2) {
            Some(whole) => l2tp.clip(whole.into()),
            None => return Err(l2tp.cut("l2tp", 4)),
        };
        len += 2;
    }
    if has(HAS_SEQUENCE) {
        len += 4;
    }
    if has(HAS_OFFSET) {
        let Some(offset) = message.be16(len) else {
            return Err(message.cut("l2tp", len + 2));
        };
        len += 2 + usize::from(offset);
    }
    ppp::dissect(d, message.skip(len))
}

/// A data message of version 3 in IP (protocol 115). Session 0 is control.
pub(in crate::packet) fn dissect_v3<'a>(d: &mut Dissection<'a>, l2tp: Layer<'a>) -> Outcome {
    match l2tp.header("l2tp")? {
        [0, 0, 0, 0] => Err(l2tp.not_read("l2tp")),
        _ => dissect_session(d, l2tp),
    }
}

/// From the session identifier on. Only the control channel says how long the cookie is (0, 4
/// or 8 octets), whether a sublayer of 4 follows, and what is carried.
fn dissect_session<'a>(d: &mut Dissection<'a>, session: Layer<'a>) -> Outcome {
    d.enter(session, "l2tp")?;
    for len in [4, 8, 12, 16] {
        let payload = session.skip(len);
        if probe::is_ethernet(payload) {
            return ethernet::dissect(d, payload);
        }
        if probe::is_ip(payload) {
            return ip::dissect(d, payload);
        }
        if let [0xff, 0x03, ..] = payload.data {
            return ppp::dissect(d, payload);
        }
    }
    Err(session.not_read("l2tp"))
}
