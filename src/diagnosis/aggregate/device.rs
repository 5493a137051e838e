//! Refusals that equal those of an already proven device: same link, same undecremented TTL,
//! made the same way.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Party, Severity};
use crate::flow::Segment;

/// Gives refusals of unknown servers to the device that is known to refuse on this link.
pub(super) fn same_fingerprint(cases: &mut [Case]) {
    let proven: Vec<Segment> = cases
        .iter()
        .filter(|c| {
            c.diagnosis.class == "syn-rejected-by-middlebox"
                && c.diagnosis.party_confidence == Confidence::High
        })
        .map(|c| c.primary_segment().clone())
        .collect();
    if proven.is_empty() {
        return;
    }
    let servers = cases
        .iter()
        .filter(|c| proven.iter().any(|p| alike(p, c.primary_segment())))
        .map(|c| c.connection.server.ip)
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    for case in cases.iter_mut() {
        let rst = case.primary_segment();
        // what is known of the server's own TTL must not speak against it
        let open = case.diagnosis.class == "syn-refused" && case.diagnosis.middlebox_score >= -10;
        let Some(model) = proven.iter().find(|p| open && alike(p, rst)) else {
            continue;
        };
        let evidence = vec![Evidence::of(Fact::SameDevice { servers }, [model, rst])];
        let mut change = Change::new("syn-rejected-by-middlebox", Confidence::Medium, evidence);
        change.party = Some((Party::MiddleboxAsServer, Confidence::Medium));
        change.severity = Some(Severity::Error);
        apply(case, change);
    }
}

/// Two resets that one device would make: on this link (undecremented), from one MAC, with
/// the same fields.
fn alike(a: &Segment, b: &Segment) -> bool {
    matches!(a.ttl, 64 | 128 | 255)
        && a.ttl == b.ttl
        && a.src_mac.is_some()
        && a.src_mac == b.src_mac
        && a.flags == b.flags
        && a.window == b.window
        && a.dont_fragment == b.dont_fragment
        && (a.ip_id == Some(0)) == (b.ip_id == Some(0))
}
