//! PPP over Ethernet, session stage (RFC 2516 4).

use super::ppp;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Version and type.
const VERSION_TYPE: u8 = 0x11;
/// Code of a session packet.
const SESSION: u8 = 0;

/// Dissects from version and type on.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, pppoe: Layer<'a>) -> Outcome {
    let &[version, code, _, _, l0, l1] = pppoe.header("pppoe")?;
    let payload = pppoe.skip(6);
    match (version, code, u16::from_be_bytes([l0, l1])) {
        // segmentation offload leaves the length 0
        (VERSION_TYPE, SESSION, 0) => ppp::dissect(d, payload),
        (VERSION_TYPE, SESSION, len) => ppp::dissect(d, payload.clip(len.into())),
        _ => Err(pppoe.not_read("pppoe")),
    }
}
