//! TCP (RFC 9293 3.1), also where the header was cut.

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::{TcpView, Transport};

/// Length of the header without options.
const FIXED_LEN: usize = 20;
/// Bytes up to and with the flags: less is of no use.
const UP_TO_FLAGS: usize = 14;

/// Dissects a segment. Ports and flags come out whenever their bytes were captured, whatever
/// is wrong with the rest.
pub(in crate::packet) fn dissect<'a>(d: &mut Dissection<'a>, segment: Layer<'a>) -> Outcome {
    if let Some(tcp) = read(segment) {
        d.view.transport = Transport::Tcp(tcp);
        return Ok(());
    }
    match segment.data.first_chunk() {
        Some(fixed) => dissect_odd(d, segment, fixed),
        None => dissect_cut(d, segment),
    }
}

/// Reads a segment whose header is sound and was captured whole.
#[inline(always)]
pub(in crate::packet) fn read(segment: Layer<'_>) -> Option<TcpView<'_>> {
    let fixed = segment.data.first_chunk::<FIXED_LEN>()?;
    let header_len = fixed[12] >> 4 << 2;
    let (header, payload) = segment.data.split_at_checked(header_len.into())?;
    Some(TcpView {
        options: header.get(FIXED_LEN..)?,
        payload,
        payload_len: segment.wire.saturating_sub(header_len.into()),
        header_captured: header_len,
        ..fixed_view(fixed, segment.data)
    })
}

/// The fields of the fixed header; nothing of what follows it.
#[inline(always)]
fn fixed_view<'a>(h: &[u8; FIXED_LEN], segment: &'a [u8]) -> TcpView<'a> {
    TcpView {
        src_port: u16::from_be_bytes([h[0], h[1]]),
        dst_port: u16::from_be_bytes([h[2], h[3]]),
        seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
        ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
        flags: u16::from_be_bytes([h[12], h[13]]) & 0x0fff,
        window: u16::from_be_bytes([h[14], h[15]]),
        checksum: u16::from_be_bytes([h[16], h[17]]),
        options: &[],
        payload: &[],
        payload_len: 0,
        header_captured: FIXED_LEN as u8,
        header_len: h[12] >> 4 << 2,
        segment,
    }
}

/// A header that ends within its fixed part. What was not captured reads 0.
#[cold]
fn dissect_cut<'a>(d: &mut Dissection<'a>, segment: Layer<'a>) -> Outcome {
    let captured = segment.data;
    let mut fixed = [0; FIXED_LEN];
    match fixed.get_mut(..captured.len()) {
        Some(start) if captured.len() >= UP_TO_FLAGS => start.copy_from_slice(captured),
        _ => return Err(segment.cut("tcp", UP_TO_FLAGS)),
    }
    let view = fixed_view(&fixed, captured);
    d.view.transport = Transport::Tcp(TcpView {
        payload_len: segment.wire.saturating_sub(view.header_len.max(20).into()),
        header_captured: captured.len() as u8,
        ..view
    });
    Err(segment.cut("tcp", FIXED_LEN))
}

/// A data offset that is too small, or a header that ends within its options.
#[cold]
fn dissect_odd<'a>(d: &mut Dissection<'a>, segment: Layer<'a>, fixed: &[u8; 20]) -> Outcome {
    let mut view = fixed_view(fixed, segment.data);
    let header_len = usize::from(view.header_len);
    let stop = if header_len < FIXED_LEN {
        segment.malformed("tcp", FIXED_LEN)
    } else {
        view.options = segment.data.get(FIXED_LEN..).unwrap_or_default();
        view.header_captured = segment.data.len().min(header_len) as u8;
        view.payload_len = segment.wire.saturating_sub(header_len as u32);
        segment.cut("tcp options", header_len)
    };
    d.view.transport = Transport::Tcp(view);
    Err(stop)
}
