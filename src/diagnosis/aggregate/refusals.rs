//! Refusals of one service over time: always, now and then, or between two moments.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Party, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Endpoint, Segment, ServiceOutcome};
use crate::reset::Reset;
use crate::units::Timestamp;
use std::collections::BTreeMap;

/// Refusals of one client from which they are "repeated".
const REPEATED: usize = 3;
/// Accepting and refusing within this time is one state of the service.
const MIXED_WITHIN: f64 = 600.0;
/// A service that changes its mind more often than this is not merely down for a while.
const CHANGES_OF_A_RESTART: usize = 2;

/// Judges the refusals of each service together.
pub(super) fn by_service(cases: &mut [Case], world: &World) {
    let mut services: BTreeMap<Endpoint, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let device = matches!(
            case.diagnosis.party,
            Party::MiddleboxAsServer | Party::MiddleboxBoth
        );
        if case.diagnosis.class == "syn-refused" && !device {
            services
                .entry(case.connection.server)
                .or_default()
                .push(index);
        }
    }
    for (service, indexes) in services {
        let outcomes = outcomes(cases, world, service);
        let accepted = outcomes.iter().filter(|(_, ok)| *ok).count();
        let told = accepted > 0
            && near_in_time(&outcomes)
            && ends(&indexes, cases).is_some_and(|(first, last)| {
                mixed_or_down(cases, &indexes, &outcomes, first, last)
            });
        if !told {
            repeated(cases, &indexes, accepted);
        }
    }
}

fn ends(indexes: &[usize], cases: &[Case]) -> Option<(Timestamp, Timestamp)> {
    let times = || {
        indexes
            .iter()
            .map(|i| cases[*i].connection.totals.first_time)
    };
    Some((times().min()?, times().max()?))
}

/// Start of every connection to the service and whether it was accepted, in order of time.
fn outcomes(cases: &[Case], world: &World, service: Endpoint) -> Vec<(Timestamp, bool)> {
    let mut list: Vec<(Timestamp, bool)> =
        world.services.get(&service).map_or_else(Vec::new, |s| {
            s.sample
                .iter()
                .filter_map(|(start, _, _, outcome)| match outcome {
                    ServiceOutcome::Worked | ServiceOutcome::Reset => Some((*start, true)),
                    ServiceOutcome::Refused => Some((*start, false)),
                    ServiceOutcome::Unanswered => None,
                })
                .collect()
        });
    if list.is_empty() {
        list.extend(
            cases
                .iter()
                .filter(|c| c.connection.server == service)
                .map(|c| {
                    (
                        c.connection.totals.first_time,
                        c.diagnosis.class != "syn-refused",
                    )
                }),
        );
    }
    list.sort_unstable();
    list
}

fn near_in_time(outcomes: &[(Timestamp, bool)]) -> bool {
    outcomes
        .windows(2)
        .any(|w| w[0].1 != w[1].1 && w[1].0.seconds_since(w[0].0) <= MIXED_WITHIN)
}

/// `accepted`: connections that the service accepted, to others or at other times.
fn repeated(cases: &mut [Case], indexes: &[usize], accepted: usize) {
    let mut clients: BTreeMap<std::net::IpAddr, Vec<usize>> = BTreeMap::new();
    for &index in indexes {
        clients
            .entry(cases[index].connection.client.ip)
            .or_default()
            .push(index);
    }
    for members in clients.into_values() {
        // the system's own retries of one SYN are in one connection or, with the same number,
        // in several
        let attempts: usize = members.iter().map(|i| refusals(&cases[*i])).sum();
        let same_syn = members.iter().any(|i| retried_by_system(&cases[*i]));
        if attempts < REPEATED && !same_syn {
            continue;
        }
        let count = attempts.max(2);
        let first = members.iter().map(|i| cases[*i].primary_segment().time);
        let last = members
            .iter()
            .map(|i| cases[*i].connection.totals.last_time);
        let (Some(first), Some(last)) = (first.min(), last.max()) else {
            continue;
        };
        let spacing = last.seconds_since(first) / (count - 1) as f64;
        let frames = members.iter().map(|i| cases[*i].primary_segment().frame);
        let text = pattern::refused_every_time(count, spacing, accepted);
        let evidence = Evidence::framed(Fact::OthersToo { text }, frames);
        for index in members {
            let evidence = vec![evidence.clone()];
            let mut change = Change::new("syn-refused-repeatedly", Confidence::High, evidence);
            change.discriminator = Some(
                if same_syn {
                    "system-retry"
                } else {
                    "application-retry"
                }
                .to_owned(),
            );
            apply(&mut cases[index], change);
        }
    }
}

/// Refusals of one connection; what the capture holds twice counts once.
fn refusals(case: &Case) -> usize {
    let conn = &case.connection;
    if conn.segments.iter().any(Segment::is_syn_ack) {
        return refused(case).count().max(1);
    }
    let resets = case.episode.resets.iter();
    let copies = resets.filter(|r| conn.segments[r.segment].duplicate_of.is_some());
    usize::try_from(conn.totals.resets[1])
        .unwrap_or(1)
        .saturating_sub(copies.count())
        .max(1)
}

/// Resets of a connection that did not come up yet, each once.
fn refused(case: &Case) -> impl Iterator<Item = &Reset> {
    let segments = &case.connection.segments;
    let up = segments.iter().position(Segment::is_syn_ack);
    let up = up.unwrap_or(segments.len());
    let resets = case.episode.resets.iter();
    resets.filter(move |r| r.segment < up && segments[r.segment].duplicate_of.is_none())
}

/// Two refusals of one SYN.
fn retried_by_system(case: &Case) -> bool {
    let segments = case.connection.segments.iter();
    let syns = segments.filter(|s| s.is_syn() && s.duplicate_of.is_none());
    refused(case).count() >= 2 && syns.count() >= 2
}

/// False if the refusals are too few for either.
fn mixed_or_down(
    cases: &mut [Case],
    indexes: &[usize],
    outcomes: &[(Timestamp, bool)],
    first: Timestamp,
    last: Timestamp,
) -> bool {
    let changes = outcomes.windows(2).filter(|w| w[0].1 != w[1].1).count();
    let accepted = outcomes.iter().filter(|(_, ok)| *ok).count();
    let before = outcomes.iter().any(|(t, ok)| *ok && *t < first);
    let after = outcomes.iter().any(|(t, ok)| *ok && *t > last);
    let (class, cause, text) = if changes > CHANGES_OF_A_RESTART {
        (
            "syn-refused-intermittently",
            Confidence::Medium,
            pattern::on_and_off(accepted, indexes.len()),
        )
    } else if indexes.len() >= 2 {
        (
            "service-down-or-restarted",
            Confidence::Medium,
            pattern::down(indexes.len(), last.seconds_since(first), before, after),
        )
    } else {
        return false;
    };
    let frames = indexes.iter().map(|i| cases[*i].primary_segment().frame);
    let evidence = Evidence::framed(Fact::OthersToo { text }, frames);
    for &index in indexes {
        let change = Change::new(class, cause, vec![evidence.clone()]);
        apply(&mut cases[index], change);
    }
    true
}
