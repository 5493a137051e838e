//! UDP (RFC 768).

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::tunnel::over_udp;
use crate::packet::{Transport, UdpView};

const HEADER_LEN: usize = 8;

/// Dissects a datagram.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, datagram: Layer<'a>) -> Outcome {
    let Some((udp, payload)) = read(datagram) else {
        return Err(datagram.cut("udp", HEADER_LEN));
    };
    let len = datagram.be16(4).unwrap_or_default();
    if !is_sound(datagram, len) {
        d.note(datagram.malformed("udp", usize::from(len).max(HEADER_LEN)));
    }
    d.view.transport = Transport::Udp(udp);
    match over_udp::find(udp.src_port, udp.dst_port) {
        Some(dissect) => over_udp::attempt(d, payload, dissect),
        None => Ok(()),
    }
}

/// Reads a datagram that has nothing odd and is no tunnel.
#[inline(always)]
pub(in crate::packet) fn read_plain(datagram: Layer<'_>) -> Option<UdpView<'_>> {
    let (udp, _) = read(datagram)?;
    let plain = is_sound(datagram, datagram.be16(4)?)
        && over_udp::find(udp.src_port, udp.dst_port).is_none();
    plain.then_some(udp)
}

#[inline(always)]
fn read(datagram: Layer<'_>) -> Option<(UdpView<'_>, Layer<'_>)> {
    let &[s0, s1, d0, d1, l0, l1, _, _] = datagram.data.first_chunk::<HEADER_LEN>()?;
    let payload = datagram.skip(HEADER_LEN);
    let payload = match u32::from(u16::from_be_bytes([l0, l1])) {
        // 0 is a jumbogram (RFC 2675) or segmentation offload, 1 to 7 cannot be
        0..8 => payload,
        len => payload.clip(len - 8),
    };
    let udp = UdpView {
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        payload: payload.data,
        payload_len: payload.wire,
    };
    Some((udp, payload))
}

/// Whether the length field is possible.
#[inline(always)]
fn is_sound(datagram: Layer<'_>, len: u16) -> bool {
    let fits = u32::from(len) <= datagram.wire || datagram.partial;
    fits && !matches!(len, 1..8)
}
