//! What all connections together say of hosts and services. Adding is commutative, so the
//! result does not depend on how the work was divided; memory is bounded.

use super::attempts::Attempts;
use super::ended::{Ended, Ends, Healthy, Lesson, Visit};
use super::key::Key;
use super::kinds::kind_of;
use super::resets::Finished;
use super::roles::client_of;
use super::sample::{Bounded, Sample, scramble};
use super::table::FlowTable;
use super::{Endpoint, HostBaseline, ServiceOutcome, ServiceRecord};
use crate::units::{FrameNumber, Timestamp};
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

/// Parts that can be filled side by side; a power of two.
pub const PARTS: usize = 8;
/// Hosts counted: about 140 bytes each.
const HOSTS: usize = 1 << 18;
/// Services counted: about 90 bytes each and their samples.
const SERVICES: usize = 1 << 17;
/// Healthy connections kept per service for contrast, at most and, with many services, at
/// least: about 200 bytes each.
const HEALTHY: (usize, usize) = (40, 5);
/// Established connections on which not both sides spoke, kept beside failed attempts.
const SILENT: (usize, usize) = (8, 1);
/// Connections beside failed attempts that are fetched.
const RIVALS: usize = 500;
/// Connections whose outcome and times are kept per service, at most and, with many services,
/// at least: 32 bytes each.
const OUTCOMES: (usize, usize) = (256, 8);
/// Services up to which the larger samples are kept; twice as many halve them, and so on.
const SAMPLED: usize = 1 << 8;
/// Distinct targets counted per host.
const TARGETS: usize = 64;
/// Resets of a service below which no contrast can carry weight.
const CONTRAST_RESETS: u64 = 3;
/// Services whose healthy connections are fetched.
const CONTRAST_SERVICES: usize = 50;

/// Few distinct values, counted.
type Counts = SmallVec<[(u8, u32); 2]>;

#[derive(Debug, Default)]
struct HostTally {
    ttls: Counts,
    reset_ttls: Counts,
    min_rtt: Option<(i64, u32)>,
    flows: u32,
    opened: u32,
    // fingerprints of endpoints: only their number is asked for
    targets: SmallVec<[u64; 1]>,
}

/// How a connection went: start, end, first frame.
type Outcome = (i64, i64, u64, ServiceOutcome);

#[derive(Debug, Default)]
struct ServiceTally {
    counts: [u64; 4],
    outcomes: Sample<Outcome>,
    healthy: Sample<Box<Healthy>>,
    silent: Sample<Box<Healthy>>,
}

/// The baselines of one timeline.
#[derive(Debug)]
pub struct Baselines {
    parts: Vec<Part>,
}

/// The hosts and services with certain fingerprints.
#[derive(Debug)]
pub struct Part {
    index: usize,
    hosts: Bounded<IpAddr, HostTally>,
    services: Bounded<Endpoint, ServiceTally>,
    // how often the samples were halved
    halved: u32,
}

impl Default for Baselines {
    fn default() -> Self {
        let part = |index| Part {
            index,
            hosts: Bounded::new(HOSTS / PARTS),
            services: Bounded::new(SERVICES / PARTS),
            halved: 0,
        };
        Self {
            parts: (0..PARTS).map(part).collect(),
        }
    }
}

/// The part that counts the host or service with this fingerprint.
#[must_use]
pub fn part_of(fingerprint: u64) -> usize {
    (fingerprint % PARTS as u64) as usize
}

fn count(counts: &mut Counts, value: u8) {
    match counts.iter_mut().find(|c| c.0 == value) {
        Some(c) => c.1 += 1,
        None => counts.push((value, 1)),
    }
}

impl Part {
    /// Counts what ended. Every part must be given everything.
    pub fn take(&mut self, ends: &Ends) {
        self.learn(ends, |_, visit| {
            let healthy = visit.healthy.map(|h| &ends.healthy[h as usize]);
            healthy.map(|h| (h.talked, || Some(Box::new(h.clone()))))
        });
    }

    /// Counts what was not over when the capture was, of which `table` still holds the flows.
    /// Every part must be given everything.
    pub fn take_rest<K: Key>(&mut self, table: &FlowTable<K>, wanted: &Wanted, ends: &Ends) {
        self.learn(ends, |ended, visit| {
            let [client, server] = [visit.client, 1 - visit.client];
            let [client, server] = [client, server].map(|i| ended.sides[i].endpoint);
            let shown = move || wanted.shows(client, server, visit.times.0);
            let (flow, arena) = table.flow(visit.healthy?)?;
            let healthy = move || shown().then(|| Box::new(Healthy::of(flow, arena, visit)));
            Some((Healthy::talked(flow), healthy))
        });
    }

    // `offered` says what a visit offers to the samples.
    fn learn<'a, H: FnOnce() -> Option<Box<Healthy>>>(
        &mut self,
        ends: &'a Ends,
        offered: impl Fn(&'a Ended, &'a Visit) -> Option<(bool, H)>,
    ) {
        for lesson in &ends.lessons[self.index] {
            match *lesson {
                Lesson::Host { ended, side } => {
                    self.add_host(&ends.ended[ended as usize], usize::from(side));
                }
                Lesson::Service { ended } => {
                    let ended = &ends.ended[ended as usize];
                    let Some(visit) = &ended.visit else {
                        continue;
                    };
                    let server = ended.sides[1 - visit.client].endpoint;
                    self.add_visit(server, visit, offered(ended, visit));
                }
            }
        }
    }

    fn add_host(&mut self, ended: &Ended, i: usize) {
        let side = &ended.sides[i];
        let Some(host) = self.hosts.entry(side.endpoint.ip, side.host) else {
            return;
        };
        host.flows += 1;
        if let Some(ttl) = side.ttl {
            count(&mut host.ttls, ttl);
        }
        if let Some(ttl) = side.reset_ttl {
            count(&mut host.reset_ttls, ttl);
        }
        if side.rtt != 0 {
            let rtt = i64::from(side.rtt);
            let (least, n) = host.min_rtt.unwrap_or((rtt, 0));
            host.min_rtt = Some((least.min(rtt), n + 1));
        }
        if let Some(visit) = ended.visit.as_ref().filter(|v| v.client == i && v.syn) {
            host.opened += 1;
            if host.targets.len() < TARGETS && !host.targets.contains(&visit.service) {
                host.targets.push(visit.service);
            }
        }
    }

    // A connection that worked is offered as whether both sides spoke, and how to keep it.
    fn add_visit(
        &mut self,
        server: Endpoint,
        visit: &Visit,
        offered: Option<(bool, impl FnOnce() -> Option<Box<Healthy>>)>,
    ) {
        let Some(outcome) = visit.outcome else {
            return;
        };
        let limit = |(most, least): (usize, usize)| (most >> self.halved).max(least);
        let outcomes = limit(OUTCOMES);
        let Some(service) = self.services.entry(server, visit.service) else {
            return;
        };
        service.counts[outcome as usize] += 1;
        let order = scramble(visit.frame);
        let (first, last) = visit.times;
        service.outcomes.offer(outcomes, order, || {
            Some((first, last, visit.frame, outcome))
        });
        if let Some((talked, healthy)) = offered {
            let (sample, keep) = if talked {
                (&mut service.healthy, limit(HEALTHY))
            } else {
                (&mut service.silent, limit(SILENT))
            };
            sample.offer(keep, order, healthy);
        }
        if self.services.len() > (SAMPLED / PARTS) << self.halved {
            self.halve();
        }
    }

    // More services than before share the memory for samples. Smaller samples are what larger
    // ones would have become, whenever it happens.
    fn halve(&mut self) {
        self.halved += 1;
        let limit = |(most, least): (usize, usize)| (most >> self.halved).max(least);
        let (outcomes, healthy, silent) = (limit(OUTCOMES), limit(HEALTHY), limit(SILENT));
        for service in self.services.values_mut() {
            service.outcomes.truncate(outcomes);
            service.healthy.truncate(healthy);
            service.silent.truncate(silent);
        }
    }
}

impl Baselines {
    /// The parts, to be filled side by side.
    pub fn parts_mut(&mut self) -> &mut [Part] {
        &mut self.parts
    }

    /// The parts, to be asked side by side.
    #[must_use]
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }
}

/// What the baselines say of what is wanted.
#[derive(Debug, Default)]
pub struct Known {
    /// By address.
    pub hosts: BTreeMap<IpAddr, HostBaseline>,
    /// By server.
    pub services: BTreeMap<Endpoint, ServiceRecord>,
    /// Connections for contrast, by first frame.
    pub healthy: Vec<Finished>,
}

/// The same of one part, in no order.
#[derive(Debug, Default)]
pub struct Share {
    hosts: Vec<(IpAddr, HostBaseline)>,
    services: Vec<(Endpoint, ServiceRecord)>,
    healthy: Vec<Finished>,
    rivals: Vec<Healthy>,
}

impl Part {
    /// What this part knows.
    #[must_use]
    pub fn know(self, wanted: &Wanted) -> Share {
        let mut known = Share::default();
        for (ip, tally) in self.hosts.into_entries() {
            if wanted.hosts.contains(&ip) {
                known.hosts.push((ip, tally.finish()));
            }
        }
        for (server, tally) in self.services.into_entries() {
            let talked = tally.healthy.into_values();
            if wanted.contrast.contains(&server) {
                known.healthy.extend(talked.map(|h| h.into_finished()));
                let silent = wanted.rivals(server, tally.silent.into_values());
                known.rivals.extend(silent);
            } else {
                let all = talked.chain(tally.silent.into_values());
                known.rivals.extend(wanted.rivals(server, all));
            }
            if wanted.services.contains(&server) {
                let record = record(tally.counts, tally.outcomes);
                known.services.push((server, record));
            }
            // the first ones of all are among the first ones of each part
            if known.rivals.len() > 2 * RIVALS {
                known
                    .rivals
                    .select_nth_unstable_by_key(RIVALS, |h| h.order());
                known.rivals.truncate(RIVALS);
            }
        }
        known
    }
}

impl Known {
    /// What all parts know together.
    #[must_use]
    pub fn together(parts: Vec<Share>) -> Self {
        let mut hosts: Vec<(IpAddr, HostBaseline)> = Vec::new();
        let mut services: Vec<(Endpoint, ServiceRecord)> = Vec::new();
        let (mut healthy, mut rivals) = (Vec::new(), Vec::new());
        for mut part in parts {
            hosts.append(&mut part.hosts);
            services.append(&mut part.services);
            healthy.append(&mut part.healthy);
            rivals.append(&mut part.rivals);
        }
        // many bytes each, which a map would move about until they are sorted
        hosts.sort_by_cached_key(|host| host.0);
        services.sort_by_cached_key(|service| service.0);
        rivals.sort_unstable_by_key(Healthy::order);
        let rivals = rivals.into_iter().take(RIVALS);
        healthy.extend(rivals.map(Healthy::into_finished));
        healthy.sort_unstable_by_key(|f: &Finished| f.order);
        Self {
            hosts: hosts.into_iter().collect(),
            services: services.into_iter().collect(),
            healthy,
        }
    }
}

fn record(counts: [u64; 4], outcomes: Sample<Outcome>) -> ServiceRecord {
    let mut sample: Vec<_> = outcomes
        .into_values()
        .map(|(first, last, frame, o)| (Timestamp(first), Timestamp(last), FrameNumber(frame), o))
        .collect();
    sample.sort_unstable_by_key(|s| s.2);
    let [worked, refused, reset, unanswered] = counts;
    ServiceRecord {
        worked,
        refused,
        reset,
        unanswered,
        sample,
    }
}

/// What the baselines are wanted for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Addresses of connections that were reset.
    pub hosts: HashSet<IpAddr, RandomState>,
    /// Servers of connections that were reset.
    pub services: HashSet<Endpoint, RandomState>,
    /// Those of them whose healthy connections are contrasted with the ones that were reset.
    pub contrast: HashSet<Endpoint, RandomState>,
    /// Attempts that came to nothing.
    pub attempts: Attempts,
    /// Clients of connections without a handshake: what left a translation in the middle of
    /// another connection keeps that connection's client.
    pub strays: HashSet<Endpoint, RandomState>,
}

impl Wanted {
    /// What these reset connections ask for. Contrasted are the services with most resets
    /// after the handshake, if they have enough.
    #[must_use]
    pub fn of(finished: &[Finished]) -> Self {
        let mut wanted = Self::default();
        let mut resets: BTreeMap<Endpoint, u64> = BTreeMap::new();
        for f in finished {
            let client = client_of(f).0;
            let server = f.endpoints[1 - client];
            // (a SYN that was refused may have carried data)
            if f.saw_syn && (f.bytes == [0, 0] || kind_of(f).refused) {
                let ip = f.endpoints[client].ip;
                wanted.attempts.add(ip, server, f.times.0);
            }
            if f.opener.is_none() && f.bytes != [0, 0] {
                wanted.strays.insert(f.endpoints[client]);
            }
            wanted.hosts.extend(f.endpoints.map(|e| e.ip));
            wanted.services.insert(server);
            *resets.entry(server).or_default() += u64::from(!kind_of(f).refused);
        }
        wanted.attempts.settle();
        let enough = resets.into_iter().filter(|s| s.1 >= CONTRAST_RESETS);
        let mut ranked: Vec<_> = enough
            .map(|(server, resets)| (std::cmp::Reverse(resets), server))
            .collect();
        ranked.sort_unstable();
        let most = ranked.into_iter().take(CONTRAST_SERVICES);
        wanted.contrast = most.map(|r| r.1).collect();
        wanted
    }

    /// Whether a connection with this start, in nanoseconds, may be shown beside those that were
    /// reset.
    #[must_use]
    pub fn shows(&self, client: Endpoint, server: Endpoint, start: i64) -> bool {
        self.contrast.contains(&server)
            || self.strays.contains(&client)
            || self.attempts.on_port(server.port) && self.attempts.raced(client.ip, start)
    }

    // The connections of a service that began beside failed attempts, or whose client sent or
    // got segments that belong to no connection.
    fn rivals(
        &self,
        server: Endpoint,
        sample: impl Iterator<Item = Box<Healthy>>,
    ) -> impl Iterator<Item = Healthy> {
        let possible = self.attempts.on_port(server.port);
        let rivals = sample.filter(move |h| {
            possible && h.raced(&self.attempts) || self.strays.contains(&h.client())
        });
        rivals.map(|h| *h)
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
