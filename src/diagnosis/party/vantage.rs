//! What the place of the capture itself proves.

use super::{Family, Item, Look};
use crate::capture::Direction;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::reset::{Reset, Role};

/// Copies of the sender's other segments from which a missing copy means something.
const COPIED_SEGMENTS: usize = 3;

/// All other packets of the alleged sender have this direction.
fn habit(look: &Look, reset: &Reset) -> Option<Direction> {
    let mut directions = look.normal(reset.from).map(|(_, s)| s.direction);
    let first = directions.next()??;
    directions.all(|d| d == Some(first)).then_some(first)
}

fn item(weight: i32, fact: Fact, look: &Look, reset: &Reset) -> Item {
    Item {
        family: Family::Vantage,
        weight,
        hard: true,
        evidence: Evidence::of(fact, [look.segment(reset)]),
    }
}

/// Row 36: the capturing host itself sent the reset, as it did the sender's other packets.
pub(super) fn generated_on_host(look: &Look, reset: &Reset) -> Option<Item> {
    let sent = look.segment(reset).direction == Some(Direction::Outbound);
    (sent && habit(look, reset) == Some(Direction::Outbound))
        .then(|| item(-30, Fact::HostSent, look, reset))
}

/// Row 37: the capturing host received a reset that carries its own address.
pub(super) fn received_by_host(look: &Look, reset: &Reset) -> Option<Item> {
    let received = look.segment(reset).direction == Some(Direction::Inbound);
    (received && habit(look, reset) == Some(Direction::Outbound))
        .then(|| item(25, Fact::HostReceived, look, reset))
}

/// Row 38: the capture shows everything of this sender twice, the reset once: it was made
/// between the two capture points.
pub(super) fn seen_once(look: &Look, reset: &Reset) -> Option<Item> {
    let copied = |index: usize| {
        look.conn
            .segments
            .iter()
            .any(|s| s.duplicate_of == Some(index))
    };
    let originals: Vec<usize> = look
        .normal(reset.from)
        .filter(|(i, _)| *i < reset.segment)
        .map(|(i, _)| i)
        .collect();
    let doubled = originals.iter().filter(|i| copied(**i)).count();
    let this_too = copied(reset.segment)
        || look.episode.resets.iter().any(|r| {
            r.role == Role::Duplicate
                && r.from == reset.from
                && look.segment(r).seq == look.segment(reset).seq
        });
    let all_doubled = doubled >= COPIED_SEGMENTS && doubled * 10 >= originals.len() * 9;
    (all_doubled && !this_too).then(|| Item {
        family: Family::Vantage,
        weight: 15,
        hard: false,
        evidence: Evidence::of(Fact::SeenOnce, [look.segment(reset)]),
    })
}
