//! What a reset is made as (diagnosis 2.3): which kind of emitter wrote it.

use super::model::Form;
use super::replay::{Replay, SideState};
use super::trigger::{self, Triggers};
use crate::flow::{Connection, Segment};
use crate::packet::tcp_flags;
use crate::units::Seq;

/// Unanswered retransmissions after which a sender has gone back for good.
const REPEATED: u32 = 2;
/// Frames of one host seen in the wrong order lie at most this far apart.
const REORDER_NS: i64 = 10_000_000;

/// Form and triggers of the reset at index `at`; `again`: its sender has reset before.
#[must_use]
pub fn classify(
    conn: &Connection,
    replay: &Replay,
    at: usize,
    rtt: Option<i64>,
    answered: &[usize],
    again: bool,
) -> (Form, Triggers) {
    let Some(reset) = conn.segments.get(at) else {
        return (Form::Orphan, Triggers::default());
    };
    let sender = replay.state(at, reset.from);
    let peer = replay.state(at, reset.from.peer());
    let triggers = trigger::stateless(conn, replay, at, rtt, answered);
    if again && reset.has(tcp_flags::ACK) {
        // a socket aborts once; what comes after it answers segment by segment
        let copied = trigger::repeated(conn, replay, at, rtt, answered);
        if copied.shown.is_some() {
            return (Form::StatelessAck, copied);
        }
    }
    if sender.next.is_none() {
        return (first_words(conn, reset, peer, triggers), triggers);
    }
    if reset.has(tcp_flags::ACK) {
        with_ack(conn, replay, at, rtt, sender, peer, triggers)
    } else {
        match bare(conn, at, sender, peer, rtt, triggers) {
            Form::Stateless => (Form::Stateless, triggers),
            form if unheard(replay, reset) && answers_unheard(reset, sender, form) => {
                (Form::Stateless, Triggers::default())
            }
            form => (form, Triggers::default()),
        }
    }
}

/// The sender was never seen before, resets apart.
fn first_words(conn: &Connection, reset: &Segment, peer: &SideState, triggers: Triggers) -> Form {
    let Some(q) = triggers.shown.and_then(|i| conn.segments.get(i)) else {
        let peer_known = peer.max_ack.is_some_and(|a| a == reset.seq);
        return match (peer_known, reset.has(tcp_flags::ACK)) {
            (true, true) => Form::Abort,
            (true, false) => Form::BareAbort,
            (false, _) => Form::Orphan,
        };
    };
    match (q.is_syn(), reset.has(tcp_flags::ACK), q.has(tcp_flags::ACK)) {
        (true, true, _) => Form::Refusal,
        // RST+ACK that answers a segment without ACK is what RFC 9293 asks for
        (false, true, false) | (_, false, _) => Form::Stateless,
        (false, true, true) if reset.window == 0 => Form::StatelessAck,
        (false, true, true) => Form::Abort,
    }
}

fn with_ack(
    conn: &Connection,
    replay: &Replay,
    at: usize,
    rtt: Option<i64>,
    sender: &SideState,
    peer: &SideState,
    triggers: Triggers,
) -> (Form, Triggers) {
    let reset = &conn.segments[at];
    if let Some(q) = triggers.shown.and_then(|i| conn.segments.get(i))
        && !q.has(tcp_flags::ACK)
        && !q.is_syn()
        && reset.seq.0 == 0
    {
        return (Form::Stateless, triggers);
    }
    let prompt = triggers
        .shown
        .and_then(|i| conn.segments.get(i))
        .is_some_and(|q| reset.time.nanos_since(q.time) <= trigger::reply_limit(rtt));
    let copies_trigger = prompt && peer.next.is_some_and(|n| n == reset.ack);
    let loses_timestamps = sender.timestamps && reset.options.timestamps.is_none();
    if copies_trigger && loses_timestamps && reset.window == 0 {
        return (Form::StatelessAck, triggers);
    }
    let form = position(conn, at, sender, peer);
    if matches!(form, Form::Behind | Form::Beyond) {
        if copies_trigger && reset.window == 0 {
            return (Form::StatelessAck, triggers);
        }
        return (form, triggers);
    }
    (form, trigger::newly_acknowledged(conn, replay, at))
}

fn bare(
    conn: &Connection,
    at: usize,
    sender: &SideState,
    peer: &SideState,
    rtt: Option<i64>,
    triggers: Triggers,
) -> Form {
    let reset = &conn.segments[at];
    let at_next = position(conn, at, sender, peer);
    if let Some(q) = triggers.shown.and_then(|i| conn.segments.get(i)) {
        let limit = trigger::reply_limit(rtt);
        let late = reset.time.nanos_since(q.time) > limit;
        // a stack without the socket has no window to tell
        let has_state = reset.window != 0 && q.space() == 0;
        return if (late || has_state) && at_next == Form::Abort {
            Form::BareAbort
        } else {
            Form::Stateless
        };
    }
    if at_next == Form::Abort {
        Form::BareAbort
    } else {
        at_next
    }
}

/// Nothing of the side that the reset is sent to is in the capture.
#[must_use]
pub fn unheard(replay: &Replay, reset: &Segment) -> bool {
    replay.end[reset.from.peer().index()].segments == 0
}

/// A bare RST that a socket does not send, and that answers something the capture lacks: without
/// the connection's time stamps, with a number from before the sender's last data, or with one
/// that nothing but the answer to its SYN can have told.
fn answers_unheard(reset: &Segment, sender: &SideState, form: Form) -> bool {
    let connecting = sender.bytes == 0 && sender.max_ack.is_none();
    reset.window == 0
        && match form {
            Form::BareAbort => sender.timestamps && reset.options.timestamps.is_none(),
            Form::Behind => sender.isn.is_none_or(|isn| reset.seq.after(isn)),
            Form::Beyond => sender.isn.is_some() && connecting,
            _ => false,
        }
}

/// Where the sequence number lies with respect to the sender's SND.NXT: `Abort`, `Behind` or
/// `Beyond`.
fn position(conn: &Connection, at: usize, sender: &SideState, peer: &SideState) -> Form {
    let reset = &conn.segments[at];
    let Some(next) = sender.next else {
        return Form::Orphan;
    };
    let distance = reset.seq.since(next);
    let fin_own_number = sender.fin.is_some() && distance == -1;
    // a SYN that is taken back with its own number
    let syn_own_number = distance == -1 && sender.bytes == 0 && sender.max_ack.is_none();
    // the FIN may be missing in the capture, or counted by nobody yet
    let fin_unseen = sender.fin.is_none() && distance == 1;
    let peer_says = sender.gap && peer.max_ack.is_some_and(|a| a == reset.seq);
    if distance == 0 || fin_own_number || syn_own_number || fin_unseen || peer_says {
        return Form::Abort;
    }
    if distance < 0 && went_back(sender, peer, reset.seq) {
        return Form::Abort;
    }
    if distance < 0 {
        return Form::Behind;
    }
    let filled_later = conn.segments[at + 1..]
        .iter()
        .take_while(|s| s.time.nanos_since(reset.time) <= REORDER_NS)
        .any(|s| s.from == reset.from && !s.is_rst() && s.space() > 0 && s.end() == reset.seq);
    if sender.gap || filled_later || keeps_clock(conn, at, sender) {
        Form::Abort
    } else {
        Form::Beyond
    }
}

/// The sender's SND.NXT is back at SND.UNA: stacks that repeat from there (Windows, BSD) write
/// that number into the reset they give up with, and a byte that only probed a closed window
/// is not counted as sent.
fn went_back(sender: &SideState, peer: &SideState, seq: Seq) -> bool {
    let unacknowledged = peer.max_ack.is_some_and(|a| a == seq);
    let probed = peer.window == Some(0) && sender.next.is_some_and(|n| n.since(seq) == 1);
    unacknowledged && (sender.retransmission_tail >= REPEATED || probed)
}

/// The time stamps of a RST+ACK go on where its sender's and its peer's left off: it was
/// written by the socket, and the data before it were lost or overtaken on the path.
fn keeps_clock(conn: &Connection, at: usize, sender: &SideState) -> bool {
    let reset = &conn.segments[at];
    let (Some((value, echo)), Some(last)) = (reset.options.timestamps, sender.tsval) else {
        return false;
    };
    let goes_on = value.wrapping_sub(last) as i32 >= 0;
    let echoed = conn.segments[..at]
        .iter()
        .filter(|s| s.from != reset.from && !s.is_rst())
        .any(|s| s.options.timestamps.is_some_and(|(v, _)| v == echo));
    reset.has(tcp_flags::ACK) && reset.window != 0 && goes_on && echoed
}
