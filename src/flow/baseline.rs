//! What all connections together say of hosts and services. Every merge is commutative, so the
//! result does not depend on how the work was divided.

use super::key::Key;
use super::loc::Loc;
use super::resets::Finished;
use super::state::{Flow, seen};
use super::{Endpoint, HostBaseline, ServiceOutcome, ServiceRecord};
use crate::units::{FrameNumber, Timestamp};
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// Healthy connections kept per service for contrast.
const HEALTHY: usize = 40;
/// Records kept of each: the handshake, the ClientHello or request, the start of the answer.
const HEALTHY_RECORDS: usize = 10;
/// Connections whose outcome and times are kept per service.
const OUTCOMES: usize = 256;
/// Distinct targets counted per host.
const TARGETS: usize = 64;
/// Services for which samples are kept; beyond that only hosts are counted.
const SERVICES: usize = 200_000;

#[derive(Debug, Default)]
struct HostTally {
    ttls: BTreeMap<u8, u32>,
    reset_ttls: BTreeMap<u8, u32>,
    min_rtt: Option<(i64, u32)>,
    flows: u32,
    opened: u32,
    targets: BTreeSet<Endpoint>,
}

#[derive(Debug, Default)]
struct ServiceTally {
    counts: [u64; 4],
    // both keyed by a fixed scramble of the first frame: the smallest keys are a fair sample
    outcomes: BTreeMap<u64, (i64, i64, u64, ServiceOutcome)>,
    healthy: BTreeMap<u64, Finished>,
}

/// Baselines of one shard, or of all once merged.
#[derive(Debug, Default)]
pub struct Baselines {
    hosts: HashMap<IpAddr, HostTally, RandomState>,
    services: HashMap<Endpoint, ServiceTally, RandomState>,
}

/// SplitMix64's finaliser: spreads frame numbers so that the smallest are spread over time.
fn scramble(frame: u64) -> u64 {
    let x = (frame ^ (frame >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn keep_smallest<T>(map: &mut BTreeMap<u64, T>, limit: usize, key: u64, value: impl FnOnce() -> T) {
    if map.len() >= limit {
        match map.last_key_value() {
            Some((&largest, _)) if key < largest => map.pop_last(),
            _ => return,
        };
    }
    map.insert(key, value());
}

fn outcome<K: Key>(flow: &Flow<K>, opener: usize) -> Option<ServiceOutcome> {
    let reset = flow.either_saw(seen::RST);
    let answered = flow.seen[1 - opener] & seen::SYN_ACK != 0;
    Some(match (answered, reset) {
        (true, true) => ServiceOutcome::Reset,
        (true, false) if flow.established() => ServiceOutcome::Worked,
        (true, false) => return None,
        (false, true) if flow.seen[1 - opener] & seen::RST != 0 => ServiceOutcome::Refused,
        (false, true) => return None,
        (false, false) => ServiceOutcome::Unanswered,
    })
}

impl Baselines {
    /// Counts a finished incarnation.
    pub fn add<K: Key>(&mut self, flow: &Flow<K>, first: Option<Loc>) {
        let ends = flow.key.endpoints();
        let opener = flow.opener();
        for i in [0, 1] {
            if flow.segments[i] == 0 {
                continue;
            }
            let host = self.hosts.entry(ends[i].ip).or_default();
            host.flows += 1;
            if flow.seen[i] & seen::ALIVE != 0 {
                *host.ttls.entry(flow.ttl[i]).or_default() += 1;
            }
            if let Some(ttl) = flow.detail.as_ref().and_then(|d| d.reset_ttl[i]) {
                *host.reset_ttls.entry(ttl).or_default() += 1;
            }
            if flow.rtt[i] != 0 {
                let rtt = i64::from(flow.rtt[i]);
                let (least, n) = host.min_rtt.unwrap_or((rtt, 0));
                host.min_rtt = Some((least.min(rtt), n + 1));
            }
            if opener == Some(i) && flow.seen[i] & seen::SYN != 0 {
                host.opened += 1;
                if host.targets.len() < TARGETS {
                    host.targets.insert(ends[1 - i]);
                }
            }
        }
        if let (Some(opener), Some(first)) = (opener, first) {
            self.add_service(flow, opener, ends[1 - opener], first);
        }
    }

    fn add_service<K: Key>(&mut self, flow: &Flow<K>, opener: usize, server: Endpoint, first: Loc) {
        let Some(outcome) = outcome(flow, opener) else {
            return;
        };
        if self.services.len() >= SERVICES && !self.services.contains_key(&server) {
            return;
        }
        let service = self.services.entry(server).or_default();
        service.counts[outcome as usize] += 1;
        let order = scramble(first.frame());
        keep_smallest(&mut service.outcomes, OUTCOMES, order, || {
            (flow.first_time, flow.latest(), first.frame(), outcome)
        });
        let talked = flow.seen[0] & flow.seen[1] & seen::DATA != 0;
        if outcome == ServiceOutcome::Worked && talked {
            keep_smallest(&mut service.healthy, HEALTHY, order, || {
                let mut finished = Finished::of(flow, false);
                finished.kept.truncate(HEALTHY_RECORDS);
                finished.order = first.frame();
                finished
            });
        }
    }

    /// Adds another shard's.
    pub fn merge(&mut self, other: Self) {
        for (ip, theirs) in other.hosts {
            let mine = self.hosts.entry(ip).or_default();
            theirs
                .ttls
                .into_iter()
                .for_each(|(ttl, n)| *mine.ttls.entry(ttl).or_default() += n);
            theirs
                .reset_ttls
                .into_iter()
                .for_each(|(ttl, n)| *mine.reset_ttls.entry(ttl).or_default() += n);
            mine.flows += theirs.flows;
            mine.opened += theirs.opened;
            mine.targets.extend(theirs.targets);
            if let Some((rtt, n)) = theirs.min_rtt {
                let (least, m) = mine.min_rtt.unwrap_or((rtt, 0));
                mine.min_rtt = Some((least.min(rtt), m + n));
            }
        }
        for (server, theirs) in other.services {
            let mine = self.services.entry(server).or_default();
            (0..4).for_each(|i| mine.counts[i] += theirs.counts[i]);
            for (key, value) in theirs.outcomes {
                keep_smallest(&mut mine.outcomes, OUTCOMES, key, || value);
            }
            for (key, value) in theirs.healthy {
                keep_smallest(&mut mine.healthy, HEALTHY, key, || value);
            }
        }
    }

    /// The baselines of the hosts and services that `wanted` names, and the healthy
    /// connections of those services, by first frame.
    #[must_use]
    pub fn into_world(
        self,
        hosts: &BTreeSet<IpAddr>,
        services: &BTreeSet<Endpoint>,
    ) -> (
        BTreeMap<IpAddr, HostBaseline>,
        BTreeMap<Endpoint, ServiceRecord>,
        Vec<Finished>,
    ) {
        let hosts = self
            .hosts
            .into_iter()
            .filter(|(ip, _)| hosts.contains(ip))
            .map(|(ip, h)| (ip, h.finish()));
        let mut healthy = Vec::new();
        let mut records = BTreeMap::new();
        for (server, tally) in self
            .services
            .into_iter()
            .filter(|(s, _)| services.contains(s))
        {
            let mut sample: Vec<_> = tally
                .outcomes
                .into_values()
                .map(|(first, last, frame, o)| {
                    (Timestamp(first), Timestamp(last), FrameNumber(frame), o)
                })
                .collect();
            sample.sort_unstable_by_key(|s| s.2);
            let [worked, refused, reset, unanswered] = tally.counts;
            records.insert(
                server,
                ServiceRecord {
                    worked,
                    refused,
                    reset,
                    unanswered,
                    sample,
                },
            );
            healthy.extend(tally.healthy.into_values());
        }
        healthy.sort_unstable_by_key(|f| f.order);
        (hosts.collect(), records, healthy)
    }
}

fn by_frequency(counts: BTreeMap<u8, u32>) -> Vec<(u8, u32)> {
    let mut list: Vec<_> = counts.into_iter().collect();
    list.sort_by_key(|&(value, n)| (std::cmp::Reverse(n), value));
    list
}

impl HostTally {
    fn finish(self) -> HostBaseline {
        HostBaseline {
            ttls: by_frequency(self.ttls),
            reset_ttls: by_frequency(self.reset_ttls),
            macs: Vec::new(),
            min_rtt: self.min_rtt,
            flows: self.flows,
            opened: self.opened,
            targets: self.targets.len().min(TARGETS) as u32,
        }
    }
}
