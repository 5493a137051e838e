//! Attempts to connect that came to nothing, and which other connections began beside them: the
//! sibling that won (RFC 8305) or the address that was tried next.

use super::Endpoint;
use super::resets::Finished;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Start in nanoseconds and server port, by client.
    by_client: BTreeMap<IpAddr, Vec<(i64, u16)>>,
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

    /// Adds another shard's.
    pub fn extend(&mut self, other: Self) {
        for (client, list) in other.by_client {
            self.by_client.entry(client).or_default().extend(list);
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

    /// The connection began beside a failed attempt of its client. Its other address family is
    /// another address, so that there times alone must do.
    #[must_use]
    pub fn raced(&self, f: &Finished) -> bool {
        let client = f.endpoints[usize::from(f.opener.unwrap_or(0))].ip;
        let beside = |s: i64| s.abs_diff(f.times.0) <= BESIDE_NS.unsigned_abs();
        let mut mine = self.by_client.get(&client).into_iter().flatten();
        let others = &self.starts[1 - family(client)];
        let from = others.partition_point(|s| *s < f.times.0.saturating_sub(BESIDE_NS));
        mine.any(|a| beside(a.0)) || others.get(from).is_some_and(|s| beside(*s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(client: &str, start: i64) -> Finished {
        let end = |ip: &str, port| Endpoint {
            ip: ip.parse().expect("an address"),
            port,
        };
        Finished {
            endpoints: [end(client, 40_000), end("192.0.2.7", 443)],
            tunnel: crate::packet::TunnelId::default(),
            opener: Some(0),
            saw_syn: true,
            stream: super::super::conversation::Stream::NONE,
            incarnation: 0,
            order: 1,
            kept: Vec::new(),
            icmp: Vec::new(),
            segments: [1, 1],
            bytes: [0, 0],
            next: [None, None],
            resets: [0, 0],
            times: (start, start),
            past_lost: false,
        }
    }

    #[test]
    fn what_begins_beside_a_failed_attempt_is_kept() {
        let mut attempts = Attempts::default();
        let second = 1_000_000_000;
        let server = finished("10.0.0.1", 0).endpoints[1];
        attempts.add("10.0.0.1".parse().expect("v4"), server, 100 * second);
        attempts.add("2001:db8::1".parse().expect("v6"), server, 200 * second);
        attempts.settle();
        assert!(attempts.on_port(443) && !attempts.on_port(80));
        assert!(attempts.raced(&finished("10.0.0.1", 101 * second)));
        assert!(!attempts.raced(&finished("10.0.0.1", 106 * second)));
        assert!(!attempts.raced(&finished("10.0.0.2", 101 * second)));
        assert!(attempts.raced(&finished("10.0.0.2", 199 * second)));
    }

    #[test]
    fn a_scanner_does_not_fall_back() {
        let mut attempts = Attempts::default();
        let f = finished("10.0.0.1", 5);
        for n in 0..70 {
            attempts.add(f.endpoints[0].ip, f.endpoints[1], n);
        }
        attempts.settle();
        assert!(!attempts.raced(&f));
    }
}
