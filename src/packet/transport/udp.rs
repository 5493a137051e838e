//! UDP (RFC 768).

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::tunnel::over_udp;
use crate::packet::{Transport, UdpView};

/// Dissects a datagram.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, datagram: Layer<'a>) -> Outcome {
    let &[s0, s1, d0, d1, l0, l1, _, _] = datagram.header("udp")?;
    let len = u16::from_be_bytes([l0, l1]);
    let payload = datagram.skip(8);
    // 0: a jumbogram (RFC 2675) or segmentation offload
    let payload = match len {
        0..8 => payload,
        _ => payload.clip(u32::from(len) - 8),
    };
    let contradicts = u32::from(len) > datagram.wire && !datagram.fragment;
    if matches!(len, 1..8) || contradicts {
        d.note(datagram.malformed("udp", len.max(8).into()));
    }
    let udp = UdpView {
        src_port: u16::from_be_bytes([s0, s1]),
        dst_port: u16::from_be_bytes([d0, d1]),
        payload: payload.data,
        payload_len: payload.wire,
    };
    d.view.transport = Transport::Udp(udp);
    match over_udp::find(udp.src_port, udp.dst_port) {
        Some(dissect) => over_udp::attempt(d, payload, dissect),
        None => Ok(()),
    }
}
