//! MACsec (IEEE 802.1AE 9) that protects integrity only.

use super::ethernet;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Bits of the tag control information.
const HAS_CHANNEL_ID: u8 = 0x20;
const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
/// Length of the integrity check value at the end.
const ICV_LEN: u32 = 16;

/// Dissects from the tag control information on.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, tag: Layer<'a>) -> Outcome {
    let &[control, short_len, _, _, _, _] = tag.header("macsec")?;
    if control & ENCRYPTED_OR_CHANGED != 0 {
        return Err(tag.not_read("macsec"));
    }
    let data = tag.skip(if control & HAS_CHANNEL_ID != 0 { 14 } else { 6 });
    let data = match short_len & 0x3f {
        0 => data.clip(data.wire.saturating_sub(ICV_LEN)),
        len => data.clip(len.into()),
    };
    let &[t0, t1] = data.header("macsec data")?;
    ethernet::dissect_type(d, u16::from_be_bytes([t0, t1]), data.skip(2))
}
