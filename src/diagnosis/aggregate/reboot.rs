//! A host that lost the state of all its ports at once: a reboot or a failover.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Party};
use crate::diagnosis::wording::pattern;
use crate::flow::Side;
use crate::units::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Replies that belong to one loss lie within this time.
const TOGETHER_NS: i64 = 5_000_000_000;
/// Different ports of the host that must be concerned.
const PORTS: usize = 2;
/// Classes in which a host says that it does not know a connection.
const FORGOTTEN: [&str; 3] = [
    "no-such-connection",
    "stale-connection-reuse",
    "keepalive-probe-rejected",
];

/// The host took part in the connection before: who answers a probe for a connection that
/// never was has forgotten nothing.
fn knew(case: &Case) -> bool {
    case.connection
        .segments
        .iter()
        .any(|s| s.from == Side::Server && !s.is_rst())
}

/// Finds hosts that answer on several ports that they know nothing.
pub(super) fn lost_state(cases: &mut [Case]) {
    let mut hosts: BTreeMap<IpAddr, Vec<(Timestamp, u16, usize)>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let from_server = case
            .episode
            .resets
            .get(case.episode.primary)
            .is_some_and(|r| r.from == Side::Server);
        if from_server
            && FORGOTTEN.contains(&case.diagnosis.class)
            && case.diagnosis.middlebox_score < 5
            && knew(case)
        {
            let server = case.connection.server;
            let time = case.primary_segment().time;
            hosts
                .entry(server.ip)
                .or_default()
                .push((time, server.port, index));
        }
    }
    for mut replies in hosts.into_values() {
        replies.sort_unstable();
        let Some(&(first, ..)) = replies.first() else {
            continue;
        };
        let burst: Vec<_> = replies
            .iter()
            .take_while(|(t, ..)| t.nanos_since(first) <= TOGETHER_NS)
            .collect();
        let ports: BTreeSet<u16> = burst.iter().map(|(_, p, _)| *p).collect();
        if ports.len() < PORTS {
            continue;
        }
        let last = burst[burst.len() - 1].0;
        let text = pattern::lost_everywhere(ports.len(), last.seconds_since(first));
        let members: Vec<usize> = burst.iter().map(|(_, _, i)| *i).collect();
        let frames = members.iter().map(|i| cases[*i].primary_segment().frame);
        let evidence = Evidence::framed(Fact::OthersToo { text }, frames);
        for index in members {
            let evidence = vec![evidence.clone()];
            let mut change = Change::new(
                "server-rebooted-or-failed-over",
                Confidence::Medium,
                evidence,
            );
            change.party = Some((Party::ServerHost, Confidence::Medium));
            apply(&mut cases[index], change);
        }
    }
}
