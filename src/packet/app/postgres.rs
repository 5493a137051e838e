//! PostgreSQL frontend/backend protocol 3.

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;
use super::{mask, tls};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;

/// A message without type byte: startup and its kin.
fn untyped(data: &[u8]) -> Option<(u64, u32)> {
    let mut c = Cursor::new(data);
    let (len, code) = (c.be32()?, c.be32()?);
    let known = matches!(code, SSL_REQUEST | GSS_REQUEST | CANCEL)
        || matches!(code >> 16, 3) && code & 0xffff <= 2;
    (known && (8..=10_000).contains(&len)).then_some((u64::from(len), code))
}

fn typed(data: &[u8], kinds: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let kind = c.u8()?;
    let len = c.be32()?;
    (kinds.contains(&kind) && (4..=0x4000_0000).contains(&len)).then(|| u64::from(len) + 1)
}

fn client_length(data: &[u8]) -> Option<u64> {
    untyped(data)
        .map(|(len, _)| len)
        .or_else(|| typed(data, b"QPBEDCSXpFdcfH"))
}

fn server_length(data: &[u8]) -> Option<u64> {
    typed(data, b"RSKZTDCENAtn123IsGHWVvdc")
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let start = untyped(d.client.bytes);
    let mid = start.is_none() && !d.client.starts_at_zero && two_typed(d.server.bytes);
    if start.is_none() && !mid {
        return None;
    }
    let ssl = matches!(start, Some((8, SSL_REQUEST | GSS_REQUEST)));
    // A refusal is one byte, too; an old server answers with an error message.
    let plain_from = u64::from(ssl && matches!(d.server.bytes.first(), Some(b'N' | b'S' | b'G')));
    if ssl
        && d.server.bytes.first() == Some(&b'S')
        && let Some(story) = d.inner(8, 1, tls::recognise)
    {
        return Some(story.nested(&[Protocol::PostgreSql], 8, 1));
    }
    let confidence = if mid {
        Confidence::Medium
    } else {
        Confidence::High
    };
    let mut story = AppStory::of(Protocol::PostgreSql, confidence);
    story.client_is_first_endpoint = Some(true);
    let last = read_client(d, &mut story);
    let answer = read_server(d, &mut story, plain_from);
    if let Some(request) = last {
        let wants_none = request.verb == "Terminate" || request.verb == "CancelRequest";
        settle(&mut story, d, request, answer);
        if wants_none {
            story.outstanding = Some(false);
        }
    }
    Some(story)
}

fn read_client(d: &Dialogue<'_>, story: &mut AppStory) -> Option<Request> {
    let mut last: Option<Request> = None;
    let mut synced = true;
    for frame in Frames::new(d, true, 0, client_length) {
        let kind = if untyped(frame.data).is_some() {
            0
        } else {
            frame.data.first().copied().unwrap_or(0)
        };
        match request(&frame, kind) {
            // Parse, Bind, Describe, Execute and Sync are one request, named by its text.
            Some(request) if synced || kind == b'P' => {
                synced = !matches!(kind, b'P' | b'B' | b'E');
                let mut request = request;
                if !synced {
                    request.complete = Some(false);
                }
                last = Some(request);
            }
            _ => {}
        }
        if kind == b'S' || kind == b'H' {
            synced = true;
            if let Some(request) = &mut last {
                request.complete = Some(frame.complete());
            }
        }
        story.clean_quit |=
            kind == b'X' || kind == 0 && untyped(frame.data).is_some_and(|u| u.1 == CANCEL);
        story.requests +=
            u32::from(frame.complete() && matches!(kind, 0 | b'Q' | b'S' | b'F' | b'p'));
    }
    last
}

fn two_typed(data: &[u8]) -> bool {
    let next = server_length(data).and_then(|n| usize::try_from(n).ok());
    next.and_then(|n| data.get(n..))
        .is_some_and(|rest| server_length(rest).is_some())
}

fn request(frame: &Frame<'_>, kind: u8) -> Option<Request> {
    let body = frame.data.get(5..).unwrap_or_default();
    let sql = |text: &[u8]| clean(mask::sql(text.get(..4096).unwrap_or(text), false), 130);
    let (verb, target) = match kind {
        0 => return Some(startup(frame)),
        b'Q' => ("Query", sql(Cursor::new(body).c_str())),
        b'P' => {
            let mut c = Cursor::new(body);
            c.c_str();
            ("Parse", sql(c.c_str()))
        }
        b'B' => ("Bind", String::new()),
        b'E' => ("Execute", String::new()),
        b'F' => ("FunctionCall", String::new()),
        b'X' => ("Terminate", String::new()),
        b'p' => ("authentication", mask::HIDDEN.to_owned()),
        b'd' => ("CopyData", String::new()),
        _ => return None,
    };
    let mut request = Request::framed(
        frame,
        verb,
        format!("{verb} {target}").trim_end().to_owned(),
    );
    request.target = target;
    Some(request)
}

fn startup(frame: &Frame<'_>) -> Request {
    let code = untyped(frame.data).map_or(0, |u| u.1);
    let verb = match code {
        SSL_REQUEST => "SSLRequest",
        GSS_REQUEST => "GSSENCRequest",
        CANCEL => "CancelRequest",
        _ => "StartupMessage",
    };
    let mut c = Cursor::from(frame.data, 8);
    let (mut user, mut database) = (String::new(), String::new());
    while verb == "StartupMessage" && !c.rest().is_empty() {
        let (key, value) = (c.c_str(), c.c_str());
        match key {
            b"user" => user = format!(" user {}", clean(value, 40)),
            b"database" => database = clean(value, 60),
            b"" => break,
            _ => {}
        }
    }
    let on = if database.is_empty() {
        String::new()
    } else {
        format!(" database {database}")
    };
    let mut request = Request::framed(frame, verb, format!("{verb}{user}{on}"));
    request.host = database;
    request
}

fn read_server(d: &Dialogue<'_>, story: &mut AppStory, from: u64) -> Answer {
    let mut answer = if from > 0 {
        Answer::Complete
    } else {
        Answer::Unknown
    };
    if from > 0 {
        story.last_response = Some("SSLRequest refused".to_owned());
        if d.server.bytes.first() != Some(&b'N') {
            story.last_response = Some("SSLRequest granted".to_owned());
        }
    }
    for frame in Frames::new(d, false, from, server_length) {
        let body = frame.data.get(5..).unwrap_or_default();
        let kind = frame.data.first().copied().unwrap_or(0);
        let fatal = kind == b'E' && {
            let error = error(&frame, body);
            story.last_response = Some(format!("ErrorResponse {} {}", error.code, error.text));
            let fatal = error.fatal;
            story.error = Some(error);
            fatal
        };
        let asks = kind == b'R'
            && Cursor::new(body)
                .be32()
                .is_some_and(|kind| kind != 0 && kind != 12);
        let fin = kind == b'Z' || asks || fatal || matches!(kind, b'G' | b'W');
        if kind == b'R' {
            let text = if asks {
                "authentication request"
            } else {
                "authentication ok"
            };
            story.last_response = Some(text.to_owned());
        }
        if kind == b'C' {
            story.last_response = Some(format!(
                "CommandComplete {}",
                clean(Cursor::new(body).c_str(), 40)
            ));
            story.error = None;
        }
        story.responses += u32::from(fin && frame.complete());
        answer = match Answer::of(&frame) {
            Answer::Complete if !fin => Answer::Partial {
                expected: None,
                seen: frame.sent,
            },
            other => other,
        };
    }
    answer
}

fn error(frame: &Frame<'_>, body: &[u8]) -> AppError {
    let mut c = Cursor::new(body);
    let (mut severity, mut code, mut text) = (String::new(), String::new(), String::new());
    while let Some(field) = c.u8().filter(|&f| f != 0) {
        let value = c.c_str();
        match field {
            // V is the same as S, never translated.
            b'V' => severity = clean(value, 16),
            b'S' if severity.is_empty() => severity = clean(value, 16),
            b'C' => code = clean(value, 8),
            b'M' => text = clean(value, 120),
            _ => {}
        }
    }
    let fatal = matches!(severity.as_str(), "FATAL" | "PANIC");
    let class = code.get(..2).unwrap_or_default();
    AppError {
        blame: match (class, code.as_str()) {
            (_, "57P05" | "25P03" | "25P04") => Blame::Client,
            ("53" | "57" | "58" | "XX" | "F0", _) => Blame::Server,
            ("28" | "3D" | "42" | "22" | "23" | "08" | "0A", _) => Blame::Client,
            _ => Blame::Either,
        },
        code,
        text,
        from_server: true,
        offset: frame.offset,
        fatal,
        explains_close: fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
    }

    fn startup() -> Vec<u8> {
        let body = b"\0\x03\0\0user\0joe\0database\0shop\0\0";
        [&(body.len() as u32 + 4).to_be_bytes()[..], body].concat()
    }

    fn ready() -> Vec<u8> {
        [message(b'R', &[0; 4]), message(b'Z', b"I")].concat()
    }

    #[test]
    fn a_query_without_answer() {
        let ask = message(b'Q', b"SELECT 'x' FROM t\0");
        let s = story(5432, &[("c", &startup()), ("s", &ready()), ("c", &ask)]);
        assert_eq!(
            (s.protocol, s.requests, s.responses),
            (Some(Protocol::PostgreSql), 2, 1)
        );
        assert_eq!(s.last_request.unwrap().summary, "Query SELECT '...' FROM t");
        assert_eq!(
            (s.outstanding, s.response),
            (Some(true), ResponseState::NotStarted)
        );
    }

    #[test]
    fn admin_shutdown_explains() {
        let error = message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0");
        let s = story(
            5432,
            &[("c", &startup()), ("s", &[ready(), error].concat())],
        );
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.text.as_str(), e.fatal, e.blame),
            ("57P01", "terminating connection", true, Blame::Server)
        );
    }

    #[test]
    fn extended_queries_are_one_request() {
        let ask = [
            message(b'P', b"\0SELECT $1\0\0\0"),
            message(b'B', b"\0\0\0\0\0\x01\0\0\0\x03abc\0\0"),
            message(b'E', b"\0\0\0\0\0"),
        ]
        .concat();
        let s = story(5432, &[("c", &startup()), ("s", &ready()), ("c", &ask)]);
        let r = s.last_request.unwrap();
        assert_eq!(
            (r.summary.as_str(), r.complete),
            ("Parse SELECT $1", Some(false))
        );
        let s = story(
            5432,
            &[
                ("c", &startup()),
                ("s", &ready()),
                ("c", &[&ask[..], &message(b'S', b"")].concat()),
            ],
        );
        assert_eq!(s.last_request.unwrap().complete, Some(true));
    }

    #[test]
    fn tls_after_ssl_request_and_passwords() {
        let ssl = b"\0\0\0\x08\x04\xd2\x16\x2f";
        let s = story(
            5432,
            &[
                ("c", ssl),
                ("s", b"S"),
                ("c", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"),
            ],
        );
        assert_eq!(s.layers, [Protocol::PostgreSql, Protocol::Tls]);
        let s = story(
            5432,
            &[
                ("c", ssl),
                ("s", b"N"),
                ("c", &startup()),
                ("s", &message(b'R', &[0, 0, 0, 3])),
                ("c", &message(b'p', b"hunter2\0")),
            ],
        );
        assert!(!format!("{s:?}").contains("hunter2"));
        assert_eq!(s.last_request.unwrap().verb, "authentication");
        assert_eq!(s.outstanding, Some(true));
    }

    #[test]
    fn terminate_cuts_and_near_misses() {
        let s = story(
            5432,
            &[
                ("c", &startup()),
                ("s", &ready()),
                ("c", &message(b'X', b"")),
            ],
        );
        assert_eq!((s.clean_quit, s.outstanding), (true, Some(false)));
        let s = story(5432, &[("c", &startup()[..20])]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        assert_ne!(
            story(5432, &[("c", b"\0\0\0\x08\x04\xd2\x16\x2a")]).protocol,
            Some(Protocol::PostgreSql)
        );
    }
}
