//! What the packets of kept connections tell of their hosts beyond the flow table's tallies: the
//! link they come over, and the IP IDs of their resets.

use super::{Connection, HostBaseline, Side};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// MAC addresses kept per host; a host with more moves about.
const MACS: usize = 8;
/// IP IDs of resets kept per host.
const RESET_IDS: usize = 16;

/// Takes connections into the baselines of their hosts, each connection once.
pub fn learn(hosts: &mut BTreeMap<IpAddr, HostBaseline>, connections: &[Connection]) {
    for conn in connections {
        for side in Side::BOTH {
            if let Some(host) = hosts.get_mut(&conn.endpoint(side).ip) {
                learn_side(host, conn, side);
            }
        }
    }
}

fn learn_side(host: &mut HostBaseline, conn: &Connection, side: Side) {
    let mine = || {
        conn.segments
            .iter()
            .filter(move |s| s.from == side && s.duplicate_of.is_none())
    };
    let mut seen: Vec<[u8; 6]> = mine()
        .filter(|s| !s.is_rst())
        .filter_map(|s| s.src_mac)
        .collect();
    seen.sort_unstable();
    seen.dedup();
    for mac in seen {
        if let Some(known) = host.macs.iter_mut().find(|(m, _)| *m == mac) {
            known.1 = known.1.saturating_add(1);
        } else if host.macs.len() < MACS {
            host.macs.push((mac, 1));
        }
    }
    host.macs
        .sort_by_key(|(mac, n)| (std::cmp::Reverse(*n), *mac));
    // 0 is what every Linux writes on a stateless reply
    for id in mine().filter(|s| s.is_rst()).filter_map(|s| s.ip_id) {
        if id != 0 && host.reset_ids.len() < RESET_IDS && !host.reset_ids.contains(&id) {
            host.reset_ids.push(id);
        }
    }
}

/// How many hosts put one and the same IP ID on all their resets, by that IP ID.
#[must_use]
pub fn constant_reset_ids(hosts: &BTreeMap<IpAddr, HostBaseline>) -> BTreeMap<u16, usize> {
    let mut ids = BTreeMap::new();
    for host in hosts.values() {
        if let [id] = host.reset_ids[..] {
            *ids.entry(id).or_default() += 1;
        }
    }
    ids
}
