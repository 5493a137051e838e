//! Resets after the primary one that are somebody else's: a device that has deleted its session
//! answers what both ends still send. They change nothing in who ended the connection.

use super::Look;
use super::fields::leaves_counter;
use super::ttl::{elsewhere, known_ttls};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::flow::Segment;
use crate::flow::{FrameRef, Side};
use crate::reset::{Kind, Role};
use std::collections::BTreeMap;

/// Shorter payloads are keepalives' and probes' filling.
const LEAST_BYTES: usize = 8;

/// Later resets in a side's name that come from another distance than all its packets.
#[must_use]
pub fn from_elsewhere(look: &Look) -> Vec<Evidence> {
    Side::BOTH
        .into_iter()
        .filter_map(|side| of_side(look, side))
        .collect()
}

fn of_side(look: &Look, side: Side) -> Option<Evidence> {
    let known = known_ttls(look, side);
    let usual = *known.first()?;
    let primary = look.segment(look.episode.primary());
    let later: Vec<_> = look
        .episode
        .resets
        .iter()
        .filter(|r| r.from == side && !matches!(r.role, Role::Primary | Role::Duplicate))
        .filter(|r| {
            let ttl = look.segment(r).ttl;
            let other_counter = !known.contains(&ttl) && leaves_counter(look, r);
            elsewhere(look, side, ttl, known) || other_counter
        })
        .map(|r| look.segment(r))
        .filter(|s| primary.from != side || s.ttl != primary.ttl)
        .collect();
    let ttl = later.first()?.ttl;
    let frames: Vec<FrameRef> = later.iter().map(|s| s.frame).collect();
    let fact = Fact::LaterDevice {
        side,
        count: frames.len() as u64,
        ttl,
        usual,
    };
    Some(Evidence::framed(fact, frames))
}

/// Two segments of one side with the same sequence number and different payload: a stack that
/// sends again sends the same bytes, so somebody else made one of them.
#[must_use]
pub fn conflicting_data(look: &Look) -> Option<Evidence> {
    let told = look.conn.segments.iter().enumerate().filter(|(i, s)| {
        !s.payload.is_empty()
            && !s.is_rst()
            && !matches!(
                look.replay.kind(*i),
                Kind::Copy | Kind::KeepAlive | Kind::WindowProbe | Kind::Stray
            )
    });
    let told = told.map(|(_, segment)| segment);
    // most connections say nothing twice
    let mut numbers: Vec<(Side, u32)> = told.clone().map(|s| (s.from, s.seq.0)).collect();
    numbers.sort_unstable();
    if numbers.windows(2).all(|pair| pair[0] != pair[1]) {
        return None;
    }
    let mut said: BTreeMap<(Side, u32), &Segment> = BTreeMap::new();
    for segment in told {
        let first = *said.entry((segment.from, segment.seq.0)).or_insert(segment);
        let common = first.payload.len().min(segment.payload.len());
        if common < LEAST_BYTES || first.payload.get(..common) == segment.payload.get(..common) {
            continue;
        }
        let fact = Fact::ConflictingData {
            side: segment.from,
            bytes: (first.len, segment.len),
            ttls: (first.ttl, segment.ttl),
        };
        return Some(Evidence::of(fact, [first, segment]));
    }
    None
}
