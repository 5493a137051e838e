//! The parts of an episode (diagnosis 2.6): one reset is the event, the others are its
//! consequences, copies, or the other side's own.

use super::form;
use super::model::{Effect, Form, Reset, Role};
use super::replay::Replay;
use super::rtt::Rtt;
use crate::flow::{Connection, Side};

/// The capture shows one frame twice at most this far apart.
const DUPLICATE_NS: i64 = 5_000_000;
/// Resets without triggers of their own this close together are one burst.
const STRAFE_NS: i64 = 100_000_000;

/// Picks the primary reset and gives every reset its role. Returns the primary's index.
pub fn assign(conn: &Connection, replay: &Replay, resets: &mut [Reset], rtt: &[Rtt; 2]) -> usize {
    mark_duplicates(conn, resets);
    let primary = choose_primary(conn, replay, resets);
    let lead = resets[primary];
    for i in 0..resets.len() {
        if i == primary {
            resets[i].role = Role::Primary;
        } else if resets[i].role != Role::Duplicate {
            resets[i].role = role(conn, replay, resets, i, &lead, rtt);
        }
    }
    primary
}

fn mark_duplicates(conn: &Connection, resets: &mut [Reset]) {
    for i in 0..resets.len() {
        let this = &conn.segments[resets[i].segment];
        let marked = this.duplicate_of.is_some();
        // Linux gives every stateless RST the IP ID 0: equal IDs prove a copy only if unusual
        let copied = resets[..i].iter().any(|earlier| {
            let that = &conn.segments[earlier.segment];
            that.from == this.from
                && that.ip_id == this.ip_id
                && this.ip_id.is_some_and(|id| id != 0)
                && that.seq == this.seq
                && that.ack == this.ack
                && that.flags == this.flags
                && that.window == this.window
                && that.ttl.abs_diff(this.ttl) <= 1
                && that.options == this.options
                && this.time.nanos_since(that.time) < DUPLICATE_NS
        });
        if marked || copied {
            resets[i].role = Role::Duplicate;
        }
    }
}

/// The first effective reset. A reset that did nothing stays the event when it is not what a
/// live endpoint would send (it answers no segment): a failed forgery is the finding.
fn choose_primary(conn: &Connection, replay: &Replay, resets: &[Reset]) -> usize {
    let own = |r: &Reset| r.role != Role::Duplicate;
    let Some(first) = resets.iter().position(own) else {
        return 0;
    };
    if resets[first].effect != Effect::Ineffective {
        return first;
    }
    if let Some(hit) = hit_of_burst(conn, resets, first) {
        return hit;
    }
    if resets[first].form != Form::Stateless
        || refused_while_connecting(conn, replay, &resets[first])
    {
        return first;
    }
    let Some(later) = resets
        .iter()
        .position(|r| own(r) && r.effect == Effect::Effective && !echoes(resets, r))
    else {
        return first;
    };
    // the connection went on between the two: they are not one event
    let (from, to) = (resets[first].segment, resets[later].segment);
    let went_on = |side: Side| {
        (from + 1..to).any(|i| conn.segments[i].from == side && replay.is_news(conn, i))
    };
    if Side::BOTH.into_iter().all(went_on) {
        later
    } else {
        first
    }
}

/// A forger who does not know the number tries several, one behind the other: the event is the
/// one that hit.
fn hit_of_burst(conn: &Connection, resets: &[Reset], first: usize) -> Option<usize> {
    if !matches!(resets[first].form, Form::Behind | Form::Beyond) {
        return None;
    }
    let time = |r: &Reset| conn.segments[r.segment].time;
    let mut last = time(&resets[first]);
    for (i, reset) in resets.iter().enumerate().skip(first + 1) {
        if reset.from != resets[first].from || reset.role == Role::Duplicate {
            continue;
        }
        if time(reset).nanos_since(last) > STRAFE_NS {
            return None;
        }
        if reset.effect == Effect::Effective && one_make(conn, &resets[first], reset) {
            return Some(i);
        }
        last = time(reset);
    }
    None
}

/// Two tries of one forger, and not its try and what the host itself says later: they look
/// alike, and the second answers no payload.
fn one_make(conn: &Connection, first: &Reset, hit: &Reset) -> bool {
    let (a, b) = (&conn.segments[first.segment], &conn.segments[hit.segment]);
    let trigger = hit.trigger.and_then(|i| conn.segments.get(i));
    let answers = hit.form == Form::Stateless && trigger.is_some_and(|t| t.space() > 0);
    a.flags == b.flags && a.ttl == b.ttl && !answers
}

/// The client, still connecting, refused something that was not for it.
fn refused_while_connecting(conn: &Connection, replay: &Replay, reset: &Reset) -> bool {
    let state = replay.state(reset.segment, reset.from);
    reset
        .trigger
        .and_then(|i| conn.segments.get(i))
        .is_some_and(|q| !state.next.is_some_and(|n| q.ack == n))
        && state.bytes == 0
        && state.fin.is_none()
}

fn echoes(resets: &[Reset], this: &Reset) -> bool {
    this.form == Form::Stateless
        && resets
            .iter()
            .any(|r| r.segment < this.segment && r.from == this.from && r.role != Role::Duplicate)
}

fn role(
    conn: &Connection,
    replay: &Replay,
    resets: &[Reset],
    i: usize,
    lead: &Reset,
    rtt: &[Rtt; 2],
) -> Role {
    let this = resets[i];
    let time = |r: &Reset| conn.segments[r.segment].time;
    let gap = time(&this).nanos_since(time(lead));
    if this.from != lead.from {
        let one_way = rtt[0]
            .min
            .unwrap_or(0)
            .saturating_add(rtt[1].min.unwrap_or(0));
        let aborts = matches!(this.form, Form::Abort | Form::BareAbort);
        if aborts && gap.abs() < one_way.max(DUPLICATE_NS) && resets_unaware(conn, &this, lead) {
            return Role::Crossing;
        }
        return if matches!(this.form, Form::Stateless | Form::StatelessAck) {
            Role::VictimReply
        } else {
            Role::Later
        };
    }
    let stateless = matches!(this.form, Form::Stateless | Form::StatelessAck);
    let unheard = || form::unheard(replay, &conn.segments[this.segment]);
    if stateless && (this.trigger.is_some() || unheard()) {
        return Role::InFlightEcho;
    }
    if gap.abs() < STRAFE_NS {
        return Role::Strafe;
    }
    Role::Later
}

/// Neither reset acknowledges what the other's sender had just said: each was sent in
/// ignorance of the other.
fn resets_unaware(conn: &Connection, this: &Reset, lead: &Reset) -> bool {
    let (a, b) = (&conn.segments[this.segment], &conn.segments[lead.segment]);
    // an answer to a reset does not exist in TCP; a copy of its numbers does, in forgeries
    !(a.seq == b.ack && a.window == 0 && b.window == 0)
}
