//! What receivers put before an 802.11 frame: radiotap, Prism, AVS, PPI.

use super::ieee80211::{self, Framing};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::units::LinkType;

/// Radiotap field bits and flags (radiotap.org).
const HAS_TSFT: u32 = 1;
const HAS_FLAGS: u32 = 1 << 1;
const MORE_PRESENT: u32 = 1 << 31;
const FLAG_FCS: u8 = 0x10;
const FLAG_PADDED: u8 = 0x20;

/// First four octets of an AVS header.
const AVS_MAGIC: [u8; 2] = [0x80, 0x21];

/// `LINKTYPE_IEEE802_11_RADIOTAP`.
pub(super) fn dissect_radiotap<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[_version, _, l0, l1, p0, p1, p2, p3] = frame.header("radiotap")?;
    let len = u16::from_le_bytes([l0, l1]);
    let flags = radiotap_flags(frame, u32::from_le_bytes([p0, p1, p2, p3])).unwrap_or_default();
    let framing = Framing {
        padded: flags & FLAG_PADDED != 0,
        fcs: flags & FLAG_FCS != 0,
        swapped: false,
    };
    ieee80211::dissect(d, frame.skip(len.into()), framing)
}

/// The flags field: first after the presence words but for a time stamp aligned to 8.
fn radiotap_flags(frame: Layer<'_>, present: u32) -> Option<u8> {
    if present & HAS_FLAGS == 0 {
        return None;
    }
    let words = frame.data.get(4..)?.chunks_exact(4);
    let followed = words.take_while(|w| {
        w.last()
            .is_some_and(|b| b & (MORE_PRESENT >> 24) as u8 != 0)
    });
    let mut at = 4 + 4 * (followed.count() + 1);
    if present & HAS_TSFT != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    frame.data.get(at).copied()
}

/// `LINKTYPE_IEEE802_11_PRISM`; some drivers write AVS headers under it.
pub(super) fn dissect_prism<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[m0, m1, _, _, l0, l1, l2, l3] = frame.header("prism")?;
    if [m0, m1] == AVS_MAGIC {
        return dissect_avs(d, frame);
    }
    let len = [l0, l1, l2, l3];
    // in the byte order of the host that captured: the smaller reading is the right one
    let len = u32::from_le_bytes(len).min(u32::from_be_bytes(len));
    ieee80211::dissect(d, frame.skip(len as usize), Framing::default())
}

/// `LINKTYPE_IEEE802_11_AVS`.
pub(super) fn dissect_avs<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let &[_, _, _, _, l0, l1, l2, l3] = frame.header("avs")?;
    let len = u32::from_be_bytes([l0, l1, l2, l3]);
    ieee80211::dissect(d, frame.skip(len as usize), Framing::default())
}

/// `LINKTYPE_PPI`, which may hold any link type.
pub(super) fn dissect_ppi<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    d.descend(frame, "ppi")?;
    let &[_version, _, l0, l1, t0, t1, t2, t3] = frame.header("ppi")?;
    let payload = frame.skip(u16::from_le_bytes([l0, l1]).into());
    match u16::try_from(u32::from_le_bytes([t0, t1, t2, t3])) {
        Ok(link) => super::dissect(d, LinkType(link), payload),
        Err(_) => Err(frame.not_read("ppi")),
    }
}
