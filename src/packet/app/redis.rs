//! Redis serialization protocol, versions 2 and 3, and inline commands.

use super::frames::{Answer, Frame, Frames};
use super::lines::{finish, first_line};
use super::mask;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

/// Length of the RESP value that begins here; one byte more than there is if it is cut.
fn length(data: &[u8]) -> Option<u64> {
    let mut at = 0_u64;
    let mut left = 1_u64;
    let cut = Some(data.len() as u64 + 1);
    // An aggregate is its elements, so this is a count of values still to pass, not recursion.
    for _ in 0..20_000 {
        if left == 0 {
            return Some(at);
        }
        let Some(rest) = usize::try_from(at)
            .ok()
            .and_then(|at| data.get(at..))
            .filter(|r| !r.is_empty())
        else {
            return if at == 0 {
                None
            } else {
                Some(at.max(data.len() as u64 + 1))
            };
        };
        let kind = *rest.first()?;
        if !b"+-:$*_,#!=(%~>|".contains(&kind) {
            return None;
        }
        let Some(end) = memchr::memchr(b'\n', rest.get(..65_536).unwrap_or(rest)) else {
            return cut;
        };
        at = at.checked_add(end as u64 + 1)?;
        left -= 1;
        let number = rest.get(1..end).and_then(|n| {
            std::str::from_utf8(n.trim_ascii_end())
                .ok()?
                .parse::<i64>()
                .ok()
        });
        match (kind, number) {
            (b'$' | b'!' | b'=', Some(n)) => {
                if let Ok(n) = u64::try_from(n) {
                    at = at.checked_add(n)?.checked_add(2)?;
                }
            }
            (b'*' | b'~' | b'>', Some(n)) => {
                left = left.checked_add(u64::try_from(n).unwrap_or(0))?
            }
            (b'%' | b'|', Some(n)) => {
                left = left.checked_add(u64::try_from(n).unwrap_or(0).checked_mul(2)?)?;
                // An attribute comes in front of the value it belongs to.
                left += u64::from(kind == b'|');
            }
            (b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|', None) => return None,
            _ => {}
        }
    }
    None
}

/// A command: an array of bulk strings, or an inline line.
fn command_length(data: &[u8]) -> Option<u64> {
    if data.first() == Some(&b'*') {
        return length(data);
    }
    let line = first_line(data);
    inline(line)?;
    Some(memchr::memchr(b'\n', data).map_or(data.len() as u64 + 1, |n| n as u64 + 1))
}

const INLINE: &[&str] = &[
    "PING",
    "INFO",
    "AUTH",
    "QUIT",
    "GET",
    "SET",
    "SELECT",
    "KEYS",
    "CONFIG",
    "CLIENT",
    "COMMAND",
    "MONITOR",
    "SUBSCRIBE",
    "HELLO",
    "EXISTS",
    "DEL",
    "ROLE",
    "SYNC",
    "PSYNC",
];

fn inline(line: &[u8]) -> Option<()> {
    let verb = line.split(|&b| b == b' ').next()?;
    let known = |v: &&str| v.as_bytes().eq_ignore_ascii_case(verb);
    INLINE.iter().any(known).then_some(())
}

/// The first words of a command.
fn words<'a>(frame: &Frame<'a>) -> Vec<&'a [u8]> {
    if frame.data.first() != Some(&b'*') {
        return first_line(frame.data)
            .split(|&b| b == b' ')
            .filter(|w| !w.is_empty())
            .collect();
    }
    let mut words = Vec::new();
    let mut rest = frame.data;
    let skip_line = |data: &'a [u8]| {
        memchr::memchr(b'\n', data).and_then(|n| Some((data.get(..n)?, data.get(n + 1..)?)))
    };
    let Some((_, after)) = skip_line(rest) else {
        return words;
    };
    rest = after;
    while words.len() < 3 {
        let Some((head, body)) = skip_line(rest).filter(|(h, _)| h.first() == Some(&b'$')) else {
            break;
        };
        let size = head.get(1..).and_then(|n| {
            std::str::from_utf8(n.trim_ascii_end())
                .ok()?
                .parse::<usize>()
                .ok()
        });
        let Some(size) = size else { break };
        words.push(body.get(..size).unwrap_or(body));
        rest = size
            .checked_add(2)
            .and_then(|n| body.get(n..))
            .unwrap_or_default();
    }
    words
}

/// Verb, key, masked summary. Values are never shown, only the verb and the key.
fn request(frame: &Frame<'_>) -> Option<Request> {
    let words = words(frame);
    let verb = clean(words.first()?.to_ascii_uppercase(), 24);
    let valid = verb
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if verb.is_empty() || !valid {
        return None;
    }
    let secret = matches!(verb.as_str(), "AUTH" | "HELLO" | "MIGRATE" | "EVAL" | "ACL");
    let key = words
        .get(1)
        .filter(|_| !secret)
        .map(|k| clean(k, 80))
        .unwrap_or_default();
    let rest = match words.len() {
        0 | 1 => String::new(),
        _ if secret => format!(" {}", mask::HIDDEN),
        2 => format!(" {key}"),
        _ => format!(" {key} {}", mask::HIDDEN),
    };
    let mut request = Request::framed(frame, verb.clone(), format!("{verb}{rest}"));
    request.target = key;
    Some(request)
}

/// Arrays that begin with one of these come from the server, to a subscriber or a cache.
const PUSHED: [&str; 4] = ["MESSAGE", "PMESSAGE", "SMESSAGE", "INVALIDATE"];

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let mut story = AppStory::of(Protocol::Redis, Confidence::Low);
    let framed =
        d.client.bytes.starts_with(b"*") && d.client.bytes.get(1).is_some_and(u8::is_ascii_digit);
    let mut last = None;
    for frame in Frames::new(d, true, 0, command_length) {
        let Some(request) = request(&frame) else {
            break;
        };
        if last.is_none() && PUSHED.contains(&request.verb.as_str()) {
            return None;
        }
        story.requests += u32::from(frame.complete());
        story.clean_quit |= request.verb == "QUIT";
        last = Some(request);
    }
    let mut answer = Answer::Unknown;
    let mut refused = false;
    for frame in Frames::new(d, false, 0, length) {
        story.responses += u32::from(frame.complete());
        answer = Answer::of(&frame);
        let line = first_line(frame.data);
        let error = line.first() == Some(&b'-');
        story.last_response = Some(if error || matches!(line.first(), Some(b'+' | b':')) {
            clean(line, 160)
        } else {
            format!("{} reply", reply_name(line.first()))
        });
        story.error = error.then(|| self::error(line, &frame));
        refused |= error
            && frame.offset == 0
            && [
                &b"-ERR max number"[..],
                b"-DENIED",
                b"-NOAUTH",
                b"-LOADING",
                b"-ERR ",
            ]
            .iter()
            .any(|p| line.starts_with(p));
    }
    let replied = story.responses > 0;
    story.confidence = match (framed && last.is_some(), last.is_some(), replied) {
        (true, _, _) => Confidence::High,
        (false, true, true) => Confidence::Medium,
        (false, true, false) if d.server.bytes.is_empty() => Confidence::Low,
        (false, false, true) if refused && d.client.bytes.is_empty() => Confidence::Medium,
        _ => return None,
    };
    Some(finish(story, d, last, answer))
}

fn reply_name(kind: Option<&u8>) -> &'static str {
    match kind {
        Some(b'$' | b'=') => "bulk string",
        Some(b'*' | b'~' | b'>') => "array",
        Some(b'%') => "map",
        _ => "simple",
    }
}

fn error(line: &[u8], frame: &Frame<'_>) -> AppError {
    let text = line.get(1..).unwrap_or_default();
    let code = text.split(|&b| b == b' ').next().unwrap_or_default();
    let words = text.get(code.len()..).unwrap_or_default();
    let max = text.starts_with(b"ERR max number of clients");
    let closes = max || matches!(code, b"DENIED") || text.starts_with(b"ERR Protocol error");
    AppError {
        code: clean(code, 24),
        text: clean(words.trim_ascii_start(), 120),
        from_server: true,
        offset: frame.offset,
        fatal: closes,
        blame: match code {
            _ if max => Blame::Server,
            b"LOADING" | b"MASTERDOWN" | b"OOM" | b"MISCONF" | b"BUSY" => Blame::Server,
            _ => Blame::Client,
        },
        explains_close: closes,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn commands_show_their_key_only() {
        let s = story(
            6379,
            &[("c", b"*3\r\n$3\r\nSET\r\n$4\r\nkey1\r\n$6\r\nsecret\r\n")],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Redis), Confidence::High)
        );
        assert_eq!(s.last_request.unwrap().summary, "SET key1 ...");
        assert_eq!(s.outstanding, Some(true));
        let s = story(6379, &[("c", b"AUTH hunter2\r\n")]);
        assert!(!format!("{s:?}").contains("hunter2"));
        let s = story(6379, &[("c", b"*2\r\n$4\r\nauth\r\n$7\r\nhunter2\r\n")]);
        assert!(!format!("{s:?}").contains("hunter2"));
    }

    #[test]
    fn a_message_to_a_subscriber_is_no_command() {
        let push = b"*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n";
        let s = story(7379, &[("c", push), ("s", b"PING\r\n")]);
        assert_ne!(s.client_is_first_endpoint, Some(true));
        assert_eq!(s.last_request.unwrap().verb, "PING");
    }

    #[test]
    fn cut_commands_and_replies() {
        let s = story(6379, &[("c", b"*2\r\n$3\r\nGET\r\n$40\r\nabc")]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        let s = story(
            6379,
            &[("c", b"*1\r\n$4\r\nPING\r\n"), ("s", b"$100\r\nabc")],
        );
        assert_eq!(
            s.response,
            ResponseState::Partial {
                expected: Some(108),
                seen: 9
            }
        );
    }

    #[test]
    fn nested_replies_are_one() {
        let s = story(
            6379,
            &[
                ("c", b"*1\r\n$4\r\nROLE\r\n"),
                ("s", b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n+OK\r\n"),
            ],
        );
        assert_eq!(s.responses, 2);
    }

    #[test]
    fn refused_at_once_and_near_misses() {
        let s = story(6379, &[("s", b"-ERR max number of clients reached\r\n")]);
        assert_eq!(
            s.last_response.unwrap(),
            "-ERR max number of clients reached"
        );
        assert!(s.error.unwrap().explains_close);
        // the code is not said twice
        let said: &[u8] = b"-ERR max number of clients reached\r\n";
        let error = story(6379, &[("c", b"PING\r\n"), ("s", said)])
            .error
            .unwrap();
        assert_eq!(error.code, "ERR");
        assert_eq!(error.text, "max number of clients reached");
        assert_ne!(
            story(6379, &[("c", b"*x\r\n")]).protocol,
            Some(Protocol::Redis)
        );
    }
}
