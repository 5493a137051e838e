//! Generic UDP Encapsulation (draft-ietf-intarea-gue).

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

/// Control message.
const CONTROL: u8 = 0x20;

/// Dissects variant 0 with a header, and variant 1, which is IP itself.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, gue: Layer<'a>) -> Outcome {
    let &[first, protocol] = gue.header("gue")?;
    d.enter(gue, "gue")?;
    match first >> 6 {
        0 if first & CONTROL == 0 => {
            let len = 4 + usize::from(first & 0x1f) * 4;
            ip::protocol::dissect_tunnelled(d, protocol, gue.skip(len))
        }
        1 => ip::dissect(d, gue),
        _ => Err(gue.not_read("gue")),
    }
}
