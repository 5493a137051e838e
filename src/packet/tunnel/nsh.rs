//! Network Service Header (RFC 8300).

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;
use crate::packet::link::{ethernet, mpls};

/// Dissects base header, service path, context and payload. The path identifier is one
/// direction's own and tells no connections apart.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, nsh: Layer<'a>) -> Outcome {
    let &[_, len, _, next] = nsh.header("nsh")?;
    d.descend(nsh, "nsh")?;
    let len = usize::from(len & 0x3f) * 4;
    if len < 8 {
        return Err(nsh.malformed("nsh", 8));
    }
    let payload = nsh.skip(len);
    match next {
        1 => ip::v4::dissect(d, payload),
        2 => ip::v6::dissect(d, payload),
        3 => ethernet::dissect(d, payload),
        4 => dissect(d, payload),
        5 => mpls::dissect(d, payload),
        _ => Err(nsh.not_read("nsh")),
    }
}
