//! What packet filters of operating systems put before an IP packet or frame.

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;
use crate::units::LinkType;

/// `NFULA_PAYLOAD`.
const NFLOG_PAYLOAD: u16 = 9;

/// `LINKTYPE_PFLOG`: the first octet is the header's length without padding.
pub(super) fn dissect_pflog<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[len] = frame.header("pflog")?;
    ip::dissect(d, frame.skip(usize::from(len).next_multiple_of(4)))
}

/// `LINKTYPE_ENC`: address family, SPI and flags, 12 octets.
pub(super) fn dissect_enc<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    ip::dissect(d, frame.skip(12))
}

/// `LINKTYPE_NFLOG`: attributes in the byte order of the host that captured; one is the packet.
pub(super) fn dissect_nflog<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let mut rest = frame.skip(4);
    loop {
        let &[l0, l1, t0, t1] = rest.header("nflog")?;
        // an attribute's type is small: its high octet tells the byte order
        let (len, kind) = match t0 {
            0 => (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([t0, t1])),
            _ => (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([t0, t1])),
        };
        let (len, kind) = (usize::from(len), kind & 0x7fff);
        if len < 4 {
            return Err(rest.malformed("nflog", 4));
        }
        if kind == NFLOG_PAYLOAD {
            return ip::dissect(d, rest.skip(4).clip(len as u32 - 4));
        }
        rest = rest.skip(len.next_multiple_of(4));
    }
}

/// `LINKTYPE_PKTAP` of macOS: length and link type little-endian, direction in the flags.
pub(super) fn dissect_pktap<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    d.descend(frame, "pktap")?;
    let header: &[u8; 40] = frame.header("pktap")?;
    let field = |at: usize| {
        let bytes = header.get(at..).and_then(|b| b.first_chunk::<4>());
        bytes.map_or(0, |b| u32::from_le_bytes(*b))
    };
    d.link.outbound = match field(36) & 3 {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    };
    match u16::try_from(field(8)) {
        Ok(link) => super::dissect(d, LinkType(link), frame.skip(field(0) as usize)),
        Err(_) => Err(frame.not_read("pktap")),
    }
}
