//! CAPWAP data channel (RFC 5415 4.3) without DTLS.

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::link::ethernet;
use crate::packet::link::ieee80211::{self, Framing};

/// Version 0, followed by a CAPWAP header rather than by DTLS.
const PLAIN: u8 = 0;
/// Wireless binding of IEEE 802.11.
const WBID_IEEE80211: u32 = 1;
/// Bits of the first word: the frame is in its native format, a fragment, a keep-alive.
const NATIVE: u32 = 1 << 8;
const FRAGMENT: u32 = 1 << 7;
const KEEP_ALIVE: u32 = 1 << 3;

/// Dissects a data packet; of a fragmented one, the first fragment.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, capwap: Layer<'a>) -> Outcome {
    let &[preamble, b1, b2, b3, _, _, o0, o1] = capwap.header("capwap")?;
    let word = u32::from_be_bytes([0, b1, b2, b3]);
    let fragment = word & FRAGMENT != 0;
    let later = fragment && u16::from_be_bytes([o0, o1]) >> 3 != 0;
    if preamble != PLAIN || later || word & KEEP_ALIVE != 0 {
        return Err(capwap.not_read("capwap"));
    }
    d.enter(capwap, "capwap")?;
    let header_len = (word >> 19) as usize * 4;
    let mut frame = capwap.skip(header_len);
    frame.partial |= fragment;
    if word & NATIVE == 0 {
        return ethernet::dissect(d, frame);
    }
    if word >> 9 & 0x1f != WBID_IEEE80211 {
        return Err(capwap.not_read("capwap"));
    }
    // some controllers swap the octets of frame control; a data frame's first one ends in 8
    let swapped = frame.data.first().is_some_and(|first| first & 0x0f != 0x08);
    let framing = Framing {
        swapped,
        ..Framing::default()
    };
    ieee80211::dissect(d, frame, framing)
}
