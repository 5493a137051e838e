//! TaZmen Sniffer Protocol, which some routers and access points mirror with.

use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::link::ethernet;
use crate::packet::link::ieee80211::{self, Framing};

const TAG_PADDING: u8 = 0;
const TAG_END: u8 = 1;
const ETHERNET: u16 = 1;
const IEEE80211: u16 = 18;

/// Dissects header, tags and the frame.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, tzsp: Layer<'a>) -> Outcome {
    let &[version, kind, e0, e1] = tzsp.header("tzsp")?;
    // received or for transmission; the others carry no frame
    if version != 1 || kind > 1 {
        return Err(tzsp.not_read("tzsp"));
    }
    d.enter(tzsp, "tzsp")?;
    let mut rest = tzsp.skip(4);
    loop {
        let &[tag] = rest.header("tzsp tag")?;
        match tag {
            TAG_PADDING => rest = rest.skip(1),
            TAG_END => break,
            _ => {
                let &[_, len] = rest.header("tzsp tag")?;
                rest = rest.skip(2 + usize::from(len));
            }
        }
    }
    let frame = rest.skip(1);
    match u16::from_be_bytes([e0, e1]) {
        ETHERNET => ethernet::dissect(d, frame),
        IEEE80211 => ieee80211::dissect(d, frame, Framing::default()),
        _ => Err(tzsp.not_read("tzsp")),
    }
}
