//! Translations that were lost in the middle of a connection: the same conversation goes on
//! under another address.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Party, Severity, World};
use crate::diagnosis::wording::pattern;
use crate::flow::{Connection, Endpoint, Side};
use crate::reset::replay;
use crate::units::Seq;
use std::collections::BTreeMap;

/// The other address appears within this time.
const WITHIN_NS: i64 = 5_000_000_000;
/// Sequence numbers of the same conversation lie within this distance.
const NEAR_BYTES: u32 = 1 << 20;
/// With one number alone to go by: about a window that does not scale.
const CLOSE_BYTES: u32 = 1 << 16;
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
    let suspects: Vec<usize> = (0..cases.len())
        .filter(|&i| LOOKS_LIKE.contains(&cases[i].diagnosis.class))
        .collect();
    if suspects.is_empty() {
        return;
    }
    let own = cases.iter().map(|c| &c.connection);
    let all: Vec<&Connection> = own.chain(&world.healthy).collect();
    let numbers: Vec<Option<[Seq; 2]>> = all.iter().map(|c| numbers(c)).collect();
    let mut regions: BTreeMap<[u32; 2], Vec<usize>> = BTreeMap::new();
    for (index, numbers) in numbers.iter().enumerate() {
        if let Some(numbers) = numbers {
            let region = numbers.map(|n| n.0 / NEAR_BYTES);
            regions.entry(region).or_default().push(index);
        }
    }
    let mut ends: BTreeMap<Ends, Vec<usize>> = BTreeMap::new();
    for (index, conn) in all.iter().enumerate() {
        for end in kept_ends(conn) {
            ends.entry(end).or_default().push(index);
        }
    }
    let mut changes = Vec::new();
    for index in suspects {
        let Some(mine) = numbers[index] else {
            continue;
        };
        let twin = around(mine)
            .filter_map(|region| regions.get(&region))
            .flatten()
            .filter(|&&i| i != index && numbers[i].is_some_and(|n| near(mine, n)))
            .filter_map(|&i| Some((translated_side(all[index], all[i])?, i)))
            .min_by_key(|&(_, i)| (all[i].client, all[i].server, i));
        let told = |(side, i): (Side, usize), text: fn(&str) -> String| {
            let address = all[i].endpoint(side).to_string();
            (index, side, text(&address), first_frame(all[i]))
        };
        let stray = || out_of_window(index, &all, &numbers, &ends);
        changes.extend(match twin {
            Some(twin) => Some(told(twin, pattern::leaked)),
            None => stray().map(|twin| told(twin, pattern::left_translation)),
        });
    }
    for (index, side, text, frame) in changes {
        let case = &mut cases[index];
        let by_translated = case
            .episode
            .resets
            .get(case.episode.primary)
            .is_some_and(|r| r.from == side);
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
        } else if !by_translated && case.diagnosis.party == Party::Unknown {
            // its own address, and no reason left to think of another sender
            let party = match side {
                Side::Client => Party::ServerHost,
                Side::Server => Party::ClientHost,
            };
            change.party = Some((party, Confidence::Medium));
        }
        apply(case, change);
    }
}

/// What a translation leaves as it was: the client; or the server and the client's port.
type Ends = (Endpoint, Option<u16>);

fn kept_ends(conn: &Connection) -> [Ends; 2] {
    [(conn.client, None), (conn.server, Some(conn.client.port))]
}

/// A segment that left the translation because its own number is out of the window (Linux
/// conntrack calls it INVALID and lets it pass as it is): the address and port of the other side
/// are those of a live connection, and what it acknowledges is that side's place in it.
fn out_of_window(
    index: usize,
    all: &[&Connection],
    numbers: &[Option<[Seq; 2]>],
    ends: &BTreeMap<Ends, Vec<usize>>,
) -> Option<(Side, usize)> {
    let mine = numbers[index]?;
    if !begins_in_the_middle(all[index]) {
        return None;
    }
    kept_ends(all[index])
        .iter()
        .filter_map(|end| ends.get(end))
        .flatten()
        .filter(|&&i| i != index)
        .filter_map(|&i| {
            let side = translated_side(all[index], all[i])?;
            let kept = side.peer().index();
            let apart = mine[kept].since(numbers[i]?[kept]).unsigned_abs();
            (apart < CLOSE_BYTES).then_some((side, i))
        })
        .min_by_key(|&(_, i)| (all[i].client, all[i].server, i))
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

/// The side whose address differs although the conversation is the same; the other side
/// agrees.
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
    (begins_in_the_middle(a) != begins_in_the_middle(b)).then_some(side)
}

fn begins_in_the_middle(conn: &Connection) -> bool {
    !conn.segments.iter().any(|s| s.is_syn() || s.is_syn_ack())
}

/// Where both directions of a conversation ended. A direction that the capture lacks is known
/// by the other's acknowledgments.
fn numbers(conn: &Connection) -> Option<[Seq; 2]> {
    let end = replay(conn).end;
    let known = |i: usize| {
        let next = conn.totals.next[i].or(end[i].next);
        next.or(end[1 - i].max_ack)
    };
    Some([known(0)?, known(1)?])
}

fn near(a: [Seq; 2], b: [Seq; 2]) -> bool {
    let near = |i: usize| a[i].since(b[i]).unsigned_abs() < NEAR_BYTES;
    near(0) && near(1)
}

/// The regions of the sequence space that numbers near these lie in.
fn around(numbers: [Seq; 2]) -> impl Iterator<Item = [u32; 2]> {
    const LAST: u32 = u32::MAX / NEAR_BYTES;
    let sides = numbers.map(|n| {
        let region = n.0 / NEAR_BYTES;
        [region.wrapping_sub(1), region, region + 1].map(|r| r & LAST)
    });
    let [client, server] = sides;
    client.into_iter().flat_map(move |c| server.map(|s| [c, s]))
}

#[cfg(test)]
mod tests {
    use super::{NEAR_BYTES, around, near};
    use crate::units::Seq;

    #[test]
    fn near_numbers_are_in_the_regions_around() {
        for base in [0, 1, NEAR_BYTES - 1, NEAR_BYTES, u32::MAX / 2, u32::MAX] {
            for distance in [0, 1, NEAR_BYTES - 1, NEAR_BYTES] {
                let (a, b) = (Seq(base), Seq(base.wrapping_sub(distance)));
                let region = b.0 / NEAR_BYTES;
                let found = around([a, a]).any(|r| r == [region, region]);
                assert_eq!(near([a, a], [b, b]), distance < NEAR_BYTES);
                assert!(found || distance == NEAR_BYTES, "{base} {distance}");
            }
        }
    }
}
