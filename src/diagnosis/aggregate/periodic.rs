//! Health checks: the same client connects to the same port at regular intervals and resets.

use super::change::{Change, apply};
use super::groups::period;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Severity};
use crate::diagnosis::wording::pattern;
use crate::flow::{Endpoint, Segment, Side};
use crate::packet::tcp_flags;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Probes that can be health checks.
const PROBES: [&str; 3] = ["probe-close", "connect-cancelled", "port-scan-syn"];
/// No monitor checks more rarely or more often than this (seconds).
const PERIODS: std::ops::RangeInclusive<f64> = 0.5..=900.0;

/// A client that says hello in TLS, sees the server's answer and hangs up: a monitor of
/// certificates or of a port that speaks TLS, if it comes regularly.
fn hello_only(case: &Case) -> bool {
    let by_client = case.primary_segment().from == Side::Client;
    let tls = case.story.tls.as_ref();
    by_client
        && case.diagnosis.class == "abortive-close"
        && tls.is_some_and(|t| {
            t.server_hello && t.handshake_complete != Some(true) && t.app_records[0] == 0
        })
}

/// Finds periodic probes.
pub(super) fn health_checks(cases: &mut [Case]) {
    let mut probes: BTreeMap<(IpAddr, Endpoint), Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        // by a SYN-ACK, or what acknowledges one
        let answers = |s: &Segment| {
            let acks = s.has(tcp_flags::ACK) && s.ack.0 != 0 && s.from == Side::Client;
            s.is_syn_ack() || acks
        };
        let answered = case.connection.segments.iter().any(answers);
        if (PROBES.contains(&case.diagnosis.class) && answered) || hello_only(case) {
            let key = (case.connection.client.ip, case.connection.server);
            probes.entry(key).or_default().push(index);
        }
    }
    for indexes in probes.into_values() {
        let mut times: Vec<i64> = indexes
            .iter()
            .map(|i| cases[*i].connection.totals.first_time.0)
            .collect();
        let Some(period) = period(&mut times).filter(|p| PERIODS.contains(p)) else {
            continue;
        };
        let frames = indexes.iter().map(|i| cases[*i].primary_segment().frame);
        let text = pattern::periodic(indexes.len(), period);
        let evidence = Evidence::framed(Fact::OthersToo { text }, frames);
        for index in &indexes {
            let evidence = vec![evidence.clone()];
            let mut change = Change::new("health-check", Confidence::High, evidence);
            change.severity = Some(Severity::Harmless);
            apply(&mut cases[*index], change);
        }
    }
}
