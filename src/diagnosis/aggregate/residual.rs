//! Residual blocking (row 33 of the evidence table): after a device has reset one connection,
//! everything between the two hosts is reset for a while, plain SYNs included.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Party, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Endpoint, ServiceOutcome, Side};
use crate::units::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Filters keep on for 30 to 300 s.
const LASTS: f64 = 300.0;
/// Connections that must have been reset after the first one, with none that worked.
const FOLLOWERS: usize = 2;
/// Weight of the observation, and the thresholds it may lift a score over (diagnosis 4.1, 4.2).
const WEIGHT: i32 = 10;
const DECLARE: i32 = 10;
const DOUBT: i32 = 5;

/// Gives resets that follow a proven device's to the device, where nothing of their own speaks
/// for the endpoint.
pub(super) fn blocking(cases: &mut [Case], world: &World) {
    let mut pairs: BTreeMap<(IpAddr, Endpoint), Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let conn = &case.connection;
        pairs
            .entry((conn.client.ip, conn.server))
            .or_default()
            .push(index);
    }
    for ((_, server), indexes) in pairs {
        let proven = indexes.iter().copied().find(|i| by_device(&cases[*i]));
        let Some(first) = proven else { continue };
        let start = cases[first].primary_segment().time;
        let followers: Vec<usize> = indexes
            .into_iter()
            .filter(|&i| i != first && follows(&cases[i], start))
            .collect();
        let last = followers
            .iter()
            .map(|i| cases[*i].primary_segment().time)
            .max();
        let Some(last) = last.filter(|_| followers.len() >= FOLLOWERS) else {
            continue;
        };
        if worked(world, server, start, last) {
            continue;
        }
        for &index in &followers {
            mark(
                cases,
                index,
                first,
                followers.len(),
                last.seconds_since(start),
            );
        }
    }
}

fn by_device(case: &Case) -> bool {
    let d = &case.diagnosis;
    matches!(d.party, Party::MiddleboxAsServer | Party::MiddleboxBoth)
        && d.party_confidence == Confidence::High
}

fn follows(case: &Case, start: Timestamp) -> bool {
    let after = case.connection.totals.first_time.seconds_since(start);
    case.primary_segment().from == Side::Server && (0.0..=LASTS).contains(&after)
}

fn worked(world: &World, server: Endpoint, from: Timestamp, to: Timestamp) -> bool {
    world.services.get(&server).is_some_and(|s| {
        s.sample.iter().any(|(start, _, _, outcome)| {
            *outcome == ServiceOutcome::Worked && (from..=to).contains(start)
        })
    })
}

fn mark(cases: &mut [Case], index: usize, first: usize, followers: usize, seconds: f64) {
    let d = &cases[index].diagnosis;
    let score = d.middlebox_score.saturating_add(WEIGHT);
    let open = matches!(d.party, Party::ServerHost | Party::Unknown);
    if !open || score < DOUBT {
        return;
    }
    let party = if score >= DECLARE {
        Party::MiddleboxAsServer
    } else {
        Party::Unknown
    };
    let class = match (d.class, party) {
        ("syn-refused", Party::MiddleboxAsServer) => "syn-rejected-by-middlebox",
        (class, _) => class,
    };
    let cause = d.cause_confidence;
    let frames = [first, index].map(|i| cases[i].primary_segment().frame);
    let text = pattern::residual(followers, seconds);
    let evidence = vec![Evidence::framed(Fact::OthersToo { text }, frames)];
    let mut change = Change::new(class, cause, evidence);
    change.party = Some((party, Confidence::Medium));
    apply(&mut cases[index], change);
    cases[index].diagnosis.middlebox_score = score;
}
