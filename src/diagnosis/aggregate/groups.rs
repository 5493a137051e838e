//! Cases that are one thing: same class, party and discriminator at the same service (for
//! scans: from the same client).

use crate::diagnosis::model::{Case, Group, Party};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Gaps vary by less than this share of their mean when cases are periodic.
const PERIODIC_SPREAD: f64 = 0.1;
/// Cases from which a period is told.
const PERIODIC_CASES: usize = 3;
/// Classes that belong to a client rather than to a service.
const BY_CLIENT: [&str; 2] = ["port-scan-syn", "port-scan-closed"];

type Key = (
    &'static str,
    Party,
    Option<IpAddr>,
    Option<(IpAddr, u16)>,
    Option<String>,
);

/// Numbers the groups in order of their first case.
pub(super) fn group(cases: &mut [Case]) -> Vec<Group> {
    let mut ids: BTreeMap<Key, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut times: Vec<Vec<i64>> = Vec::new();
    for case in cases.iter_mut() {
        let next = groups.len();
        let index = *ids.entry(key(case)).or_insert(next);
        let time = case
            .connection
            .segments
            .get(
                case.episode
                    .resets
                    .get(case.episode.primary)
                    .map_or(0, |r| r.segment),
            )
            .map(|s| s.time)
            .unwrap_or_default();
        if index == next {
            groups.push(Group {
                id: u32::try_from(next).unwrap_or(u32::MAX).saturating_add(1),
                cases: Vec::new(),
                uncounted: 0,
                first: time,
                last: time,
                period: None,
            });
            times.push(Vec::new());
        }
        let group = &mut groups[index];
        group.cases.push(case.id);
        group.first = group.first.min(time);
        group.last = group.last.max(time);
        times[index].push(time.0);
        case.group = group.id;
    }
    for (group, times) in groups.iter_mut().zip(&mut times) {
        group.period = period(times);
    }
    groups
}

fn key(case: &Case) -> Key {
    let d = &case.diagnosis;
    let (client, server) = (case.connection.client.ip, case.connection.server);
    let by_client = BY_CLIENT.contains(&d.class);
    (
        d.class,
        d.party,
        by_client.then_some(client),
        (!by_client).then_some((server.ip, server.port)),
        d.discriminator.clone(),
    )
}

/// Seconds between cases, if they are periodic.
pub(super) fn period(times: &mut [i64]) -> Option<f64> {
    times.sort_unstable();
    let gaps: Vec<f64> = times
        .windows(2)
        .map(|w| w[1].saturating_sub(w[0]) as f64 / 1e9)
        .collect();
    if times.len() < PERIODIC_CASES {
        return None;
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    (mean > 0.05 && variance.sqrt() < PERIODIC_SPREAD * mean).then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::period;

    #[test]
    fn regular_gaps_are_a_period() {
        let second = 1_000_000_000;
        assert_eq!(period(&mut [0, 2 * second, 4 * second]), Some(2.0));
        assert_eq!(period(&mut [0, 2 * second, 7 * second]), None);
        assert_eq!(period(&mut [0, 2 * second]), None);
    }
}
