//! Equal silences are one timer: idle connections, timeouts and impatient clients whose
//! waiting times agree.

use super::change::cite;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence};
use crate::flow::Endpoint;
use std::collections::BTreeMap;

/// Classes a timer decides.
const TIMED: [&str; 4] = [
    "idle-timeout-reset",
    "client-gave-up-waiting",
    "server-request-timeout",
    "tls-handshake-timeout",
];
/// Cases from which agreement counts.
const CASES: usize = 3;
/// Standard deviation below which silences agree: a second, and a twentieth.
const SPREAD_SECONDS: f64 = 1.0;
const SPREAD_SHARE: f64 = 0.05;

/// Raises the confidence of cases that share a silence.
pub(super) fn equal_silences(cases: &mut [Case]) {
    let mut sets: BTreeMap<(&'static str, Endpoint), Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        let d = &case.diagnosis;
        if TIMED.contains(&d.class) && d.idle_before.is_some() {
            sets.entry((d.class, case.connection.server))
                .or_default()
                .push(index);
        }
    }
    for indexes in sets.into_values().filter(|s| s.len() >= CASES) {
        let silences: Vec<f64> = indexes
            .iter()
            .filter_map(|i| cases[*i].diagnosis.idle_before)
            .collect();
        let mean = silences.iter().sum::<f64>() / silences.len() as f64;
        let variance =
            silences.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / silences.len() as f64;
        let spread = variance.sqrt();
        if spread > SPREAD_SECONDS || spread > SPREAD_SHARE * mean {
            continue;
        }
        let frames = indexes.iter().map(|i| cases[*i].primary_segment().frame);
        let fact = Fact::Repeated {
            seconds: mean,
            times: indexes.len(),
        };
        let evidence = Evidence::framed(fact, frames);
        for index in &indexes {
            cases[*index].diagnosis.cause_confidence = Confidence::High;
            cite(&mut cases[*index], vec![evidence.clone()]);
        }
    }
}
