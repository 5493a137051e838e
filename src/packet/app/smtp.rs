//! SMTP and LMTP (RFC 5321, RFC 2033), with STARTTLS (RFC 3207).

use super::frames::Answer;
use super::lines::{Line, finish, lines, replies, reply_code, tell_replies, upgraded};
use super::protocol::Protocol;
use super::story::{AppStory, Confidence, Request};
use super::talk::Dialogue;

const VERBS: &[&str] = &[
    "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN",
    "HELP", "AUTH", "STARTTLS", "XCLIENT", "ETRN",
];

/// Verbs that no other protocol with a `220` greeting has.
const OWN: &[&str] = &[
    "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "STARTTLS", "XCLIENT",
];

struct Client<'a> {
    last: Option<Request>,
    commands: u32,
    own: bool,
    quit: bool,
    starttls: Option<Line<'a>>,
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let replies = replies(d);
    if replies.is_none() && !d.server.bytes.is_empty() {
        return None;
    }
    let client = read_client(d)?;
    if let Some(line) = &client.starttls {
        let ready = |text: &[u8]| reply_code(text).is_some_and(|(code, _)| code == 220);
        if let Some(story) = upgraded(d, line, Protocol::Smtp, ready) {
            return Some(story);
        }
    }
    let greeting = d
        .server
        .bytes
        .get(..200)
        .unwrap_or(d.server.bytes)
        .to_ascii_uppercase();
    let mail = memchr::memmem::find(&greeting, b"SMTP").is_some();
    let greeted = replies
        .as_ref()
        .and_then(|r| r.greeting)
        .is_some_and(|c| matches!(c, 220 | 421 | 554));
    let confidence = match (client.own, greeted) {
        (true, true) => Confidence::High,
        (true, false) => Confidence::Medium,
        (false, true) if mail => Confidence::High,
        (false, true) => Confidence::Low,
        _ => return None,
    };
    let mut story = AppStory::of(Protocol::Smtp, confidence);
    story.requests = client.commands;
    story.banner_first = true;
    story.clean_quit = client.quit;
    let answer = replies.as_ref().map_or(Answer::Unknown, |r| r.answer);
    if let Some(replies) = &replies {
        tell_replies(&mut story, replies, &[421, 554, 521]);
        story.clean_quit |= replies.last.as_ref().is_some_and(|l| l.0 == 221);
    }
    Some(finish(story, d, client.last, answer))
}

/// The client's commands. `None` if its first line is none.
fn read_client<'a>(d: &Dialogue<'a>) -> Option<Client<'a>> {
    let mut out = Client {
        last: None,
        commands: 0,
        own: false,
        quit: false,
        starttls: None,
    };
    let mut content: Option<Request> = None;
    let mut skip_to = 0;
    for line in lines(d, true, 0) {
        if line.offset < skip_to {
            continue;
        }
        if let Some(message) = &mut content {
            message.body_seen = line.end.saturating_sub(message.offset);
            message.complete = Some(line.text == b"." && line.complete);
            if message.complete == Some(true) {
                out.last = content.take();
            }
            continue;
        }
        let verb = line.verb();
        if !VERBS.contains(&verb.as_str()) {
            if out.commands == 0 && out.last.is_none() && d.client.starts_at_zero {
                return None;
            }
            // An answer to an AUTH challenge: never shown.
            continue;
        }
        out.own |= OWN.contains(&verb.as_str());
        out.quit |= verb == "QUIT";
        out.commands += u32::from(line.complete);
        match verb.as_str() {
            "STARTTLS" => out.starttls = Some(line),
            "DATA" if go_ahead(d, &line) => {
                content = Some(message(line.end));
            }
            "BDAT" => {
                let request = chunk(d, &line);
                skip_to = line.end.saturating_add(request.body_expected.unwrap_or(0));
                out.last = Some(request);
                continue;
            }
            _ => {}
        }
        out.last = Some(line.request(verb));
    }
    // Content that has begun, even if not a byte of it was seen, is what is being said.
    if let Some(message) = content.filter(|m| m.body_seen > 0) {
        out.last = Some(message);
    }
    Some(out)
}

/// The message that follows DATA.
fn message(offset: u64) -> Request {
    Request {
        summary: "DATA (message content)".to_owned(),
        verb: "DATA".to_owned(),
        offset,
        complete: Some(false),
        ..Request::default()
    }
}

/// BDAT with its chunk (RFC 3030).
fn chunk(d: &Dialogue<'_>, line: &Line<'_>) -> Request {
    let size: Option<u64> = std::str::from_utf8(line.word(1))
        .ok()
        .and_then(|n| n.parse().ok());
    let end = line.end.saturating_add(size.unwrap_or(0));
    Request {
        body_expected: size,
        body_seen: end.min(d.client.total()).saturating_sub(line.end),
        complete: Some(end <= d.client.total()),
        ..line.request("BDAT")
    }
}

/// The server told the client to send the message (354), or its answer was not seen.
fn go_ahead(d: &Dialogue<'_>, line: &Line<'_>) -> bool {
    let Some(start) = d.answer_start(line.offset) else {
        return true;
    };
    // Pipelined commands are answered together, so any of these lines may be the one.
    lines(d, false, start)
        .take(64)
        .any(|l| reply_code(l.text).is_some_and(|(code, _)| code == 354))
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn a_session_that_ends_in_421() {
        let s = story(
            25,
            &[
                ("s", b"220 mx.example ESMTP\r\n"),
                ("c", b"EHLO me.example\r\n"),
                ("s", b"250-mx.example\r\n250 SIZE 1000\r\n"),
                ("c", b"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n"),
                ("s", b"421 4.3.2 shutting down\r\n"),
            ],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Smtp), Confidence::High)
        );
        assert_eq!((s.requests, s.responses), (2, 2));
        assert_eq!(s.last_request.unwrap().summary, "AUTH ...");
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.fatal, e.text.as_str()),
            ("421", true, "4.3.2 shutting down")
        );
    }

    #[test]
    fn message_content_is_one_request() {
        let says: [(&str, &[u8]); 4] = [
            ("s", b"220 mx ESMTP\r\n"),
            ("c", b"HELO a\r\n"),
            ("s", b"250 mx\r\n"),
            ("c", b"DATA\r\n"),
        ];
        let sent = [
            &says[..],
            &[("s", b"354 go\r\n"), ("c", b"Subject: x\r\n\r\nQUIT\r\n")],
        ]
        .concat();
        let s = story(25, &sent);
        let r = s.last_request.unwrap();
        assert_eq!(
            (r.summary.as_str(), r.complete, r.body_seen),
            ("DATA (message content)", Some(false), 20)
        );
        let done = [&sent[..], &[("c", b".\r\n")]].concat();
        let s = story(25, &done);
        assert_eq!(
            (s.outstanding, s.response),
            (Some(true), ResponseState::NotStarted)
        );
        assert!(!s.clean_quit);
    }

    #[test]
    fn starttls_goes_on_as_tls() {
        let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";
        let s = story(
            25,
            &[
                ("s", b"220 mx ESMTP\r\n"),
                ("c", b"EHLO a\r\n"),
                ("s", b"250 STARTTLS\r\n"),
                ("c", b"STARTTLS\r\n"),
                ("s", b"220 ready\r\n"),
                ("c", hello),
            ],
        );
        assert_eq!(s.layers, [Protocol::Smtp, Protocol::Tls]);
        assert_eq!(s.last_request.unwrap().offset, 18);
        assert_eq!(s.plaintext_mismatch, None);
    }

    #[test]
    fn a_refusal_by_greeting_and_near_misses() {
        let s = story(25, &[("s", b"554 mx ESMTP no service for you\r\n")]);
        assert_eq!(s.protocol, Some(Protocol::Smtp));
        assert!(s.error.unwrap().explains_close && s.banner_seen);
        let s = story(25, &[("s", b"220 mx ESM")]);
        assert_eq!(s.protocol, Some(Protocol::Smtp));
        assert_ne!(
            story(25, &[("s", b"22 mx\r\n"), ("c", b"EHLO a\r\n")]).protocol,
            Some(Protocol::Smtp)
        );
    }
}
