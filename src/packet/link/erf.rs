//! Endace extensible record format (`LINKTYPE_ERF`).

use super::{ethernet, ppp};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

/// More (extension) headers follow.
const MORE: u8 = 0x80;

/// Dissects a record with its extension headers.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, record: Layer<'a>) -> Outcome {
    let header: &[u8; 16] = record.header("erf")?;
    let mut payload = record.skip(16);
    let mut more = header[8] & MORE != 0;
    while more {
        let extension: &[u8; 8] = payload.header("erf extension")?;
        more = extension[0] & MORE != 0;
        payload = payload.skip(8);
    }
    match header[8] & !MORE {
        // HDLC: plain, coloured, with DSM colour, with hash
        1 | 10 | 15 | 19 => ppp::dissect_hdlc(d, payload),
        // Ethernet likewise, after an offset and a padding octet
        2 | 11 | 16 | 20 => ethernet::dissect(d, payload.skip(2)),
        22 | 23 => ip::dissect(d, payload),
        _ => Err(record.not_read("erf")),
    }
}
