//! Oracle TNS: connecting, refusals, redirects.

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

/// Length (16 bits, or 32 from protocol 315 on), then type and header checksum.
fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (short, checksum, kind) = (c.be16()?, c.be16()?, c.u8()?);
    c.u8()?;
    let valid = matches!(kind, 1..=7 | 9 | 11..=15);
    let len = if short == 0 {
        u64::from(checksum)
    } else {
        u64::from(short)
    };
    (valid && len >= 8).then_some(len)
}

fn kind_name(kind: u8) -> &'static str {
    match kind {
        1 => "CONNECT",
        2 => "ACCEPT",
        3 => "ACK",
        4 => "REFUSE",
        5 => "REDIRECT",
        6 => "DATA",
        9 => "ABORT",
        11 => "RESEND",
        12 => "MARKER",
        13 => "ATTENTION",
        _ => "packet",
    }
}

/// The value of `KEY=` in a connect descriptor.
fn value(text: &[u8], key: &[u8]) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let at = memchr::memmem::find(&upper, key)? + key.len();
    let rest = text.get(at..)?;
    let end = rest
        .iter()
        .position(|b| matches!(b, b')' | b'('))
        .unwrap_or(rest.len());
    rest.get(..end)
        .filter(|v| !v.is_empty())
        .map(|v| clean(v, 80))
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let first = d.client.bytes;
    length(first)?;
    // CONNECT carries version and compatible version, each of about 300.
    let version = Cursor::from(first, 8).be16();
    // Neither checksum is ever used.
    let unsummed = first.get(2..4) == Some(&[0, 0]) && first.get(6..8).is_none_or(|c| c == [0, 0]);
    if first.get(4) != Some(&1) || !unsummed || version.is_some_and(|v| !(200..=400).contains(&v)) {
        return None;
    }
    let mut story = AppStory::of(Protocol::Tns, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [length, length],
        |frame, _| request(frame),
        |frame, story| {
            let kind = frame.data.get(4).copied().unwrap_or(0);
            story.last_response = Some(format!("TNS {}", kind_name(kind)));
            if kind == 4 {
                story.error = Some(refusal(frame));
                story.last_response = story
                    .error
                    .as_ref()
                    .map(|e| format!("TNS REFUSE {}", e.code));
            }
            true
        },
    ))
}

fn request(frame: &Frame<'_>) -> Option<Request> {
    let kind = *frame.data.get(4)?;
    let verb = kind_name(kind);
    let (mut target, mut host) = (String::new(), String::new());
    if kind == 1 {
        host = value(frame.data, b"SERVICE_NAME=")
            .or_else(|| value(frame.data, b"SID="))
            .unwrap_or_default();
        target = value(frame.data, b"PROGRAM=").unwrap_or_default();
    }
    let service = if host.is_empty() {
        String::new()
    } else {
        format!(" service {host}")
    };
    let by = if target.is_empty() {
        String::new()
    } else {
        format!(" program {target}")
    };
    let mut request = Request::framed(frame, verb, format!("TNS {verb}{service}{by}"));
    (request.target, request.host) = (target, host);
    Some(request)
}

fn refusal(frame: &Frame<'_>) -> AppError {
    let code = value(frame.data, b"ERR=").or_else(|| value(frame.data, b"CODE="));
    let text = match code.as_deref() {
        Some("12514") => "listener does not know of the requested service",
        Some("12505") => "listener does not know of the given SID",
        Some("12516" | "12519" | "12520") => "listener found no handler available",
        Some("12518") => "listener could not hand off the connection",
        Some("12528") => "service is blocking new connections",
        Some("12547" | "12537") => "connection closed by the database",
        _ => "connection refused by the listener",
    };
    let client = matches!(code.as_deref(), Some("12514" | "12505"));
    AppError {
        code: code.map_or_else(|| "REFUSE".to_owned(), |c| format!("TNS-{c}")),
        text: text.to_owned(),
        from_server: true,
        offset: frame.offset,
        fatal: true,
        blame: if client { Blame::Either } else { Blame::Server },
        explains_close: true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn connect() -> Vec<u8> {
        let text =
            b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=shop)(CID=(PROGRAM=sqlplus)(USER=joe))))";
        let mut out = (text.len() as u16 + 58).to_be_bytes().to_vec();
        out.extend([0, 0, 1, 0, 0, 0, 1, 0x3a, 1, 0x2c]);
        out.resize(58, 0);
        out.extend_from_slice(text);
        out
    }

    #[test]
    fn a_refused_connect() {
        let text = b"(DESCRIPTION=(TMP=)(VSNNUM=1)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514))))";
        let mut answer = (text.len() as u16 + 12).to_be_bytes().to_vec();
        answer.extend([0, 0, 4, 0, 0, 0, 0x22, 0, 0, text.len() as u8]);
        answer.extend_from_slice(text);
        let s = story(1521, &[("c", &connect()), ("s", &answer)]);
        assert_eq!(s.protocol, Some(Protocol::Tns));
        assert_eq!(
            s.last_request.unwrap().summary,
            "TNS CONNECT service shop program sqlplus"
        );
        assert_eq!(s.error.unwrap().code, "TNS-12514");
    }

    #[test]
    fn cuts_and_near_misses() {
        let s = story(1521, &[("c", &connect()[..60])]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        let mut other = connect();
        other[8] = 9;
        assert_ne!(story(1521, &[("c", &other)]).protocol, Some(Protocol::Tns));
    }
}
