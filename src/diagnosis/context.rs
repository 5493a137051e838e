//! The questions a rule may ask about one reset connection. A rule sees states, times and
//! what the recognisers told, never a byte.

use super::model::World;
use crate::flow::{Connection, FrameRef, HostBaseline, Segment, ServiceRecord, Side};
use crate::packet::app::{AppStory, ResponseState, TlsStory};
use crate::packet::tcp_flags;
use crate::reset::{Episode, Form, Kind, Replay, Reset, Role, SideState};
use crate::units::Seq;
use std::cell::OnceCell;

/// Bytes that the capture may lack of a side of which it holds none: numbers further on are not
/// the connection's.
const MOST_MISSED: i32 = 1 << 20;
/// FIN and RST of one `close()` leave together: at most this far apart on the wire.
const FIN_WITH_ABORT_NS: i64 = 5_000_000;

/// One reset connection and everything known about it.
pub struct ResetContext<'a> {
    /// The connection.
    pub conn: &'a Connection,
    /// Its resets.
    pub episode: &'a Episode,
    /// State before each segment.
    pub replay: &'a Replay,
    /// What the two sides said before the primary reset.
    pub story: &'a AppStory,
    /// Hosts, services, healthy connections.
    pub world: &'a World,
    /// Sender of the primary reset, by its address.
    pub sender: Side,
    /// State of both sides before the primary (before the FIN that left with it, if one did).
    pub before: [SideState; 2],
    /// The primary's index in the connection.
    pub at: usize,
    /// The sender's FIN left together with its RST.
    pub fin_with_abort: bool,
    /// Score of the party judgement says a device made the reset.
    pub forged: bool,
    /// Score in decibels.
    pub score: i32,
    /// The party judgement cannot tell who.
    pub doubtful: bool,
    /// One side said two different things under one sequence number: some of it was injected.
    pub two_voices: bool,
    // asked by many rules
    final_ack: OnceCell<Option<&'a Segment>>,
}

impl<'a> ResetContext<'a> {
    /// Opens a connection for questions.
    #[must_use]
    pub fn new(
        conn: &'a Connection,
        episode: &'a Episode,
        replay: &'a Replay,
        story: &'a AppStory,
        world: &'a World,
    ) -> Self {
        let primary = episode.primary();
        let mut context = Self {
            conn,
            episode,
            replay,
            story,
            world,
            sender: primary.from,
            before: [
                *replay.state(primary.segment, Side::Client),
                *replay.state(primary.segment, Side::Server),
            ],
            at: primary.segment,
            fin_with_abort: false,
            forged: false,
            score: 0,
            doubtful: false,
            two_voices: false,
            final_ack: OnceCell::new(),
        };
        context.look_before_fin();
        context
    }

    /// Section 0: E's FIN followed at once by E's own ABORT is judged by the stage before it.
    fn look_before_fin(&mut self) {
        let Some(fin) = self.before[self.sender.index()].fin else {
            return;
        };
        let Some(segment) = self.conn.segments.get(fin.index) else {
            return;
        };
        let together = self.rst().time.nanos_since(segment.time) <= FIN_WITH_ABORT_NS;
        // An acknowledgment that crosses the abort asked for nothing; a bare RST may answer it.
        let crossing = |s: &Segment| self.form() == Form::Abort && s.space() == 0 && !s.is_rst();
        let undisturbed = (fin.index + 1..self.at).all(|i| {
            let s = &self.conn.segments[i];
            s.from == self.sender || self.replay.kind(i) == Kind::Copy || crossing(s)
        });
        // the peer's FIN counts once the sender had it
        let peer_fin = self.before[self.sender.peer().index()].fin;
        let peer_closed = peer_fin.is_some_and(|f| self.own_received(f.seq.plus(1)));
        if self.is_abort() && together && undisturbed && !peer_closed {
            self.fin_with_abort = true;
            self.before = [
                *self.replay.state(fin.index, Side::Client),
                *self.replay.state(fin.index, Side::Server),
            ];
            self.before[self.sender.peer().index()].fin = None;
        }
    }

    /// The reset's sender had received everything up to `seq` by then, as its acknowledgments
    /// (the reset's included) tell.
    #[must_use]
    pub fn own_received(&self, seq: Seq) -> bool {
        let by_reset = self.rst().has(tcp_flags::ACK) && self.rst().ack.at_or_after(seq);
        by_reset || self.own().max_ack.is_some_and(|a| a.at_or_after(seq))
    }

    /// The primary reset as examined.
    #[must_use]
    pub fn primary(&self) -> &Reset {
        self.episode.primary()
    }

    /// The primary reset's segment.
    #[must_use]
    pub fn rst(&self) -> &'a Segment {
        &self.conn.segments[self.at]
    }

    /// Its form.
    #[must_use]
    pub fn form(&self) -> Form {
        self.primary().form
    }

    /// The sender answered a segment without a socket.
    #[must_use]
    pub fn is_stateless(&self) -> bool {
        matches!(self.form(), Form::Stateless | Form::StatelessAck)
    }

    /// The socket's owner aborted.
    #[must_use]
    pub fn is_abort(&self) -> bool {
        matches!(self.form(), Form::Abort | Form::BareAbort)
    }

    /// The reset carries the server's address.
    #[must_use]
    pub fn by_server(&self) -> bool {
        self.sender == Side::Server
    }

    /// The reset carries the client's address.
    #[must_use]
    pub fn by_client(&self) -> bool {
        self.sender == Side::Client
    }

    /// State of a side before the reset.
    #[must_use]
    pub fn side(&self, side: Side) -> &SideState {
        &self.before[side.index()]
    }

    /// State of the reset's sender before it.
    #[must_use]
    pub fn own(&self) -> &SideState {
        self.side(self.sender)
    }

    /// State of the reset's receiver before it.
    #[must_use]
    pub fn peer(&self) -> &SideState {
        self.side(self.sender.peer())
    }

    /// A segment by its index.
    #[must_use]
    pub fn segment(&self, index: usize) -> Option<&'a Segment> {
        self.conn.segments.get(index)
    }

    /// Frame of the primary reset.
    #[must_use]
    pub fn rst_frame(&self) -> FrameRef {
        self.rst().frame
    }

    /// First SYN.
    #[must_use]
    pub fn syn(&self) -> Option<&'a Segment> {
        self.find(|c, i, s| s.from == Side::Client && c.replay.kind(i) == Kind::Syn)
    }

    /// First SYN-ACK before the reset.
    #[must_use]
    pub fn syn_ack(&self) -> Option<&'a Segment> {
        self.find(|c, i, s| i < c.at && s.from == Side::Server && c.replay.kind(i) == Kind::SynAck)
    }

    /// First segment of the client that acknowledges the SYN-ACK, before the reset.
    #[must_use]
    pub fn final_ack(&self) -> Option<&'a Segment> {
        *self.final_ack.get_or_init(|| self.find_final_ack())
    }

    fn find_final_ack(&self) -> Option<&'a Segment> {
        let alone = self.syn().is_some() && self.one_direction_missing();
        let isn = match self.side(Side::Server).isn {
            Some(isn) => isn,
            // nothing of the server was captured: the client's first ACK tells
            None if alone => self.find(|c, i, s| c.is_first_ack(i, s))?.ack.minus(1),
            None => return None,
        };
        self.find(|c, i, s| {
            i < c.at
                && s.from == Side::Client
                && !s.is_rst()
                && s.duplicate_of.is_none()
                && s.has(tcp_flags::ACK)
                && s.ack.since(isn) >= 1
                && c.replay.kind(i) != Kind::Stray
        })
    }

    fn is_first_ack(&self, index: usize, segment: &Segment) -> bool {
        index < self.at
            && segment.from == Side::Client
            && !segment.is_rst()
            && segment.has(tcp_flags::ACK)
            && self.replay.kind(index) != Kind::Stray
    }

    fn find(&self, test: impl Fn(&Self, usize, &Segment) -> bool) -> Option<&'a Segment> {
        self.conn
            .segments
            .iter()
            .enumerate()
            .find(|(i, s)| test(self, *i, s))
            .map(|(_, s)| s)
    }

    /// The handshake was completed before the reset, or the connection was clearly
    /// established before the capture began.
    #[must_use]
    pub fn established(&self) -> bool {
        // nobody talks to a server that is not there
        let talked = || self.unseen().is_some_and(|u| u.bytes > 0) || self.own().bytes > 0;
        self.final_ack().is_some() || self.is_mid_flow() || self.one_direction_missing() && talked()
    }

    /// The capture (or what was kept of it) begins in the middle of the connection.
    #[must_use]
    pub fn is_mid_flow(&self) -> bool {
        self.side(Side::Client).isn.is_none()
            && self.side(Side::Server).isn.is_none()
            && (self.own().segments > 0 || self.peer().segments > 0)
    }

    /// New payload bytes a side sent before the reset.
    #[must_use]
    pub fn bytes(&self, side: Side) -> u64 {
        self.side(side).bytes
    }

    /// Bytes of a side that never came by, by what the RST counts.
    #[must_use]
    pub fn missed(&self, side: Side) -> Option<u32> {
        let reset = self.rst();
        let told = match self.sender == side {
            true => reset.seq,
            false if reset.has(tcp_flags::ACK) => reset.ack,
            false => return None,
        };
        let bytes = told.since(self.side(side).next?);
        (0 < bytes && bytes < MOST_MISSED).then_some(bytes.unsigned_abs())
    }

    /// A side said nothing, as far as anybody knew: the capture holds no payload of it, and
    /// neither side's numbers tell of any.
    #[must_use]
    pub fn is_silent(&self, side: Side) -> bool {
        let state = self.side(side);
        state.bytes == 0 && !state.gap && self.missed(side).is_none()
    }

    /// The FIN a side sent before the reset.
    #[must_use]
    pub fn fin(&self, side: Side) -> Option<&'a Segment> {
        self.side(side).fin.and_then(|f| self.segment(f.index))
    }

    /// The side's FIN was acknowledged before the reset.
    #[must_use]
    pub fn fin_acked(&self, side: Side) -> bool {
        match (self.side(side).fin, self.side(side.peer()).max_ack) {
            (Some(fin), Some(ack)) => ack.after(fin.seq),
            _ => false,
        }
    }

    /// The segment the reset answers, when it is a stateless reply, or the data its
    /// acknowledgment covers for the first time.
    #[must_use]
    pub fn trigger(&self) -> Option<&'a Segment> {
        self.primary().trigger.and_then(|i| self.segment(i))
    }

    /// What kind of segment the trigger is.
    #[must_use]
    pub fn trigger_kind(&self) -> Option<Kind> {
        self.primary().trigger.map(|i| self.replay.kind(i))
    }

    /// Smallest round trip to a side and back in seconds.
    #[must_use]
    pub fn rtt(&self, side: Side) -> Option<f64> {
        self.episode.rtt[side.index()].map(|ns| ns as f64 / 1e9)
    }

    /// Round trip of the whole path in seconds, as far as it is known.
    #[must_use]
    pub fn path_rtt(&self) -> f64 {
        self.rtt(Side::Client).unwrap_or(0.0) + self.rtt(Side::Server).unwrap_or(0.0)
    }

    /// Last segment with new payload of a side before the reset.
    #[must_use]
    pub fn last_data(&self, side: Side) -> Option<&'a Segment> {
        self.side(side).last_data.and_then(|i| self.segment(i))
    }

    /// Last segment of a side before the reset.
    #[must_use]
    pub fn last(&self, side: Side) -> Option<&'a Segment> {
        self.side(side).last.and_then(|i| self.segment(i))
    }

    /// The instant that ended the silence: the trigger of a stateless reply, else the reset.
    #[must_use]
    pub fn wake(&self) -> usize {
        match self.primary().trigger {
            Some(trigger) if self.is_stateless() => trigger,
            _ => self.at,
        }
    }

    /// Seconds without new payload either way before the reset (before its trigger, when a
    /// segment provoked it), counted from the handshake if there was no payload.
    #[must_use]
    pub fn idle_before(&self) -> Option<f64> {
        self.silence(|kind| matches!(kind, Kind::Data | Kind::Syn | Kind::SynAck))
    }

    /// The same, counting every segment: what devices on the path go by.
    #[must_use]
    pub fn idle_packets(&self) -> Option<f64> {
        self.silence(|_| true)
    }

    fn silence(&self, breaks: impl Fn(Kind) -> bool) -> Option<f64> {
        let wake = self.wake();
        let last = (0..wake).rev().find(|&i| {
            let kind = self.replay.kind(i);
            !matches!(kind, Kind::Copy | Kind::Stray | Kind::Reset) && breaks(kind)
        })?;
        // the wake itself may be one of a flight: look before the flight
        let seconds = self.conn.segments[wake]
            .time
            .seconds_since(self.conn.segments[last].time);
        Some(seconds.max(0.0))
    }

    /// Seconds from the client's last new payload to the reset.
    #[must_use]
    pub fn since_request(&self) -> Option<f64> {
        let request = self.last_data(Side::Client)?;
        Some(self.rst().time.seconds_since(request.time))
    }

    /// The client's last new payload came after all of the server's.
    #[must_use]
    pub fn client_spoke_last(&self) -> bool {
        match (
            self.side(Side::Client).last_data,
            self.side(Side::Server).last_data,
        ) {
            (Some(c), Some(s)) => c > s,
            (Some(_), None) => true,
            _ => false,
        }
    }

    /// The server's last new payload came after all of the client's.
    #[must_use]
    pub fn server_spoke_last(&self) -> bool {
        match (
            self.side(Side::Client).last_data,
            self.side(Side::Server).last_data,
        ) {
            (Some(c), Some(s)) => s > c,
            (None, Some(_)) => true,
            _ => false,
        }
    }

    /// A request awaits its answer and none of it has come. By the protocol's framing when it
    /// is known, else because the client spoke last.
    #[must_use]
    pub fn outstanding(&self) -> bool {
        if let Some(unseen) = self.unseen()
            && unseen.bytes > 0
            && unseen.after_all
        {
            // its last word is the visible side's: what came in since is a message or an answer
            return self.by_server();
        }
        match self.story.outstanding {
            // whatever came back after the request is an answer, in a form not known
            Some(true) => !self.server_spoke_last(),
            Some(false) => self.client_spoke_last() && !self.answer_known(),
            // who closes behind its last words may have said goodbye as well as asked
            None => self.client_spoke_last() && self.fin(Side::Client).is_none(),
        }
    }

    fn answer_known(&self) -> bool {
        !matches!(
            self.story.response,
            ResponseState::None | ResponseState::Unknown
        ) || self.story.clean_quit
    }

    /// The answer to the last request is whole, by its framing; `None` if that is not known.
    #[must_use]
    pub fn response_complete(&self) -> Option<bool> {
        match self.story.response {
            ResponseState::Complete => Some(true),
            ResponseState::Partial { .. } => Some(false),
            ResponseState::NotStarted if !self.server_spoke_last() => Some(false),
            ResponseState::NotStarted | ResponseState::None | ResponseState::Unknown => None,
        }
    }

    /// A part of the answer is known to be missing.
    #[must_use]
    pub fn response_cut(&self) -> bool {
        matches!(self.story.response, ResponseState::Partial { .. })
    }

    /// Payload a side sent that its peer had not acknowledged before the reset.
    #[must_use]
    pub fn unacknowledged(&self, side: Side) -> u32 {
        let (Some(next), Some(mut ack)) = (self.side(side).next, self.side(side.peer()).max_ack)
        else {
            return 0;
        };
        // an abort tells what its sender had received by then
        if self.is_abort() && self.sender != side && self.rst().has(tcp_flags::ACK) {
            ack = ack.latest(self.rst().ack);
        }
        u32::try_from(next.since(ack)).unwrap_or(0)
    }

    /// What TLS told.
    #[must_use]
    pub fn tls(&self) -> Option<&'a TlsStory> {
        self.story.tls.as_deref()
    }

    /// Resets of one role.
    pub fn resets_with(&self, role: Role) -> impl Iterator<Item = &'a Reset> {
        self.episode.resets.iter().filter(move |r| r.role == role)
    }

    /// What is known of a side's address.
    #[must_use]
    pub fn host(&self, side: Side) -> Option<&'a HostBaseline> {
        self.world.hosts.get(&self.conn.endpoint(side).ip)
    }

    /// What is known of the service.
    #[must_use]
    pub fn service(&self) -> Option<&'a ServiceRecord> {
        self.world.services.get(&self.conn.server)
    }

    /// Nothing of a side was captured, resets apart, although the other side was.
    #[must_use]
    pub fn one_direction_missing(&self) -> bool {
        let end = &self.replay.end;
        (end[0].segments == 0) != (end[1].segments == 0) && self.form() != Form::Refusal
    }

    /// Timing may be used as evidence.
    #[must_use]
    pub fn clock_ok(&self) -> bool {
        !self.world.clock_unreliable
    }
}
