//! The frames that belong to a case.

use super::stream::{self, Stream};
use super::{Context, Kept, Reason};
use crate::diagnosis::Case;
use crate::flow::{Connection, FrameRef, Segment, Side};
use crate::packet::tcp_flags;
use crate::reset::{Form, Reset};
use crate::units::FrameNumber;
use std::collections::BTreeMap;
use std::ops::Range;

/// RSTs kept: the first ones, and the last ones.
const FIRST_RESETS: usize = 64;
const LAST_RESETS: usize = 16;
/// Repetitions of a SYN or SYN-ACK kept, the first included.
const MAX_SYNS: usize = 8;
/// Segments of the last request kept: its first ones, and its last ones.
const FIRST_REQUEST: usize = 6;
const LAST_REQUEST: usize = 2;
/// Frames kept of one cited statement, and of all ICMP errors.
const MAX_CITED: usize = 32;
const MAX_ICMP: usize = 64;

/// The handshake, as indexes of segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Handshake {
    /// SYNs of the client, repetitions included.
    pub syns: Vec<usize>,
    /// SYN-ACKs of the server, repetitions included.
    pub syn_acks: Vec<usize>,
    /// The ACK that completes it.
    pub ack: Option<usize>,
}

/// What was picked and what was found on the way.
pub(super) struct Picked<'a> {
    pub connection: &'a Connection,
    frames: BTreeMap<FrameNumber, Kept>,
    pub handshake: Handshake,
    /// Offsets of the ClientHello in the client's stream, and its segments.
    pub client_hello: Option<(Range<u32>, Vec<usize>)>,
    /// Segments of the ServerHello.
    pub server_hello: Vec<usize>,
    /// Segments of the TLS alerts, with their index in the story.
    pub alerts: Vec<(usize, usize)>,
    /// Segment of the error that the protocol states.
    pub error: Option<usize>,
    /// Segment in which the last request begins.
    pub told_request: Option<usize>,
    /// Segments of the last request that are kept, and how many there are.
    pub request: Vec<usize>,
    pub request_segments: usize,
    pub response: Option<usize>,
    pub resets_left_out: u64,
    pub evidence_left_out: u64,
}

impl Picked<'_> {
    pub fn keep(&mut self, frame: FrameRef, reason: Reason) {
        let kept = self.frames.entry(frame.number).or_insert_with(|| Kept {
            frame,
            reasons: smallvec::SmallVec::new(),
            comments: Vec::new(),
        });
        if let Err(at) = kept.reasons.binary_search(&reason) {
            kept.reasons.insert(at, reason);
        }
    }

    fn keep_segment(&mut self, index: usize, reason: Reason) {
        if let Some(segment) = self.connection.segments.get(index) {
            self.keep(segment.frame, reason);
        }
    }

    pub fn get_mut(&mut self, number: FrameNumber) -> Option<&mut Kept> {
        self.frames.get_mut(&number)
    }

    pub fn has(&self, frame: FrameRef) -> bool {
        self.frames.contains_key(&frame.number)
    }

    /// Place of a frame among the kept ones.
    pub fn position(&self, number: FrameNumber) -> usize {
        self.frames.range(..number).count()
    }

    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn into_frames(self) -> Vec<Kept> {
        self.frames.into_values().collect()
    }
}

/// Picks the frames of a case.
pub(super) fn pick<'a>(case: &'a Case, context: &Context) -> Picked<'a> {
    let connection = &case.connection;
    let mut picked = Picked {
        connection,
        frames: BTreeMap::new(),
        handshake: handshake(connection),
        client_hello: None,
        server_hello: Vec::new(),
        alerts: Vec::new(),
        error: None,
        told_request: None,
        request: Vec::new(),
        request_segments: 0,
        response: None,
        resets_left_out: 0,
        evidence_left_out: 0,
    };
    let primary = primary(case);
    keep_opening(&mut picked);
    keep_tls(case, &mut picked);
    keep_request(&mut picked, primary);
    keep_resets(case, &mut picked);
    keep_context(&mut picked, primary, context);
    keep_icmp(&mut picked);
    keep_evidence(case, &mut picked);
    keep_fragments(&mut picked);
    picked
}

/// Index of the primary RST's segment.
pub(super) fn primary(case: &Case) -> usize {
    let reset = case.episode.resets.get(case.episode.primary);
    reset.map_or(0, |reset| reset.segment)
}

/// What provoked a RST, where its form says that it answers a segment: an abort answers
/// nothing, whatever came before it.
pub(super) fn trigger(reset: &Reset) -> Option<usize> {
    match reset.form {
        Form::Refusal | Form::Stateless | Form::StatelessAck => reset.trigger,
        Form::Abort | Form::BareAbort | Form::Behind | Form::Beyond | Form::Orphan => None,
    }
}

/// Finds the handshake.
fn handshake(connection: &Connection) -> Handshake {
    let own = |side: Side| {
        let numbered = connection.segments.iter().enumerate();
        numbered.filter(move |(_, s)| s.from == side && s.duplicate_of.is_none())
    };
    let syns = own(Side::Client).filter(|(_, s)| s.is_syn());
    let syn_acks: Vec<(usize, &Segment)> =
        own(Side::Server).filter(|(_, s)| s.is_syn_ack()).collect();
    let ack = syn_acks.first().and_then(|(at, syn_ack)| {
        own(Side::Client)
            .filter(|(index, _)| index > at)
            .find(|(_, s)| completes(s, syn_ack))
            .map(|(index, _)| index)
    });
    Handshake {
        syns: syns.map(|(i, _)| i).take(MAX_SYNS).collect(),
        syn_acks: syn_acks.iter().map(|(i, _)| *i).take(MAX_SYNS).collect(),
        ack,
    }
}

/// The segment acknowledges the SYN-ACK and is no control segment itself.
fn completes(segment: &Segment, syn_ack: &Segment) -> bool {
    segment.has(tcp_flags::ACK)
        && !segment.is_rst()
        && !segment.has(tcp_flags::SYN)
        && segment.ack.at_or_after(syn_ack.end())
}

/// The name lookup and the handshake.
fn keep_opening(picked: &mut Picked<'_>) {
    if let Some(name) = &picked.connection.name {
        let lookup = name.query.iter().chain(&name.related).chain([&name.answer]);
        for frame in lookup.copied().collect::<Vec<_>>() {
            picked.keep(frame, Reason::Dns);
        }
    }
    let handshake = picked.handshake.clone();
    let all = handshake.syns.iter().chain(&handshake.syn_acks);
    for index in all.copied().chain(handshake.ack) {
        picked.keep_segment(index, Reason::Handshake);
    }
}

/// The hellos by their place in the streams, and the alerts and the error that the story tells.
fn keep_tls(case: &Case, picked: &mut Picked<'_>) {
    let connection = picked.connection;
    let tls = case.story.tls.as_ref();
    let hello = tls.and_then(|tls| tls.client_hello.as_ref());
    let client = Stream::new(connection, told_side(case, Side::Client));
    if let Some(stream) = &client
        && let Some(range) =
            stream.hello(stream::CLIENT_HELLO, hello.and_then(|h| h.random.as_ref()))
    {
        let segments = stream.covering(&range);
        for index in &segments {
            picked.keep_segment(*index, Reason::ClientHello);
        }
        picked.client_hello = Some((range, segments));
    }
    let server = Stream::new(connection, told_side(case, Side::Server));
    if let Some(stream) = &server
        && let Some(range) = stream.hello(stream::SERVER_HELLO, None)
    {
        picked.server_hello = stream.covering(&range);
        for index in picked.server_hello.clone() {
            picked.keep_segment(index, Reason::ServerHello);
        }
    }
    let first = |from_client: bool, offset: u64| {
        let stream = if from_client { &client } else { &server };
        stream.as_ref()?.carrying(offset).first().copied()
    };
    for (number, alert) in tls.iter().flat_map(|tls| tls.alerts.iter().enumerate()) {
        if let Some(index) = first(alert.from_client, alert.offset) {
            picked.keep_segment(index, Reason::Alert);
            picked.alerts.push((index, number));
        }
    }
    if let Some(error) = &case.story.error
        && let Some(index) = first(!error.from_server, error.offset)
    {
        picked.keep_segment(index, Reason::StatedError);
        picked.error = Some(index);
    }
    if let Some(request) = &case.story.last_request
        && let Some(index) = first(true, request.offset)
    {
        picked.keep_segment(index, Reason::LastRequest);
        picked.told_request = Some(index);
    }
}

/// The side that the story calls so: it may have found the roles to be the other way round.
pub(super) fn told_side(case: &Case, side: Side) -> Side {
    if case.story.client_is_first_endpoint == Some(false) {
        side.peer()
    } else {
        side
    }
}

/// The client's last run of payload before the primary RST, and the first payload of the
/// server after it.
fn keep_request(picked: &mut Picked<'_>, primary: usize) {
    let connection = picked.connection;
    let data: Vec<(usize, Side)> = connection
        .segments
        .iter()
        .enumerate()
        .take(primary)
        .filter(|(_, s)| s.len > 0 && !s.is_rst() && s.duplicate_of.is_none())
        .map(|(index, s)| (index, s.from))
        .collect();
    let Some(last) = data.iter().rposition(|(_, side)| *side == Side::Client) else {
        return;
    };
    let before = data.get(..last).unwrap_or_default();
    let first = before
        .iter()
        .rposition(|(_, side)| *side == Side::Server)
        .map_or(0, |at| at + 1);
    let run = data.get(first..=last).unwrap_or_default();
    picked.request_segments = run.len();
    let kept = ends(run, FIRST_REQUEST, LAST_REQUEST);
    picked.request = kept.map(|(index, _)| *index).collect();
    for index in picked.request.clone() {
        picked.keep_segment(index, Reason::LastRequest);
    }
    picked.response = data.get(last + 1).map(|(index, _)| *index);
    if let Some(index) = picked.response {
        picked.keep_segment(index, Reason::ResponseStart);
    }
}

/// The first and the last items of a slice, each once.
fn ends<T>(items: &[T], first: usize, last: usize) -> impl Iterator<Item = &T> {
    let (head, rest) = items.split_at(first.min(items.len()));
    let tail = rest
        .get(rest.len().saturating_sub(last)..)
        .unwrap_or_default();
    head.iter().chain(tail)
}

/// Every RST with what provoked it; a flood is bounded. The primary one is always kept.
fn keep_resets(case: &Case, picked: &mut Picked<'_>) {
    let resets = &case.episode.resets;
    let primary = resets.get(case.episode.primary);
    for reset in ends(resets, FIRST_RESETS, LAST_RESETS).chain(primary) {
        picked.keep_segment(reset.segment, Reason::Rst(reset.role));
        if let Some(trigger) = trigger(reset) {
            picked.keep_segment(trigger, Reason::Trigger);
        }
    }
    let answers = primary.filter(|reset| trigger(reset).is_some());
    if let Some(first) = answers.and_then(|reset| reset.trigger_first) {
        picked.keep_segment(first, Reason::Trigger);
    }
    let seen: u64 = picked.connection.totals.resets.iter().sum();
    let kept = resets
        .iter()
        .filter_map(|r| picked.connection.segments.get(r.segment))
        .filter(|s| picked.has(s.frame))
        .count() as u64;
    picked.resets_left_out = seen.max(resets.len() as u64).saturating_sub(kept);
}

/// The connection around the primary RST, copies left out.
fn keep_context(picked: &mut Picked<'_>, primary: usize, context: &Context) {
    let segments = &picked.connection.segments;
    if context.whole_connection {
        for index in 0..segments.len() {
            picked.keep_segment(index, Reason::Context);
        }
        return;
    }
    let original = |index: &usize| {
        segments
            .get(*index)
            .is_some_and(|s| s.duplicate_of.is_none())
    };
    let before = (0..primary).rev().filter(original);
    let after = (primary.saturating_add(1)..segments.len()).filter(original);
    let near: Vec<usize> = before
        .take(context.before as usize)
        .chain(after.take(context.after as usize))
        .collect();
    for index in near {
        picked.keep_segment(index, Reason::Context);
    }
}

fn keep_icmp(picked: &mut Picked<'_>) {
    for icmp in picked.connection.icmp.iter().take(MAX_ICMP) {
        picked.keep(icmp.frame, Reason::Icmp);
    }
    let more = picked.connection.icmp.len().saturating_sub(MAX_ICMP);
    picked.evidence_left_out += more as u64;
}

/// What the evidence cites. A frame of another connection that lies before this one is
/// usually an earlier attempt.
fn keep_evidence(case: &Case, picked: &mut Picked<'_>) {
    let began = picked.connection.segments.first().map(|s| s.frame.number);
    let mut own: Vec<FrameNumber> = picked
        .connection
        .segments
        .iter()
        .map(|s| s.frame.number)
        .collect();
    own.extend(picked.connection.icmp.iter().map(|icmp| icmp.frame.number));
    own.sort_unstable();
    for statement in &case.diagnosis.evidence {
        for frame in statement.frames.iter().take(MAX_CITED) {
            let earlier = began.is_some_and(|began| frame.number < began)
                && own.binary_search(&frame.number).is_err()
                && !picked.has(*frame);
            let reason = if earlier {
                Reason::EarlierAttempt
            } else {
                Reason::Evidence
            };
            if !picked.is_kept_for(*frame, Reason::EarlierAttempt) {
                picked.keep(*frame, reason);
            }
        }
        let more = statement.frames.len().saturating_sub(MAX_CITED);
        picked.evidence_left_out += more as u64;
    }
}

/// A datagram is kept as a whole.
fn keep_fragments(picked: &mut Picked<'_>) {
    for (first, later) in &picked.connection.fragments {
        if picked.has(*first) {
            picked.keep(*later, Reason::Fragment);
        }
    }
}

impl Picked<'_> {
    pub fn is_kept_for(&self, frame: FrameRef, reason: Reason) -> bool {
        let kept = self.frames.get(&frame.number);
        kept.is_some_and(|kept| kept.reasons.contains(&reason))
    }
}
