//! Resets after the primary one that are somebody else's: a device that has deleted its session
//! answers what both ends still send. They change nothing in who ended the connection.

use super::Look;
use super::fields::leaves_counter;
use super::ttl::{elsewhere, known_ttls};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::flow::{FrameRef, Side};
use crate::reset::Role;

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
            elsewhere(look, side, ttl, &known) || other_counter
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
