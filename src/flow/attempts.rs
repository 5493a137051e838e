//! Attempts to connect that came to nothing, and which other connections began beside them: the
//! sibling that won (RFC 8305) or the address that was tried next.

use super::Endpoint;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// Connections that begin this close to a failed attempt may be its sibling or its next try.
const BESIDE_NS: i64 = 5_000_000_000;
/// A host with more failed attempts than this is no client that falls back.
const ATTEMPTS: usize = 64;
/// Hosts whose attempts are looked at.
const CLIENTS: usize = 1_000;

/// Failed attempts of one timeline.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    /// Start in nanoseconds and server port, by client; moved once settled.
    by_client: BTreeMap<IpAddr, Vec<(i64, u16)>>,
    settled: HashMap<IpAddr, Vec<(i64, u16)>, RandomState>,
    /// Ports on which a sibling may be, once settled.
    ports: BTreeSet<u16>,
    /// Starts by address family, in order, once settled.
    starts: [Vec<i64>; 2],
}

fn family(ip: IpAddr) -> usize {
    usize::from(ip.is_ipv6())
}

impl Attempts {
    /// Adds an attempt that was refused or given up, by its start in nanoseconds.
    pub fn add(&mut self, client: IpAddr, server: Endpoint, start: i64) {
        let list = self.by_client.entry(client).or_default();
        // one beyond the limit tells that it was exceeded
        if list.len() <= ATTEMPTS {
            list.push((start, server.port));
        }
    }

    /// Drops scanners and puts the rest in order; nothing is added afterwards.
    pub fn settle(&mut self) {
        self.by_client.retain(|_, list| list.len() <= ATTEMPTS);
        while self.by_client.len() > CLIENTS {
            self.by_client.pop_last();
        }
        for (client, list) in &mut self.by_client {
            list.sort_unstable();
            let starts = &mut self.starts[family(*client)];
            starts.extend(list.iter().map(|a| a.0));
            self.ports.extend(list.iter().map(|a| a.1));
        }
        self.starts.iter_mut().for_each(|s| s.sort_unstable());
        self.settled = std::mem::take(&mut self.by_client).into_iter().collect();
        // SMB is tried directly and over NetBIOS at once
        if self.ports.contains(&139) || self.ports.contains(&445) {
            self.ports.extend([139, 445]);
        }
    }

    /// A sibling of a failed attempt may be on this port.
    #[must_use]
    pub fn on_port(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Whether a connection of a client, with this start in nanoseconds, began beside a failed
    /// attempt of it. Its other address family is another address, so that there times alone
    /// must do.
    #[must_use]
    pub fn raced(&self, client: IpAddr, start: i64) -> bool {
        let beside = |s: i64| s.abs_diff(start) <= BESIDE_NS.unsigned_abs();
        let mut mine = self.settled.get(&client).into_iter().flatten();
        let others = &self.starts[1 - family(client)];
        let from = others.partition_point(|s| *s < start.saturating_sub(BESIDE_NS));
        mine.any(|a| beside(a.0)) || others.get(from).is_some_and(|s| beside(*s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn ip(ip: &str) -> IpAddr {
        ip.parse().expect("an address")
    }

    fn server() -> Endpoint {
        Endpoint {
            ip: ip("192.0.2.7"),
            port: 443,
        }
    }

    #[test]
    fn what_begins_beside_a_failed_attempt_is_kept() {
        let mut attempts = Attempts::default();
        attempts.add(ip("10.0.0.1"), server(), 100 * SECOND);
        attempts.add(ip("2001:db8::1"), server(), 200 * SECOND);
        attempts.settle();
        assert!(attempts.on_port(443) && !attempts.on_port(80));
        assert!(attempts.raced(ip("10.0.0.1"), 101 * SECOND));
        assert!(!attempts.raced(ip("10.0.0.1"), 106 * SECOND));
        assert!(!attempts.raced(ip("10.0.0.2"), 101 * SECOND));
        assert!(attempts.raced(ip("10.0.0.2"), 199 * SECOND));
    }

    #[test]
    fn a_scanner_does_not_fall_back() {
        let mut attempts = Attempts::default();
        for n in 0..70 {
            attempts.add(ip("10.0.0.1"), server(), n);
        }
        attempts.settle();
        assert!(!attempts.raced(ip("10.0.0.1"), 5));
    }
}
