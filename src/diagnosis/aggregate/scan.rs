//! Scans: one client tries many ports or hosts in a short time.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Severity, World};
use crate::diagnosis::rules::NO_SOCKET;
use crate::diagnosis::wording::pattern;
use crate::flow::Endpoint;
use crate::units::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Ports a client must probe to be called a scanner (diagnosis 3, `port-scan-syn`).
const TARGETS: usize = 5;
/// The same when its SYNs are no normal system's.
const COMPANIONS: usize = 2;
/// Probes cited for the number of targets.
const CITED: usize = 64;
/// A scan tries them within this time on average (seconds per target).
const SECONDS_PER_TARGET: f64 = 12.0;

/// Finds scans among the lone probes of each client. What else a client does is its users', if
/// it stands for several.
pub(super) fn sweeps(cases: &mut [Case], world: &World) {
    let mut clients: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
    let crafted: BTreeSet<IpAddr> = cases
        .iter()
        .filter(|c| c.diagnosis.class == "port-scan-syn")
        .map(|c| c.connection.client.ip)
        .collect();
    for (index, case) in cases.iter().enumerate() {
        let client = case.connection.client.ip;
        if probe(case).is_some() || (crafted.contains(&client) && repeated(case).is_some()) {
            clients.entry(client).or_default().push(index);
        }
    }
    let mut worked: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for healthy in &world.healthy {
        *worked.entry(healthy.client.ip).or_default() += 1;
    }
    for (client, indexes) in clients {
        let probes = Probes::of(cases, &indexes);
        let worked = worked.get(&client).copied().unwrap_or(0);
        if probes.are_many() && probes.sweep() && worked <= probes.targets.len() {
            mark(cases, &indexes, &probes);
            continue;
        }
        // a scan from behind an address that many share, or beside other work
        let mut hosts: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
        for index in indexes {
            let host = cases[index].connection.server.ip;
            hosts.entry(host).or_default().push(index);
        }
        for indexes in hosts.into_values() {
            let probes = Probes::of(cases, &indexes);
            if probes.are_many() {
                mark(cases, &indexes, &probes);
            }
        }
    }
}

/// What a probe met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    Closed,
    /// The client hung up before the handshake was complete.
    Open,
    /// The same, and the SYN was no normal system's.
    OpenCrafted,
}

/// The connection consists of a lone probe and what answered it.
fn probe(case: &Case) -> Option<Met> {
    let totals = &case.connection.totals;
    let lone = totals.segments[0] <= 3 && totals.bytes == [0, 0];
    match case.diagnosis.class {
        "syn-refused" | "no-such-connection" if lone => Some(Met::Closed),
        "connect-cancelled"
            if lone && case.diagnosis.discriminator.as_deref() == Some(NO_SOCKET) =>
        {
            Some(Met::Open)
        }
        "port-scan-syn" => Some(Met::OpenCrafted),
        _ => None,
    }
}

/// The same for a client that is known to craft its probes: it sends one several times, and does
/// not care how long the answer takes.
fn repeated(case: &Case) -> Option<Met> {
    let empty = case.connection.totals.bytes == [0, 0];
    match case.diagnosis.class {
        "syn-refused" | "no-such-connection" if empty => Some(Met::Closed),
        "connect-cancelled" if empty => Some(Met::Open),
        _ => probe(case),
    }
}

/// Some probes of one client.
struct Probes {
    targets: BTreeSet<Endpoint>,
    closed: BTreeSet<Endpoint>,
    crafted: bool,
    seconds: f64,
}

impl Probes {
    fn of(cases: &[Case], indexes: &[usize]) -> Self {
        let mut probes = Self {
            targets: BTreeSet::new(),
            closed: BTreeSet::new(),
            crafted: false,
            seconds: 0.0,
        };
        let (mut first, mut last) = (Timestamp(i64::MAX), Timestamp(i64::MIN));
        for case in indexes.iter().map(|i| &cases[*i]) {
            let target = case.connection.server;
            probes.targets.insert(target);
            let met = repeated(case);
            if met == Some(Met::Closed) {
                probes.closed.insert(target);
            }
            probes.crafted |= met == Some(Met::OpenCrafted);
            let start = case.connection.totals.first_time;
            (first, last) = (first.min(start), last.max(start));
        }
        if first <= last {
            probes.seconds = last.seconds_since(first);
        }
        probes
    }

    /// Enough of them, in a short time.
    fn are_many(&self) -> bool {
        let targets = self.targets.len();
        let needed = if self.crafted { COMPANIONS } else { TARGETS };
        targets >= needed && self.seconds <= SECONDS_PER_TARGET * targets as f64
    }

    fn sweep(&self) -> bool {
        self.crafted || swept(&self.targets)
    }
}

/// A scan sweeps the ports of hosts or the hosts with a port: several targets share each host or
/// each port. A peer-to-peer client whose peers are gone meets closed ports too, another one on
/// each host.
fn swept(targets: &BTreeSet<Endpoint>) -> bool {
    let hosts: BTreeSet<IpAddr> = targets.iter().map(|t| t.ip).collect();
    let mut ports: BTreeMap<u16, usize> = BTreeMap::new();
    for target in targets {
        *ports.entry(target.port).or_insert(0) += 1;
    }
    let most = ports.values().max().copied().unwrap_or(0);
    let n = targets.len();
    n >= 2 * hosts.len() || n >= 2 * ports.len() || 2 * most >= n
}

fn mark(cases: &mut [Case], indexes: &[usize], probes: &Probes) {
    let of_closed = |i: &&usize| repeated(&cases[**i]) == Some(Met::Closed);
    let refusals = indexes.iter().filter(of_closed);
    let refusals = refusals.map(|i| cases[*i].primary_segment().frame);
    let text = pattern::scanned(&probes.closed, probes.seconds);
    let closed = Evidence::framed(Fact::OthersToo { text }, refusals);
    let first = |i: &usize| cases[*i].connection.segments.first().map(|s| s.frame);
    let targets = u32::try_from(probes.targets.len()).unwrap_or(u32::MAX);
    let all = indexes.iter().filter_map(first).take(CITED);
    let open = Evidence::framed(Fact::ScanTargets { targets }, all);
    for &index in indexes {
        let change = match repeated(&cases[index]) {
            Some(Met::Closed) => {
                let evidence = vec![closed.clone()];
                let mut change = Change::new("port-scan-closed", Confidence::Medium, evidence);
                change.severity = Some(Severity::Info);
                change
            }
            Some(Met::Open) => open_port(Confidence::Medium, &open),
            Some(Met::OpenCrafted) => {
                let told = &mut cases[index].diagnosis.evidence;
                let same = told.iter_mut().find(|e| is_number(&e.fact));
                if let Some(statement) = same {
                    let frames = statement.frames.iter().chain(open.frames.iter()).copied();
                    *statement = Evidence::framed(statement.fact.clone(), frames);
                    continue;
                }
                open_port(Confidence::High, &open)
            }
            None => continue,
        };
        apply(&mut cases[index], change);
    }
}

fn is_number(fact: &Fact) -> bool {
    matches!(fact, Fact::ScanTargets { .. })
}

fn open_port(cause: Confidence, evidence: &Evidence) -> Change {
    let mut change = Change::new("port-scan-syn", cause, vec![evidence.clone()]);
    change.severity = Some(Severity::Info);
    change
}
