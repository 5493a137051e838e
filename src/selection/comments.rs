//! The packet comments: one fact each, words first, then a tag for filters
//! (design 5 "trim", pcapng-fidelity 5.2, 5.3).

use super::pick::{self, Picked};
use super::stream::Stream;
use super::text::{MAX_COMMENT, clean, count, duration};
use super::{Reason, words};
use crate::diagnosis::Case;
use crate::flow::{FrameRef, Segment, Side};

/// Comments of ours on one packet at most; more would hide the others.
const MAX_PER_PACKET: usize = 8;
/// Frames of one statement that carry its text.
const MAX_PER_STATEMENT: usize = 8;

/// What a comment is about: `role=` in its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Rst,
    Trigger,
    Handshake,
    Dns,
    Tls,
    Request,
    Response,
    Evidence,
    Icmp,
    Gap,
    Attempt,
}

impl Role {
    fn id(self) -> &'static str {
        match self {
            Self::Rst => "rst",
            Self::Trigger => "trigger",
            Self::Handshake => "handshake",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Request => "request",
            Self::Response => "response",
            Self::Evidence => "evidence",
            Self::Icmp => "icmp",
            Self::Gap => "gap",
            Self::Attempt => "attempt",
        }
    }
}

/// Puts a comment on a kept frame, unless another one there says the same or more.
pub(super) fn add(case: &Case, picked: &mut Picked<'_>, frame: FrameRef, role: Role, words: &str) {
    let Some(kept) = picked.get_mut(frame.number) else {
        return;
    };
    let tag = format!(
        " [rstcap role={} case={} orig={}]",
        role.id(),
        case.id,
        frame.number
    );
    let words = clean(words, MAX_COMMENT.saturating_sub(tag.len()));
    let is_said = kept.comments.iter().any(|said| said.contains(&words));
    if kept.comments.len() < MAX_PER_PACKET && !is_said {
        kept.comments.push(format!("{words}{tag}"));
    }
}

/// Words every comment but those on gaps.
pub(super) fn write(case: &Case, picked: &mut Picked<'_>) {
    resets(case, picked);
    dns(case, picked);
    handshake(case, picked);
    tls(case, picked);
    request(case, picked);
    for error in &case.connection.icmp {
        let words = words::icmp(error, &case.connection);
        add(case, picked, error.frame, Role::Icmp, &words);
    }
    evidence(case, picked);
}

fn resets(case: &Case, picked: &mut Picked<'_>) {
    let segments = &picked.connection.segments;
    for (index, reset) in case.episode.resets.iter().enumerate() {
        let Some(rst) = segments.get(reset.segment) else {
            continue;
        };
        if index == case.episode.primary {
            let words = words::primary(case, picked);
            add(case, picked, rst.frame, Role::Rst, &words);
            let summary = case.diagnosis.summary();
            if !summary.is_empty() {
                add(case, picked, rst.frame, Role::Rst, &summary);
            }
            trigger(case, picked, pick::trigger(reset), rst);
        } else {
            add(
                case,
                picked,
                rst.frame,
                Role::Rst,
                &words::other_reset(reset),
            );
        }
    }
}

fn trigger(case: &Case, picked: &mut Picked<'_>, trigger: Option<usize>, rst: &Segment) {
    let segments = &picked.connection.segments;
    let Some((index, cause)) = trigger.and_then(|i| Some((i, segments.get(i)?))) else {
        return;
    };
    let delay = duration(rst.time.nanos_since(cause.time));
    let what = words::segment(index, cause, picked);
    let words = format!("{what} provoked the RST {delay} later");
    add(case, picked, cause.frame, Role::Trigger, &words);
}

fn dns(case: &Case, picked: &mut Picked<'_>) {
    let connection = picked.connection;
    let Some(lookup) = &connection.name else {
        return;
    };
    if let Some(query) = lookup.query {
        let words = format!(
            "{} asks {} for {}",
            connection.client.ip, lookup.resolver, lookup.name
        );
        add(case, picked, query, Role::Dns, &words);
    }
    let chain = if lookup.cname_chain.is_empty() {
        String::new()
    } else {
        format!(" (via {})", lookup.cname_chain.join(", "))
    };
    let mut words = format!("{} is {}{chain}", lookup.name, connection.server.ip);
    if let Some(first) = connection.segments.first() {
        let age = first.time.nanos_since(lookup.answer_time);
        if age >= 0 {
            words = format!("{words}, {} before the connection", duration(age));
        }
    }
    add(case, picked, lookup.answer, Role::Dns, &words);
}

fn handshake(case: &Case, picked: &mut Picked<'_>) {
    let segments = &picked.connection.segments;
    let handshake = picked.handshake.clone();
    let first = |list: &[usize]| list.first().and_then(|i| segments.get(*i));
    let syn = first(&handshake.syns);
    let syn_ack = first(&handshake.syn_acks);
    let basis = Role::Handshake;
    if let Some(syn) = syn
        && handshake.syns.len() > 1
    {
        let words = format!("the client sends its SYN {} times", handshake.syns.len());
        add(case, picked, syn.frame, basis, &words);
    }
    if let (Some(syn), Some(syn_ack)) = (syn, syn_ack) {
        // a repeated SYN leaves open which of them was answered
        let sent = handshake.syns.iter().filter_map(|i| segments.get(*i));
        let answered = sent.rev().find(|s| s.frame < syn_ack.frame).unwrap_or(syn);
        let delay = duration(syn_ack.time.nanos_since(answered.time));
        let words = format!("SYN-ACK {delay} after the SYN: round trip from here to the server");
        add(case, picked, syn_ack.frame, basis, &words);
    }
    if let (Some(syn_ack), Some(ack)) = (syn_ack, handshake.ack.and_then(|i| segments.get(i))) {
        let delay = duration(ack.time.nanos_since(syn_ack.time));
        let words = format!(
            "handshake complete: ACK {delay} after the SYN-ACK, round trip from here to the client"
        );
        add(case, picked, ack.frame, basis, &words);
    }
}

fn tls(case: &Case, picked: &mut Picked<'_>) {
    client_hello(case, picked);
    let Some(tls) = &case.story.tls else {
        return;
    };
    for (index, number) in picked.alerts.clone() {
        let segment = picked.connection.segments.get(index);
        if let (Some(segment), Some(alert)) = (segment, tls.alerts.get(number)) {
            let words = words::alert(alert, segment.from);
            add(case, picked, segment.frame, Role::Tls, &words);
        }
    }
}

fn client_hello(case: &Case, picked: &mut Picked<'_>) {
    let connection = picked.connection;
    let Some((range, segments)) = picked.client_hello.clone() else {
        return;
    };
    let last = segments.last().and_then(|i| connection.segments.get(*i));
    let side = pick::told_side(case, Side::Client);
    let (Some(last), Some(stream)) = (last, Stream::new(connection, side)) else {
        return;
    };
    let told = case
        .story
        .tls
        .as_ref()
        .and_then(|tls| tls.client_hello.as_ref());
    let size = count(u64::from(range.end.saturating_sub(range.start)), "byte");
    let spread = count(segments.len() as u64, "segment");
    let words = format!(
        "ClientHello: {}{size} in {spread}",
        words::client_hello(told)
    );
    add(case, picked, last.frame, Role::Tls, &words);
    let arrival = stream.arrival(&range);
    let words = if !arrival.complete {
        "a part of the ClientHello is not in the capture"
    } else if !arrival.in_order {
        "Wireshark shows no ClientHello here unless tcp.reassemble_out_of_order is on: its \
         segments are out of order"
    } else {
        return;
    };
    add(case, picked, last.frame, Role::Tls, words);
}

fn request(case: &Case, picked: &mut Picked<'_>) {
    let segments = &picked.connection.segments;
    let is_alert = |index: &usize| picked.alerts.iter().any(|(at, _)| at == index);
    let in_hello = |index: &usize| {
        let hello = picked.client_hello.as_ref();
        hello.is_some_and(|(_, segments)| segments.contains(index))
    };
    // an alert or a ClientHello has its own comment
    let error = picked.error.filter(|i| !is_alert(i));
    let told = picked.told_request.filter(|i| !in_hello(i));
    let indexes = picked.request.iter().filter(|i| !in_hello(i));
    let run: Vec<&Segment> = indexes.filter_map(|i| segments.get(*i)).collect();
    if let (Some(error), Some(at)) = (&case.story.error, error.and_then(|i| segments.get(i))) {
        let said = format!("{} {}", error.code, error.text);
        // the words of the evidence, which is then not said again
        let words = format!("the {} said: {}", at.from.word(), said.trim());
        let role = match at.from {
            Side::Client => Role::Request,
            Side::Server => Role::Response,
        };
        add(case, picked, at.frame, role, &words);
    }
    if let (Some(request), Some(at)) =
        (&case.story.last_request, told.and_then(|i| segments.get(i)))
    {
        let words = format!("last request: {}", request.summary);
        add(case, picked, at.frame, Role::Request, &words);
    }
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return;
    };
    if picked.told_request.is_none() {
        let spread = count(picked.request_segments as u64, "segment");
        let words = format!("last data of the client before the RST, in {spread}");
        add(case, picked, first.frame, Role::Request, &words);
    }
    if let Some(response) = picked.response.and_then(|i| segments.get(i)) {
        let delay = duration(response.time.nanos_since(last.time));
        let words = format!("the server answers {delay} after the last data of the client");
        add(case, picked, response.frame, Role::Response, &words);
    }
}

/// The evidence on the frames that show it.
fn evidence(case: &Case, picked: &mut Picked<'_>) {
    for statement in &case.diagnosis.evidence {
        let text = statement.text();
        for frame in statement.frames.iter().take(MAX_PER_STATEMENT) {
            if picked.is_kept_for(*frame, Reason::EarlierAttempt) {
                let words = format!("before this connection: {text}");
                add(case, picked, *frame, Role::Attempt, &words);
            } else {
                add(case, picked, *frame, Role::Evidence, &text);
            }
        }
    }
}
