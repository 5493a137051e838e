//! IMAP (RFC 9051) with STARTTLS.

use super::frames::{Answer, Frames};
use super::lines::{Line, finish, upgraded};
use super::mask;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence};
use super::talk::Dialogue;
use super::text::clean;

/// A line with the literals it announces (`{n}`) and what follows them, as one.
fn length(data: &[u8]) -> Option<u64> {
    let mut at = 0_usize;
    for _ in 0..64 {
        let rest = data.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return (!data.is_empty()).then_some(data.len() as u64 + 1);
        }
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return Some(data.len() as u64 + 1);
        };
        let next = at + end + 1;
        match literal(rest.get(..end).unwrap_or_default().trim_ascii_end()) {
            Some(size) => {
                let after = u64::try_from(next).ok()?.checked_add(size)?;
                match usize::try_from(after) {
                    Ok(after) if after < data.len() => at = after,
                    _ => return after.checked_add(1),
                }
            }
            None => return Some(next as u64),
        }
    }
    None
}

/// The size in a final `{n}` or `{n+}`.
fn literal(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inside)?;
    let digits = inside.get(open + 1..)?;
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn lines<'a>(d: &Dialogue<'a>, client: bool) -> impl Iterator<Item = Line<'a>> + use<'a> {
    Frames::new(d, client, 0, length).map(|f| {
        let first = f.data.split(|&b| b == b'\n').next().unwrap_or_default();
        Line {
            offset: f.offset,
            end: f.offset.saturating_add(f.data.len() as u64),
            text: first.strip_suffix(b"\r").unwrap_or(first),
            complete: f.complete() && (f.data.len() as u64) < f.len
                || f.data.last() == Some(&b'\n'),
        }
    })
}

const VERBS: &[&str] = &[
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "STARTTLS",
    "AUTHENTICATE",
    "LOGIN",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "STATUS",
    "APPEND",
    "CHECK",
    "CLOSE",
    "EXPUNGE",
    "SEARCH",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
    "UID",
    "IDLE",
    "ID",
    "ENABLE",
    "NAMESPACE",
    "GETQUOTAROOT",
    "GETQUOTA",
    "XLIST",
    "SORT",
    "THREAD",
    "UNSELECT",
    "COMPRESS",
];

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let start = d.server.bytes;
    let greeted = [&b"* OK"[..], b"* PREAUTH", b"* BYE"]
        .iter()
        .any(|g| start.starts_with(g));
    let mut story = AppStory::of(Protocol::Imap, Confidence::Low);
    let mut last = None;
    let mut tag: &[u8] = b"";
    for line in lines(d, true) {
        let second = line.word(1);
        let known = |verb: &&&str| verb.as_bytes().eq_ignore_ascii_case(second);
        let Some(&verb) = VERBS.iter().find(known) else {
            last.as_ref()?;
            // DONE, or an answer to a challenge, which is never shown.
            continue;
        };
        if verb == "STARTTLS" {
            let ok = |text: &[u8]| text.split(|&b| b == b' ').nth(1) == Some(b"OK");
            if let Some(story) = upgraded(d, &line, Protocol::Imap, ok) {
                return Some(story);
            }
        }
        story.requests += u32::from(line.complete);
        story.clean_quit |= verb == "LOGOUT";
        tag = line.word(0);
        let mut request = line.request(verb);
        request.target = clean(
            mask::line(line.text)
                .splitn(3, |&b| b == b' ')
                .nth(2)
                .unwrap_or_default(),
            120,
        );
        last = Some(request);
    }
    story.confidence = match (greeted, &last) {
        (true, _) => Confidence::High,
        (false, Some(_)) => Confidence::Medium,
        (false, None) => return None,
    };
    story.banner_first = true;
    story.banner_seen = greeted;
    let answer = read_replies(d, &mut story, tag);
    Some(finish(story, d, last, answer))
}

fn read_replies(d: &Dialogue<'_>, story: &mut AppStory, tag: &[u8]) -> Answer {
    let mut answer = Answer::Unknown;
    let mut seen = 0;
    for line in lines(d, false) {
        let (first, status) = (line.word(0), line.word(1));
        seen += line.end - line.offset;
        let untagged = first == b"*" || first == b"+";
        let bye = first == b"*" && status == b"BYE";
        if !untagged {
            story.responses += u32::from(line.complete);
            answer = Answer::Complete;
            seen = 0;
        } else if first == b"+" {
            answer = Answer::Complete;
        } else if answer != Answer::Complete || !bye {
            answer = Answer::Partial {
                expected: None,
                seen,
            };
        }
        if !untagged || bye || story.last_response.is_none() {
            story.last_response = Some(clean(mask::line(line.text), 160));
        }
        let failed = first == tag && (status == b"NO" || status == b"BAD");
        if bye && !story.clean_quit || failed {
            let text = line
                .text
                .splitn(3, |&b| b == b' ')
                .nth(2)
                .unwrap_or_default();
            story.error = Some(AppError {
                code: clean(status, 8),
                text: clean(text, 120),
                from_server: true,
                offset: line.offset,
                fatal: bye,
                blame: if bye { Blame::Server } else { Blame::Client },
                explains_close: bye,
            });
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn a_login_is_hidden_and_bye_explains() {
        let s = story(
            143,
            &[
                ("s", b"* OK IMAP4rev1 ready\r\n"),
                ("c", b"a1 LOGIN joe hunter2\r\n"),
                ("s", b"a1 OK done\r\n"),
                ("c", b"a2 IDLE\r\n"),
                ("s", b"+ idling\r\n* BYE Autologout; idle for too long\r\n"),
            ],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Imap), Confidence::High)
        );
        assert!(!format!("{s:?}").contains("hunter2"));
        assert_eq!(s.last_request.unwrap().summary, "a2 IDLE");
        let e = s.error.unwrap();
        assert_eq!((e.code.as_str(), e.explains_close), ("BYE", true));
    }

    #[test]
    fn literals_are_not_lines() {
        let s = story(
            143,
            &[
                ("s", b"* OK ready\r\n"),
                ("c", b"a1 LOGIN {3}\r\nx LOGOUT\r\n"),
                ("c", b"a2 FETCH 1 BODY[]\r\n"),
                ("s", b"* 1 FETCH (BODY[] {2000}\r\nhello\r\na2 OK no"),
            ],
        );
        assert!(!s.clean_quit);
        assert_eq!(s.last_request.unwrap().verb, "FETCH");
        assert!(
            matches!(s.response, ResponseState::Partial { .. }),
            "{:?}",
            s.response
        );
    }

    #[test]
    fn near_misses() {
        assert_ne!(
            story(143, &[("s", b"* NO\r\n")]).protocol,
            Some(Protocol::Imap)
        );
        assert_ne!(
            story(143, &[("c", b"a1 FROB\r\n")]).protocol,
            Some(Protocol::Imap)
        );
        assert_eq!(
            story(1143, &[("s", b"* OK re")]).protocol,
            Some(Protocol::Imap)
        );
    }
}
