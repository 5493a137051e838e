//! Scans: one client tries many ports or hosts in a short time.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Severity, World};
use crate::diagnosis::wording::pattern;
use crate::flow::Endpoint;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Closed ports a client must try to be called a scanner.
const TARGETS: usize = 5;
/// The same when open ports of its were found by half-open probes.
const COMPANIONS: usize = 2;
/// Probes cited for the number of targets.
const CITED: usize = 64;
/// A scan tries them within this time on average (seconds per target).
const SECONDS_PER_TARGET: f64 = 12.0;

/// Turns the refusals of a scanner into a scan.
pub(super) fn closed_ports(cases: &mut [Case], world: &World) {
    let mut clients: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
    let mut half_open: BTreeSet<IpAddr> = BTreeSet::new();
    for (index, case) in cases.iter().enumerate() {
        match case.diagnosis.class {
            "syn-refused" | "no-such-connection" if probes(case) => {
                clients
                    .entry(case.connection.client.ip)
                    .or_default()
                    .push(index);
            }
            "port-scan-syn" => {
                half_open.insert(case.connection.client.ip);
            }
            _ => {}
        }
    }
    let mut worked: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for healthy in &world.healthy {
        *worked.entry(healthy.client.ip).or_default() += 1;
    }
    for (client, indexes) in clients {
        let targets: BTreeSet<Endpoint> = indexes
            .iter()
            .map(|i| cases[*i].connection.server)
            .collect();
        let needed = if half_open.contains(&client) {
            COMPANIONS
        } else {
            TARGETS
        };
        let first = indexes
            .iter()
            .map(|i| cases[*i].connection.totals.first_time)
            .min();
        let last = indexes
            .iter()
            .map(|i| cases[*i].connection.totals.first_time)
            .max();
        let (Some(first), Some(last)) = (first, last) else {
            continue;
        };
        let seconds = last.seconds_since(first);
        let worked = worked.get(&client).copied().unwrap_or(0);
        let swept = half_open.contains(&client) || swept(&targets);
        if targets.len() < needed
            || !swept
            || seconds > SECONDS_PER_TARGET * targets.len() as f64
            || worked > targets.len()
        {
            continue;
        }
        mark(cases, &indexes, &targets, seconds);
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

fn mark(cases: &mut [Case], indexes: &[usize], targets: &BTreeSet<Endpoint>, seconds: f64) {
    let frames = indexes.iter().map(|i| cases[*i].primary_segment().frame);
    let text = pattern::scanned(targets, seconds);
    let evidence = Evidence::framed(Fact::OthersToo { text }, frames);
    for index in indexes {
        let evidence = vec![evidence.clone()];
        let mut change = Change::new("port-scan-closed", Confidence::Medium, evidence);
        change.severity = Some(Severity::Info);
        apply(&mut cases[*index], change);
    }
}

/// A scanner's half-open probes are evidence of each other: the count of its targets is shown
/// by all of them.
pub(super) fn half_open(cases: &mut [Case], world: &World) {
    let mut clients: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        if case.diagnosis.class == "port-scan-syn" {
            let client = case.connection.client.ip;
            clients.entry(client).or_default().push(index);
        }
    }
    for (client, indexes) in clients {
        let Some(targets) = world.hosts.get(&client).map(|h| h.targets) else {
            continue;
        };
        let fact = Fact::ScanTargets { targets };
        let probe = |i: &usize| cases[*i].connection.segments.first().map(|s| s.frame);
        let probes: Vec<_> = indexes.iter().filter_map(probe).take(CITED).collect();
        for index in indexes {
            for statement in &mut cases[index].diagnosis.evidence {
                if statement.fact == fact {
                    let frames = statement.frames.iter().chain(&probes).copied();
                    *statement = Evidence::framed(fact.clone(), frames);
                }
            }
        }
    }
}

/// The connection consists of a lone probe and its refusal.
fn probes(case: &Case) -> bool {
    case.connection.totals.segments[0] <= 3 && case.connection.totals.bytes == [0, 0]
}
