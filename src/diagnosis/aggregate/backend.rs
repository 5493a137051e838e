//! A load balancer with nothing behind it: connection after connection ends at once, without
//! a byte, and none works.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Alternative, Case, Confidence, Party, Severity, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Endpoint, ServiceOutcome, Side};
use crate::reset::replay;
use crate::units::Timestamp;
use std::collections::BTreeMap;

/// Connections that must end alike.
const CONNECTIONS: usize = 3;
/// The end comes this soon after the handshake, plus a round trip (seconds).
const SOON: f64 = 0.05;

/// Services that by old custom drop strangers at the door themselves, before their banner (TCP
/// wrappers, MaxStartups, connection limits per source): FTP, SSH, telnet, SMTP.
const GATED: [u16; 4] = [21, 22, 23, 25];

/// Finds services of which every connection ends empty.
pub(super) fn none_behind(cases: &mut [Case], world: &World) {
    let mut services: BTreeMap<Endpoint, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        if ended_empty(case) {
            services
                .entry(case.connection.server)
                .or_default()
                .push(index);
        }
    }
    let mut talking: BTreeMap<Endpoint, Vec<Timestamp>> = BTreeMap::new();
    for conn in cases.iter().map(|c| &c.connection) {
        if conn.totals.bytes[1] > 0 {
            let starts = talking.entry(conn.server).or_default();
            starts.push(conn.totals.first_time);
        }
    }
    for (service, indexes) in services {
        let times = || {
            indexes
                .iter()
                .map(|i| cases[*i].connection.totals.first_time)
        };
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            continue;
        };
        let worked = world.services.get(&service).is_some_and(|s| {
            s.sample.iter().any(|(start, _, _, outcome)| {
                *outcome == ServiceOutcome::Worked && (first..=last).contains(start)
            })
        });
        let others = talking
            .get(&service)
            .is_some_and(|starts| starts.iter().any(|t| (first..=last).contains(t)));
        if worked || others {
            continue;
        }
        if indexes.len() < CONNECTIONS || GATED.contains(&service.port) {
            indexes.iter().for_each(|i| suggest(&mut cases[*i]));
            continue;
        }
        let frames = indexes.iter().map(|i| cases[*i].primary_segment().frame);
        let text = pattern::none_behind(indexes.len());
        let evidence = Evidence::framed(Fact::OthersToo { text }, frames);
        for index in &indexes {
            let evidence = vec![evidence.clone()];
            let mut change = Change::new("no-backend-suspected", Confidence::Medium, evidence);
            change.severity = Some(Severity::Error);
            change.party = Some((Party::ServerSideIntermediary, Confidence::Medium));
            apply(&mut cases[*index], change);
        }
    }
}

/// One such connection alone has other explanations too, but this one is worth a look.
fn suggest(case: &mut Case) {
    const CLASS: &str = "no-backend-suspected";
    let d = &mut case.diagnosis;
    d.alternatives.retain(|a| a.class != CLASS);
    d.alternatives.insert(
        0,
        Alternative {
            class: CLASS,
            why_less_likely: pattern::too_few_for_none_behind().into(),
        },
    );
    d.alternatives.truncate(3);
}

/// The server's end closed or reset within a round trip of the handshake, said nothing and
/// took nothing.
fn ended_empty(case: &Case) -> bool {
    if !matches!(
        case.diagnosis.class,
        "reset-after-handshake" | "late-data-after-fin"
    ) {
        return false;
    }
    let conn = &case.connection;
    let Some(primary) = case.episode.resets.get(case.episode.primary) else {
        return false;
    };
    let replay = replay(conn);
    let (client, server) = (
        replay.state(primary.segment, Side::Client),
        replay.state(primary.segment, Side::Server),
    );
    let end = server.fin.map_or(primary.segment, |f| f.index);
    let Some(isn) = client.isn else { return false };
    let at_end = replay.state(end, Side::Server);
    let took_nothing =
        at_end.max_ack.is_none_or(|a| a.since(isn) <= 1) && conn.segments[end].ack.since(isn) <= 1;
    let handshake = conn
        .segments
        .iter()
        .find(|s| s.from == Side::Client && !s.is_syn() && !s.is_rst());
    let path = case.episode.rtt.iter().flatten().sum::<i64>() as f64 / 1e9;
    let soon =
        handshake.is_some_and(|s| conn.segments[end].time.seconds_since(s.time) <= path + SOON);
    primary.from == Side::Server && server.bytes == 0 && took_nothing && soon
}
