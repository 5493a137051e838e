//! HTTP/1.x (RFC 9112): requests and responses in order, their framing, tunnels and upgrades.

use super::frames::Answer;
use super::http1_message::{Body, Message, request_at, response_at, walk};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request, ResponseState};
use super::talk::Dialogue;
use super::text::clean;
use super::{mask, registry};

/// Recognises HTTP/1 by a request or a status line at the start of its side.
pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let client = request_at(d.client.bytes).is_some();
    let server = response_at(d.server.bytes, None).is_some();
    if !client && !server && !(mid_stream(d)) {
        return None;
    }
    let requests = walk(d, true, &[]);
    let methods: Vec<&[u8]> = requests.messages.iter().map(|m| m.method).collect();
    let responses = walk(d, false, &methods);
    let interim = |m: &&Message<'_>| {
        m.status
            .is_some_and(|s| (100..200).contains(&s) && s != 101)
    };
    let finals: Vec<&Message<'_>> = responses.messages.iter().filter(|m| !interim(m)).collect();
    if let Some(story) = tunnel(d, &requests.messages, &finals) {
        return Some(story);
    }
    let confidence = if client || server {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let mut story = AppStory::of(Protocol::Http1, confidence);
    if client || server {
        story.client_is_first_endpoint = Some(true);
    }
    let whole = |m: &&Message<'_>| m.complete(d, true) == Some(true);
    story.requests = count(requests.messages.iter().filter(whole).count());
    let answered = finals
        .iter()
        .filter(|m| m.complete(d, false) == Some(true))
        .count();
    story.responses = count(answered);
    if let Some(last) = requests.messages.last() {
        story.last_request = Some(request(last, d));
    }
    let in_step = !requests.lost && !responses.lost && client;
    pair(&mut story, d, &requests.messages, &finals, in_step);
    if let Some(last) = finals.last() {
        story.last_response = Some(clean(last.first_line, 160));
        story.error = error(last, requests.messages.last(), d);
    } else if !d.server.bytes.is_empty() && !server {
        let line = d
            .server
            .bytes
            .split(|&b| b == b'\n')
            .next()
            .unwrap_or_default();
        story.last_response = Some(clean(mask::line(line.trim_ascii_end()), 160));
        story.response = ResponseState::Unknown;
    }
    Some(story)
}

fn mid_stream(d: &Dialogue<'_>) -> bool {
    let later = |client: bool| {
        d.last_turn(client).is_some_and(|at| {
            let bytes = d.side(client).at(at);
            if client {
                request_at(bytes).is_some()
            } else {
                response_at(bytes, None).is_some()
            }
        })
    };
    (!d.client.starts_at_zero || !d.server.starts_at_zero) && (later(true) || later(false))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn request(m: &Message<'_>, d: &Dialogue<'_>) -> Request {
    let target = clean(mask::target(m.target), 120);
    let host = clean(m.host, 80);
    let at = if host.is_empty() {
        String::new()
    } else {
        format!(" Host: {host}")
    };
    let version = clean(m.version, 8);
    // The host matters more than the end of a long path.
    let room = 160_usize.saturating_sub(at.chars().count() + m.method.len() + version.len() + 2);
    let path = clean(mask::target(m.target), room);
    Request {
        summary: clean(format!("{} {path} {version}{at}", clean(m.method, 24)), 160),
        verb: clean(m.method, 24),
        target,
        host,
        offset: m.offset,
        complete: m.complete(d, true),
        body_expected: match m.body {
            Body::Length(n) => Some(n),
            Body::None => Some(0),
            _ => None,
        },
        body_seen: m.body_seen(d, true),
    }
}

/// Which response belongs to the last request, and how far it has come.
fn pair(
    story: &mut AppStory,
    d: &Dialogue<'_>,
    requests: &[Message<'_>],
    finals: &[&Message<'_>],
    in_step: bool,
) {
    let Some(last) = requests.last() else {
        story.response = finals.last().map_or(ResponseState::None, |m| state(m, d));
        return;
    };
    let answer = if in_step {
        finals.get(requests.len() - 1).copied()
    } else {
        let from = d.answer_start(last.offset);
        from.and_then(|from| finals.iter().rev().find(|m| m.offset >= from).copied())
    };
    let answered = d.answered_bytes(last.offset);
    // the answer to an earlier, pipelined request is still on its way
    let before = finals.last().map(|m| state(m, d));
    story.response = match (answer, before) {
        (Some(m), _) if m.chunks_cut(d) => ResponseState::Partial {
            expected: None,
            seen: m.body_seen(d, false),
        },
        (Some(m), _) => state(m, d),
        (None, Some(cut @ ResponseState::Partial { .. })) => cut,
        (None, _) if in_step || answered == Some(0) => ResponseState::NotStarted,
        (None, _) => ResponseState::Unknown,
    };
    let asked = story.last_request.as_ref().and_then(|r| r.complete);
    story.outstanding = match (asked, answer) {
        (_, Some(_)) | (Some(false), None) => Some(false),
        (Some(true), None) if in_step || answered == Some(0) => Some(true),
        (_, None) => None,
    };
}

fn state(m: &Message<'_>, d: &Dialogue<'_>) -> ResponseState {
    match m.answer(d) {
        Answer::Complete => ResponseState::Complete,
        Answer::Partial { expected, seen } => ResponseState::Partial { expected, seen },
        Answer::Unknown => ResponseState::Unknown,
    }
}

fn error(m: &Message<'_>, last: Option<&Message<'_>>, d: &Dialogue<'_>) -> Option<AppError> {
    let status = m.status.filter(|s| (400..600).contains(s))?;
    // Refusing a body that is still on its way means closing on it (RFC 9112 9.6).
    let upload = last.is_some_and(|r| r.complete(d, true) == Some(false) && !r.head_only());
    let closes = m.closes || upload || matches!(status, 400 | 408 | 413);
    Some(AppError {
        code: status.to_string(),
        text: clean(m.reason, 120),
        from_server: true,
        offset: m.offset,
        fatal: m.closes,
        blame: if status < 500 {
            Blame::Client
        } else {
            Blame::Server
        },
        explains_close: closes,
    })
}

/// What follows a CONNECT that was granted, a protocol switch, or an upgrade to TLS.
fn tunnel(d: &Dialogue<'_>, requests: &[Message<'_>], finals: &[&Message<'_>]) -> Option<AppStory> {
    let index = finals
        .iter()
        .position(|m| m.status == Some(101))
        .or_else(|| {
            requests.iter().zip(finals).position(|(r, m)| {
                r.method == b"CONNECT" && m.status.is_some_and(|s| (200..300).contains(&s))
            })
        })?;
    let (asked, granted) = (requests.get(index)?, finals.get(index)?);
    let (client_at, server_at) = (asked.end?, granted.end?);
    let mut outer = request(asked, d);
    outer.complete = Some(true);
    let inner = if granted.status == Some(101) {
        let mut story = AppStory::of(Protocol::WebSocket, Confidence::High);
        if asked.upgrade.eq_ignore_ascii_case(b"h2c") {
            story = d.inner(client_at, server_at, super::http2::recognise)?;
        } else if !asked.upgrade.eq_ignore_ascii_case(b"websocket") {
            return None;
        } else {
            super::websocket::read(d, client_at, server_at, &mut story);
        }
        story
    } else {
        let mut story = d.inner(client_at, server_at, registry::best);
        story.protocol.get_or_insert(Protocol::Http1);
        story
    };
    let shifts = if inner.protocol == Some(Protocol::WebSocket) {
        (0, 0)
    } else {
        (client_at, server_at)
    };
    let mut story = inner.nested(&[Protocol::Http1], shifts.0, shifts.1);
    story.layers.dedup();
    story.confidence = Confidence::High;
    story.client_is_first_endpoint = Some(true);
    story.requests = story.requests.saturating_add(count(index + 1));
    story.responses = story.responses.saturating_add(count(index + 1));
    if story.last_request.is_none() {
        story.last_request = Some(outer);
        story.outstanding = Some(false);
        story.response = ResponseState::Complete;
        story.last_response = Some(clean(granted.first_line, 160));
    }
    Some(story)
}

#[cfg(test)]
#[path = "http1_tests.rs"]
mod tests;
