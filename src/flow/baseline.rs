//! What all connections together say of hosts and services. Every merge is commutative, so the
//! result does not depend on how the work was divided.

use super::attempts::Attempts;
use super::key::Key;
use super::loc::{Arena, Loc};
use super::resets::Finished;
use super::state::{Flow, seen};
use super::{Endpoint, HostBaseline, ServiceOutcome, ServiceRecord};
use crate::units::{FrameNumber, Timestamp};
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::net::IpAddr;

/// Healthy connections kept per service for contrast.
const HEALTHY: usize = 40;
/// Established connections on which not both sides spoke, kept beside failed attempts.
const SILENT: usize = 8;
/// Records kept of each: the handshake, the ClientHello or request, the start of the answer.
const HEALTHY_RECORDS: usize = 8;
/// Resets of a service below which no contrast can carry weight.
const CONTRAST_RESETS: u64 = 3;
/// Services whose healthy connections are fetched.
const CONTRAST_SERVICES: usize = 50;
/// Connections whose outcome and times are kept per service.
const OUTCOMES: usize = 256;
/// Distinct targets counted per host.
const TARGETS: usize = 64;
/// Such connections kept.
const RIVALS: usize = 500;
/// Services for which samples are kept; beyond that only hosts are counted.
const SERVICES: usize = 200_000;

/// Few distinct values, counted.
type Counts = SmallVec<[(u8, u32); 2]>;

#[derive(Debug, Default)]
struct HostTally {
    ttls: Counts,
    reset_ttls: Counts,
    min_rtt: Option<(i64, u32)>,
    flows: u32,
    opened: u32,
    // hashes of endpoints: only their number is asked for
    targets: SmallVec<[u64; 1]>,
}

/// How a connection went: start, end, first frame.
type Outcome = (i64, i64, u64, ServiceOutcome);

/// The values with the smallest keys. The keys scramble the frame the connection began in, so
/// the smallest are a fair sample, and the same one however the work was divided.
#[derive(Debug)]
struct Sample<T>(BinaryHeap<Keyed<T>>);

#[derive(Debug)]
struct Keyed<T>(u64, T);

impl<T> PartialEq for Keyed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Keyed<T> {}

impl<T> PartialOrd for Keyed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Keyed<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<T> Sample<T> {
    fn offer(&mut self, limit: usize, key: u64, value: impl FnOnce() -> T) {
        if self.0.len() >= limit {
            match self.0.peek() {
                Some(largest) if key < largest.0 => self.0.pop(),
                _ => return,
            };
        }
        self.0.push(Keyed(key, value()));
    }

    fn into_values(self) -> impl Iterator<Item = T> {
        self.0.into_vec().into_iter().map(|k| k.1)
    }
}

#[derive(Debug, Default)]
struct ServiceTally {
    counts: [u64; 4],
    outcomes: Sample<Outcome>,
    healthy: Sample<Finished>,
    silent: Sample<Finished>,
}

/// What the baselines are wanted for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Addresses of connections that were reset; `None` while it is not known which will be.
    pub hosts: Option<HashSet<IpAddr, RandomState>>,
    /// Servers of connections that were reset, and how many of theirs were established.
    pub services: HashMap<Endpoint, u64, RandomState>,
    /// Of them, those whose healthy connections are kept for contrast.
    pub contrast: HashSet<Endpoint, RandomState>,
    /// Attempts that came to nothing.
    pub attempts: Attempts,
}

impl Wanted {
    /// Adds what another shard wants.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.hosts
            .get_or_insert_default()
            .extend(other.hosts.unwrap_or_default());
        for (server, resets) in other.services {
            *self.services.entry(server).or_default() += resets;
        }
        self.attempts.extend(other.attempts);
        self
    }

    /// Chooses the services for contrast: those with most resets, if they have enough.
    pub fn choose_contrast(&mut self) {
        let enough = self.services.iter().filter(|s| *s.1 >= CONTRAST_RESETS);
        let mut ranked: Vec<_> = enough
            .map(|(server, resets)| (std::cmp::Reverse(*resets), *server))
            .collect();
        ranked.sort_unstable();
        self.attempts.settle();
        self.contrast = ranked
            .into_iter()
            .take(CONTRAST_SERVICES)
            .map(|r| r.1)
            .collect();
    }

    fn host(&self, ip: IpAddr) -> bool {
        self.hosts.as_ref().is_none_or(|these| these.contains(&ip))
    }

    fn service(&self, server: Endpoint) -> bool {
        self.hosts.is_none() || self.services.contains_key(&server)
    }

    fn rival(&self, server: Endpoint) -> bool {
        self.hosts.is_none() || self.attempts.on_port(server.port)
    }

    fn contrast(&self, server: Endpoint) -> bool {
        self.hosts.is_none() || self.contrast.contains(&server)
    }
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

fn count(counts: &mut Counts, value: u8, n: u32) {
    match counts.iter_mut().find(|c| c.0 == value) {
        Some(c) => c.1 += n,
        None => counts.push((value, n)),
    }
}

fn add_target(targets: &mut SmallVec<[u64; 1]>, target: u64) {
    if targets.len() < TARGETS && !targets.contains(&target) {
        targets.push(target);
    }
}

/// A hash of an endpoint that is the same in every run and shard.
fn fingerprint(e: Endpoint) -> u64 {
    let ip = match e.ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    scramble(scramble(ip as u64 ^ u64::from(e.port)) ^ (ip >> 64) as u64)
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
    pub fn add<K: Key>(&mut self, flow: &Flow<K>, arena: &Arena, wanted: &Wanted) {
        let first = flow.trail.first(arena);
        let ends = flow.key.endpoints();
        let opener = flow.opener();
        for i in [0, 1] {
            if flow.segments[i] == 0 || !wanted.host(ends[i].ip) {
                continue;
            }
            let host = self.hosts.entry(ends[i].ip).or_default();
            host.flows += 1;
            if flow.seen[i] & seen::ALIVE != 0 {
                count(&mut host.ttls, flow.ttl[i], 1);
            }
            if let Some(ttl) = flow.detail.as_ref().and_then(|d| d.reset_ttl[i]) {
                count(&mut host.reset_ttls, ttl, 1);
            }
            if flow.rtt[i] != 0 {
                let rtt = i64::from(flow.rtt[i]);
                let (least, n) = host.min_rtt.unwrap_or((rtt, 0));
                host.min_rtt = Some((least.min(rtt), n + 1));
            }
            if opener == Some(i) && flow.seen[i] & seen::SYN != 0 {
                host.opened += 1;
                add_target(&mut host.targets, fingerprint(ends[1 - i]));
            }
        }
        if let (Some(opener), Some(first)) = (opener, first)
            && (wanted.service(ends[1 - opener]) || wanted.rival(ends[1 - opener]))
        {
            self.add_service(flow, opener, ends[1 - opener], (first, arena), wanted);
        }
    }

    fn add_service<K: Key>(
        &mut self,
        flow: &Flow<K>,
        opener: usize,
        server: Endpoint,
        (first, arena): (Loc, &Arena),
        wanted: &Wanted,
    ) {
        let Some(outcome) = outcome(flow, opener) else {
            return;
        };
        if self.services.len() >= SERVICES && !self.services.contains_key(&server) {
            return;
        }
        let service = self.services.entry(server).or_default();
        service.counts[outcome as usize] += 1;
        let order = scramble(first.frame());
        service.outcomes.offer(OUTCOMES, order, || {
            (flow.first_time, flow.latest(), first.frame(), outcome)
        });
        let talked = flow.seen[0] & flow.seen[1] & seen::DATA != 0;
        let rival = wanted.rival(server);
        if outcome != ServiceOutcome::Worked || !(rival || talked && wanted.contrast(server)) {
            return;
        }
        let (sample, limit) = if talked {
            (&mut service.healthy, HEALTHY)
        } else {
            (&mut service.silent, SILENT)
        };
        sample.offer(limit, order, || {
            let mut finished = Finished::of(flow, arena, false);
            finished.kept.truncate(HEALTHY_RECORDS);
            finished.order = first.frame();
            finished
        });
    }

    /// Adds another shard's.
    pub fn merge(&mut self, other: Self) {
        for (ip, theirs) in other.hosts {
            let mine = self.hosts.entry(ip).or_default();
            theirs
                .ttls
                .into_iter()
                .for_each(|(ttl, n)| count(&mut mine.ttls, ttl, n));
            theirs
                .reset_ttls
                .into_iter()
                .for_each(|(ttl, n)| count(&mut mine.reset_ttls, ttl, n));
            mine.flows += theirs.flows;
            mine.opened += theirs.opened;
            theirs
                .targets
                .into_iter()
                .for_each(|t| add_target(&mut mine.targets, t));
            if let Some((rtt, n)) = theirs.min_rtt {
                let (least, m) = mine.min_rtt.unwrap_or((rtt, 0));
                mine.min_rtt = Some((least.min(rtt), m + n));
            }
        }
        for (server, theirs) in other.services {
            let mine = self.services.entry(server).or_default();
            (0..4).for_each(|i| mine.counts[i] += theirs.counts[i]);
            for Keyed(key, value) in theirs.outcomes.0 {
                mine.outcomes.offer(OUTCOMES, key, || value);
            }
            for Keyed(key, value) in theirs.healthy.0 {
                mine.healthy.offer(HEALTHY, key, || value);
            }
            for Keyed(key, value) in theirs.silent.0 {
                mine.silent.offer(SILENT, key, || value);
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
        wanted: &Wanted,
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
        let (mut healthy, mut rivals) = (Vec::new(), Vec::new());
        let mut records = BTreeMap::new();
        for (server, mut tally) in self.services {
            if wanted.rival(server) {
                let raced = |f: &Finished| wanted.attempts.raced(f);
                let silent = std::mem::take(&mut tally.silent).into_values();
                rivals.extend(silent.filter(raced));
                if !wanted.contrast.contains(&server) {
                    let talked = std::mem::take(&mut tally.healthy).into_values();
                    rivals.extend(talked.filter(raced));
                }
            }
            if !services.contains(&server) {
                continue;
            }
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
            if wanted.contrast.contains(&server) {
                healthy.extend(tally.healthy.into_values());
            }
        }
        rivals.sort_unstable_by_key(|f| f.order);
        healthy.extend(rivals.into_iter().take(RIVALS));
        healthy.sort_unstable_by_key(|f| f.order);
        (hosts.collect(), records, healthy)
    }
}

fn by_frequency(counts: Counts) -> Vec<(u8, u32)> {
    let mut list = counts.into_vec();
    list.sort_by_key(|&(value, n)| (std::cmp::Reverse(n), value));
    list
}

impl HostTally {
    fn finish(self) -> HostBaseline {
        HostBaseline {
            ttls: by_frequency(self.ttls),
            reset_ttls: by_frequency(self.reset_ttls),
            // from packets, which the table does not hold: see `links`
            macs: Vec::new(),
            reset_ids: Vec::new(),
            min_rtt: self.min_rtt,
            flows: self.flows,
            opened: self.opened,
            targets: self.targets.len() as u32,
        }
    }
}
