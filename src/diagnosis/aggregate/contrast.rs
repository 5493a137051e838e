//! What connections that were reset have in common and healthy ones have not: server name,
//! size of the ClientHello, host, request. Exact test; correlation in the capture, not proof.

use super::fisher;
use crate::diagnosis::model::{Case, Confidence, Contrast, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Connection, Endpoint, reassembly::Transcript};
use crate::packet::app::{AppStory, recognise};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Chance below which a contrast is told.
const SIGNIFICANT: f64 = 0.05;
/// Chance below which it makes a diagnosis more certain.
const CONVINCING: f64 = 0.01;
/// Both kinds must have been seen at least this often.
const EACH: u64 = 2;
/// ClientHellos from this size on are "large".
const LARGE_HELLO: u64 = 1_400;
/// Classes that depend on content.
const CONTENT: [&str; 5] = [
    "reset-after-client-hello",
    "reset-after-request",
    "middlebox-injection",
    "firewall-policy-reset",
    "reset-after-handshake",
];

/// Values listed of one property.
const MOST_VALUES: usize = 50;

/// How often each value of each property was reset and was not, for one service.
type Counts = BTreeMap<&'static str, BTreeMap<String, (u64, u64)>>;

fn count(counts: &mut Counts, properties: Vec<(&'static str, String)>, reset: bool) {
    for (property, value) in properties {
        let (hit, fine) = counts
            .entry(property)
            .or_default()
            .entry(value)
            .or_default();
        *if reset { hit } else { fine } += 1;
    }
}

/// Adds contrasts to the cases of services that also have healthy connections.
pub(super) fn compare(cases: &mut [Case], world: &World) {
    let mut services: BTreeMap<Endpoint, Counts> = BTreeMap::new();
    for case in cases.iter() {
        if CONTENT.contains(&case.diagnosis.class) {
            let counts = services.entry(case.connection.server).or_default();
            count(counts, properties(&case.story), true);
        }
    }
    // only what the reset ones have can differ
    services.retain(|_, counts| !counts.is_empty());
    let of_healthy = |conn: &Connection| {
        let asked_for = services.contains_key(&conn.server);
        asked_for.then(|| (conn.server, properties(&story(conn))))
    };
    let healthy: Vec<_> = world.healthy.par_iter().filter_map(of_healthy).collect();
    for (server, properties) in healthy {
        if let Some(counts) = services.get_mut(&server) {
            count(counts, properties, false);
        }
    }
    for case in cases.iter_mut() {
        if !CONTENT.contains(&case.diagnosis.class) {
            continue;
        }
        let Some(counts) = services.get(&case.connection.server) else {
            continue;
        };
        let mut found: Vec<(f64, Contrast)> = properties(&case.story)
            .into_iter()
            .filter_map(|(property, value)| contrast(counts.get(property)?, property, &value))
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        if found.first().is_some_and(|(p, _)| *p <= CONVINCING)
            && case.diagnosis.cause_confidence == Confidence::Low
        {
            case.diagnosis.cause_confidence = Confidence::Medium;
        }
        case.diagnosis.contrast = found.into_iter().map(|(_, c)| c).collect();
    }
}

fn story(conn: &Connection) -> AppStory {
    recognise(&Transcript::of(conn).dialogue())
}

fn properties(story: &AppStory) -> Vec<(&'static str, String)> {
    let mut list = Vec::new();
    if let Some(hello) = story.tls.as_ref().and_then(|t| t.client_hello.as_ref()) {
        let name = hello.sni.clone().unwrap_or_else(|| "none".to_owned());
        list.push(("SNI", name));
        let size = if hello.len as u64 > LARGE_HELLO {
            "large"
        } else {
            "small"
        };
        list.push(("ClientHello size", size.to_owned()));
    }
    if let Some(request) = &story.last_request {
        if !request.host.is_empty() && story.tls.is_none() {
            list.push(("host", request.host.clone()));
        }
        if !request.target.is_empty() && story.tls.is_none() {
            list.push(("request", format!("{} {}", request.verb, request.target)));
        }
    }
    list
}

fn contrast(
    counts: &BTreeMap<String, (u64, u64)>,
    property: &'static str,
    value: &str,
) -> Option<(f64, Contrast)> {
    let hit = *counts.get(value)?;
    let all = counts.values().fold((0, 0), |a, c| (a.0 + c.0, a.1 + c.1));
    let others = (all.0 - hit.0, all.1 - hit.1);
    if hit.0 < EACH || others.1 < EACH {
        return None;
    }
    let p = fisher::one_sided(hit.0, hit.1, others.0, others.1);
    (p <= SIGNIFICANT).then(|| {
        let contrast = Contrast {
            property: property.to_owned(),
            text: pattern::contrast(property, value, hit, others),
            counts: counts
                .iter()
                .map(|(v, (r, n))| (v.clone(), *r, *n))
                .take(MOST_VALUES)
                .collect(),
            test: pattern::fisher(p),
        };
        (p, contrast)
    })
}
