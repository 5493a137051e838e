//! GTP-U, version 1 (3GPP TS 29.281).

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

/// Version 1, protocol type GTP.
const VERSION_1: u8 = 0x30;
const VERSION_MASK: u8 = 0xf0;
/// Any of extension header, sequence number and N-PDU number: the optional octets are there.
const OPTIONAL: u8 = 0x07;
const HAS_EXTENSION: u8 = 0x04;
/// Message type of a user packet.
const G_PDU: u8 = 255;

/// Dissects a G-PDU. Tunnel endpoint identifiers differ between the directions and are left
/// out of the tunnel's identity.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, gtp: Layer<'a>) -> Outcome {
    let &[flags, message, l0, l1, _, _, _, _] = gtp.header("gtp")?;
    if flags & VERSION_MASK != VERSION_1 || message != G_PDU {
        return Err(gtp.not_read("gtp"));
    }
    d.enter(gtp, "gtp")?;
    let body = gtp.skip(8).clip(u16::from_be_bytes([l0, l1]).into());
    if flags & OPTIONAL == 0 {
        return ip::dissect(d, body);
    }
    let &[_, _, _, next] = body.header("gtp")?;
    let payload = body.skip(4);
    match flags & HAS_EXTENSION {
        0 => ip::dissect(d, payload),
        _ => ip::dissect(d, skip_extensions(next, payload)?),
    }
}

/// Extension headers: length in units of four octets first, type of the next one last.
fn skip_extensions<'a>(
    mut next: u8,
    mut rest: Layer<'a>,
) -> Result<Layer<'a>, crate::packet::Stop> {
    while next != 0 {
        let &[units] = rest.header("gtp extension")?;
        let len = usize::from(units) * 4;
        let Some(&last) = rest.data.get(..len).and_then(<[u8]>::last) else {
            return Err(rest.cut("gtp extension", len.max(4)));
        };
        next = last;
        rest = rest.skip(len);
    }
    Ok(rest)
}
