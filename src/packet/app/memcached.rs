//! memcached, text and binary protocol.

use super::cursor::Cursor;
use super::frames::{Answer, Frames};
use super::lines::{finish, first_line};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

const STORAGE: &[&[u8]] = &[b"set", b"add", b"replace", b"append", b"prepend", b"cas"];
const OTHER: &[&[u8]] = &[
    b"get",
    b"gets",
    b"gat",
    b"gats",
    b"delete",
    b"incr",
    b"decr",
    b"touch",
    b"stats",
    b"flush_all",
    b"version",
    b"verbosity",
    b"quit",
    b"mg",
    b"ms",
    b"md",
    b"ma",
    b"mn",
    b"me",
];

/// First words of replies.
const REPLIES: &[&[u8]] = &[
    b"STORED",
    b"END",
    b"NOT_",
    b"EXISTS",
    b"DELETED",
    b"TOUCHED",
    b"OK",
    b"ERROR",
    b"CLIENT_ERROR",
    b"SERVER_ERROR",
    b"VERSION",
    b"HD",
    b"EN",
    b"VA",
];

fn word(line: &[u8], index: usize) -> &[u8] {
    line.split(|&b| b == b' ')
        .filter(|w| !w.is_empty())
        .nth(index)
        .unwrap_or_default()
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A command with its data block.
fn length(data: &[u8]) -> Option<u64> {
    let line = first_line(data);
    let verb = word(line, 0);
    let storage = STORAGE.contains(&verb);
    if !storage && !OTHER.contains(&verb) {
        return None;
    }
    let Some(end) = memchr::memchr(b'\n', data) else {
        return Some(data.len() as u64 + 1);
    };
    let size = match verb {
        _ if storage => number(word(line, 4))?.checked_add(2)?,
        b"ms" => number(word(line, 2))?.checked_add(2)?,
        _ => 0,
    };
    size.checked_add(end as u64 + 1)
}

/// One line of a reply, with the data block behind `VALUE`.
fn reply_length(data: &[u8]) -> Option<u64> {
    let line = first_line(data);
    if line.is_empty() {
        return None;
    }
    let Some(end) = memchr::memchr(b'\n', data) else {
        return Some(data.len() as u64 + 1);
    };
    let size = match word(line, 0) {
        b"VALUE" => number(word(line, 3))?.checked_add(2)?,
        b"VA" => number(word(line, 1))?.checked_add(2)?,
        _ => 0,
    };
    size.checked_add(end as u64 + 1)
}

/// Items are at most 1 MiB unless configured otherwise; far larger ones are another protocol.
const LARGEST_BODY: u32 = 1 << 25;

fn binary_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (magic, opcode) = (c.u8()?, c.u8()?);
    let (key, extras, kind) = (c.be16()?, c.u8()?, c.u8()?);
    c.be16()?;
    let body = c.be32()?;
    let fits = u64::from(key) + u64::from(extras) <= u64::from(body) && body <= LARGEST_BODY;
    (matches!(magic, 0x80 | 0x81) && opcode <= 0x50 && kind == 0 && fits)
        .then(|| u64::from(body) + 24)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    match d.client.bytes.first()? {
        0x80 => binary(d),
        _ => text(d),
    }
}

fn text(d: &Dialogue<'_>) -> Option<AppStory> {
    let mut story = AppStory::of(Protocol::Memcached, Confidence::Low);
    let mut last = None;
    for frame in Frames::new(d, true, 0, length) {
        let line = first_line(frame.data);
        let verb = clean(word(line, 0), 16);
        story.requests += u32::from(frame.complete());
        story.clean_quit |= verb == "quit";
        let target = clean(word(line, 1), 80);
        let mut request = Request::framed(&frame, verb, clean(line, 160));
        request.target = target;
        last = Some(request);
    }
    let last = last?;
    let (answer, known) = read_replies(d, &mut story);
    story.confidence = match (known, d.server.bytes.is_empty()) {
        (true, _) => Confidence::High,
        (false, true) => Confidence::Low,
        (false, false) => return None,
    };
    Some(finish(story, d, Some(last), answer))
}

/// How whole the last reply is, and whether any reply is one of memcached's.
fn read_replies(d: &Dialogue<'_>, story: &mut AppStory) -> (Answer, bool) {
    let mut answer = Answer::Unknown;
    let mut known = false;
    for frame in Frames::new(d, false, 0, reply_length) {
        let line = first_line(frame.data);
        let open = matches!(word(line, 0), b"VALUE" | b"STAT");
        known |= open || REPLIES.iter().any(|w| line.starts_with(w));
        answer = match Answer::of(&frame) {
            Answer::Complete if open => Answer::Partial {
                expected: None,
                seen: frame.sent,
            },
            other => other,
        };
        story.responses += u32::from(frame.complete() && !open);
        story.last_response = Some(clean(line, 120));
        let code = word(line, 0);
        story.error =
            matches!(code, b"ERROR" | b"CLIENT_ERROR" | b"SERVER_ERROR").then(|| AppError {
                code: clean(code, 16),
                text: clean(line, 120),
                from_server: true,
                offset: frame.offset,
                blame: if code == b"SERVER_ERROR" {
                    Blame::Server
                } else {
                    Blame::Client
                },
                explains_close: code == b"SERVER_ERROR"
                    || line.ends_with(b"too many open connections"),
                ..AppError::default()
            });
    }
    (answer, known)
}

fn binary(d: &Dialogue<'_>) -> Option<AppStory> {
    let mut story = AppStory::of(Protocol::Memcached, Confidence::Medium);
    let mut last = None;
    for frame in Frames::new(d, true, 0, binary_length) {
        let opcode = frame.data.get(1).copied().unwrap_or(0xff);
        let name = opcode_name(opcode);
        story.requests += u32::from(frame.complete());
        story.clean_quit |= matches!(opcode, 7 | 0x17);
        let mut c = Cursor::from(frame.data, 2);
        let key = usize::from(c.be16().unwrap_or(0));
        let extras = usize::from(c.u8().unwrap_or(0));
        let mut c = Cursor::from(frame.data, 24 + extras);
        let target = clean(c.take_some(key), 80);
        let mut request = Request::framed(&frame, name, format!("memcached {name} {target}"));
        request.target = target;
        last = Some(request);
    }
    let last = last?;
    let mut answer = Answer::Unknown;
    for frame in Frames::new(d, false, 0, binary_length) {
        let status = Cursor::from(frame.data, 6).be16().unwrap_or(0);
        answer = Answer::of(&frame);
        story.confidence = Confidence::High;
        story.responses += u32::from(frame.complete());
        story.last_response = Some(format!("memcached status 0x{status:04x}"));
        story.error = (status >= 0x20).then(|| AppError {
            code: format!("0x{status:04x}"),
            from_server: true,
            offset: frame.offset,
            blame: if status >= 0x82 {
                Blame::Server
            } else {
                Blame::Client
            },
            ..AppError::default()
        });
    }
    Some(finish(story, d, Some(last), answer))
}

fn opcode_name(opcode: u8) -> &'static str {
    match opcode {
        0x00 | 0x09 | 0x0c | 0x0d => "get",
        0x01 | 0x11 => "set",
        0x02 | 0x12 => "add",
        0x03 | 0x13 => "replace",
        0x04 | 0x14 => "delete",
        0x05 | 0x15 => "increment",
        0x06 | 0x16 => "decrement",
        0x07 | 0x17 => "quit",
        0x08 | 0x18 => "flush",
        0x0a => "noop",
        0x0b => "version",
        0x10 => "stat",
        0x1c => "touch",
        0x20..=0x22 => "SASL authentication",
        _ => "command",
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn text_commands() {
        let s = story(
            11211,
            &[
                ("c", b"set k 0 0 5\r\nhello\r\nget k\r\n"),
                ("s", b"STORED\r\nVALUE k 0 5\r\nhel"),
            ],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Memcached), Confidence::High)
        );
        assert_eq!(
            (s.requests, s.last_request.unwrap().summary.as_str()),
            (2, "get k")
        );
        assert!(matches!(s.response, ResponseState::Partial { .. }));
        let s = story(11211, &[("c", b"set k 0 0 50\r\nhello")]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
    }

    #[test]
    fn binary_commands() {
        let get = b"\x80\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x03\0\0\0\0\0\0\0\0\0\0\0\0abc";
        let s = story(11211, &[("c", get)]);
        assert_eq!(s.last_request.unwrap().summary, "memcached get abc");
        assert_eq!(s.outstanding, Some(true));
    }

    #[test]
    fn near_misses() {
        assert_ne!(
            story(11211, &[("c", b"frob k\r\n")]).protocol,
            Some(Protocol::Memcached)
        );
        assert_ne!(
            story(9999, &[("c", b"get k\r\n"), ("s", b"whatever\r\n")]).protocol,
            Some(Protocol::Memcached)
        );
    }
}
