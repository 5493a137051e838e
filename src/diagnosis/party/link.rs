//! The link the frame came over. Meaningful only on the segment where it is seen.

use super::{Family, Item, Look};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::reset::Reset;

/// Packets from which a sender's MAC addresses are known.
const MAC_PACKETS: usize = 5;
/// Packets from which a sender's VLAN is known.
const VLAN_PACKETS: usize = 3;
/// First bytes of virtual router MACs: HSRP v1, HSRP v2, VRRP for IPv4 and IPv6, GLBP.
const VIRTUAL_ROUTERS: [&[u8]; 5] = [
    &[0x00, 0x00, 0x0c, 0x07, 0xac],
    &[0x00, 0x00, 0x0c, 0x9f, 0xf0],
    &[0x00, 0x00, 0x5e, 0x00, 0x01],
    &[0x00, 0x00, 0x5e, 0x00, 0x02],
    &[0x00, 0x07, 0xb4],
];

/// Row 23: another source MAC than the alleged sender's packets have.
pub(super) fn mac(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let mac = r.src_mac?;
    let seen: Vec<[u8; 6]> = look
        .normal(reset.from)
        .filter_map(|(_, s)| s.src_mac)
        .collect();
    if seen.len() < MAC_PACKETS || seen.contains(&mac) {
        return None;
    }
    let host = look.host(reset.from);
    let usual = host.is_some_and(|h| h.macs.iter().any(|(m, n)| *m == mac && *n > 1));
    let virtual_router = VIRTUAL_ROUTERS.iter().any(|p| mac.starts_with(p));
    // of two routers, either may deliver what comes from afar
    let routed = look.world.crowd.is_router(mac, look.address(reset.from));
    if usual || virtual_router || routed {
        return None;
    }
    let text = mac.map(|b| format!("{b:02x}")).join(":");
    Some(Item {
        family: Family::Link,
        weight: 12,
        hard: false,
        evidence: Evidence::of(Fact::MacDiffers { mac: text }, [r]),
    })
}

/// Row 24: another VLAN or tunnel than the alleged sender's packets have.
pub(super) fn vlan(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let vlan = r.vlan?;
    let vlans: Vec<Option<u16>> = look.normal(reset.from).map(|(_, s)| s.vlan).collect();
    let usual = (*vlans.first()?)?;
    let steady = vlans.len() >= VLAN_PACKETS && vlans.iter().all(|v| *v == Some(usual));
    (steady && vlan != usual).then(|| Item {
        family: Family::Link,
        weight: 10,
        hard: false,
        evidence: Evidence::of(Fact::VlanDiffers { vlan, usual }, [r]),
    })
}
