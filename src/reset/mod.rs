//! Connections to episodes: the form and trigger of every RST, the roles within the episode,
//! round-trip times, the vantage point (diagnosis 2.3 to 2.6).

mod effect;
mod form;
mod model;
mod replay;
mod roles;
mod rtt;
mod trigger;
mod vantage;

pub use effect::{bad_checksum, same_numbers, went_on};
pub use model::{Effect, Episode, Form, Reset, Role, Vantage, VantagePoint, Vote};
pub use replay::{FinMark, Kind, Replay, SideState, replay};
pub use rtt::{Rtt, measure};

use crate::flow::{Connection, Side};
use crate::packet::tcp_flags;

/// Resets of one connection that are examined one by one; the count of all of them is in
/// `Connection::totals`.
const EXAMINED_RESETS: usize = 2048;

/// The episode of a connection; `None` if it holds no RST.
#[must_use]
pub fn examine(conn: &Connection) -> Option<Episode> {
    let replay = replay(conn);
    let rtt = measure(conn, &replay);
    examine_replayed(conn, &replay, &rtt)
}

/// [`examine`] for who already has the replay.
#[must_use]
pub fn examine_replayed(conn: &Connection, replay: &Replay, rtt: &[Rtt; 2]) -> Option<Episode> {
    let mut answered: Vec<usize> = Vec::new();
    let all = conn.segments.iter().enumerate().filter(|(_, s)| s.is_rst());
    // most connections have one: no room for four
    let count = all.clone().take(EXAMINED_RESETS).count();
    let mut resets: Vec<Reset> = Vec::with_capacity(count);
    for (at, segment) in all.take(EXAMINED_RESETS) {
        let again = resets
            .iter()
            .any(|r| r.from == segment.from && conn.segments[r.segment].duplicate_of.is_none());
        let (form, triggers) = form::classify(
            conn,
            replay,
            at,
            rtt[segment.from.index()].min,
            &answered,
            again && segment.duplicate_of.is_none(),
        );
        // an abort took what it acknowledges: no stateless reply to that follows
        let takes = matches!(
            form,
            Form::Stateless | Form::StatelessAck | Form::Refusal | Form::Abort
        );
        if segment.duplicate_of.is_none() && takes {
            answered.extend(triggers.shown);
        }
        resets.push(Reset {
            segment: at,
            from: segment.from,
            form,
            role: Role::Later,
            effect: effect::effect(conn, replay, at, form, rtt),
            trigger_first: triggers.first,
            trigger: triggers.shown,
        });
    }
    if resets.is_empty() {
        return None;
    }
    let primary = roles::assign(conn, replay, &mut resets, rtt);
    let at = resets[primary].segment;
    Some(Episode {
        continues: continues(conn, replay, at, resets[primary].form, rtt),
        handshake_complete: handshake_complete(conn, replay),
        rtt: [rtt[0].min, rtt[1].min],
        rtt_samples: [rtt[0].samples, rtt[1].samples],
        vantage: vantage::locate(conn, rtt),
        resets,
        primary,
    })
}

/// New data or acknowledgments from both sides for more than an RTT after the reset.
fn continues(conn: &Connection, replay: &Replay, at: usize, form: Form, rtt: &[Rtt; 2]) -> bool {
    let Some(reset) = conn.segments.get(at) else {
        return false;
    };
    // frames seen within this time may have passed the reset on the way
    let settle = |side: Side| {
        let floor = 2_000_000;
        if side == reset.from {
            floor
        } else {
            rtt[side.index()].min.unwrap_or(0) + floor
        }
    };
    // what the reset overtook on its way was sent before it
    let late = (at + 1..conn.segments.len()).any(|i| {
        let s = &conn.segments[i];
        s.from == reset.from && replay.is_news(conn, i) && s.end().after(reset.seq)
    });
    let overtook = form == Form::Abort
        && replay
            .state(at, reset.from)
            .next
            .is_some_and(|n| reset.seq.after(n));
    (late || !overtook)
        && Side::BOTH
            .into_iter()
            .all(|side| went_on(conn, replay, at, side, settle(side)))
}

/// SYN, SYN-ACK and an ACK of the SYN-ACK were all seen.
fn handshake_complete(conn: &Connection, replay: &Replay) -> bool {
    let Some(server_isn) = replay.end[Side::Server.index()].isn else {
        return false;
    };
    replay.end[Side::Client.index()].isn.is_some()
        && conn.segments.iter().enumerate().any(|(i, s)| {
            s.from == Side::Client
                && !s.is_rst()
                && s.has(tcp_flags::ACK)
                && replay.kind(i) != Kind::Stray
                && s.ack.since(server_isn) >= 1
        })
}
