//! What rules ask about all hosts at once, counted once: a rule must not go through all hosts
//! for every reset.

use crate::flow::HostBaseline;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// Initial TTLs in use.
const INITIAL: [u8; 4] = [32, 64, 128, 255];
/// A hop difference from here on is no accident of routing near the ends.
pub const MISMATCH_HOPS: u8 = 2;
/// Paths of more hops than this are not found in practice.
pub const LONGEST_PATH: u8 = 28;

/// Hops a packet has travelled, if it began with the next usual initial TTL.
#[must_use]
pub fn hop_count(ttl: u8) -> u8 {
    INITIAL
        .iter()
        .find(|&&class| class >= ttl)
        .map_or(0, |class| class - ttl)
}

/// The addresses of the same small prefix: 24 bits, 64 in IPv6, or all of the loopback's.
#[must_use]
pub fn prefix(address: IpAddr) -> RangeInclusive<IpAddr> {
    match address {
        IpAddr::V4(ip) => {
            let bits = if ip.is_loopback() { 8 } else { 24 };
            let mask = u32::MAX << (32 - bits);
            let first = u32::from(ip) & mask;
            let ends = [first, first | !mask].map(|ip| IpAddr::V4(Ipv4Addr::from(ip)));
            ends[0]..=ends[1]
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX << 64;
            let first = u128::from(ip) & mask;
            let ends = [first, first | !mask].map(|ip| IpAddr::V6(Ipv6Addr::from(ip)));
            ends[0]..=ends[1]
        }
    }
}

/// Whether two addresses share a small prefix.
#[must_use]
pub fn same_prefix(a: IpAddr, b: IpAddr) -> bool {
    prefix(a).contains(&b)
}

/// Resets with this TTL come "from" a host that is at another distance, or of which nothing
/// else is known.
fn answered_for(host: &HostBaseline, ttl: u8) -> bool {
    let elsewhere = |t: u8| hop_count(t).abs_diff(hop_count(ttl)) >= MISMATCH_HOPS;
    let plausible = |t: u8| hop_count(t) < LONGEST_PATH;
    host.reset_ttls.iter().any(|(t, _)| *t == ttl)
        && host
            .ttls
            .iter()
            .all(|(t, _)| elsewhere(*t) && plausible(*t))
}

/// All hosts of a timeline together.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// Of how many hosts an IP ID is the only one on their resets.
    pub constant_reset_ids: BTreeMap<u16, usize>,
    /// Hosts of which a TTL was seen that had come down on the way.
    pub remote: usize,
    cards: BTreeMap<[u8; 6], Card>,
    devices: BTreeMap<u8, Device>,
}

/// Hosts that deliver undecremented TTLs by a MAC from which on it is no router's: a router may
/// have an address of its own.
const UNROUTED: usize = 2;

/// The virtual networks of Azure (every neighbour has this one MAC) and of Google Cloud (MACs of
/// 42:01 and an IPv4 address): their gateways carry all packets and decrement no TTL inside.
fn is_virtual_gateway(mac: [u8; 6]) -> bool {
    mac == [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc] || mac[..2] == [0x42, 0x01]
}

/// Who uses a source MAC.
#[derive(Clone, Debug, Default)]
struct Card {
    hosts: usize,
    // hosts whose packets all have an initial TTL
    unrouted: usize,
    // prefixes of hosts that are behind routers, by their first address
    remote: BTreeSet<IpAddr>,
}

/// For whom resets of one TTL speak (see [`answered_for`]).
#[derive(Clone, Debug, Default)]
struct Device {
    // hosts of which it is known that they are elsewhere
    proven: usize,
    // hosts among them by prefix, by its first address
    prefixes: BTreeMap<IpAddr, usize>,
}

impl Crowd {
    /// Of these hosts.
    #[must_use]
    pub fn of(hosts: &BTreeMap<IpAddr, HostBaseline>) -> Self {
        let mut crowd = Self::default();
        for (ip, host) in hosts {
            crowd.add(*prefix(*ip).start(), host);
        }
        crowd
    }

    fn add(&mut self, prefix: IpAddr, host: &HostBaseline) {
        if let [id] = host.reset_ids[..] {
            *self.constant_reset_ids.entry(id).or_default() += 1;
        }
        let mut hops = host.ttls.iter().map(|(t, _)| hop_count(*t));
        self.remote += usize::from(hops.clone().any(|h| h > 0));
        let unrouted = !host.ttls.is_empty() && hops.clone().all(|h| h == 0);
        let behind_routers = !host.ttls.is_empty() && hops.all(|h| h > 0);
        for (mac, _) in &host.macs {
            let card = self.cards.entry(*mac).or_default();
            card.hosts += 1;
            card.unrouted += usize::from(unrouted);
            if behind_routers {
                card.remote.insert(prefix);
            }
        }
        for (ttl, _) in &host.reset_ttls {
            if answered_for(host, *ttl) {
                let device = self.devices.entry(*ttl).or_default();
                device.proven += usize::from(!host.ttls.is_empty());
                *device.prefixes.entry(prefix).or_default() += 1;
            }
        }
    }

    /// Hosts other than `host` that use a MAC.
    #[must_use]
    pub fn others_with(&self, mac: [u8; 6], host: Option<&HostBaseline>) -> usize {
        let all = self.cards.get(&mac).map_or(0, |card| card.hosts);
        let own = host.is_some_and(|h| h.macs.iter().any(|(m, _)| *m == mac));
        all - usize::from(own)
    }

    /// Whether hosts of other prefixes than this address's, behind routers, use a MAC, and a
    /// packet of theirs cannot come by it with an undecremented TTL.
    #[must_use]
    pub fn is_router(&self, mac: [u8; 6], address: IpAddr) -> bool {
        let own = *prefix(address).start();
        let routes = |card: &Card| {
            card.unrouted < UNROUTED && card.remote.iter().any(|prefix| *prefix != own)
        };
        !is_virtual_gateway(mac) && self.cards.get(&mac).is_some_and(routes)
    }

    /// Whether packets of other hosts of one virtual network come by this MAC, of which no TTL
    /// tells whether they were routed.
    #[must_use]
    pub fn is_virtual_network(&self, mac: [u8; 6]) -> bool {
        let unrouted = |card: &Card| card.unrouted >= UNROUTED && !card.remote.is_empty();
        is_virtual_gateway(mac) || self.cards.get(&mac).is_some_and(unrouted)
    }

    /// For whom resets with this TTL speak besides an address and its peer, of which the hosts
    /// are `known`: proven hosts, and prefixes other than the address's own. The peer may be at
    /// that distance itself.
    #[must_use]
    pub fn device(
        &self,
        ttl: u8,
        [address, peer]: [IpAddr; 2],
        known: &BTreeMap<IpAddr, HostBaseline>,
    ) -> Option<(usize, usize)> {
        let device = self.devices.get(&ttl)?;
        let counted = |ip: &IpAddr| known.get(ip).filter(|host| answered_for(host, ttl));
        let ends = [address, peer];
        let theirs = ends.iter().filter_map(counted);
        let proven = device.proven - theirs.filter(|host| !host.ttls.is_empty()).count();
        let [own, others] = [address, peer].map(|ip| *prefix(ip).start());
        let alone =
            own != others && counted(&peer).is_some() && device.prefixes.get(&others) == Some(&1);
        let among = device.prefixes.contains_key(&own);
        let prefixes = device.prefixes.len() - usize::from(among) - usize::from(alone);
        Some((proven, prefixes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowd, prefix, same_prefix};
    use crate::flow::HostBaseline;
    use std::net::IpAddr;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn prefixes_are_small() {
        assert!(same_prefix(ip("10.1.2.3"), ip("10.1.2.250")));
        assert!(!same_prefix(ip("10.1.2.3"), ip("10.1.3.3")));
        assert!(same_prefix(ip("127.0.0.1"), ip("127.8.0.1")));
        assert!(same_prefix(ip("2001:db8::1"), ip("2001:db8::ffff:1")));
        assert!(!same_prefix(ip("2001:db8::1"), ip("2001:db8:0:1::1")));
        assert!(!same_prefix(ip("::"), ip("0.0.0.0")));
        assert_eq!(*prefix(ip("10.1.2.3")).end(), ip("10.1.2.255"));
    }

    #[test]
    fn a_host_is_not_its_own_company() {
        let mac = [2, 0, 0, 0, 0, 1];
        let host = |ttl, reset_ttl| HostBaseline {
            ttls: vec![(ttl, 1)],
            reset_ttls: vec![(reset_ttl, 1)],
            macs: vec![(mac, 1)],
            reset_ids: vec![7],
            ..HostBaseline::default()
        };
        let hosts = [
            (ip("10.0.1.1"), host(60, 63)),
            (ip("10.0.2.1"), host(64, 64)),
        ]
        .into();
        let crowd = Crowd::of(&hosts);
        assert_eq!(crowd.constant_reset_ids.get(&7), Some(&2));
        assert_eq!(crowd.others_with(mac, hosts.get(&ip("10.0.1.1"))), 1);
        assert_eq!(crowd.others_with(mac, None), 2);
        assert_eq!(crowd.remote, 1);
        assert!(!crowd.is_router(mac, ip("10.0.1.9")) && crowd.is_router(mac, ip("10.0.2.9")));
        // 3 hops nearer than the host
        let device = |ends: [&str; 2]| crowd.device(63, ends.map(ip), &hosts);
        assert_eq!(device(["10.0.3.1", "10.0.4.1"]), Some((1, 1)));
        assert_eq!(device(["10.0.3.1", "10.0.1.1"]), Some((0, 0)));
        assert_eq!(device(["10.0.1.9", "10.0.4.1"]), Some((1, 0)));
        let own_distance = crowd.device(64, [ip("10.0.3.1"), ip("10.0.4.1")], &hosts);
        assert_eq!(own_distance, None);
    }
}
