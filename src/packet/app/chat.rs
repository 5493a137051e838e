//! Small line protocols: NATS, STOMP, NNTP, rsync.

use super::frames::{Answer, Frames};
use super::lines::{finish, first_line, lines, replies, tell_replies};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

pub(super) fn server_error(code: &[u8], text: &[u8], offset: u64, fatal: bool) -> AppError {
    AppError {
        code: clean(code, 24),
        text: clean(text, 120),
        from_server: true,
        offset,
        fatal,
        blame: Blame::Either,
        explains_close: fatal,
    }
}

/// NATS: the server greets with `INFO {json}`; `-ERR` ends the connection.
pub(super) fn nats(d: &Dialogue<'_>) -> Option<AppStory> {
    const VERBS: &[&str] = &["CONNECT", "PUB", "HPUB", "SUB", "UNSUB", "PING", "PONG"];
    let greeted = d.server.bytes.starts_with(b"INFO {");
    let silent = d.server.bytes.is_empty();
    if !(greeted || silent && d.client.bytes.starts_with(b"CONNECT {")) {
        return None;
    }
    let mut story = AppStory::of(Protocol::Nats, Confidence::High);
    (story.banner_first, story.banner_seen) = (true, greeted);
    let mut last = None;
    for line in lines(d, true, 0) {
        let verb = line.verb();
        if VERBS.contains(&verb.as_str()) {
            story.requests += u32::from(line.complete);
            // CONNECT carries user and password.
            let subject = if verb == "CONNECT" {
                "..."
            } else {
                &*clean(line.word(1), 80)
            };
            last = Some(Request {
                summary: clean(format!("{verb} {subject}").trim_end(), 160),
                target: subject.to_owned(),
                ..line.request(verb)
            });
        }
    }
    for line in lines(d, false, 0) {
        if line.text.starts_with(b"-ERR") {
            story.error = Some(server_error(b"-ERR", line.text, line.offset, true));
        }
        if [&b"-ERR"[..], b"+OK", b"PING", b"PONG"]
            .iter()
            .any(|p| line.text.starts_with(p))
        {
            story.last_response = Some(clean(line.text, 120));
            story.responses += u32::from(line.text == b"+OK" || line.text == b"PONG");
        }
    }
    Some(finish(story, d, last, Answer::Unknown))
}

/// STOMP: frames that end with a NUL byte.
pub(super) fn stomp(d: &Dialogue<'_>) -> Option<AppStory> {
    fn length(data: &[u8]) -> Option<u64> {
        if matches!(data.first(), Some(b'\n' | b'\r')) {
            return Some(1);
        }
        let verb = first_line(data);
        let valid = !verb.is_empty() && verb.len() <= 12 && verb.iter().all(u8::is_ascii_uppercase);
        valid.then(|| memchr::memchr(0, data).map_or(data.len() as u64 + 1, |n| n as u64 + 1))
    }
    let opens = d.client.bytes.starts_with(b"CONNECT\n")
        || d.client.bytes.starts_with(b"STOMP\n")
        || d.client.bytes.starts_with(b"CONNECT\r\n")
        || d.client.bytes.starts_with(b"STOMP\r\n");
    if !opens {
        return None;
    }
    let mut story = AppStory::of(Protocol::Stomp, Confidence::High);
    let header = |data: &[u8], name: &[u8]| {
        data.split(|&b| b == b'\n')
            .skip(1)
            .take_while(|l| !l.trim_ascii().is_empty())
            .find_map(|l| l.strip_prefix(name).map(|v| clean(v.trim_ascii_end(), 100)))
    };
    let mut last = None;
    for frame in Frames::new(d, true, 0, length).filter(|f| f.len > 1) {
        let verb = clean(first_line(frame.data), 16);
        let target = header(frame.data, b"destination:").unwrap_or_default();
        story.requests += u32::from(frame.complete());
        story.clean_quit |= verb == "DISCONNECT";
        let mut request = Request::framed(
            &frame,
            verb.clone(),
            format!("{verb} {target}").trim_end().to_owned(),
        );
        request.host = header(frame.data, b"host:").unwrap_or_default();
        request.target = target;
        last = Some(request);
    }
    let mut answer = Answer::Unknown;
    for frame in Frames::new(d, false, 0, length).filter(|f| f.len > 1) {
        let verb = first_line(frame.data);
        answer = Answer::of(&frame);
        story.responses += u32::from(frame.complete());
        let message = header(frame.data, b"message:").unwrap_or_default();
        story.last_response = Some(
            format!("{} {message}", clean(verb, 16))
                .trim_end()
                .to_owned(),
        );
        if verb == b"ERROR" {
            story.error = Some(server_error(
                b"ERROR",
                message.as_bytes(),
                frame.offset,
                true,
            ));
        }
    }
    Some(finish(story, d, last, answer))
}

/// NNTP: replies of three digits, `200` or `201` first.
pub(super) fn nntp(d: &Dialogue<'_>) -> Option<AppStory> {
    const VERBS: &[&str] = &[
        "ARTICLE",
        "BODY",
        "GROUP",
        "HEAD",
        "HELP",
        "IHAVE",
        "LAST",
        "LIST",
        "MODE",
        "NEWGROUPS",
        "NEWNEWS",
        "NEXT",
        "OVER",
        "XOVER",
        "POST",
        "QUIT",
        "STAT",
        "CAPABILITIES",
        "AUTHINFO",
        "STARTTLS",
        "DATE",
        "XHDR",
    ];
    let replies = replies(d)?;
    let greeted = matches!(replies.greeting, Some(200 | 201 | 400 | 502));
    let mut story = AppStory::of(Protocol::Nntp, Confidence::Low);
    let mut last = None;
    for line in lines(d, true, 0) {
        let verb = line.verb();
        if VERBS.contains(&verb.as_str()) {
            story.requests += u32::from(line.complete);
            story.clean_quit |= verb == "QUIT";
            last = Some(line.request(verb));
        }
    }
    let known = last.as_ref().is_some_and(|r| {
        matches!(
            r.verb.as_str(),
            "GROUP" | "ARTICLE" | "MODE" | "CAPABILITIES" | "XOVER"
        )
    });
    story.confidence = match (greeted, known) {
        (true, true) => Confidence::High,
        (true, false) if d.client.bytes.is_empty() || last.is_some() => Confidence::Low,
        _ => return None,
    };
    tell_replies(&mut story, &replies, &[400, 502, 205]);
    Some(finish(story, d, last, replies.answer))
}

/// rsync daemon: `@RSYNCD: version` both ways.
pub(super) fn rsync(d: &Dialogue<'_>) -> Option<AppStory> {
    let server = d.server.bytes.starts_with(b"@RSYNCD:") || d.server.bytes.starts_with(b"@ERROR");
    if !server && !d.client.bytes.starts_with(b"@RSYNCD:") {
        return None;
    }
    let mut story = AppStory::of(Protocol::Rsync, Confidence::High);
    (story.banner_first, story.banner_seen) = (true, server);
    let mut last = None;
    // Version, then the module's name; what follows is an answer to a challenge or binary.
    for (n, line) in lines(d, true, 0).take(2).enumerate() {
        let verb = if n == 0 { "version" } else { "module" };
        let mut request = line.request(verb);
        request.target = clean(line.text, 100);
        request.summary = format!("rsync {verb} {}", request.target);
        last = Some(request);
        story.requests += u32::from(line.complete);
    }
    for line in lines(d, false, 0).take(64) {
        if let Some(text) = line.text.strip_prefix(b"@ERROR") {
            let text = text.strip_prefix(b":").unwrap_or(text).trim_ascii();
            story.error = Some(server_error(b"@ERROR", text, line.offset, true));
        }
        if line.text.starts_with(b"@") {
            story.clean_quit |= line.text == b"@RSYNCD: EXIT";
            story.last_response = Some(clean(line.text.get(..40).unwrap_or(line.text), 120));
        }
    }
    Some(finish(story, d, last, Answer::Unknown))
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn nats_errors_and_hidden_passwords() {
        let s = story(
            4222,
            &[
                ("s", b"INFO {\"server_id\":\"x\"}\r\n"),
                ("c", b"CONNECT {\"pass\":\"hunter2\"}\r\n"),
                ("s", b"-ERR 'Authorization Violation'\r\n"),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Nats));
        assert!(!format!("{s:?}").contains("hunter2"));
        assert!(s.error.unwrap().explains_close);
        assert_ne!(
            story(4222, &[("s", b"INFO x\r\n")]).protocol,
            Some(Protocol::Nats)
        );
    }

    #[test]
    fn stomp_frames() {
        let connect = b"CONNECT\nhost:q.example\nlogin:joe\npasscode:hunter2\n\n\0\nSEND\ndestination:/q/a\n\nhel";
        let s = story(
            61613,
            &[("c", connect), ("s", b"ERROR\nmessage:bad login\n\n\0")],
        );
        assert_eq!(s.protocol, Some(Protocol::Stomp));
        assert!(!format!("{s:?}").contains("hunter2"));
        let r = s.last_request.unwrap();
        assert_eq!((r.summary.as_str(), r.complete), ("SEND /q/a", Some(false)));
        assert_eq!(s.error.unwrap().text, "bad login");
        assert_ne!(
            story(61613, &[("c", b"CONNECTED\n\n\0")]).protocol,
            Some(Protocol::Stomp)
        );
    }

    #[test]
    fn nntp_and_rsync() {
        let s = story(
            119,
            &[
                ("s", b"200 news ready\r\n"),
                ("c", b"GROUP misc\r\n"),
                ("s", b"400 idle\r\n"),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Nntp));
        assert!(s.error.unwrap().explains_close);
        let s = story(
            873,
            &[
                ("s", b"@RSYNCD: 31.0\n"),
                ("c", b"@RSYNCD: 31.0\nbackup\n"),
                ("s", b"@ERROR: max connections (4) reached\n"),
            ],
        );
        assert_eq!(
            (s.protocol, s.last_request.unwrap().summary.as_str()),
            (Some(Protocol::Rsync), "rsync module backup")
        );
        assert_eq!(s.error.unwrap().text, "max connections (4) reached");
        assert_ne!(
            story(873, &[("s", b"@RSYNC 31\n")]).protocol,
            Some(Protocol::Rsync)
        );
    }
}
