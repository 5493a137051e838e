//! MPLS label stacks (RFC 3032). Nothing says what follows the last label.

use super::ethernet;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::{ip, probe};

/// Bottom of stack.
const BOTTOM: u8 = 1;

/// Dissects from the top label on.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, mut stack: Layer<'a>) -> Outcome {
    loop {
        let &[_, _, label_end, _] = stack.header("mpls")?;
        stack = stack.skip(4);
        if label_end & BOTTOM != 0 {
            return dissect_payload(d, stack);
        }
    }
}

/// The first nibble tells IP from a pseudowire with a control word (RFC 4385 3); without one
/// the destination address comes first, whatever its nibble.
fn dissect_payload<'a>(d: &mut Dissection<'a>, payload: Layer<'a>) -> Outcome {
    let &[first] = payload.header("mpls payload")?;
    let after_control_word = payload.skip(4);
    match first >> 4 {
        0 if probe::is_ethernet(after_control_word) => dissect_wire(d, after_control_word),
        0 if probe::is_ip(after_control_word) => ip::dissect(d, after_control_word),
        _ if probe::is_ip(payload) => ip::dissect(d, payload),
        _ if probe::is_ethernet(payload) => dissect_wire(d, payload),
        4 | 6 => ip::dissect(d, payload),
        _ => Err(payload.not_read("mpls payload")),
    }
}

fn dissect_wire<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    d.enter(frame, "pseudowire")?;
    ethernet::dissect(d, frame)
}
