//! Linux cooked captures (`LINKTYPE_LINUX_SLL`, `LINKTYPE_LINUX_SLL2`).

use super::ieee80211::{self, Framing};
use super::{ethernet, frame_relay, llc, radio};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;

/// Packet type of a packet the host sent.
const PACKET_OUTGOING: u16 = 4;
/// Protocol that stands for an IEEE 802.2 LLC frame.
const LLC: u16 = 4;

/// Hardware types whose protocol field says nothing (Linux `if_arp.h`).
const ARPHRD_FRAD: u16 = 770;
const ARPHRD_IEEE80211: u16 = 801;
const ARPHRD_IEEE80211_PRISM: u16 = 802;
const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;
const ARPHRD_NETLINK: u16 = 824;

/// Dissects the 16-octet header.
pub(super) fn dissect_v1<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[p0, p1, h0, h1, l0, l1, m0, m1, m2, m3, m4, m5, _, _, t0, t1] = frame.header("sll")?;
    let address_len = u16::from_be_bytes([l0, l1]);
    set_link(
        d,
        u16::from_be_bytes([p0, p1]),
        address_len,
        [m0, m1, m2, m3, m4, m5],
    );
    dissect_hardware(d, [h0, h1], [t0, t1], frame.skip(16))
}

/// Dissects the 20-octet header.
pub(super) fn dissect_v2<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[
        t0,
        t1,
        _,
        _,
        _,
        _,
        _,
        _,
        h0,
        h1,
        packet_type,
        len,
        m0,
        m1,
        m2,
        m3,
        m4,
        m5,
        _,
        _,
    ] = frame.header("sll2")?;
    set_link(d, packet_type.into(), len.into(), [m0, m1, m2, m3, m4, m5]);
    dissect_hardware(d, [h0, h1], [t0, t1], frame.skip(20))
}

fn set_link(d: &mut Dissection<'_>, packet_type: u16, address_len: u16, address: [u8; 6]) {
    // 0 to us, 1 broadcast, 2 multicast, 3 to somebody else: that one was only overheard
    d.link.outbound = match packet_type {
        PACKET_OUTGOING => Some(true),
        0..=2 => Some(false),
        _ => None,
    };
    d.link.src_mac = (address_len == 6).then_some(address);
}

fn dissect_hardware<'a>(
    d: &mut Dissection<'a>,
    hardware: [u8; 2],
    protocol: [u8; 2],
    payload: Layer<'a>,
) -> Outcome {
    match u16::from_be_bytes(hardware) {
        ARPHRD_FRAD => frame_relay::dissect(d, payload),
        ARPHRD_IEEE80211 => ieee80211::dissect(d, payload, Framing::default()),
        ARPHRD_IEEE80211_PRISM => radio::dissect_prism(d, payload),
        ARPHRD_IEEE80211_RADIOTAP => radio::dissect_radiotap(d, payload),
        ARPHRD_NETLINK => Err(payload.not_read("sll")),
        _ => dissect_protocol(d, u16::from_be_bytes(protocol), payload),
    }
}

fn dissect_protocol<'a>(d: &mut Dissection<'a>, protocol: u16, payload: Layer<'a>) -> Outcome {
    match protocol {
        LLC => llc::dissect(d, payload),
        0..=1500 => Err(payload.not_read("sll")),
        _ => ethernet::dissect_type(d, protocol, payload),
    }
}
