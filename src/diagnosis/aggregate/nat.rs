//! Translations that were lost in the middle of a connection: the same conversation goes on
//! under another address.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Party, Severity, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Connection, Side};
use crate::reset::replay;

/// The other address appears within this time.
const WITHIN_NS: i64 = 5_000_000_000;
/// Sequence numbers of the same conversation lie within this distance.
const NEAR_BYTES: i32 = 1 << 20;
/// Classes that a lost translation looks like.
const LOOKS_LIKE: [&str; 5] = [
    "no-such-connection",
    "stale-connection-reuse",
    "orphan-reset",
    "keepalive-probe-rejected",
    "reset-cause-before-capture",
];

/// Finds connections that share their sequence numbers with another one.
pub(super) fn leaks(cases: &mut [Case], world: &World) {
    let mut changes = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        if !LOOKS_LIKE.contains(&case.diagnosis.class) {
            continue;
        }
        let others = cases
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != index)
            .map(|(_, c)| &c.connection)
            .chain(&world.healthy);
        let twin = others
            .filter_map(|other| Some((translated_side(&case.connection, other)?, other)))
            .min_by_key(|(_, other)| (other.client, other.server));
        if let Some((side, other)) = twin {
            changes.push((
                index,
                side,
                other.endpoint(side).to_string(),
                first_frame(other),
            ));
        }
    }
    for (index, side, address, frame) in changes {
        let case = &mut cases[index];
        let by_translated = case
            .episode
            .resets
            .get(case.episode.primary)
            .is_some_and(|r| r.from == side);
        let text = pattern::leaked(&address);
        let frames = frame.into_iter().chain([case.primary_segment().frame]);
        let evidence = vec![Evidence::framed(Fact::OthersToo { text }, frames)];
        let mut change = Change::new("nat-or-conntrack-state-lost", Confidence::Medium, evidence);
        change.severity = Some(Severity::Error);
        if by_translated && fewer_hops(case) {
            // the reset carries the address that the device in front answers for
            let party = match side {
                Side::Client => Party::ClientSideIntermediary,
                Side::Server => Party::ServerSideIntermediary,
            };
            change.party = Some((party, Confidence::Medium));
        }
        apply(case, change);
    }
}

fn first_frame(conn: &Connection) -> Option<crate::flow::FrameRef> {
    conn.segments.first().map(|s| s.frame)
}

/// The reset travelled fewer hops than its alleged sender's packets, or there are none.
fn fewer_hops(case: &Case) -> bool {
    let rst = case.primary_segment();
    let mut usual = case
        .connection
        .segments
        .iter()
        .filter(|s| s.from == rst.from && !s.is_rst())
        .map(|s| s.ttl)
        .peekable();
    usual.peek().is_none() || usual.all(|t| t < rst.ttl)
}

/// The side whose address differs although the conversation is the same; the other side and
/// both directions' sequence numbers agree.
fn translated_side(a: &Connection, b: &Connection) -> Option<Side> {
    let side = if a.server == b.server && a.client != b.client {
        Side::Client
    } else if a.client == b.client && a.server != b.server {
        Side::Server
    } else {
        return None;
    };
    let gap = b.totals.first_time.nanos_since(a.totals.last_time);
    let overlap =
        a.totals.first_time <= b.totals.last_time && b.totals.first_time <= a.totals.last_time;
    if !overlap && gap.abs() > WITHIN_NS {
        return None;
    }
    (begins_in_the_middle(a) != begins_in_the_middle(b) && same_numbers(a, b)).then_some(side)
}

fn begins_in_the_middle(conn: &Connection) -> bool {
    !conn.segments.iter().any(|s| s.is_syn() || s.is_syn_ack())
}

fn same_numbers(a: &Connection, b: &Connection) -> bool {
    let end = replay(a).end;
    let other = replay(b).end;
    let near = |x: Option<crate::units::Seq>, y: Option<crate::units::Seq>| match (x, y) {
        (Some(x), Some(y)) => Some(x.since(y).abs() < NEAR_BYTES),
        _ => None,
    };
    // a direction that one of the two lacks is known by the other's acknowledgments
    let known = |s: &[crate::reset::SideState; 2], i: usize| s[i].next.or(s[1 - i].max_ack);
    let both = [0, 1].map(|i| near(known(&end, i), known(&other, i)));
    both == [Some(true), Some(true)]
}
