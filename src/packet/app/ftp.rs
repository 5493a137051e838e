//! FTP control connections (RFC 959, RFC 2428, RFC 4217).

use super::frames::Answer;
use super::lines::{Line, finish, lines, replies, reply_code, tell_replies, upgraded};
use super::protocol::Protocol;
use super::story::{AppStory, Confidence};
use super::talk::Dialogue;
use std::net::{IpAddr, Ipv4Addr};

const VERBS: &[&str] = &[
    "USER", "PASS", "ACCT", "CWD", "CDUP", "QUIT", "REIN", "PORT", "PASV", "TYPE", "STRU", "MODE",
    "RETR", "STOR", "STOU", "APPE", "ALLO", "REST", "RNFR", "RNTO", "ABOR", "DELE", "RMD", "MKD",
    "PWD", "XPWD", "LIST", "NLST", "SITE", "SYST", "STAT", "HELP", "NOOP", "FEAT", "OPTS", "EPRT",
    "EPSV", "AUTH", "PBSZ", "PROT", "MLSD", "MLST", "SIZE", "MDTM", "CLNT", "HOST", "CCC", "LANG",
    "ADAT",
];

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let replies = replies(d);
    if replies.is_none() && !d.server.bytes.is_empty() {
        return None;
    }
    let mut story = AppStory::of(Protocol::Ftp, Confidence::Low);
    let mut last = None;
    let mut own = false;
    for line in lines(d, true, 0) {
        // Telnet's interrupt may stand before ABOR.
        let verb = line.verb();
        if !VERBS.contains(&verb.as_str()) {
            if last.is_none() && d.client.starts_at_zero {
                return None;
            }
            continue;
        }
        if verb == "AUTH" {
            let granted = |text: &[u8]| reply_code(text).is_some_and(|(code, _)| code == 234);
            if let Some(story) = upgraded(d, &line, Protocol::Ftp, granted) {
                return Some(story);
            }
        }
        own |= matches!(
            verb.as_str(),
            "USER" | "PASV" | "EPSV" | "PORT" | "RETR" | "CWD" | "FEAT" | "SYST" | "AUTH"
        );
        story.requests += u32::from(line.complete);
        story.clean_quit |= verb == "QUIT";
        story
            .data_endpoints
            .extend(announced_by_client(&verb, &line));
        last = Some(line.request(verb));
    }
    story.confidence = confidence(d, own, replies.as_ref().and_then(|r| r.greeting))?;
    for line in lines(d, false, 0) {
        story.data_endpoints.extend(announced_by_server(&line));
    }
    story.banner_first = true;
    let answer = replies.as_ref().map_or(Answer::Unknown, |r| r.answer);
    if let Some(replies) = &replies {
        tell_replies(&mut story, replies, &[421]);
        story.clean_quit |= replies.last.as_ref().is_some_and(|l| l.0 == 221);
    }
    Some(finish(story, d, last, answer))
}

fn confidence(d: &Dialogue<'_>, own: bool, greeting_code: Option<u16>) -> Option<Confidence> {
    let greeting = d
        .server
        .bytes
        .get(..200)
        .unwrap_or(d.server.bytes)
        .to_ascii_uppercase();
    let named = memchr::memmem::find(&greeting, b"FTP").is_some();
    let greeted = greeting_code.is_some_and(|c| matches!(c, 220 | 120 | 421 | 530 | 500));
    Some(match (own, greeted) {
        (true, true) => Confidence::High,
        (false, true) if named => Confidence::High,
        (true, false) if d.server.bytes.is_empty() => Confidence::Medium,
        (false, true) => Confidence::Low,
        _ => return None,
    })
}

/// `PORT h1,h2,h3,h4,p1,p2` and `EPRT |1|address|port|`.
fn announced_by_client(verb: &str, line: &Line<'_>) -> Option<(IpAddr, u16)> {
    match verb {
        "PORT" => six_numbers(line.word(1)),
        "EPRT" => {
            let text = std::str::from_utf8(line.word(1)).ok()?;
            let mark = text.chars().next()?;
            let mut parts = text.split(mark).skip(2);
            let address: IpAddr = parts.next()?.parse().ok()?;
            Some((address, parts.next()?.parse().ok()?))
        }
        _ => None,
    }
}

/// `227 ... (h1,h2,h3,h4,p1,p2)` and `229 ... (|||port|)`. The latter names no address: it is the
/// server's own, told here as 0.0.0.0.
fn announced_by_server(line: &Line<'_>) -> Option<(IpAddr, u16)> {
    let (code, _) = reply_code(line.text)?;
    let open = memchr::memchr(b'(', line.text).map_or(4, |at| at + 1);
    let inside = line.text.get(open..)?;
    match code {
        227 => {
            let start = inside.iter().position(u8::is_ascii_digit)?;
            six_numbers(inside.get(start..)?)
        }
        229 => {
            let text = std::str::from_utf8(inside).ok()?;
            let mut parts = text.split(text.chars().next()?).skip(3);
            Some((Ipv4Addr::UNSPECIFIED.into(), parts.next()?.parse().ok()?))
        }
        _ => None,
    }
}

fn six_numbers(text: &[u8]) -> Option<(IpAddr, u16)> {
    let mut numbers = [0_u8; 6];
    let mut parts = text.split(|&b| b == b',');
    for number in &mut numbers {
        let part = parts.next()?;
        let digits = part.iter().take_while(|b| b.is_ascii_digit()).count();
        *number = std::str::from_utf8(part.get(..digits)?)
            .ok()?
            .parse()
            .ok()?;
    }
    let [a, b, c, d, high, low] = numbers;
    Some((
        Ipv4Addr::new(a, b, c, d).into(),
        u16::from_be_bytes([high, low]),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn data_endpoints_and_masked_passwords() {
        let s = story(
            21,
            &[
                ("s", b"220 (vsFTPd 3.0)\r\n"),
                ("c", b"USER joe\r\n"),
                ("s", b"331 password please\r\n"),
                ("c", b"PASS hunter2\r\n"),
                ("s", b"230 in\r\n"),
                ("c", b"PASV\r\n"),
                ("s", b"227 Entering Passive Mode (192,0,2,5,195,80).\r\n"),
                ("c", b"EPSV\r\n"),
                ("s", b"229 Entering Extended Passive Mode (|||50001|)\r\n"),
                ("c", b"PORT 10,0,0,9,4,1\r\n"),
                ("s", b"200 ok\r\n"),
                ("c", b"EPRT |2|2001:db8::9|5282|\r\n"),
            ],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Ftp), Confidence::High)
        );
        let mut ends: Vec<String> = s
            .data_endpoints
            .iter()
            .map(|(a, p)| format!("{a} {p}"))
            .collect();
        ends.sort();
        assert_eq!(
            ends,
            [
                "0.0.0.0 50001",
                "10.0.0.9 1025",
                "192.0.2.5 50000",
                "2001:db8::9 5282"
            ]
        );
        assert_eq!(s.outstanding, Some(true));
    }

    #[test]
    fn a_password_is_never_shown() {
        let s = story(
            21,
            &[
                ("s", b"220 FTP\r\n"),
                ("c", b"PASS hunter2\r\n"),
                ("s", b"530 3 connections per host\r\n"),
            ],
        );
        let shown = format!("{s:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(s.error.unwrap().code, "530");
    }

    #[test]
    fn the_greeting_tells_mail_from_files() {
        assert_eq!(
            story(2121, &[("s", b"220 ProFTPD ready\r\n")]).protocol,
            Some(Protocol::Ftp)
        );
        assert_eq!(
            story(21, &[("s", b"220 hello\r\n")]).protocol,
            Some(Protocol::Ftp)
        );
        assert_eq!(
            story(25, &[("s", b"220 hello\r\n")]).protocol,
            Some(Protocol::Smtp)
        );
        assert_ne!(
            story(21, &[("s", b"hello\r\n"), ("c", b"USER x\r\n")]).protocol,
            Some(Protocol::Ftp)
        );
        let s = story(21, &[("s", b"220 FTP\r\n"), ("c", b"RETR big")]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
    }
}
