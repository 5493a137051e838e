//! What each side had sent and acknowledged before every segment, from the segments alone
//! (diagnosis 2.2). Resets change nothing: whether they did anything is a later question.

use crate::flow::{Connection, Segment, Side};
use crate::packet::tcp_flags;
use crate::units::{Seq, Timestamp};

/// What a segment is, given what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SYN without ACK.
    Syn,
    /// SYN with ACK.
    SynAck,
    /// No payload, no control flag, no keepalive.
    PureAck,
    /// Payload not sent before (a FIN may be with it).
    Data,
    /// Payload or FIN sent before.
    Retransmission,
    /// At most one byte, one before SND.NXT, with everything acknowledged.
    KeepAlive,
    /// The same while the peer's window is closed.
    WindowProbe,
    /// FIN without new payload.
    Fin,
    /// RST.
    Reset,
    /// The capture's copy of an earlier segment.
    Copy,
    /// Far outside the sender's sequence space, or a SYN of another incarnation: not evidence
    /// of what this connection's endpoints hold.
    Stray,
}

/// Where a side's FIN is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinMark {
    /// Sequence number of the FIN itself.
    pub seq: Seq,
    /// Index of the first segment that carried it.
    pub index: usize,
}

/// State of one direction. "Tail" counters say what happened since the peer was last heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideState {
    /// Initial sequence number.
    pub isn: Option<Seq>,
    /// SND.NXT as seen: highest SEG.SEQ + SEG.LEN. `None`: nothing but resets was seen.
    pub next: Option<Seq>,
    /// Highest acknowledgment number sent.
    pub max_ack: Option<Seq>,
    /// Window field of the last segment, unscaled.
    pub window: Option<u16>,
    /// Its FIN.
    pub fin: Option<FinMark>,
    /// The peer's pure ACK of one byte that the capture lacks and nothing followed: where its FIN
    /// must have been, and the index of that ACK.
    pub fin_implied: Option<FinMark>,
    /// New payload bytes sent.
    pub bytes: u64,
    /// Segments with new payload.
    pub data_segments: u32,
    /// Last segment that is no reset.
    pub last: Option<usize>,
    /// Last segment with new payload.
    pub last_data: Option<usize>,
    /// Segments seen that are no resets.
    pub segments: u32,
    /// Retransmissions since the peer was last heard.
    pub retransmission_tail: u32,
    /// Keepalives since the peer was last heard.
    pub keepalive_tail: u32,
    /// Since when its window has been 0.
    pub zero_window_since: Option<Timestamp>,
    /// It puts time stamps on its segments (RFC 7323).
    pub timestamps: bool,
    /// Its last TSval.
    pub tsval: Option<u32>,
    /// Bytes of this direction are missing in the capture.
    pub gap: bool,
    /// SYN or SYN-ACK retransmissions.
    pub syn_retransmissions: u32,
    hole: Option<(Seq, Seq)>,
}

/// The state before every segment.
#[derive(Clone, Debug)]
pub struct Replay {
    /// `before[i]` is the state of both sides (by [`Side::index`]) before `segments[i]`.
    pub before: Vec<[SideState; 2]>,
    /// What each segment is.
    pub kinds: Vec<Kind>,
    /// State after the last segment.
    pub end: [SideState; 2],
}

/// A jump of more than this many bytes of sequence space is no segment of this connection:
/// larger than any buffer in use, smaller than a quarter of the space.
const STRAY_DISTANCE: u32 = 1 << 25;

/// Replays a connection.
#[must_use]
pub fn replay(conn: &Connection) -> Replay {
    let mut state = [SideState::default(); 2];
    let mut resync = [false; 2];
    let mut before = Vec::with_capacity(conn.segments.len());
    let mut kinds = Vec::with_capacity(conn.segments.len());
    let mut left_out = conn.left_out.iter().peekable();
    let closed = Side::BOTH.map(|side| fin_left_out(conn, side));
    let mut marks = [None; 2];
    for (index, segment) in conn.segments.iter().enumerate() {
        while left_out.next_if(|(at, _)| *at <= index).is_some() {
            resync = [true; 2];
            marks = closed.map(|seq| seq.map(|seq| FinMark { seq, index }));
        }
        before.push(state);
        kinds.push(step(&mut state, &mut resync, index, segment));
        for (side, mark) in state.iter_mut().zip(marks) {
            side.fin_implied = mark.or(side.fin_implied);
        }
    }
    Replay {
        before,
        kinds,
        end: state,
    }
}

/// SEG.SEQ of a FIN among the segments that were not kept: the side used one number more than
/// its SYN and its payload take. Payload that was counted twice hides it, unless all of it came
/// before the hole.
fn fin_left_out(conn: &Connection, side: Side) -> Option<Seq> {
    let own = || conn.segments.iter().filter(|s| s.from == side);
    if conn.left_out.is_empty() || own().any(|s| s.is_fin() && !s.is_rst()) {
        return None;
    }
    let first = own().find(|s| s.is_syn() || s.is_syn_ack())?.seq.plus(1);
    let totals = &conn.totals;
    let next = totals.next[side.index()]?;
    let payload = u32::try_from(totals.bytes[side.index()]).ok()?;
    let (hole, _) = *conn.left_out.first()?;
    let before = conn.segments.iter().take(hole);
    let sent = before
        .filter(|s| s.from == side && !s.is_rst())
        .fold(first, |end, s| end.latest(s.end()));
    [first.plus(payload), sent]
        .into_iter()
        .find(|end| next == end.plus(1))
}

fn step(
    state: &mut [SideState; 2],
    resync: &mut [bool; 2],
    index: usize,
    segment: &Segment,
) -> Kind {
    if segment.duplicate_of.is_some() {
        return Kind::Copy;
    }
    if segment.is_rst() {
        return Kind::Reset;
    }
    let side = segment.from.index();
    let kind = classify(state, resync[side], segment);
    if kind == Kind::Stray {
        return kind;
    }
    resync[side] = false;
    advance(&mut state[side], index, segment, kind);
    imply_fin(state, index, segment, kind);
    acknowledge(state, segment);
    let peer = &mut state[segment.from.peer().index()];
    peer.retransmission_tail = 0;
    peer.keepalive_tail = 0;
    kind
}

fn classify(state: &[SideState; 2], resync: bool, segment: &Segment) -> Kind {
    let mine = &state[segment.from.index()];
    let peer = &state[segment.from.peer().index()];
    if segment.has(tcp_flags::SYN) {
        let known = mine.isn.is_some_and(|isn| isn != segment.seq)
            || (mine.isn.is_none() && mine.next.is_some_and(|n| n != segment.seq.plus(1)));
        return match (known, segment.has(tcp_flags::ACK)) {
            (true, _) => Kind::Stray,
            (false, true) => Kind::SynAck,
            (false, false) => Kind::Syn,
        };
    }
    let fin = segment.is_fin();
    let Some(next) = mine.next.filter(|_| !resync) else {
        return match (segment.len > 0, fin) {
            (true, _) => Kind::Data,
            (false, true) => Kind::Fin,
            (false, false) => Kind::PureAck,
        };
    };
    let distance = segment.seq.since(next);
    if distance.unsigned_abs() > STRAY_DISTANCE {
        return Kind::Stray;
    }
    let all_acked = peer.max_ack.is_none_or(|ack| ack.at_or_after(next));
    if distance == -1 && !fin && (segment.len == 0 || (segment.len == 1 && all_acked)) {
        return if peer.window == Some(0) {
            Kind::WindowProbe
        } else {
            Kind::KeepAlive
        };
    }
    if segment.space() == 0 {
        return Kind::PureAck;
    }
    if segment.end().after(next) {
        let only_fin = fin && segment.end().since(next) == 1;
        return if segment.len > 0 && !only_fin {
            Kind::Data
        } else {
            Kind::Fin
        };
    }
    if peer.window == Some(0) && segment.len <= 1 {
        return Kind::WindowProbe;
    }
    Kind::Retransmission
}

fn advance(mine: &mut SideState, index: usize, segment: &Segment, kind: Kind) {
    mine.segments += 1;
    mine.last = Some(index);
    match kind {
        Kind::Syn | Kind::SynAck => {
            if mine.isn.is_some() {
                mine.syn_retransmissions += 1;
            }
            mine.isn = Some(segment.seq);
            // data on a SYN (RFC 7413) counts only once the peer has taken it
            let next = segment.seq.plus(1);
            mine.next = Some(mine.next.map_or(next, |n| n.latest(next)));
        }
        Kind::Data => {
            let fresh = mine.next.map_or(segment.len, |n| {
                let new_from = segment.seq.latest(n);
                let end = segment.seq.plus(segment.len);
                u32::try_from(end.since(new_from)).unwrap_or(0)
            });
            mine.bytes += u64::from(fresh);
            mine.data_segments += 1;
            mine.last_data = Some(index);
            note_hole(mine, segment);
        }
        Kind::Fin => note_hole(mine, segment),
        Kind::Retransmission => {
            mine.retransmission_tail += 1;
            if let Some((from, to)) = mine.hole
                && !segment.seq.after(from)
                && segment.end().at_or_after(to)
            {
                mine.hole = None;
                mine.gap = false;
            }
        }
        Kind::KeepAlive | Kind::WindowProbe => mine.keepalive_tail += 1,
        Kind::PureAck => {
            mine.next = Some(mine.next.map_or(segment.seq, |n| n.latest(segment.seq)));
        }
        Kind::Reset | Kind::Copy | Kind::Stray => {}
    }
    if matches!(kind, Kind::Data | Kind::Fin) {
        mine.next = Some(mine.next.map_or(segment.end(), |n| n.latest(segment.end())));
    }
    if segment.is_fin() && mine.fin.is_none() && kind != Kind::Retransmission {
        let seq = segment.seq.plus(segment.len);
        mine.fin = Some(FinMark { seq, index });
    }
    if segment.window == 0 && segment.has(tcp_flags::ACK) {
        mine.zero_window_since.get_or_insert(segment.time);
    } else {
        mine.zero_window_since = None;
    }
    mine.window = Some(segment.window);
    if let Some((tsval, _)) = segment.options.timestamps {
        mine.timestamps = true;
        mine.tsval = Some(tsval);
    }
}

/// A segment beyond SND.NXT leaves a hole that a later one may fill.
fn note_hole(mine: &mut SideState, segment: &Segment) {
    if let Some(next) = mine.next
        && segment.seq.after(next)
    {
        mine.gap = true;
        mine.hole = Some((next, segment.seq));
    }
}

/// One byte more is acknowledged than before and than was ever seen: in a capture with holes
/// that is how a lost FIN looks. Anything else that advances takes the guess back.
fn imply_fin(state: &mut [SideState; 2], index: usize, segment: &Segment, kind: Kind) {
    let Some(before) = state[segment.from.index()].max_ack else {
        return;
    };
    let peer = &mut state[segment.from.peer().index()];
    if !segment.has(tcp_flags::ACK) || !segment.ack.after(before) || peer.fin.is_some() {
        return;
    }
    let unseen = peer.next.is_some_and(|n| segment.ack.after(n));
    let one = unseen && kind == Kind::PureAck && segment.ack == before.plus(1);
    peer.fin_implied = one.then_some(FinMark { seq: before, index });
}

fn acknowledge(state: &mut [SideState; 2], segment: &Segment) {
    if !segment.has(tcp_flags::ACK) {
        return;
    }
    let peer = &mut state[segment.from.peer().index()];
    if let Some(next) = peer.next
        && segment.ack.after(next)
        && segment.ack.since(next).unsigned_abs() < STRAY_DISTANCE
    {
        // bytes were acknowledged that the capture never showed
        peer.gap = true;
    }
    let mine = &mut state[segment.from.index()];
    mine.max_ack = Some(mine.max_ack.map_or(segment.ack, |a| {
        if segment.ack.since(a).unsigned_abs() > STRAY_DISTANCE {
            a
        } else {
            a.latest(segment.ack)
        }
    }));
}

impl Replay {
    /// State of a side before a segment.
    #[must_use]
    pub fn state(&self, index: usize, side: Side) -> &SideState {
        &self.before.get(index).unwrap_or(&self.end)[side.index()]
    }

    /// What a segment is.
    #[must_use]
    pub fn kind(&self, index: usize) -> Kind {
        self.kinds.get(index).copied().unwrap_or(Kind::Copy)
    }

    /// The segment says something its sender had not said before: new payload, a FIN, a
    /// handshake step, or an acknowledgment that advances.
    #[must_use]
    pub fn is_news(&self, conn: &Connection, index: usize) -> bool {
        let Some(segment) = conn.segments.get(index) else {
            return false;
        };
        match self.kind(index) {
            Kind::Data | Kind::Fin | Kind::SynAck => true,
            Kind::PureAck => self
                .state(index, segment.from)
                .max_ack
                .is_none_or(|a| segment.ack.after(a)),
            _ => false,
        }
    }
}
