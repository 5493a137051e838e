//! Which segment provoked a stateless reset (diagnosis 2.4).

use super::replay::{Kind, Replay};
use crate::flow::{Connection, Segment};
use crate::packet::tcp_flags;
use crate::units::Seq;

/// The segments that can have provoked a reset: the earliest for timing, the likeliest for
/// display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Triggers {
    /// Earliest candidate.
    pub first: Option<usize>,
    /// Likeliest candidate: the latest one that had the time to go there and back.
    pub shown: Option<usize>,
}

/// Candidates for a reset that answers a segment with that segment's own numbers: `q.ack ==
/// r.seq` (or, for a segment without ACK, `q.end == r.ack`), sent before it, not yet
/// processed by a live endpoint, not yet answered by an earlier reset.
#[must_use]
pub fn stateless(
    conn: &Connection,
    replay: &Replay,
    at: usize,
    rtt: Option<i64>,
    answered: &[usize],
) -> Triggers {
    let Some(reset) = conn.segments.get(at) else {
        return Triggers::default();
    };
    let candidates: Vec<usize> = (0..at)
        .filter(|&i| {
            !answered.contains(&i)
                && conn.segments.get(i).is_some_and(|q| {
                    q.from != reset.from
                        && !matches!(replay.kind(i), Kind::Reset | Kind::Copy)
                        && answers(reset, q)
                        && !processed(conn, replay, at, i, rtt)
                })
        })
        .collect();
    pick(conn, at, rtt, &prompt(conn, at, rtt, candidates))
}

/// A stateless reply comes at once: one path round trip, and this much for a busy host.
const REPLY_SLACK_NS: i64 = 50_000_000;
/// The same when no round-trip time is known.
const REPLY_UNKNOWN_RTT_NS: i64 = 1_000_000_000;

/// How long after its trigger a stateless reply may come.
#[must_use]
pub fn reply_limit(rtt: Option<i64>) -> i64 {
    rtt.map_or(REPLY_UNKNOWN_RTT_NS, |r| {
        r.saturating_add(r / 2)
            .max(r.saturating_add(REPLY_SLACK_NS))
    })
}

/// What went unanswered for longer than a reply takes was accepted: only the recent
/// candidates count, unless there are none.
fn prompt(
    conn: &Connection,
    at: usize,
    rtt: Option<i64>,
    mut candidates: Vec<usize>,
) -> Vec<usize> {
    let Some(reset) = conn.segments.get(at) else {
        return candidates;
    };
    let limit = reply_limit(rtt);
    let recent = |i: &usize| reset.time.nanos_since(conn.segments[*i].time) <= limit;
    if candidates.iter().any(recent) {
        candidates.retain(recent);
    }
    candidates
}

/// The segment whose arrival an abort acknowledges for the first time, if any.
#[must_use]
pub fn newly_acknowledged(conn: &Connection, replay: &Replay, at: usize) -> Triggers {
    let Some(reset) = conn.segments.get(at) else {
        return Triggers::default();
    };
    let acked = replay.state(at, reset.from).max_ack;
    let covered = |q: &Segment| {
        q.space() > 0 && reset.ack.at_or_after(q.end()) && acked.is_none_or(|a| q.end().after(a))
    };
    let found = (0..at).rev().find(|&i| {
        conn.segments.get(i).is_some_and(|q| {
            q.from != reset.from && matches!(replay.kind(i), Kind::Data | Kind::Fin) && covered(q)
        })
    });
    Triggers {
        first: found,
        shown: found,
    }
}

/// The segment whose two numbers a RST+ACK repeats: SEG.SEQ is its SEG.ACK, SEG.ACK its end.
#[must_use]
pub fn repeated(
    conn: &Connection,
    replay: &Replay,
    at: usize,
    rtt: Option<i64>,
    answered: &[usize],
) -> Triggers {
    let Some(reset) = conn.segments.get(at) else {
        return Triggers::default();
    };
    // a burst says the same several times; only the first one answers
    let said = conn
        .segments
        .iter()
        .take(at)
        .rposition(|r| r.is_rst() && r.from == reset.from && r.ack == reset.ack);
    let found = (said.map_or(0, |i| i + 1)..at).rev().find(|&i| {
        let usable = !answered.contains(&i) && !matches!(replay.kind(i), Kind::Reset | Kind::Copy);
        conn.segments.get(i).is_some_and(|q| {
            usable
                && q.from != reset.from
                && q.has(tcp_flags::ACK)
                && q.ack == reset.seq
                && q.end() == reset.ack
                && !processed(conn, replay, at, i, rtt)
                && reset.time.nanos_since(q.time) <= reply_limit(rtt)
        })
    });
    Triggers {
        first: found,
        shown: found,
    }
}

fn answers(reset: &Segment, q: &Segment) -> bool {
    if q.has(tcp_flags::ACK) {
        q.ack == reset.seq
    } else {
        // RFC 9293 3.10.7.1: SEG.ACK of the reply is SEG.SEQ + SEG.LEN of the trigger; a
        // stack that does not take data on a SYN acknowledges the SYN alone
        reset.has(tcp_flags::ACK) && (reset.ack == q.end() || reset.ack == q.seq.plus(1))
    }
}

/// The reset's sender had dealt with the segment as a live endpoint before.
fn processed(conn: &Connection, replay: &Replay, at: usize, i: usize, rtt: Option<i64>) -> bool {
    let (Some(reset), Some(q)) = (conn.segments.get(at), conn.segments.get(i)) else {
        return true;
    };
    let sender = replay.state(at, reset.from);
    let covers = |a: Seq| a.at_or_after(q.end());
    // what was acknowledged before it was sent is a repeat: its numbers tell as little as
    // those of a pure ACK whether it was dealt with
    let repeated = replay.state(i, reset.from).max_ack.is_some_and(covers);
    if q.space() > 0 && !q.has(tcp_flags::SYN) && !repeated {
        if replay.kind(i) == Kind::KeepAlive {
            return sender.last.is_some_and(|l| l > i);
        }
        return sender.max_ack.is_some_and(covers);
    }
    if q.has(tcp_flags::SYN) && q.has(tcp_flags::ACK) {
        return sender.max_ack.is_some_and(|a| a.at_or_after(q.seq.plus(1)));
    }
    // a pure ACK: what its sender has said since it could have arrived
    sender
        .last
        .and_then(|l| conn.segments.get(l))
        .is_some_and(|last| {
            let margin = rtt.map_or(0, |r| r - r / 10);
            last.time.nanos_since(q.time) > margin
        })
}

fn pick(conn: &Connection, at: usize, rtt: Option<i64>, candidates: &[usize]) -> Triggers {
    let reset_time = conn.segments.get(at).map(|r| r.time);
    let had_time = |i: &&usize| match (rtt, reset_time, conn.segments.get(**i)) {
        (Some(rtt), Some(t), Some(q)) => t.nanos_since(q.time) >= rtt - rtt / 10,
        _ => true,
    };
    // replies come in the order of what they answer; a pure ACK is the last thing to suspect
    let spoke = |i: &&usize| conn.segments.get(**i).is_some_and(|q| q.space() > 0);
    let shown = candidates
        .iter()
        .filter(spoke)
        .find(had_time)
        .or_else(|| candidates.iter().rfind(spoke))
        .or_else(|| candidates.iter().rfind(had_time))
        .or(candidates.last());
    Triggers {
        first: candidates.first().copied(),
        shown: shown.copied(),
    }
}
