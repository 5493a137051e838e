//! The walk over TLS records of both directions.

use super::hello::{client_hello, server_hello, v2_hello_len};
use super::names::{alert_name, version_name};
use super::{TlsAlert, TlsStory};
use crate::packet::app::cursor::Cursor;
use crate::packet::app::frames::{Answer, Frame, Frames, settle};
use crate::packet::app::protocol::Protocol;
use crate::packet::app::story::{AppError, AppStory, Blame, Confidence, Request, ResponseState};
use crate::packet::app::talk::Dialogue;
use crate::packet::app::text::clean;

/// Length of the TLS record that begins here, its header included.
///
/// The record version's major number is 3 in every version; a record is at most 2^14 + 2048
/// bytes long (RFC 5246 6.2.3).
pub(in crate::packet::app) fn record_len(bytes: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(bytes);
    let kind = c.u8()?;
    let version = c.be16()?;
    let len = c.be16()?;
    let valid = matches!(kind, 20..=24) && matches!(version, 0x0300..=0x0304) && len <= 18_432;
    valid.then(|| u64::from(len) + 5)
}

/// The first bytes are TLS of the side that is asked for.
pub(in crate::packet::app) fn speaks_tls(bytes: &[u8], client: bool) -> bool {
    if client && v2_hello_len(bytes).is_some() {
        return true;
    }
    let message = bytes.get(5);
    match (record_len(bytes), bytes.first()) {
        (Some(_), Some(22)) => message.is_none_or(|&m| m == if client { 1 } else { 2 }),
        (Some(7), Some(21)) => !client,
        _ => false,
    }
}

/// What is remembered of one direction's records.
#[derive(Default)]
struct Side {
    records: u32,
    ccs: bool,
    encrypted_handshake: bool,
    /// Records between the first and the last one may be missing.
    lost: bool,
    /// Records after the last one may be missing.
    end_lost: bool,
    /// Offset and payload length of each application-data record, the first 64.
    app: Vec<(u64, u64)>,
    /// Offset, payload length and wholeness of the last one and of the one before it.
    last_app: [Option<(u64, u64, bool)>; 2],
}

/// Recognises TLS from the first record of either side, or mid-stream from records on end.
pub(in crate::packet::app) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let client = speaks_tls(d.client.bytes, true);
    let server = speaks_tls(d.server.bytes, false);
    let confidence = match (client, server) {
        (true, _) => Confidence::High,
        (false, true) if d.client.bytes.is_empty() => Confidence::High,
        (false, true) => Confidence::Medium,
        (false, false) if in_mid_stream(d) => Confidence::Medium,
        _ => return None,
    };
    let mut story = AppStory::of(Protocol::Tls, confidence);
    story.encrypted = true;
    let mut tls = TlsStory {
        client_hello: client_hello(d.client.bytes),
        ..TlsStory::default()
    };
    let mid = !client && !server;
    let walk_client = client || mid || record_len(d.client.bytes).is_some();
    let walk_server = server || mid || record_len(d.server.bytes).is_some();
    let mut sides = [Side::default(), Side::default()];
    if walk_client {
        walk(d, true, &mut tls, &mut sides[0]);
    }
    if walk_server {
        walk(d, false, &mut tls, &mut sides[1]);
    }
    guess_alerts(&mut tls, &sides);
    judge_handshake(d, &mut tls, &sides);
    if client || server {
        story.client_is_first_endpoint = Some(true);
    }
    tell(&mut story, d, tls, &sides);
    Some(story)
}

/// Both sides (or the only captured one) begin with two records on end.
fn in_mid_stream(d: &Dialogue<'_>) -> bool {
    let chained = |bytes: &[u8]| {
        let Some(first) = record_len(bytes).filter(|&len| len > 5) else {
            return false;
        };
        let next = usize::try_from(first)
            .ok()
            .and_then(|n| bytes.get(n..))
            .unwrap_or_default();
        // A record that ends with what is captured is as good as a second one.
        next.len() < 5 && first > 21 || record_len(next).is_some()
    };
    // The capture may begin within a record, but a turn begins with one.
    let side = |client: bool| {
        let stream = d.side(client);
        let turns = d.turns.iter().filter(|t| t.from_client == client).take(16);
        chained(stream.bytes) || turns.map(|t| stream.at(t.offset)).any(chained)
    };
    let (c, s) = (d.client.bytes, d.server.bytes);
    let mid = !d.client.starts_at_zero || !d.server.starts_at_zero;
    mid && (!c.is_empty() || !s.is_empty())
        && (c.is_empty() || side(true))
        && (s.is_empty() || side(false))
}

fn walk(d: &Dialogue<'_>, client: bool, tls: &mut TlsStory, side: &mut Side) {
    let after_v2 = v2_hello_len(d.side(client).bytes).filter(|_| client);
    let mut frames = Frames::new(d, client, after_v2.unwrap_or(0), record_len);
    let who = usize::from(!client);
    let mut last = None;
    for frame in frames.by_ref() {
        side.records = side.records.saturating_add(1);
        last = Some(frame);
        read_record(&frame, client, tls, side);
    }
    side.lost = frames.lost;
    side.end_lost = frames.lost && frames.stopped_at.is_some();
    let cut_header = frames.stopped_at.is_some() && !side.end_lost;
    tls.last_record_partial[who] = last.is_some_and(|f| !f.complete())
        || cut_header && d.side(client).total() - frames.stopped_at.unwrap_or(0) < 5;
    if let (Some(last), Some(alert)) = (
        last,
        tls.alerts
            .iter_mut()
            .rev()
            .find(|a| a.from_client == client),
    ) {
        alert.is_last = alert.offset == last.offset && !side.end_lost;
    }
}

fn read_record(frame: &Frame<'_>, client: bool, tls: &mut TlsStory, side: &mut Side) {
    let payload = frame.data.get(5..).unwrap_or_default();
    match frame.data.first() {
        Some(20) => side.ccs = true,
        Some(21) => tls.alerts.push(alert(frame, payload, client)),
        Some(22) if side.ccs => side.encrypted_handshake = true,
        Some(22) => read_handshake(payload, client, tls),
        Some(23) => {
            let who = usize::from(!client);
            tls.app_records[who] = tls.app_records[who].saturating_add(1);
            let sent = frame.sent.saturating_sub(5);
            tls.app_bytes[who] = tls.app_bytes[who].saturating_add(sent);
            if side.app.len() < 64 {
                side.app.push((frame.offset, frame.len - 5));
            }
            side.last_app = [
                Some((frame.offset, frame.len - 5, frame.complete())),
                side.last_app[0],
            ];
        }
        _ => {}
    }
}

fn alert(frame: &Frame<'_>, payload: &[u8], from_client: bool) -> TlsAlert {
    let readable = frame.len == 7;
    let (level, code) = match payload {
        [level, code] if readable => (Some(*level), Some(*code)),
        _ => (None, None),
    };
    TlsAlert {
        from_client,
        level,
        code,
        name: match code {
            Some(code) => alert_name(code).to_owned(),
            None if readable => "alert".to_owned(),
            None => "encrypted alert".to_owned(),
        },
        encrypted_guess: !readable,
        offset: frame.offset,
        is_last: false,
    }
}

/// The plaintext handshake messages in one record.
fn read_handshake(payload: &[u8], client: bool, tls: &mut TlsStory) {
    let mut c = Cursor::new(payload);
    while let Some(&kind) = c.rest().first() {
        if !client
            && kind == 2
            && let Some(hello) = server_hello(c.rest())
        {
            tls.hello_retry |= hello.retry;
            tls.server_hello |= !hello.retry;
            tls.server_version = Some(hello.version);
            tls.server_cipher = hello.cipher.or(tls.server_cipher);
        }
        tls.certificate_seen |= !client && kind == 11;
        tls.certificate_requested |= !client && kind == 13;
        c.u8();
        let Some(len) = c.be24() else { break };
        if c.skip(usize::try_from(len).unwrap_or(usize::MAX)).is_none() {
            break;
        }
    }
}

/// TLS 1.3 hides alerts in application data: 2 bytes + content type + 16 bytes of tag. Only a
/// side's last record is believed to be one.
fn guess_alerts(tls: &mut TlsStory, sides: &[Side; 2]) {
    if tls.server_version != Some(0x0304) && tls.server_version.is_some() {
        return;
    }
    for (who, side) in sides.iter().enumerate() {
        let from_client = who == 0;
        let Some((offset, 19, true)) = side.last_app[0] else {
            continue;
        };
        let after = tls.alerts.iter().any(|a| a.from_client == from_client);
        if !side.end_lost && !after {
            tls.alerts.push(TlsAlert {
                from_client,
                name: "encrypted alert".to_owned(),
                encrypted_guess: true,
                offset,
                is_last: true,
                ..TlsAlert::default()
            });
        }
    }
}

fn judge_handshake(d: &Dialogue<'_>, tls: &mut TlsStory, sides: &[Side; 2]) {
    let [client, server] = sides;
    // A Finished is at least 32 bytes of hash + 4 + 1 + 16; an alert is shorter.
    let client_finished = client.app.iter().find(|(_, len)| *len >= 53);
    let v13 = tls.server_version == Some(0x0304);
    let early = tls.client_hello.as_ref().is_some_and(|h| h.early_data);
    tls.handshake_complete = if v13 {
        let needed = if early { 2 } else { 1 };
        let finished = client.app.iter().filter(|(_, len)| *len >= 53).count() >= needed;
        let talking = tls.app_records.iter().all(|&n| n > 3);
        Some(finished && tls.app_records[1] > 0 || talking).filter(|&done| done || !early)
    } else if tls.server_hello || tls.client_hello.is_some() {
        let done = client.encrypted_handshake && server.encrypted_handshake
            || tls.app_records[0] > 0 && tls.app_records[1] > 0;
        Some(done)
    } else {
        (tls.app_records[0] > 0 && tls.app_records[1] > 0).then_some(true)
    };
    let whole = d.client.missing_after == 0 && d.server.missing_after == 0;
    let both = !d.client.bytes.is_empty() && !d.server.bytes.is_empty();
    if tls.handshake_complete == Some(false) && !(whole && (both || tls.app_records == [0, 0])) {
        tls.handshake_complete = None;
    }
    if let (true, Some(&(finished, _))) = (v13, client_finished) {
        tls.session_tickets_only = only_tickets(d, sides, finished);
        [tls.alert_for_answer, tls.alert_unasked] = alert_for_answer(d, tls, sides, finished);
    }
}

/// The first record of the server after the client's Finished at `finished` is a guessed alert,
/// and the client has asked something by then, or nothing and has not said goodbye either.
fn alert_for_answer(
    d: &Dialogue<'_>,
    tls: &TlsStory,
    sides: &[Side; 2],
    finished: u64,
) -> [bool; 2] {
    let [client, server] = sides;
    let guessed = tls
        .alerts
        .iter()
        .find(|a| !a.from_client && a.encrypted_guess && a.is_last);
    let (Some(alert), Some(from)) = (guessed, d.answer_start(finished)) else {
        return [false; 2];
    };
    let first = server.app.iter().find(|r| r.0 >= from).map(|r| r.0);
    let asked = client.app.iter().any(|r| r.0 > finished && r.1 != 19);
    let left = tls.alerts.iter().any(|a| a.from_client);
    let first = !server.lost && first == Some(alert.offset);
    [first && asked, first && !asked && !left]
}

/// After the client's Finished at `finished` the server sent nothing that looks like an answer.
fn only_tickets(d: &Dialogue<'_>, sides: &[Side; 2], finished: u64) -> bool {
    let [client, server] = sides;
    if server.lost || server.app.len() >= 64 {
        return false;
    }
    let Some(from) = d.answer_start(finished) else {
        return false;
    };
    let after: Vec<u64> = server
        .app
        .iter()
        .filter(|r| r.0 >= from)
        .map(|r| r.1)
        .collect();
    let client_data = client
        .app
        .iter()
        .filter(|r| r.0 > finished && r.1 != 19)
        .count();
    let (Some(&least), Some(&most)) = (after.iter().min(), after.iter().max()) else {
        return false;
    };
    let alike = most - least <= 16 && (100..=1_400).contains(&least);
    alike && after.len() <= 4 && (client_data == 0 || after.len() >= 2)
}

/// Puts it into the common words.
fn tell(story: &mut AppStory, d: &Dialogue<'_>, tls: TlsStory, sides: &[Side; 2]) {
    let fatal = tls.alerts.iter().rev().find(|a| a.is_fatal());
    if let Some(alert) = fatal {
        story.error = Some(alert_error(alert));
    }
    story.clean_quit = fatal.is_none() && tls.alerts.iter().any(|a| goodbye(a, &tls));
    story.last_response = match (&story.error, tls.server_hello) {
        (Some(e), _) if e.from_server => Some(format!("TLS alert {}", e.code)),
        (_, true) => Some(format!(
            "TLS ServerHello {}",
            tls.server_version.map(version_name).unwrap_or_default()
        )),
        _ => None,
    };
    let partial = tls.last_record_partial[1];
    let answer = match sides[1].records {
        0 => Answer::Unknown,
        _ if partial => Answer::Partial {
            expected: None,
            seen: tls.app_bytes[1],
        },
        _ => Answer::Unknown,
    };
    if let Some(request) = last_request(d, &tls, &sides[0]) {
        settle(story, d, request, answer);
        if story
            .last_request
            .as_ref()
            .is_some_and(|r| r.verb == "Finished")
        {
            story.outstanding = Some(false);
            story.response = ResponseState::None;
        } else if story.outstanding == Some(true) && small_talk(&tls, &sides[0]) {
            story.outstanding = None;
        } else if tls.session_tickets_only && tls.app_records[0] > 1 {
            story.outstanding = Some(true);
            story.response = ResponseState::NotStarted;
        }
    }
    story.tls = Some(Box::new(tls));
}

/// The client's last record has the length of an HTTP/2 frame that wants no answer: SETTINGS
/// acknowledged, WINDOW_UPDATE, PING or GOAWAY, with 17 or 24 bytes around them.
fn small_talk(tls: &TlsStory, client: &Side) -> bool {
    let h2 = tls
        .client_hello
        .as_ref()
        .is_some_and(|h| h.alpn.iter().any(|a| a == "h2"));
    let around = if tls.server_version == Some(0x0304) {
        17
    } else {
        24
    };
    let alert = tls
        .alerts
        .iter()
        .any(|a| a.from_client && a.encrypted_guess && a.is_last);
    let last = client.last_app[usize::from(alert && tls.server_version == Some(0x0304))];
    h2 && last.is_some_and(|r| matches!(r.1.saturating_sub(around), 9 | 13 | 17))
}

/// A `close_notify`, readable or most likely: after the handshake an encrypted alert that ends
/// a side is one, unless a server that has not answered yet sends it (it may refuse the
/// client's certificate).
fn goodbye(alert: &TlsAlert, tls: &TlsStory) -> bool {
    let likely = alert.encrypted_guess && alert.is_last && tls.handshake_complete == Some(true);
    let answered = tls.app_records[1] > 0 && !tls.session_tickets_only && !tls.alert_for_answer;
    alert.is_close_notify() || likely && (alert.from_client || answered)
}

fn last_request(d: &Dialogue<'_>, tls: &TlsStory, client: &Side) -> Option<Request> {
    let hello = tls.client_hello.as_ref();
    let host = hello.and_then(|h| h.sni.clone()).unwrap_or_default();
    let to = if host.is_empty() {
        String::new()
    } else {
        format!(", SNI {host}")
    };
    let alert = tls
        .alerts
        .iter()
        .find(|a| a.from_client && a.encrypted_guess && a.is_last);
    let last = match client.last_app {
        [Some(last), before] if alert.is_some_and(|a| a.offset == last.0) => before,
        [last, _] => last,
    };
    if let Some(last) = last {
        return Some(data_request(d, tls, client, last, &host, &to));
    }
    let hello = hello?;
    Some(Request {
        summary: clean(format!("TLS ClientHello{to}"), 160),
        verb: "ClientHello".to_owned(),
        host,
        offset: 0,
        complete: if hello.complete {
            Some(true)
        } else if d.client.missing_after > 0 {
            None
        } else {
            Some(false)
        },
        body_expected: Some(u64::from(hello.len)),
        body_seen: u64::from(hello.seen),
        ..Request::default()
    })
}

/// The request that the client's last application data are: offset, length and wholeness.
fn data_request(
    d: &Dialogue<'_>,
    tls: &TlsStory,
    client: &Side,
    (offset, len, complete): (u64, u64, bool),
    host: &str,
    to: &str,
) -> Request {
    // In TLS 1.3 the client's first record is its Finished, which asks for nothing.
    let finished = tls.server_version == Some(0x0304)
        && tls.client_hello.as_ref().is_none_or(|h| !h.early_data)
        && client.app.first() == Some(&(offset, len));
    let verb = if finished {
        "Finished"
    } else {
        "application data"
    };
    let text = if finished { "handshake finished" } else { verb };
    // The whole run of records is one message for all that can be seen.
    let turn = d
        .turns
        .iter()
        .rev()
        .find(|t| t.from_client && t.offset <= offset);
    let first_data = if tls.server_version == Some(0x0304) {
        client.app.get(1)
    } else {
        None
    };
    let first_data = first_data.map_or(0, |r| r.0);
    let begin = turn.map_or(offset, |t| t.offset.max(first_data.min(offset)));
    Request {
        summary: clean(format!("TLS {text}{to}"), 160),
        verb: verb.to_owned(),
        host: host.to_owned(),
        offset: begin,
        complete: Some(complete && !tls.last_record_partial[0]).filter(|c| !c || !client.end_lost),
        body_seen: tls.app_bytes[0],
        ..Request::default()
    }
}

/// Whose doing a fatal alert is: a client that refuses the server's certificate complains about
/// the server (or its own trust store); a server complains about what the client sent.
fn alert_error(alert: &TlsAlert) -> AppError {
    let code = alert.code.unwrap_or_default();
    let certificate = matches!(code, 42..=46 | 48 | 49 | 113);
    let blame = match (alert.from_client, code) {
        (_, 80) if alert.from_client => Blame::Client,
        (_, 80) => Blame::Server,
        (true, _) if certificate => Blame::Server,
        (false, 48 | 42..=46 | 116 | 112 | 120 | 70 | 71 | 86 | 115) => Blame::Client,
        _ => Blame::Either,
    };
    AppError {
        code: format!("{code} {}", alert.name),
        text: "fatal TLS alert".to_owned(),
        from_server: !alert.from_client,
        offset: alert.offset,
        fatal: true,
        blame,
        explains_close: true,
    }
}
