//! Sequence numbers, order and number of the resets.

use super::{Family, Item, Look};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::flow::{Segment, Side};
use crate::packet::tcp_flags;
use crate::reset::{Form, Kind, Reset, Role, same_numbers};

/// How long after a reset its alleged sender is listened for.
const LISTEN_NS: i64 = 3_000_000_000;
/// Frames may be in the wrong order within this time.
const REORDER_NS: i64 = 3_000_000;
/// The same where no time stamp tells which of two was sent first.
const REORDER_BLIND_NS: i64 = 5_000_000;
/// Resets of one burst.
const BURST_NS: i64 = 5_000_000;
/// Stepped resets follow each other within this time.
const STEPPED_NS: i64 = 2_000_000_000;

/// Row 2: the alleged sender goes on as if it had not reset anything.
pub(super) fn went_on(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    // with one direction missing, what the reset may have answered is not seen
    let blind = look.normal(reset.from.peer()).next().is_none();
    if refused_a_stranger(look, reset) || (blind && !r.has(tcp_flags::ACK)) {
        return None;
    }
    // a SYN after the reset starts over
    let again = look
        .normal(reset.from.peer())
        .find(|(i, s)| *i > reset.segment && s.is_syn())
        .map_or(usize::MAX, |(i, _)| i);
    let (what, segment) = look
        .normal(reset.from)
        .take_while(|(i, _)| *i < again)
        .filter(|(i, s)| *i > reset.segment && s.time.nanos_since(r.time) <= LISTEN_NS)
        .filter(|(_, s)| !counted_by(look, reset, s))
        .filter(|(i, s)| {
            sent_after(look, reset, s) && same_numbers(look.conn, look.replay, reset.segment, *i)
        })
        .find_map(|(i, s)| match look.replay.kind(i) {
            Kind::Data => Some(("data", s)),
            Kind::SynAck => Some(("a SYN-ACK", s)),
            Kind::Fin => Some(("a FIN", s)),
            Kind::PureAck if look.replay.is_news(look.conn, i) => Some(("acknowledgments", s)),
            _ => None,
        })?;
    Some(Item {
        family: Family::Continuation,
        weight: 20,
        hard: true,
        evidence: evidence(reset, r, what, segment),
    })
}

fn evidence(reset: &Reset, r: &Segment, what: &'static str, segment: &Segment) -> Evidence {
    let fact = Fact::WentOn {
        side: reset.from,
        what,
        delay: segment.time.seconds_since(r.time),
    };
    Evidence::of(fact, [r, segment])
}

/// An abort lies beyond what was seen of its sender, and the segment is what lay between: the
/// abort overtook it.
fn counted_by(look: &Look, reset: &Reset, segment: &Segment) -> bool {
    let r = look.segment(reset);
    let next = look.replay.state(reset.segment, reset.from).next;
    let overtook = reset.form == Form::Abort && next.is_some_and(|n| r.seq.after(n));
    overtook && segment.space() > 0 && !segment.end().after(r.seq)
}

/// The same within the time in which frames change places, from a stack that puts a time stamp
/// on everything and has none on this abort: an abort that overtook its own stack's segment
/// would carry one.
pub(super) fn went_on_at_once(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let odd = reset.form == Form::Abort && super::fields::lacks_timestamp(look, reset);
    if !odd || went_on(look, reset).is_some() {
        return None;
    }
    let (what, segment) = look
        .normal(reset.from)
        .filter(|(i, s)| *i > reset.segment && s.options.timestamps.is_some())
        .take_while(|(_, s)| s.time.nanos_since(r.time) <= REORDER_NS)
        .filter(|(i, _)| same_numbers(look.conn, look.replay, reset.segment, *i))
        .find_map(|(i, s)| match look.replay.kind(i) {
            Kind::Data => Some(("data", s)),
            Kind::PureAck if look.replay.is_news(look.conn, i) => Some(("acknowledgments", s)),
            _ => None,
        })?;
    Some(Item {
        family: Family::Continuation,
        weight: 12,
        hard: false,
        evidence: evidence(reset, r, what, segment),
    })
}

/// A live endpoint answers a segment that cannot belong to its connection with a stateless
/// reset and goes on (RFC 9293 3.10.7.3).
fn refused_a_stranger(look: &Look, reset: &Reset) -> bool {
    if reset.form != Form::Stateless {
        return false;
    }
    let state = look.replay.state(reset.segment, reset.from);
    let Some(trigger) = reset.trigger else {
        return false;
    };
    let Some(q) = look.conn.segments.get(trigger) else {
        return false;
    };
    look.replay.kind(trigger) == Kind::Stray
        || state.next.is_some_and(|next| q.ack.after(next))
        || (state.max_ack.is_none() && state.isn.is_some_and(|isn| q.ack != isn.plus(1)))
}

fn sent_after(look: &Look, reset: &Reset, segment: &Segment) -> bool {
    let r = look.segment(reset);
    let gap = segment.time.nanos_since(r.time);
    let state = look.replay.state(reset.segment, reset.from);
    match (
        segment.options.timestamps,
        r.options.timestamps,
        state.tsval,
    ) {
        (Some((sent, _)), Some((reset_sent, _)), _) => {
            sent.wrapping_sub(reset_sent) as i32 > 0 && gap > REORDER_NS
        }
        (Some((sent, _)), None, Some(last)) => {
            sent.wrapping_sub(last) as i32 >= 0 && gap > REORDER_NS
        }
        _ => gap > REORDER_BLIND_NS,
    }
}

/// Row 3: the sequence number lies before what the alleged sender has already sent.
pub(super) fn behind(look: &Look, reset: &Reset) -> Option<Item> {
    if reset.form != Form::Behind {
        return None;
    }
    let r = look.segment(reset);
    let next = look.replay.state(reset.segment, reset.from).next?;
    Some(Item {
        family: Family::Sequence,
        weight: 12,
        hard: false,
        evidence: Evidence::of(
            Fact::SequenceOff {
                bytes: i64::from(r.seq.since(next)),
            },
            [r],
        ),
    })
}

/// Row 4: beyond anything sent; heavier when a burst steps through the sequence space.
pub(super) fn beyond_or_stepped(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let state = look.replay.state(reset.segment, reset.from);
    let peer = look.replay.state(reset.segment, reset.from.peer());
    if state.gap || state.fin.is_some() || state.next.is_none() {
        return None;
    }
    let stepped = look
        .episode
        .resets
        .iter()
        .filter(|s| s.from == reset.from && s.segment > reset.segment)
        .filter(|s| !matches!(s.form, Form::Stateless | Form::StatelessAck))
        .map(|s| look.segment(s))
        .find(|s| {
            s.time.nanos_since(r.time) < STEPPED_NS
                && s.seq.since(r.seq) > 2
                && state.next.is_none_or(|n| s.seq.since(n) > 2)
                && peer.max_ack.is_none_or(|a| s.seq.since(a) > 2)
                && s.duplicate_of.is_none()
        });
    let (weight, fact, frames) = match (stepped, reset.form) {
        (Some(s), _) => (
            15,
            Fact::Burst {
                count: unprovoked(look, reset.from),
                stepped: true,
            },
            vec![r, s],
        ),
        (None, Form::Beyond) => {
            let off = i64::from(r.seq.since(state.next?));
            (8, Fact::SequenceOff { bytes: off }, vec![r])
        }
        _ => return None,
    };
    Some(Item {
        family: Family::Sequence,
        weight,
        hard: false,
        evidence: Evidence::of(fact, frames),
    })
}

// Resets in a side's name that are neither its stack's replies to what is on its way nor copies.
fn unprovoked(look: &Look, from: Side) -> usize {
    let own = look.episode.resets.iter().filter(|r| r.from == from);
    own.filter(|r| !matches!(r.role, Role::InFlightEcho | Role::Duplicate))
        .count()
}

/// Row 5: two RST+ACK of one sender acknowledge different amounts with no new data between.
pub(super) fn ack_changes(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    if !r.has(tcp_flags::ACK) || matches!(reset.form, Form::Refusal | Form::StatelessAck) {
        return None;
    }
    let second = look.episode.resets.iter().find(|s| {
        let t = look.segment(s);
        s.from == reset.from
            && s.segment > reset.segment
            && s.role != Role::Duplicate
            && s.form != Form::StatelessAck
            && t.has(tcp_flags::ACK)
            && t.ack != r.ack
            && !(reset.segment..s.segment).any(|i| {
                let q = &look.conn.segments[i];
                q.from != reset.from && q.space() > 0
            })
    })?;
    Some(Item {
        family: Family::Sequence,
        weight: 8,
        hard: false,
        evidence: Evidence::of(Fact::AckChanges, [r, look.segment(second)]),
    })
}

/// Rows 29 and 30: resets in both directions at once.
pub(super) fn both_ways(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let path: i64 = look.rtt.iter().filter_map(|x| x.min).sum();
    let limit = (path / 4).min(BURST_NS);
    let aborts = |x: &Reset| !matches!(x.form, Form::Stateless | Form::StatelessAck | Form::Orphan);
    if !aborts(reset) || path == 0 {
        return None;
    }
    let twin = look.episode.resets.iter().find(|s| {
        s.from != reset.from
            && aborts(s)
            && s.role != Role::Duplicate
            && look.segment(s).time.nanos_since(r.time).abs() < limit
    })?;
    let both =
        super::fields::fully_consistent(look, reset) && super::fields::fully_consistent(look, twin);
    let delay = look.segment(twin).time.seconds_since(r.time).abs();
    Some(Item {
        family: Family::Symmetry,
        weight: if both { -6 } else { 12 },
        hard: false,
        evidence: Evidence::of(Fact::BothWays { delay }, [r, look.segment(twin)]),
    })
}

/// Row 34: several resets at once, each without a segment of its own to answer.
pub(super) fn burst(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let others: Vec<&Segment> = look
        .episode
        .resets
        .iter()
        .filter(|s| {
            s.from == reset.from
                && s.segment != reset.segment
                && matches!(s.role, Role::Strafe | Role::Primary)
                && s.trigger.is_none()
        })
        .map(|s| look.segment(s))
        // a frame that was captured twice is no burst
        .filter(|s| (s.ip_id, s.ttl, s.window) != (r.ip_id, r.ttl, r.window))
        .filter(|s| s.seq == r.seq && s.time.nanos_since(r.time).abs() < BURST_NS)
        .collect();
    if others.is_empty() {
        return None;
    }
    let count = others.len() + 1;
    Some(Item {
        family: Family::Count,
        weight: 8,
        hard: false,
        evidence: Evidence::of(
            Fact::Burst {
                count,
                stepped: false,
            },
            others.into_iter().chain([r]),
        ),
    })
}
