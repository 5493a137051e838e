//! What a reset did to its receiver (RFC 9293 3.5.3, RFC 5961 3.2), as far as is seen.

use super::model::{Effect, Form};
use super::replay::{Kind, Replay};
use super::rtt::Rtt;
use crate::flow::{Connection, Segment, Side};
use crate::packet::tcp_flags;
use crate::units::Seq;

/// Frames in flight or out of order for this long say nothing about a reset's effect.
const SETTLE_NS: i64 = 2_000_000;
/// The same when the receiver's round-trip time is unknown.
const SETTLE_UNKNOWN_NS: i64 = 200_000_000;
/// Who goes on does so about where it was, what the capture lost in between included.
const GOES_ON_BYTES: i32 = 1 << 17;
/// Resets with a bad checksum count only when the sender's other segments are sound.
const SOUND_SEGMENTS: usize = 2;

/// Effect of the reset at `at`.
#[must_use]
pub fn effect(conn: &Connection, replay: &Replay, at: usize, form: Form, rtt: &[Rtt; 2]) -> Effect {
    let Some(reset) = conn.segments.get(at) else {
        return Effect::Unknown;
    };
    if bad_checksum(conn, reset) || receiver_went_on(conn, replay, at, form, rtt) {
        return Effect::Ineffective;
    }
    let sender = replay.state(at, reset.from);
    let receiver = replay.state(at, reset.from.peer());
    if sender.next.is_none() && receiver.isn.is_some() && receiver.max_ack.is_none() {
        // SYN-SENT: only an acknowledgment of the SYN counts (RFC 9293 3.10.7.3)
        let acceptable = reset.has(tcp_flags::ACK)
            && receiver
                .isn
                .is_some_and(|isn| reset.ack.since(isn) >= 1 && reset.ack.since(isn) < 65_536);
        return if acceptable {
            Effect::Effective
        } else {
            Effect::Ineffective
        };
    }
    match form {
        Form::Behind => Effect::Ineffective,
        Form::Beyond => Effect::Ineffective,
        Form::Orphan => Effect::Unknown,
        _ => match sender.next.or(receiver.max_ack) {
            Some(next) if next == reset.seq => Effect::Effective,
            // what lies between never arrived
            Some(_) if form == Form::Abort && receiver.max_ack == Some(reset.seq) => {
                Effect::Effective
            }
            Some(next) if reset.seq.before(next) && !sender.gap => Effect::Ineffective,
            _ => Effect::Unknown,
        },
    }
}

/// The reset's checksum is wrong although the sender's other segments are sound.
#[must_use]
pub fn bad_checksum(conn: &Connection, reset: &Segment) -> bool {
    if reset.checksum_ok != Some(false) {
        return false;
    }
    let others = conn
        .segments
        .iter()
        .filter(|s| s.from == reset.from && !s.is_rst());
    let (mut sound, mut bad) = (0, 0);
    for segment in others {
        match segment.checksum_ok {
            Some(true) => sound += 1,
            Some(false) => bad += 1,
            None => {}
        }
    }
    sound >= SOUND_SEGMENTS && bad == 0
}

/// The receiver said something new after the reset must have reached it. To acknowledge what
/// its sender had sent before the reset is nothing new, when the reset overtook it.
fn receiver_went_on(
    conn: &Connection,
    replay: &Replay,
    at: usize,
    form: Form,
    rtt: &[Rtt; 2],
) -> bool {
    let reset = &conn.segments[at];
    let receiver = reset.from.peer();
    let settle = rtt[receiver.index()]
        .min
        .map_or(SETTLE_UNKNOWN_NS, |r| r + (r / 2).max(SETTLE_NS));
    let sent_before = replay.state(at, reset.from).next;
    if form == Form::Abort && sent_before.is_some_and(|n| reset.seq.after(n)) {
        return news_after(conn, replay, at, receiver, settle)
            .any(|i| replay.kind(i) != Kind::PureAck || conn.segments[i].ack.after(reset.seq));
    }
    went_on(conn, replay, at, receiver, settle)
}

/// A side said something new more than `after_ns` after the segment at `at`.
#[must_use]
pub fn went_on(conn: &Connection, replay: &Replay, at: usize, side: Side, after_ns: i64) -> bool {
    news_after(conn, replay, at, side, after_ns)
        .next()
        .is_some()
}

/// What a side said new more than `after_ns` after the segment at `at`.
fn news_after<'a>(
    conn: &'a Connection,
    replay: &'a Replay,
    at: usize,
    side: Side,
    after_ns: i64,
) -> impl Iterator<Item = usize> + 'a {
    let since = conn.segments.get(at).map(|r| r.time);
    (at + 1..conn.segments.len())
        // a SYN after the reset starts over: what follows says nothing of the old attempt
        .take_while(|&i| !matches!(replay.kind(i), Kind::Syn))
        .filter(move |&i| {
            let s = &conn.segments[i];
            s.from == side
                && since.is_some_and(|t| s.time.nanos_since(t) > after_ns)
                && replay.is_news(conn, i)
                && same_numbers(conn, replay, at, i)
        })
}

/// The segment at `index` carries numbers about where its connection was before the reset at
/// `at`. A later connection on the same ports has numbers of its own, which may be near where
/// systems count their initial ones up by time.
#[must_use]
pub fn same_numbers(conn: &Connection, replay: &Replay, at: usize, index: usize) -> bool {
    let Some(segment) = conn.segments.get(index) else {
        return false;
    };
    let near = |known: Option<Seq>, seq: Seq| known.is_none_or(|n| seq.since(n) <= GOES_ON_BYTES);
    let mine = replay.state(at, segment.from).next;
    let peers = replay.state(at, segment.from.peer()).next;
    near(mine, segment.seq) && (!segment.has(tcp_flags::ACK) || near(peers, segment.ack))
}
