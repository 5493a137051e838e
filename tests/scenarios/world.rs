//! The rest of the capture, as the flow layer would tell it: baselines of hosts and services.

use rstcap::diagnosis::World;
use rstcap::flow::{Connection, Segment, ServiceOutcome, Side};
use rstcap::reset;
use std::collections::{BTreeMap, BTreeSet};

/// The world of these connections.
pub fn of(connections: &[Connection]) -> World {
    let mut world = World::default();
    let mut targets: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for conn in connections {
        hosts(&mut world, conn);
        targets
            .entry(conn.client.ip)
            .or_default()
            .insert(conn.server);
        service(&mut world, conn);
        if !conn.segments.iter().any(Segment::is_rst) {
            world.healthy.push(conn.clone());
        }
    }
    world.learn(connections);
    for (ip, set) in targets {
        if let Some(host) = world.hosts.get_mut(&ip) {
            host.targets = set.len() as u32;
        }
    }
    world
}

fn hosts(world: &mut World, conn: &Connection) {
    let rtt = reset::measure(conn, &reset::replay(conn));
    for side in Side::BOTH {
        let host = world.hosts.entry(conn.endpoint(side).ip).or_default();
        let mine = || conn.segments.iter().filter(|s| s.from == side);
        if mine().next().is_none() {
            continue;
        }
        host.flows += 1;
        if let Some(s) = mine().find(|s| !s.is_rst()) {
            count(&mut host.ttls, s.ttl);
        }
        if let Some(s) = mine().find(|s| s.is_rst()) {
            count(&mut host.reset_ttls, s.ttl);
        }
        // as the scan does, which takes it from handshakes alone
        let of_stack = rtt[side.index()].prompt;
        if let Some(min) = rtt[side.index()].min.filter(|_| of_stack) {
            host.min_rtt = Some(host.min_rtt.map_or((min, 1), |(m, n)| (m.min(min), n + 1)));
        }
    }
}

fn count(list: &mut Vec<(u8, u32)>, ttl: u8) {
    match list.iter_mut().find(|(t, _)| *t == ttl) {
        Some(entry) => entry.1 += 1,
        None => list.push((ttl, 1)),
    }
}

fn service(world: &mut World, conn: &Connection) {
    let record = world.services.entry(conn.server).or_default();
    let reset = conn.segments.iter().any(Segment::is_rst);
    let accepted = conn.segments.iter().any(Segment::is_syn_ack);
    let outcome = match (reset, accepted) {
        (true, true) => ServiceOutcome::Reset,
        (true, false) => ServiceOutcome::Refused,
        (false, true) => ServiceOutcome::Worked,
        (false, false) => ServiceOutcome::Unanswered,
    };
    match outcome {
        ServiceOutcome::Reset => record.reset += 1,
        ServiceOutcome::Refused => record.refused += 1,
        ServiceOutcome::Worked => record.worked += 1,
        ServiceOutcome::Unanswered => record.unanswered += 1,
    }
    let totals = &conn.totals;
    let frame = conn
        .segments
        .first()
        .map(|s| s.frame.number)
        .unwrap_or_default();
    record
        .sample
        .push((totals.first_time, totals.last_time, frame, outcome));
}
