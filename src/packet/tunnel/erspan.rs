//! ERSPAN, the mirror of Cisco switches, types I to III (draft-foschiano-erspan).
//!
//! The session id belongs to the mirror, which may use one per direction: it is no part of the
//! tunnel's identity.

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;
use crate::packet::link::ethernet;

/// Frame type of type III: IP without a link layer.
const FRAME_IP: u16 = 2;

/// In the header's second word: the mirror truncated the frame.
const TRUNCATED: u8 = 0x04;

/// Type I has no header, and is told from type II by the missing GRE sequence number.
pub(super) fn dissect_v1_v2<'a>(
    d: &mut Dissection<'a>,
    erspan: Layer<'a>,
    sequenced: bool,
) -> Outcome {
    d.enter(erspan, "erspan")?;
    if !sequenced {
        return ethernet::dissect(d, erspan);
    }
    let &[_, _, flags, _, _, _, _, _] = erspan.header("erspan")?;
    let mut frame = erspan.skip(8);
    frame.partial |= flags & TRUNCATED != 0;
    ethernet::dissect(d, frame)
}

/// Type III, with the platform-specific subheader its last bit announces.
pub(super) fn dissect_v3<'a>(d: &mut Dissection<'a>, erspan: Layer<'a>) -> Outcome {
    d.enter(erspan, "erspan")?;
    let &[_, _, truncated, _, _, _, _, _, _, _, f0, f1] = erspan.header("erspan")?;
    let flags = u16::from_be_bytes([f0, f1]);
    let subheader = if flags & 1 != 0 { 8 } else { 0 };
    let mut frame = erspan.skip(12 + subheader);
    frame.partial |= truncated & TRUNCATED != 0;
    match flags >> 10 & 0x1f {
        FRAME_IP => ip::dissect(d, frame),
        _ => ethernet::dissect(d, frame),
    }
}
