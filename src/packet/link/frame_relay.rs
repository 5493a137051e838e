//! Frame Relay (RFC 2427, and Cisco's own encapsulation).

use super::{ether_type, llc, ppp};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

/// Unnumbered information.
const UI: u8 = 0x03;
/// Network layer protocol identifiers.
const SNAP: u8 = 0x80;
const IPV6: u8 = 0x8e;
const IPV4: u8 = 0xcc;
const PPP: u8 = 0xcf;

/// Dissects from the Q.922 address on.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    // the lowest bit marks the last octet of an address of two to four
    let Some(last) = frame.data.iter().take(4).position(|octet| octet & 1 == 1) else {
        return Err(frame.cut("frame relay", 4));
    };
    let body = frame.skip(last + 1);
    match *body.header("frame relay")? {
        [UI, 0] => dissect_nlpid(d, body.skip(2)),
        [UI, _] => dissect_nlpid(d, body.skip(1)),
        cisco => ether_type::dissect(d, u16::from_be_bytes(cisco), body.skip(2)),
    }
}

fn dissect_nlpid<'a>(d: &mut Dissection<'a>, body: Layer<'a>) -> Outcome {
    let &[nlpid] = body.header("frame relay")?;
    let payload = body.skip(1);
    match nlpid {
        IPV4 => ip::v4::dissect(d, payload),
        IPV6 => ip::v6::dissect(d, payload),
        SNAP => llc::dissect_snap(d, payload),
        PPP => ppp::dissect(d, payload),
        _ => Err(body.not_read("frame relay")),
    }
}
