//! IRC (RFC 2812): `ERROR :Closing Link` tells why the server ends it.

use super::chat::server_error;
use super::frames::Answer;
use super::lines::{finish, lines};
use super::protocol::Protocol;
use super::story::{AppStory, Confidence};
use super::talk::Dialogue;
use super::text::clean;

const VERBS: &[&str] = &[
    "NICK",
    "USER",
    "PASS",
    "CAP",
    "JOIN",
    "PART",
    "PRIVMSG",
    "NOTICE",
    "PING",
    "PONG",
    "QUIT",
    "MODE",
    "WHO",
    "WHOIS",
    "LIST",
    "NAMES",
    "TOPIC",
    "OPER",
    "AUTHENTICATE",
    "AWAY",
    "ISON",
    "USERHOST",
    "MOTD",
];

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let opens = opens(d);
    let error = d.server.bytes.starts_with(b"ERROR :");
    let prefixed =
        d.server.bytes.starts_with(b":") || d.server.bytes.starts_with(b"NOTICE ") || error;
    if !opens && !error {
        return None;
    }
    let mut story = AppStory::of(
        Protocol::Irc,
        if prefixed {
            Confidence::High
        } else {
            Confidence::Medium
        },
    );
    let mut last = None;
    for line in lines(d, true, 0) {
        let verb = line.verb();
        if VERBS.contains(&verb.as_str()) {
            story.requests += u32::from(line.complete);
            story.clean_quit |= verb == "QUIT";
            let mut request = line.request(verb.clone());
            if matches!(verb.as_str(), "PRIVMSG" | "NOTICE") {
                // What people say to each other, passwords to services among it.
                request.target = clean(line.word(1), 60);
                request.summary = format!("{verb} {} ...", request.target);
            }
            last = Some(request);
        }
    }
    read_server(d, &mut story);
    Some(finish(story, d, last, Answer::Unknown))
}

/// The client begins as IRC clients do.
fn opens(d: &Dialogue<'_>) -> bool {
    let first = lines(d, true, 0).next();
    first.is_some_and(|l| match l.verb().as_str() {
        "NICK" | "CAP" => true,
        "USER" => !l.word(3).is_empty() && !l.word(4).is_empty(),
        "PASS" => {
            let second = lines(d, true, l.end).next();
            second.is_some_and(|n| n.verb() == "NICK")
        }
        _ => false,
    })
}

fn read_server(d: &Dialogue<'_>, story: &mut AppStory) {
    for line in lines(d, false, 0) {
        let numeric = line.word(1);
        let is_number = numeric.len() == 3 && numeric.iter().all(u8::is_ascii_digit);
        if line.text.starts_with(b"ERROR :") {
            let text = line.text.get(7..).unwrap_or_default();
            story.error =
                Some(server_error(b"ERROR", text, line.offset, true)).filter(|_| !story.clean_quit);
            story.last_response = Some(clean(line.text, 120));
        } else if is_number {
            story.last_response = Some(clean(line.text, 120));
            if matches!(numeric, b"433" | b"464" | b"465") {
                story.error = Some(server_error(
                    numeric,
                    line.text,
                    line.offset,
                    numeric != b"433",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn irc_closing_link() {
        let s = story(
            6667,
            &[
                ("c", b"NICK joe\r\nUSER joe 0 * :Joe\r\n"),
                ("s", b"ERROR :Closing Link: (Throttled)\r\n"),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Irc));
        assert_eq!(s.error.unwrap().text, "Closing Link: (Throttled)");
        let s = story(
            6667,
            &[("c", b"NICK a\r\nPRIVMSG NickServ :IDENTIFY hunter2\r\n")],
        );
        assert!(!format!("{s:?}").contains("hunter2"));
        assert_ne!(
            story(6667, &[("c", b"NICKEL\r\n")]).protocol,
            Some(Protocol::Irc)
        );
    }
}
