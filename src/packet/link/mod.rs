//! Link layers, by link type.

mod cisco_meta;
mod erf;
pub(super) mod ether_type;
pub(super) mod ethernet;
mod fddi;
mod frame_relay;
mod hdlc;
pub(super) mod ieee80211;
mod llc;
mod mac_in_mac;
mod macsec;
pub(super) mod mpls;
mod null;
mod packet_filter;
pub(super) mod ppp;
mod pppoe;
mod radio;
mod sll;
mod tag;
mod vlan;

use super::dissection::{Dissection, Outcome};
use super::ip;
use super::layer::Layer;
use crate::units::LinkType;
use ieee80211::Framing;

/// Dissects a frame of the given link type.
#[inline]
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, link: LinkType, frame: Layer<'a>) -> Outcome {
    if link == LinkType::ETHERNET {
        return ethernet::dissect(d, frame);
    }
    dissect_other(d, link, frame)
}

#[inline(never)]
fn dissect_other<'a>(d: &mut Dissection<'a>, link: LinkType, frame: Layer<'a>) -> Outcome {
    match link {
        LinkType::NULL | LinkType::LOOP => null::dissect(d, frame),
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => ip::dissect(d, frame),
        LinkType::IPV4 | LinkType::IPV6 => ip::dissect(d, frame),
        LinkType::LINUX_SLL => sll::dissect_v1(d, frame),
        LinkType::LINUX_SLL2 => sll::dissect_v2(d, frame),
        LinkType::IEEE802_11 => ieee80211::dissect(d, frame, Framing::default()),
        LinkType::IEEE802_11_RADIOTAP => radio::dissect_radiotap(d, frame),
        LinkType::IEEE802_11_PRISM => radio::dissect_prism(d, frame),
        LinkType::IEEE802_11_AVS => radio::dissect_avs(d, frame),
        LinkType::PPI => radio::dissect_ppi(d, frame),
        LinkType::PPP => ppp::dissect(d, frame),
        LinkType::PPP_HDLC => ppp::dissect_hdlc(d, frame),
        LinkType::PPP_ETHER => pppoe::dissect(d, frame),
        // the direction stands in place of the HDLC address
        LinkType::PPP_PPPD => with_direction(d, frame, |d, f| ppp::dissect(d, f.skip(1))),
        LinkType::PPP_WITH_DIR => with_direction(d, frame, ppp::dissect),
        LinkType::C_HDLC => hdlc::dissect(d, frame),
        LinkType::C_HDLC_WITH_DIR => with_direction(d, frame, hdlc::dissect),
        LinkType::FRELAY => frame_relay::dissect(d, frame),
        LinkType::FRELAY_WITH_DIR => with_direction(d, frame, frame_relay::dissect),
        LinkType::FDDI => fddi::dissect(d, frame),
        LinkType::ATM_RFC1483 => llc::dissect(d, frame),
        LinkType::MPLS => mpls::dissect(d, frame),
        LinkType::PFLOG => packet_filter::dissect_pflog(d, frame),
        LinkType::ENC => packet_filter::dissect_enc(d, frame),
        LinkType::NFLOG => packet_filter::dissect_nflog(d, frame),
        LinkType::PKTAP => packet_filter::dissect_pktap(d, frame),
        LinkType::ERF => erf::dissect(d, frame),
        // Hilscher: four octets, then the frame, the second one with preamble
        LinkType::NETANALYZER => ethernet::dissect(d, frame.skip(4)),
        LinkType::NETANALYZER_TRANSPARENT => ethernet::dissect(d, frame.skip(12)),
        _ => Err(frame.not_read("link")),
    }
}

/// Link types that put an octet before the frame: 0 received, otherwise sent by the host.
fn with_direction<'a>(
    d: &mut Dissection<'a>,
    frame: Layer<'a>,
    dissect: impl FnOnce(&mut Dissection<'a>, Layer<'a>) -> Outcome,
) -> Outcome {
    let &[direction] = frame.header("direction")?;
    d.link.outbound = Some(direction != 0);
    dissect(d, frame.skip(1))
}
