//! Resets that come sooner than their alleged sender can answer.

use super::{Family, Item, Look};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::flow::{Segment, Side};
use crate::reset::{Form, Kind, Reset};

/// Shortest path on which sooner and later can be told apart.
const MIN_RTT_NS: i64 = 2_000_000;
/// Longer "round trips" contain somebody's thinking.
const LONGEST_RTT_NS: i64 = 1_000_000_000;
/// A reset must be early by at least this much.
const MIN_LEAD_NS: i64 = 1_000_000;
/// Share of the smallest RTT below which an answer is impossible, with two samples or more.
const SHARE: f64 = 0.5;
/// The same with one sample: address resolution can double the first RTT.
const SHARE_ONE_SAMPLE: f64 = 0.35;
/// Share below which one sample convicts alone.
const SHARE_ONE_SAMPLE_ALONE: f64 = 0.1;
/// Round trips from here up to [`MIN_RTT_NS`] are a path of some hops nearby.
const NEARBY_RTT_NS: i64 = 500_000;
/// Share of such a round trip that a reset must stay below.
const SHARE_NEARBY: f64 = 0.25;
/// A reply is overdue when it is later than its round trip by this, or by a quarter.
const OVERDUE_NS: i64 = 5_000_000;
/// Samples from which the RTT's own spread is known.
const MANY_SAMPLES: u32 = 3;
/// A stateless reply of the address's owner comes after one round trip, give or take.
const OWN_TIME: std::ops::RangeInclusive<f64> = 0.9..=1.5;

struct Delay {
    nanos: i64,
    rtt: i64,
    samples: u32,
    second: Option<i64>,
    // a stack's own answer is among the samples; all others may hold somebody's thinking
    prompt: bool,
}

fn delay(look: &Look, reset: &Reset) -> Option<(Delay, usize)> {
    if look.world.clock_unreliable {
        return None;
    }
    let trigger = reset.trigger_first?;
    let q = look.conn.segments.get(trigger)?;
    let nanos = look.segment(reset).time.nanos_since(q.time);
    let mine = &look.rtt[reset.from.index()];
    if earlier_unseen(look, reset, trigger, mine.min) {
        return None;
    }
    if let Some(rtt) = mine.min.filter(|rtt| *rtt <= LONGEST_RTT_NS) {
        // another connection may have seen the host answer sooner
        let host = look.host(reset.from);
        let (other, flows) = host.and_then(|h| h.min_rtt).unwrap_or((rtt, 0));
        let delay = Delay {
            nanos,
            rtt: rtt.min(other),
            samples: mine.samples.max(flows),
            second: mine.second,
            prompt: mine.prompt || flows > 0,
        };
        return Some((delay, trigger));
    }
    let (rtt, flows) = look
        .host(reset.from)?
        .min_rtt
        .filter(|(rtt, _)| *rtt <= LONGEST_RTT_NS)?;
    Some((
        Delay {
            nanos,
            rtt,
            samples: flows,
            second: None,
            prompt: true,
        },
        trigger,
    ))
}

/// What the reset answers may have been sent before the earliest candidate that is at hand:
/// the first byte its sender had not acknowledged is on no segment here, or segments of the
/// last two round trips were not kept.
fn earlier_unseen(look: &Look, reset: &Reset, trigger: usize, rtt: Option<i64>) -> bool {
    let (r, replay) = (look.segment(reset), look.replay);
    let acked = replay.state(reset.segment, reset.from).max_ack;
    let next = replay.state(reset.segment, reset.from.peer()).next;
    if let (Some(acked), Some(next)) = (acked, next)
        && next.after(acked)
    {
        let carries = |(i, s): (usize, &Segment)| {
            i < reset.segment && !s.seq.after(acked) && s.end().after(acked)
        };
        if !look.normal(reset.from.peer()).any(carries) {
            return true;
        }
    }
    look.conn.left_out.iter().any(|&(at, _)| {
        at <= trigger
            && look.conn.segments.get(at).is_some_and(|s| {
                rtt.is_none_or(|rtt| r.time.nanos_since(s.time) < rtt.saturating_mul(2))
            })
    })
}

/// What the reset's time says.
pub(super) fn items(look: &Look, reset: &Reset) -> [Option<Item>; 5] {
    let delay = delay(look, reset);
    let ask = |row: fn(&Look, &Reset, &Delay, usize) -> Option<Item>| {
        let (delay, trigger) = delay.as_ref()?;
        row(look, reset, delay, *trigger)
    };
    [
        ask(too_early),
        ask(too_early_nearby),
        ask(too_early_for_data),
        neighbour_too_early(look, reset),
        ask(own_time),
    ]
}

/// Row 1: earlier than half the smallest RTT to the alleged sender; or, where the RTT is well
/// known, earlier than it by more than its spread.
fn too_early(look: &Look, reset: &Reset, d: &Delay, trigger: usize) -> Option<Item> {
    if d.rtt < MIN_RTT_NS || d.nanos < 0 || d.rtt - d.nanos < MIN_LEAD_NS {
        return None;
    }
    let share = if d.samples >= 2 {
        SHARE
    } else {
        SHARE_ONE_SAMPLE
    };
    let half = (d.nanos as f64) < d.rtt as f64 * share;
    let spread = d.second.map_or(i64::MAX, |s| s - d.rtt);
    let margin = spread.saturating_mul(2).max(d.rtt / 10).max(MIN_LEAD_NS);
    let beyond_spread = d.samples >= MANY_SAMPLES && d.nanos < d.rtt.saturating_sub(margin);
    if !half && !beyond_spread {
        return None;
    }
    let hard = d.prompt && (d.samples >= 2 || certain_from_one(look, reset, d));
    // the earliest candidate decides, the likeliest one is told
    let q = reset
        .trigger
        .and_then(|i| look.conn.segments.get(i))
        .unwrap_or(&look.conn.segments[trigger]);
    let delay = look.segment(reset).time.seconds_since(q.time);
    let rtt = d.rtt as f64 / 1e9;
    let fact = if matches!(reset.form, Form::Abort | Form::BareAbort) {
        Fact::AckTooEarly { delay, rtt }
    } else {
        Fact::TooEarly { delay, rtt }
    };
    Some(Item {
        family: Family::Timing,
        weight: if d.prompt { 20 } else { 8 },
        hard,
        evidence: Evidence::of(fact, [q, look.segment(reset)]),
    })
}

/// The same on a path shorter than [`MIN_RTT_NS`], where a busy host's own time is as long as the
/// path's: it needs several samples and other evidence beside it.
fn too_early_nearby(look: &Look, reset: &Reset, d: &Delay, trigger: usize) -> Option<Item> {
    let nearby = (NEARBY_RTT_NS..MIN_RTT_NS).contains(&d.rtt) && d.samples >= 2;
    let early = d.nanos >= 0 && (d.nanos as f64) < d.rtt as f64 * SHARE_NEARBY;
    let takes_data = reset.form == Form::Abort && look.conn.segments[trigger].len > 0;
    (nearby && early && takes_data).then(|| Item {
        family: Family::Timing,
        weight: 10,
        hard: false,
        evidence: Evidence::of(
            Fact::AckTooEarly {
                delay: d.nanos as f64 / 1e9,
                rtt: d.rtt as f64 / 1e9,
            },
            [&look.conn.segments[trigger], look.segment(reset)],
        ),
    })
}

/// The earliest segment that the reset may answer is a bare acknowledgment, sent longer ago than a
/// stack without the socket takes to answer (one round trip); the one it answers most likely is
/// data that cannot have been there and back.
fn too_early_for_data(look: &Look, reset: &Reset, d: &Delay, first: usize) -> Option<Item> {
    let shown = reset.trigger.filter(|i| *i > first)?;
    let q = look.conn.segments.get(shown)?;
    let nanos = look.segment(reset).time.nanos_since(q.time);
    let overdue = d.nanos > d.rtt + (d.rtt / 4).max(OVERDUE_NS);
    let early = nanos >= 0 && (nanos as f64) < d.rtt as f64 * SHARE && d.rtt - nanos >= MIN_LEAD_NS;
    let on_time_known = d.rtt >= MIN_RTT_NS && d.samples >= MANY_SAMPLES;
    let bare = look.replay.kind(first) == Kind::PureAck && q.len > 0;
    (reset.form == Form::Stateless && bare && overdue && early && on_time_known).then(|| Item {
        family: Family::Timing,
        weight: 8,
        hard: false,
        evidence: earlier_than(nanos, d.rtt, [q, look.segment(reset)]),
    })
}

// Both times in nanoseconds.
fn earlier_than(delay: i64, rtt: i64, frames: [&Segment; 2]) -> Evidence {
    let seconds = |nanos: i64| nanos as f64 / 1e9;
    let (delay, rtt) = (seconds(delay), seconds(rtt));
    Evidence::of(Fact::TooEarly { delay, rtt }, frames)
}

/// One sample convicts alone only where address resolution, power saving or a radio that
/// wakes up cannot explain it: from a host behind routers, and by an order of magnitude.
fn certain_from_one(look: &Look, reset: &Reset, d: &Delay) -> bool {
    let behind_routers = look
        .normal(reset.from)
        .all(|(_, s)| crate::diagnosis::crowd::hop_count(s.ttl) >= 1);
    let prompt = look.rtt[reset.from.index()].prompt;
    // a first packet that waited for something explains this better than a forger who continues
    // the host's clock and counter
    let hosts_own = super::fields::timestamp_continues(look, reset).is_some()
        && super::fields::ip_id_order(look, reset).is_some_and(|i| i.weight < 0);
    behind_routers
        && prompt
        && !hosts_own
        && (d.nanos as f64) < d.rtt as f64 * SHARE_ONE_SAMPLE_ALONE
}

/// An address without other packets that answers sooner than its neighbours can.
fn neighbour_too_early(look: &Look, reset: &Reset) -> Option<Item> {
    let own = look.host(reset.from).and_then(|h| h.min_rtt);
    if own.is_some() || look.rtt[reset.from.index()].min.is_some() || look.world.clock_unreliable {
        return None;
    }
    let trigger = look.conn.segments.get(reset.trigger_first?)?;
    let nanos = look.segment(reset).time.nanos_since(trigger.time);
    let rtts: Vec<i64> = super::ttl::neighbour_hosts(look, look.address(reset.from))
        .filter_map(|h| h.min_rtt.map(|(rtt, _)| rtt))
        .collect();
    let rtt = *rtts.iter().min()?;
    let early = rtt >= MIN_RTT_NS && nanos >= 0 && (nanos as f64) < rtt as f64 * SHARE_ONE_SAMPLE;
    (early && rtts.len() >= 2).then(|| Item {
        family: Family::Timing,
        weight: 8,
        hard: false,
        evidence: earlier_than(nanos, rtt, [trigger, look.segment(reset)]),
    })
}

/// A stateless reply after the sender's own FIN, at the sender's own distance in time: what
/// its host would do, when it would do it.
fn own_time(look: &Look, reset: &Reset, d: &Delay, trigger: usize) -> Option<Item> {
    let state = look.replay.state(reset.segment, reset.from);
    let stateless = matches!(reset.form, Form::Stateless | Form::StatelessAck);
    if !stateless || state.fin.is_none() || d.rtt < MIN_RTT_NS {
        return None;
    }
    let ratio = d.nanos as f64 / d.rtt as f64;
    OWN_TIME.contains(&ratio).then(|| Item {
        family: Family::Timing,
        weight: -6,
        hard: false,
        evidence: Evidence::of(
            Fact::OwnTime {
                rtt: d.rtt as f64 / 1e9,
            },
            [&look.conn.segments[trigger], look.segment(reset)],
        ),
    })
}

/// The side that is not the reset's sender.
pub(super) fn other(reset: &Reset) -> Side {
    reset.from.peer()
}
