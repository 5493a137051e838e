//! A server process that died or was killed: its connections end together, and new ones are
//! refused.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Severity, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Endpoint, ServiceOutcome, Side};
use crate::packet::app::Blame;
use crate::reset::{Form, replay};
use crate::units::Timestamp;
use std::collections::BTreeMap;

/// Connections of one process end within this time of each other.
const TOGETHER_NS: i64 = 200_000_000;
/// Refusals belong to the same death within this time after it.
const REFUSED_WITHIN_NS: i64 = 10_000_000_000;
/// Share of the open connections that must end.
const SHARE: f64 = 0.5;
/// Classes of a connection that a dying server ends.
const ENDS: [&str; 7] = [
    "reset-after-request",
    "reset-mid-response",
    "reset-after-handshake",
    "abortive-close",
    "close-with-unread-data",
    "late-data-after-fin",
    "keepalive-race",
];

/// Finds services whose connections all end at once.
pub(super) fn terminated(cases: &mut [Case], world: &World) {
    let mut services: BTreeMap<Endpoint, Vec<(Timestamp, usize)>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        if let Some(time) = ended_by_server(case) {
            services
                .entry(case.connection.server)
                .or_default()
                .push((time, index));
        }
    }
    let mut members: BTreeMap<Endpoint, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        if services.contains_key(&case.connection.server) {
            members
                .entry(case.connection.server)
                .or_default()
                .push(index);
        }
    }
    for (service, mut ends) in services {
        let here = members.get(&service).map(Vec::as_slice).unwrap_or_default();
        ends.sort_unstable();
        let refused = |burst: &[(Timestamp, usize)]| refused_after(cases, here, burst[0].0);
        if longest_burst(&ends).is_some_and(|burst| refused(burst).is_empty()) {
            // idle connections that a timer closes, and closes behind an error message, end
            // together as well
            ends.retain(|(_, i)| !closed_in_order(&cases[*i]));
        }
        let Some(burst) = longest_burst(&ends) else {
            continue;
        };
        let (first, last) = (burst[0].0, burst[burst.len() - 1].0);
        let open = open_at(cases, here, world, service, first).max(burst.len());
        let refusals: Vec<usize> = refused(burst);
        let queued = burst.iter().filter(|(_, i)| never_used(&cases[*i])).count();
        let certain = !refusals.is_empty();
        let all = burst.len() as f64 / open as f64 > SHARE;
        if !all || (!certain && burst.len() < 3) || (!certain && queued == burst.len()) {
            continue;
        }
        let seconds = last.seconds_since(first);
        let text = pattern::died(burst.len(), open, seconds, refusals.len());
        let dead: Vec<usize> = burst.iter().map(|(_, i)| *i).chain(refusals).collect();
        let frames = dead.iter().map(|i| cases[*i].primary_segment().frame);
        let evidence = Evidence::framed(Fact::OthersToo { text }, frames);
        for index in dead {
            let evidence = vec![evidence.clone()];
            let cause = if certain {
                Confidence::High
            } else {
                Confidence::Medium
            };
            let mut change = Change::new("server-process-terminated", cause, evidence);
            change.severity = Some(Severity::Error);
            apply(&mut cases[index], change);
        }
    }
}

/// When the server ended the connection: its abort, or its FIN if that came first.
fn ended_by_server(case: &Case) -> Option<Timestamp> {
    let d = &case.diagnosis;
    let primary = case.episode.resets.get(case.episode.primary)?;
    if primary.from != Side::Server || !ENDS.contains(&d.class) || d.middlebox_score >= 10 {
        return None;
    }
    if matches!(d.class, "late-data-after-fin" | "keepalive-race") {
        let replay = replay(&case.connection);
        let fin = replay.state(primary.segment, Side::Server).fin?;
        return case.connection.segments.get(fin.index).map(|s| s.time);
    }
    matches!(primary.form, Form::Abort | Form::BareAbort)
        .then(|| case.connection.segments[primary.segment].time)
}

/// The server had a reason for this connection alone: it stated one that is the client's doing,
/// or nothing was asked when it closed.
fn closed_in_order(case: &Case) -> bool {
    let blamed = case.story.error.as_ref();
    case.diagnosis.class == "keepalive-race"
        || blamed.is_some_and(|e| e.from_server && e.explains_close && e.blame == Blame::Client)
}

fn longest_burst(ends: &[(Timestamp, usize)]) -> Option<&[(Timestamp, usize)]> {
    let mut best: &[(Timestamp, usize)] = &[];
    let mut start = 0;
    for end in 0..ends.len() {
        while ends[end].0.nanos_since(ends[start].0) > TOGETHER_NS {
            start += 1;
        }
        if end + 1 - start > best.len() {
            best = &ends[start..=end];
        }
    }
    (best.len() >= 2).then_some(best)
}

fn never_used(case: &Case) -> bool {
    // with one direction alone, what was acknowledged tells
    case.connection.totals.bytes == [0, 0] && case.diagnosis.class != "reset-after-request"
}

/// Connections to the service that were open at a time, as far as they are known.
fn open_at(
    cases: &[Case],
    here: &[usize],
    world: &World,
    service: Endpoint,
    time: Timestamp,
) -> usize {
    let reset = here
        .iter()
        .filter_map(|&i| cases.get(i))
        .filter(|c| c.diagnosis.class != "syn-refused")
        .map(|c| &c.connection.totals)
        .filter(|t| t.first_time < time && t.last_time >= time)
        .count();
    let worked = world.services.get(&service).map_or(0, |s| {
        s.sample
            .iter()
            .filter(|(start, end, _, outcome)| {
                *outcome == ServiceOutcome::Worked && *start < time && *end > time
            })
            .count()
    });
    reset + worked
}

fn refused_after(cases: &[Case], here: &[usize], time: Timestamp) -> Vec<usize> {
    let refused = |&i: &usize| {
        cases.get(i).is_some_and(|c| {
            let after = c.connection.totals.first_time.nanos_since(time);
            c.diagnosis.class == "syn-refused"
                && (-TOGETHER_NS..=REFUSED_WITHIN_NS).contains(&after)
        })
    };
    here.iter().copied().filter(refused).collect()
}
