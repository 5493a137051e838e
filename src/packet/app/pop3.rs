//! POP3 (RFC 1939) with STLS (RFC 2595).

use super::frames::Answer;
use super::lines::{finish, lines, upgraded};
use super::mask;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence};
use super::talk::Dialogue;
use super::text::clean;

const VERBS: &[&str] = &[
    "USER", "PASS", "APOP", "AUTH", "CAPA", "STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "TOP",
    "UIDL", "QUIT", "STLS", "UTF8", "LANG",
];

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let start = d.server.bytes;
    let status = start.starts_with(b"+OK") || start.starts_with(b"-ERR");
    if !status && !start.is_empty() {
        return None;
    }
    let mut story = AppStory::of(Protocol::Pop3, Confidence::Low);
    let mut last = None;
    for line in lines(d, true, 0) {
        let verb = line.verb();
        if !VERBS.contains(&verb.as_str()) {
            last.as_ref()?;
            continue;
        }
        if verb == "STLS"
            && let Some(story) = upgraded(d, &line, Protocol::Pop3, |t| t.starts_with(b"+OK"))
        {
            return Some(story);
        }
        story.requests += u32::from(line.complete);
        story.clean_quit |= verb == "QUIT";
        last = Some(line.request(verb));
    }
    story.confidence = match (status, &last) {
        (true, _) => Confidence::High,
        (false, Some(r)) if matches!(r.verb.as_str(), "STAT" | "UIDL" | "STLS" | "CAPA") => {
            Confidence::Medium
        }
        (false, Some(_)) => Confidence::Low,
        (false, None) => return None,
    };
    let long = last.as_ref().is_some_and(|r| {
        matches!(r.verb.as_str(), "RETR" | "TOP" | "CAPA")
            || matches!(r.verb.as_str(), "LIST" | "UIDL") && r.target.is_empty()
    });
    let answer = read_replies(d, &mut story, long);
    Some(finish(story, d, last, answer))
}

fn read_replies(d: &Dialogue<'_>, story: &mut AppStory, long: bool) -> Answer {
    story.banner_first = true;
    let mut answer = Answer::Unknown;
    let mut replies = 0_u32;
    for line in lines(d, false, 0) {
        let error = line.text.starts_with(b"-ERR");
        if error || line.text.starts_with(b"+OK") {
            story.banner_seen = true;
            replies += u32::from(line.complete);
            story.last_response = Some(clean(mask::line(line.text), 160));
            answer = Answer::Complete;
            if long && !error {
                answer = Answer::Partial {
                    expected: None,
                    seen: 0,
                };
            }
            story.error = error.then(|| AppError {
                code: "-ERR".to_owned(),
                text: clean(line.text.get(5..).unwrap_or_default(), 120),
                from_server: true,
                offset: line.offset,
                blame: if line.text.starts_with(b"-ERR [SYS") {
                    Blame::Server
                } else {
                    Blame::Either
                },
                fatal: replies == 1,
                explains_close: replies == 1,
            });
        } else if line.text == b"." && line.complete {
            answer = Answer::Complete;
        } else if let Answer::Partial { seen, .. } = &mut answer {
            *seen = seen.saturating_add(line.text.len() as u64 + 2);
        }
    }
    story.responses = replies.saturating_sub(1);
    answer
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn a_message_that_is_cut() {
        let s = story(
            110,
            &[
                ("s", b"+OK ready\r\n"),
                ("c", b"USER joe\r\n"),
                ("s", b"+OK\r\n"),
                ("c", b"PASS hunter2\r\n"),
                ("s", b"+OK\r\n"),
                ("c", b"RETR 1\r\n"),
                ("s", b"+OK 5000 octets\r\nSubject: x\r\n"),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Pop3));
        assert_eq!((s.requests, s.responses), (3, 3));
        assert_eq!(
            s.response,
            ResponseState::Partial {
                expected: None,
                seen: 12
            }
        );
        assert!(!format!("{s:?}").contains("hunter2"));
    }

    #[test]
    fn errors_quits_and_near_misses() {
        let s = story(110, &[("s", b"-ERR too many connections\r\n")]);
        assert!(s.error.unwrap().explains_close);
        let s = story(
            110,
            &[("s", b"+OK\r\n"), ("c", b"QUIT\r\n"), ("s", b"+OK bye\r\n")],
        );
        assert!(s.clean_quit);
        assert_ne!(
            story(110, &[("s", b"+NO\r\n"), ("c", b"STAT\r\n")]).protocol,
            Some(Protocol::Pop3)
        );
    }
}
