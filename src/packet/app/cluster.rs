//! Machines among themselves: ZooKeeper, Aerospike, OpenFlow, XMPP.

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, exchange, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

const FOUR_LETTERS: &[&[u8]] = &[
    b"ruok", b"stat", b"srvr", b"mntr", b"conf", b"cons", b"dump", b"envi", b"isro", b"wchs",
];

fn zookeeper_length(data: &[u8]) -> Option<u64> {
    let len = Cursor::new(data).be32()?;
    (4..=1 << 22).contains(&len).then(|| u64::from(len) + 4)
}

/// ZooKeeper: a connect request of 44 or 45 bytes, then xid and operation.
pub(super) fn zookeeper(d: &Dialogue<'_>) -> Option<AppStory> {
    let word = d.client.bytes.trim_ascii_end();
    if FOUR_LETTERS.contains(&word) && d.server_port == 2181 {
        let mut story = AppStory::of(Protocol::ZooKeeper, Confidence::Medium);
        let verb = clean(word, 8);
        let request = Request {
            summary: format!("ZooKeeper {verb}"),
            verb,
            complete: Some(true),
            ..Request::default()
        };
        settle(&mut story, d, request, Answer::Unknown);
        return Some(story);
    }
    let mut c = Cursor::new(d.client.bytes);
    let (len, version, _zxid, timeout) = (c.be32()?, c.be32()?, c.be64()?, c.be32()?);
    let answered =
        d.server.bytes.is_empty() || zookeeper_length(d.server.bytes).is_some_and(|n| n <= 64);
    if !matches!(len, 28 | 29 | 44 | 45) || version != 0 || timeout > 600_000 || !answered {
        return None;
    }
    let mut story = AppStory::of(Protocol::ZooKeeper, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [zookeeper_length; 2],
        |frame, story| {
            let mut c = Cursor::from(frame.data, 4);
            if frame.offset == 0 {
                return Some(Request::framed(
                    frame,
                    "connect",
                    format!("ZooKeeper connect, session timeout {timeout} ms"),
                ));
            }
            let (_xid, operation) = (c.be32()?, c.be32()?);
            let verb = match operation.cast_signed() {
                1 => "create",
                2 => "delete",
                3 => "exists",
                4 => "getData",
                5 => "setData",
                8 => "getChildren",
                9 => "sync",
                11 => "ping",
                12 => "getChildren2",
                14 => "multi",
                100 => "auth",
                101 => "setWatches",
                -11 => "closeSession",
                _ => "request",
            };
            story.clean_quit |= verb == "closeSession";
            let path = match operation {
                1..=5 | 8 | 9 | 12 => {
                    let len = c.be32().unwrap_or(0);
                    clean(c.take_some(usize::try_from(len).unwrap_or(0).min(400)), 100)
                }
                _ => String::new(),
            };
            let mut request = Request::framed(
                frame,
                verb,
                format!("ZooKeeper {verb} {path}").trim_end().to_owned(),
            );
            request.target = path;
            Some(request)
        },
        |frame, story| {
            let error = Cursor::from(frame.data, 16)
                .be32()
                .map(u32::cast_signed)
                .filter(|e| *e < 0 && frame.offset > 0);
            story.last_response = Some("ZooKeeper reply".to_owned());
            // A session that has expired is refused with a timeout of 0.
            let expired = frame.offset == 0 && Cursor::from(frame.data, 8).be32() == Some(0);
            if expired {
                story.error = Some(stated(frame, "expired".to_owned(), "session expired", true));
            } else {
                story.error = error.map(|e| {
                    stated(
                        frame,
                        e.to_string(),
                        "ZooKeeper error",
                        matches!(e, -112 | -115 | -118),
                    )
                });
            }
            true
        },
    ))
}

fn stated(frame: &Frame<'_>, code: String, text: &str, fatal: bool) -> AppError {
    AppError {
        code,
        text: text.to_owned(),
        from_server: true,
        offset: frame.offset,
        fatal,
        blame: Blame::Either,
        explains_close: fatal,
    }
}

fn aerospike_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (version, kind, high, low) = (c.u8()?, c.u8()?, c.be16()?, c.be32()?);
    let len = u64::from(high) << 32 | u64::from(low);
    (version == 2 && (1..=4).contains(&kind) && len <= 1 << 27).then_some(len + 8)
}

/// Aerospike: version 2, type, 48-bit length.
pub(super) fn aerospike(d: &Dialogue<'_>) -> Option<AppStory> {
    aerospike_length(d.client.bytes)?;
    let replied = aerospike_length(d.server.bytes).is_some();
    if !(replied || d.server.bytes.is_empty() && d.server_port == 3000) {
        return None;
    }
    let mut story = AppStory::of(
        Protocol::Aerospike,
        if replied {
            Confidence::High
        } else {
            Confidence::Medium
        },
    );
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [aerospike_length; 2],
        |frame, _| {
            let kind = *frame.data.get(1)?;
            let verb = match kind {
                1 => "info",
                2 => "security",
                3 => "message",
                _ => "compressed message",
            };
            let text = frame
                .data
                .get(8..)
                .filter(|_| kind == 1)
                .unwrap_or_default();
            let target = clean(text.split(|&b| b == b'\n').next().unwrap_or_default(), 80);
            let mut request = Request::framed(
                frame,
                verb,
                format!("Aerospike {verb} {target}").trim_end().to_owned(),
            );
            request.target = target;
            Some(request)
        },
        |frame, story| {
            let result = frame
                .data
                .get(13)
                .copied()
                .filter(|_| frame.data.get(1) == Some(&3))
                .unwrap_or(0);
            story.last_response = Some(format!("Aerospike result {result}"));
            // 2: the record was not found.
            story.error = (!matches!(result, 0 | 2))
                .then(|| stated(frame, result.to_string(), "Aerospike error", false));
            true
        },
    ))
}

fn openflow_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (version, kind, len) = (c.u8()?, c.u8()?, c.be16()?);
    ((1..=6).contains(&version) && kind <= 35 && len >= 8).then_some(u64::from(len))
}

/// `OpenFlow`: both sides begin with HELLO.
pub(super) fn openflow(d: &Dialogue<'_>) -> Option<AppStory> {
    let hello = |bytes: &[u8]| matches!(bytes, [1..=6, 0, 0, 8..=64, _, _, _, _, ..]);
    let (client, server) = (hello(d.client.bytes), hello(d.server.bytes));
    let port = matches!(d.server_port, 6633 | 6653);
    if !(client && server) && !(port && (client || server)) {
        return None;
    }
    let mut story = AppStory::of(
        Protocol::OpenFlow,
        if port {
            Confidence::High
        } else {
            Confidence::Low
        },
    );
    let mut last = None;
    let mut answer = Answer::Unknown;
    for from_client in [true, false] {
        for frame in Frames::new(d, from_client, 0, openflow_length) {
            let kind = frame.data.get(1).copied().unwrap_or(0);
            let name = match kind {
                0 => "HELLO",
                1 => "ERROR",
                2 => "ECHO_REQUEST",
                3 => "ECHO_REPLY",
                5 => "FEATURES_REQUEST",
                6 => "FEATURES_REPLY",
                10 => "PACKET_IN",
                13 => "PACKET_OUT",
                14 => "FLOW_MOD",
                _ => "message",
            };
            if kind == 1 {
                let mut c = Cursor::from(frame.data, 8);
                let (class, code) = (c.be16().unwrap_or(0), c.be16().unwrap_or(0));
                let text = if class == 0 {
                    "OpenFlow hello failed"
                } else {
                    "OpenFlow error"
                };
                let mut error = stated(&frame, format!("{class}/{code}"), text, class == 0);
                error.from_server = !from_client;
                story.error = Some(error);
            }
            if from_client {
                story.requests += u32::from(frame.complete());
                last = Some(Request::framed(&frame, name, format!("OpenFlow {name}")));
            } else {
                story.responses += u32::from(frame.complete());
                answer = Answer::of(&frame);
                story.last_response = Some(format!("OpenFlow {name}"));
            }
        }
    }
    if let Some(request) = last {
        settle(&mut story, d, request, answer);
        story.outstanding = None;
    }
    Some(story)
}

/// XMPP (RFC 6120): an XML stream; its end or a stream error tells why.
pub(super) fn xmpp(d: &Dialogue<'_>) -> Option<AppStory> {
    let head = d.client.bytes.get(..600).unwrap_or(d.client.bytes);
    memchr::memmem::find(head, b"<stream:stream")?;
    let starttls = memchr::memmem::find(d.client.bytes, b"<starttls");
    let proceed = memchr::memmem::find(d.server.bytes, b"<proceed");
    if let (Some(asked), Some(granted)) = (starttls, proceed) {
        let end = |bytes: &[u8], at: usize| {
            let rest = bytes.get(at..)?;
            let close = memchr::memchr(b'>', rest)?;
            // `<starttls ...></starttls>` closes itself separately.
            let slash = rest.get(close.checked_sub(1)?) == Some(&b'/');
            let next = rest.get(close + 1..)?;
            let tail = if !slash && next.starts_with(b"</") {
                memchr::memchr(b'>', next)? + 1
            } else {
                0
            };
            Some((at + close + 1 + tail) as u64)
        };
        if let (Some(c), Some(s)) = (end(d.client.bytes, asked), end(d.server.bytes, granted))
            && let Some(story) = d.inner(c, s, super::tls::recognise)
        {
            return Some(story.nested(&[Protocol::Xmpp], c, s));
        }
    }
    let mut story = AppStory::of(Protocol::Xmpp, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    let attribute = |key: &[u8]| {
        let at = memchr::memmem::find(head, key)? + key.len();
        let quote = *head.get(at)?;
        let rest = head.get(at + 1..)?;
        rest.get(..memchr::memchr(quote, rest)?)
            .map(|v| clean(v, 80))
    };
    let host = attribute(b" to=").unwrap_or_default();
    let at = d.last_turn(true).unwrap_or(0);
    let text = d.client.at(at);
    // Only the element's name: what it holds is what people say, or a password.
    let name = |text: &[u8]| {
        let open = memchr::memchr(b'<', text)?;
        let rest = text.get(open + 1..)?;
        let end = rest
            .iter()
            .position(|b| matches!(b, b' ' | b'>' | b'/' | b'?'))?;
        rest.get(..end.max(1)).map(|n| clean(n, 32))
    };
    let verb = name(text)
        .filter(|n| n != "?")
        .unwrap_or_else(|| "stream:stream".to_owned());
    story.clean_quit = memchr::memmem::find(d.client.at(at), b"</stream:stream>").is_some();
    let request = Request {
        summary: format!("XMPP <{verb}> to {host}"),
        verb,
        host,
        offset: at,
        ..Request::default()
    };
    settle(&mut story, d, request, Answer::Unknown);
    if let Some(at) = memchr::memmem::find(d.server.bytes, b"<stream:error") {
        let rest = d.server.bytes.get(at + 13..).unwrap_or_default();
        let code = name(rest).unwrap_or_default();
        story.last_response = Some(format!("stream error {code}"));
        story.error = Some(AppError {
            code,
            text: "stream error".to_owned(),
            from_server: true,
            offset: at as u64,
            fatal: true,
            blame: Blame::Either,
            explains_close: true,
        });
    }
    Some(story)
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn connect() -> Vec<u8> {
        let mut out = vec![0, 0, 0, 44];
        out.extend([0; 12]);
        out.extend(30_000_u32.to_be_bytes());
        out.resize(48, 0);
        out
    }

    #[test]
    fn zookeeper_requests() {
        let exists = b"\0\0\0\x0f\0\0\0\x01\0\0\0\x03\0\0\0\x02/a\0";
        let mut reply = vec![0, 0, 0, 36, 0, 0, 0, 0];
        reply.extend(30_000_u32.to_be_bytes());
        reply.resize(40, 0);
        let s = story(2181, &[("c", &connect()), ("s", &reply), ("c", exists)]);
        assert_eq!(
            (s.protocol, s.outstanding),
            (Some(Protocol::ZooKeeper), Some(true))
        );
        assert_eq!(s.last_request.unwrap().summary, "ZooKeeper exists /a");
        assert_eq!(
            story(2181, &[("c", &connect()[..30])])
                .last_request
                .unwrap()
                .complete,
            Some(false)
        );
        assert_ne!(
            story(2181, &[("c", &connect()[1..])]).protocol,
            Some(Protocol::ZooKeeper)
        );
    }

    #[test]
    fn aerospike_info() {
        let s = story(3000, &[("c", b"\x02\x01\0\0\0\0\0\x05node\n")]);
        assert_eq!(s.last_request.unwrap().summary, "Aerospike info node");
        assert_ne!(
            story(3000, &[("c", b"\x02\x07\0\0\0\0\0\x05node\n")]).protocol,
            Some(Protocol::Aerospike)
        );
    }

    #[test]
    fn openflow_hello_failed() {
        let hello = b"\x04\0\0\x08\0\0\0\x01";
        let s = story(
            6633,
            &[
                ("c", b"\x01\0\0\x08\0\0\0\x01"),
                ("s", hello),
                ("c", b"\x01\x01\0\x0c\0\0\0\x01\0\0\0\0"),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::OpenFlow));
        let e = s.error.unwrap();
        assert_eq!(
            (e.from_server, e.fatal, e.code.as_str()),
            (false, true, "0/0")
        );
        assert_ne!(
            story(6633, &[("c", b"\x09\0\0\x08\0\0\0\x01")]).protocol,
            Some(Protocol::OpenFlow)
        );
    }

    #[test]
    fn xmpp_streams() {
        let open = b"<?xml version='1.0'?><stream:stream to='x.example' version='1.0'>";
        let s = story(
            5222,
            &[
                ("c", open),
                (
                    "s",
                    b"<stream:error><host-unknown xmlns='x'/></stream:error>",
                ),
            ],
        );
        assert_eq!(
            (s.protocol, s.error.unwrap().code.as_str()),
            (Some(Protocol::Xmpp), "host-unknown")
        );
        assert_eq!(s.last_request.unwrap().host, "x.example");
        let s = story(
            5222,
            &[
                ("c", open),
                ("s", b"<stream:features/>"),
                ("c", b"<starttls xmlns='t'/>"),
                ("s", b"<proceed xmlns='t'/>"),
                ("c", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"),
            ],
        );
        assert_eq!(s.layers, [Protocol::Xmpp, Protocol::Tls]);
        assert_ne!(
            story(5222, &[("c", b"<stream to='x'>")]).protocol,
            Some(Protocol::Xmpp)
        );
    }
}
