//! SYNs refused for an option or flag: the same client's next SYN without it is accepted.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Party, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Connection, Endpoint, Segment, ServiceOutcome};
use crate::packet::tcp_flags;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The plain SYN follows within this time.
const RETRY_NS: i64 = 5_000_000_000;
/// TCP option kinds that devices stumble over: MPTCP, Fast Open, experimental ones.
const UNUSUAL: [(u8, &str); 4] = [
    (30, "MPTCP"),
    (34, "TCP Fast Open"),
    (253, "an experimental option"),
    (254, "an experimental option"),
];

/// Compares refused SYNs with accepted ones of the same client.
pub(super) fn refused_options(cases: &mut [Case], world: &World) {
    let mut healthy: BTreeMap<Ends, Vec<&Connection>> = BTreeMap::new();
    for other in &world.healthy {
        let ends = (other.client.ip, other.server);
        healthy.entry(ends).or_default().push(other);
    }
    for case in cases.iter_mut() {
        if !matches!(
            case.diagnosis.class,
            "syn-refused" | "syn-rejected-by-middlebox"
        ) {
            continue;
        }
        let Some(syn) = case
            .connection
            .segments
            .iter()
            .find(|s| s.is_syn())
            .cloned()
        else {
            continue;
        };
        let ends = (case.connection.client.ip, case.connection.server);
        let others = healthy.get(&ends).map_or(&[][..], Vec::as_slice);
        let retry =
            plain_retry(others, &syn).or_else(|| accepted_soon(&case.connection, &syn, world));
        let Some((class, what, delay, retry)) = retry else {
            continue;
        };
        let text = pattern::option_refused(what, delay);
        let mut change = Change::new(
            class,
            Confidence::Medium,
            vec![Evidence::framed(
                Fact::OthersToo { text },
                [syn.frame, retry],
            )],
        );
        change.discriminator = Some(what.to_owned());
        change.blame = Some(Blame::Device);
        if class == "ecn-syn-refused" {
            // RFC 3360: end systems do not refuse these bits, devices do
            change.party = Some((Party::MiddleboxAsServer, Confidence::Medium));
        }
        apply(case, change);
    }
}

/// Address of a client, and the service.
type Ends = (IpAddr, Endpoint);
type Retry = (&'static str, &'static str, f64, crate::flow::FrameRef);

/// The same client's accepted connections to the service.
fn plain_retry(others: &[&Connection], syn: &Segment) -> Option<Retry> {
    let ecn = |s: &Segment| s.has(tcp_flags::ECE | tcp_flags::CWR);
    others.iter().find_map(|h| {
        let plain = h.segments.iter().find(|s| s.is_syn())?;
        let accepted = h.segments.iter().any(Segment::is_syn_ack);
        let after = plain.time.nanos_since(syn.time);
        if !accepted || !(0..=RETRY_NS).contains(&after) {
            return None;
        }
        let delay = after as f64 / 1e9;
        if ecn(syn) && !ecn(plain) {
            return Some(("ecn-syn-refused", "ECN bits", delay, plain.frame));
        }
        if syn.len > 0 && plain.len == 0 {
            return Some(("syn-option-refused", "data", delay, plain.frame));
        }
        let (_, name) = UNUSUAL.iter().find(|(kind, _)| {
            syn.options.kinds.contains(kind) && !plain.options.kinds.contains(kind)
        })?;
        Some(("syn-option-refused", *name, delay, plain.frame))
    })
}

/// The next connection to the service was accepted, although its SYN was not kept: enough for
/// ECN, which no end system refuses.
fn accepted_soon(conn: &Connection, syn: &Segment, world: &World) -> Option<Retry> {
    if !syn.has(tcp_flags::ECE | tcp_flags::CWR) {
        return None;
    }
    let record = world.services.get(&conn.server)?;
    record
        .sample
        .iter()
        .filter(|(_, _, _, o)| matches!(o, ServiceOutcome::Worked | ServiceOutcome::Reset))
        .map(|(start, ..)| start.nanos_since(syn.time))
        .filter(|after| (1..=RETRY_NS).contains(after))
        .min()
        .map(|after| ("ecn-syn-refused", "ECN bits", after as f64 / 1e9, syn.frame))
}
