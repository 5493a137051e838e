//! What an EtherType says follows.

use super::{cisco_meta, ethernet, mac_in_mac, macsec, mpls, ppp, pppoe, tag, vlan};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;
use crate::packet::tunnel::nsh;

pub(in crate::packet) const IPV4: u16 = 0x0800;
pub(in crate::packet) const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
const TRILL: u16 = 0x22f3;
/// Transparent Ethernet bridging (RFC 1701, NVGRE, Geneve).
pub(in crate::packet) const BRIDGED: u16 = 0x6558;
const PPP: u16 = 0x880b;
const MPLS: u16 = 0x8847;
/// MPLS with an upstream-assigned label (RFC 5332), formerly multicast.
const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const FABRIC_PATH: u16 = 0x8903;
const CISCO_META: u16 = 0x8909;
const VN_TAG: u16 = 0x8926;
const E_TAG: u16 = 0x893f;
const NSH: u16 = 0x894f;
const MACSEC: u16 = 0x88e5;
/// Provider backbone bridging (IEEE 802.1Q 9.7).
const I_TAG: u16 = 0x88e7;

/// Whether an EtherType is one of those read here, or ARP.
pub(in crate::packet) fn is_known(ether_type: u16) -> bool {
    vlan::is_tag(ether_type)
        || matches!(
            ether_type,
            IPV4 | IPV6 | ARP | MPLS | MPLS_UPSTREAM | PPPOE_SESSION | MACSEC | NSH | I_TAG
        )
}

/// Dissects the payload of a given EtherType.
#[inline]
pub(in crate::packet) fn dissect<'a>(
    d: &mut Dissection<'a>,
    ether_type: u16,
    payload: Layer<'a>,
) -> Outcome {
    match ether_type {
        IPV4 => ip::v4::dissect(d, payload),
        IPV6 => ip::v6::dissect(d, payload),
        _ => dissect_other(d, ether_type, payload),
    }
}

#[inline(never)]
fn dissect_other<'a>(d: &mut Dissection<'a>, ether_type: u16, payload: Layer<'a>) -> Outcome {
    d.descend(payload, "ethertype")?;
    match ether_type {
        t if vlan::is_tag(t) => vlan::dissect(d, payload),
        MPLS | MPLS_UPSTREAM => mpls::dissect(d, payload),
        PPPOE_SESSION => pppoe::dissect(d, payload),
        PPP => ppp::dissect(d, payload),
        MACSEC => macsec::dissect(d, payload),
        CISCO_META => cisco_meta::dissect(d, payload),
        NSH => nsh::dissect(d, payload),
        BRIDGED => ethernet::dissect(d, payload),
        VN_TAG => tag::dissect(d, payload, 4),
        E_TAG => tag::dissect(d, payload, 6),
        I_TAG => mac_in_mac::dissect_backbone(d, payload),
        FABRIC_PATH => mac_in_mac::dissect_fabric_path(d, payload),
        TRILL => mac_in_mac::dissect_trill(d, payload),
        _ => Err(payload.not_read("ethertype")),
    }
}
