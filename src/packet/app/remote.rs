//! VNC, telnet and SOCKS: ways to somewhere else.

use super::cursor::Cursor;
use super::frames::Answer;
use super::frames::settle;
use super::lines::first_line;
use super::protocol::Protocol;
use super::registry;
use super::story::{AppError, AppStory, Blame, Confidence, Request, ResponseState};
use super::talk::Dialogue;
use super::text::clean;
use std::net::{Ipv4Addr, Ipv6Addr};

/// VNC (RFC 6143): both sides begin with `RFB 003.008`, the server first.
pub(super) fn vnc(d: &Dialogue<'_>) -> Option<AppStory> {
    let server = d.server.bytes.starts_with(b"RFB 00");
    if !server && !d.client.bytes.starts_with(b"RFB 00") {
        return None;
    }
    let mut story = AppStory::of(Protocol::Vnc, Confidence::High);
    (story.banner_first, story.banner_seen) = (true, server);
    story.last_response = server.then(|| clean(first_line(d.server.bytes), 40));
    // No security types: the reason follows (RFC 6143 7.1.2).
    let mut c = Cursor::from(d.server.bytes, 12);
    if server && c.u8() == Some(0) {
        let len = c.be32().unwrap_or(0);
        let text = clean(c.take_some(usize::try_from(len).unwrap_or(0)), 120);
        story.last_response = Some(text.clone());
        story.error = Some(AppError {
            code: "refused".to_owned(),
            text,
            from_server: true,
            offset: 12,
            fatal: true,
            blame: Blame::Either,
            explains_close: true,
        });
    }
    if d.client.bytes.starts_with(b"RFB 00") {
        let after = d.client.total() > 12;
        let request = Request {
            summary: if after {
                "VNC messages".to_owned()
            } else {
                format!("VNC {}", clean(first_line(d.client.bytes), 40))
            },
            verb: if after { "messages" } else { "version" }.to_owned(),
            offset: if after {
                d.last_turn(true).unwrap_or(12)
            } else {
                0
            },
            complete: (!after).then_some(d.client.total() >= 12),
            ..Request::default()
        };
        settle(&mut story, d, request, Answer::Unknown);
    }
    Some(story)
}

/// Telnet (RFC 854): option negotiation at the start. What is typed is never shown.
pub(super) fn telnet(d: &Dialogue<'_>) -> Option<AppStory> {
    let negotiates = |bytes: &[u8]| matches!(bytes, [0xff, 0xfb..=0xfe, 0..=50, ..]);
    let (client, server) = (negotiates(d.client.bytes), negotiates(d.server.bytes));
    if !client && !server {
        return None;
    }
    let confidence = if client && server {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let mut story = AppStory::of(Protocol::Telnet, confidence);
    if !d.client.bytes.is_empty() {
        let typed = d.client.total() > 60;
        let verb = if typed { "input" } else { "negotiation" };
        let request = Request {
            summary: format!("telnet {verb}"),
            verb: verb.to_owned(),
            offset: d.last_turn(true).unwrap_or(0),
            ..Request::default()
        };
        settle(&mut story, d, request, Answer::Unknown);
    }
    Some(story)
}

/// SOCKS 4 and 5 (RFC 1928), and the protocol inside once the way is open.
pub(super) fn socks(d: &Dialogue<'_>) -> Option<AppStory> {
    match d.client.bytes.first()? {
        5 => socks_5(d),
        4 => socks_4(d),
        _ => None,
    }
}

fn socks_5(d: &Dialogue<'_>) -> Option<AppStory> {
    let mut c = Cursor::new(d.client.bytes);
    c.u8()?;
    let methods = usize::from(c.u8()?);
    let offered = c.take(methods)?;
    let mut s = Cursor::new(d.server.bytes);
    let chosen = match (s.u8(), s.u8()) {
        (Some(5), Some(method)) if method == 0xff || offered.contains(&method) => Some(method),
        (None, _) if d.server_port == 1080 => None,
        _ => return None,
    };
    if chosen == Some(2) {
        // User name and password (RFC 1929): passed over.
        c.u8()?;
        c.vec8()?;
        c.vec8()?;
        s.skip(2);
    }
    let at = c.position();
    let mut story = AppStory::of(Protocol::Socks, Confidence::High);
    let Some(target) = socks_5_target(&mut c) else {
        let request = socks_request("greeting", String::new(), 0);
        settle(&mut story, d, request, Answer::Complete);
        refused(
            &mut story,
            (chosen == Some(0xff)).then_some(0xff),
            "no acceptable authentication method",
        );
        return Some(story);
    };
    let asked = c.position() as u64;
    let reply_at = s.position();
    let status = s.skip(1).and_then(|()| s.u8());
    if status == Some(0) {
        s.u8();
        if skip_address(&mut s).is_some() && s.skip(2).is_some() {
            let request = socks_request("CONNECT", target, at as u64);
            return Some(tunnel(d, asked, s.position() as u64, request));
        }
    }
    let request = socks_request("CONNECT", target, at as u64);
    let answer = if status.is_some() {
        Answer::Complete
    } else {
        Answer::Unknown
    };
    settle(&mut story, d, request, answer);
    if d.server.bytes.len() <= reply_at {
        story.outstanding = Some(true);
        story.response = ResponseState::NotStarted;
    }
    refused(
        &mut story,
        status.filter(|&s| s != 0),
        socks_5_error(status),
    );
    Some(story)
}

/// RFC 1928 6.
fn socks_5_error(status: Option<u8>) -> &'static str {
    match status.unwrap_or(0) {
        1 => "general failure",
        2 => "not allowed by ruleset",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        _ => "failure",
    }
}

fn skip_address(c: &mut Cursor<'_>) -> Option<()> {
    match c.u8()? {
        1 => c.skip(4),
        4 => c.skip(16),
        3 => c.vec8().map(|_| ()),
        _ => None,
    }
}

fn socks_5_target(c: &mut Cursor<'_>) -> Option<String> {
    let (version, command, _) = (c.u8()?, c.u8()?, c.u8()?);
    if version != 5 || !(1..=3).contains(&command) {
        return None;
    }
    let host = match c.u8()? {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(c.take(4)?).ok()?).to_string(),
        4 => format!(
            "[{}]",
            Ipv6Addr::from(<[u8; 16]>::try_from(c.take(16)?).ok()?)
        ),
        3 => clean(c.vec8()?, 100),
        _ => return None,
    };
    Some(format!("{host}:{}", c.be16()?))
}

fn socks_4(d: &Dialogue<'_>) -> Option<AppStory> {
    let mut c = Cursor::new(d.client.bytes);
    c.u8()?;
    if c.u8()? != 1 {
        return None;
    }
    let port = c.be16()?;
    let ip = Ipv4Addr::from(<[u8; 4]>::try_from(c.take(4)?).ok()?);
    let user = c.c_str();
    let granted = matches!(d.server.bytes, [0, 90..=93, ..]);
    let silent = d.server.bytes.is_empty() && d.server_port == 1080;
    if !(granted || silent) || user.len() > 255 {
        return None;
    }
    let host = if ip.octets()[..3] == [0, 0, 0] {
        clean(c.c_str(), 100)
    } else {
        ip.to_string()
    };
    let request = socks_request("CONNECT", format!("{host}:{port}"), 0);
    if d.server.bytes.get(1) == Some(&90) && d.server.bytes.len() >= 8 {
        return Some(tunnel(d, c.position() as u64, 8, request));
    }
    let mut story = AppStory::of(Protocol::Socks, Confidence::High);
    settle(
        &mut story,
        d,
        Request {
            complete: Some(true),
            ..request
        },
        Answer::Complete,
    );
    refused(
        &mut story,
        d.server.bytes.get(1).copied(),
        "request rejected",
    );
    Some(story)
}

fn socks_request(verb: &str, target: String, offset: u64) -> Request {
    Request {
        summary: format!("SOCKS {verb} {target}").trim_end().to_owned(),
        verb: verb.to_owned(),
        target,
        offset,
        complete: Some(true),
        ..Request::default()
    }
}

fn refused(story: &mut AppStory, code: Option<u8>, text: &str) {
    story.client_is_first_endpoint = Some(true);
    if let Some(code) = code {
        story.last_response = Some(format!("SOCKS {text}"));
        story.error = Some(AppError {
            code: code.to_string(),
            text: text.to_owned(),
            from_server: true,
            fatal: true,
            explains_close: true,
            ..AppError::default()
        });
    }
}

fn tunnel(d: &Dialogue<'_>, client_at: u64, server_at: u64, request: Request) -> AppStory {
    let inner = d.inner(client_at, server_at, registry::best);
    let mut story = inner.nested(&[Protocol::Socks], client_at, server_at);
    story.protocol.get_or_insert(Protocol::Socks);
    story.confidence = Confidence::High;
    story.client_is_first_endpoint = Some(true);
    if story.last_request.is_none() {
        story.last_request = Some(request);
        story.outstanding = Some(false);
        story.response = ResponseState::Complete;
    }
    story
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn vnc_says_why_it_refuses() {
        let s = story(
            5900,
            &[
                ("s", b"RFB 003.008\n"),
                ("c", b"RFB 003.008\n"),
                ("s", b"\0\0\0\0\x04busy"),
            ],
        );
        assert_eq!(
            (s.protocol, s.error.unwrap().text.as_str()),
            (Some(Protocol::Vnc), "busy")
        );
        let s = story(5900, &[("c", b"RFB 003.003\n")]);
        assert_eq!((s.banner_seen, s.outstanding), (false, Some(true)));
        assert_ne!(
            story(5900, &[("s", b"RFC 003.008\n")]).protocol,
            Some(Protocol::Vnc)
        );
    }

    #[test]
    fn telnet_shows_nothing_typed() {
        let typed = [&b"\xff\xfb\x18"[..], &[b'x'; 60], b"hunter2\r\n"].concat();
        let s = story(23, &[("s", b"\xff\xfd\x18"), ("c", &typed)]);
        assert_eq!(s.protocol, Some(Protocol::Telnet));
        assert!(!format!("{s:?}").contains("hunter2"));
        assert_ne!(
            story(23, &[("s", b"\xff\x01\x18")]).protocol,
            Some(Protocol::Telnet)
        );
    }

    #[test]
    fn socks_and_what_is_inside() {
        let ask = b"\x05\x01\0\x03\x07b.examp\x00\x50";
        let s = story(
            1080,
            &[
                ("c", b"\x05\x01\0"),
                ("s", b"\x05\0"),
                ("c", ask),
                ("s", b"\x05\x05\0\x01\0\0\0\0\0\0"),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Socks));
        assert_eq!(s.last_request.unwrap().summary, "SOCKS CONNECT b.examp:80");
        assert_eq!(s.error.unwrap().text, "connection refused");
        let says: [(&str, &[u8]); 5] = [
            ("c", b"\x05\x01\0"),
            ("s", b"\x05\0"),
            ("c", ask),
            ("s", b"\x05\0\0\x01\0\0\0\0\0\0"),
            ("c", b"GET / HTTP/1.1\r\nHost: b\r\n\r\n"),
        ];
        let s = story(1080, &says);
        assert_eq!(s.layers, [Protocol::Socks, Protocol::Http1]);
        assert_eq!(s.last_request.unwrap().offset, 3 + ask.len() as u64);
        assert_ne!(
            story(1080, &[("c", b"\x05\x01\0"), ("s", b"\x04\0")]).protocol,
            Some(Protocol::Socks)
        );
    }
}
