//! What the packets of kept connections tell of their hosts beyond the flow table's tallies: the
//! link they come over, and the IP IDs of their resets.

use super::{Connection, HostBaseline, Segment, Side};
use rayon::prelude::*;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// MAC addresses kept per host; a host with more moves about.
const MACS: usize = 8;
/// IP IDs of resets kept per host.
const RESET_IDS: usize = 16;

/// Takes connections into the baselines of their hosts, each connection once.
pub fn learn(hosts: &mut BTreeMap<IpAddr, HostBaseline>, connections: &[Connection]) {
    let told: Vec<[Told; 2]> = connections
        .par_iter()
        .map(|conn| Side::BOTH.map(|side| Told::by(conn, side)))
        .collect();
    for (conn, told) in connections.iter().zip(told) {
        for (side, told) in Side::BOTH.into_iter().zip(told) {
            if let Some(host) = hosts.get_mut(&conn.endpoint(side).ip) {
                told.to(host);
            }
        }
    }
}

/// What one side of a connection tells.
struct Told {
    /// In order, each once.
    macs: SmallVec<[[u8; 6]; 4]>,
    reset_ids: SmallVec<[u16; 4]>,
}

impl Told {
    fn by(conn: &Connection, side: Side) -> Self {
        let (mut macs, mut reset_ids) = (SmallVec::new(), SmallVec::new());
        let own = |s: &&Segment| s.from == side && s.duplicate_of.is_none();
        for segment in conn.segments.iter().filter(own) {
            if segment.is_rst() {
                reset_ids.extend(segment.ip_id);
            } else if let Some(mac) = segment.src_mac.filter(|mac| !macs.contains(mac)) {
                macs.push(mac);
            }
        }
        macs.sort_unstable();
        Self { macs, reset_ids }
    }

    fn to(self, host: &mut HostBaseline) {
        for mac in self.macs {
            if let Some(known) = host.macs.iter_mut().find(|(m, _)| *m == mac) {
                known.1 = known.1.saturating_add(1);
            } else if host.macs.len() < MACS {
                host.macs.push((mac, 1));
            }
        }
        host.macs
            .sort_by_key(|(mac, n)| (std::cmp::Reverse(*n), *mac));
        // 0 is what every Linux writes on a stateless reply
        for id in self.reset_ids {
            if id != 0 && host.reset_ids.len() < RESET_IDS && !host.reset_ids.contains(&id) {
                host.reset_ids.push(id);
            }
        }
    }
}
