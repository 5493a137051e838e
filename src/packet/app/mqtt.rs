//! MQTT 3.1, 3.1.1 and 5.

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

/// Header length and whole length.
fn lengths(data: &[u8]) -> Option<(usize, u64)> {
    let mut c = Cursor::new(data);
    if c.u8()? >> 4 == 0 {
        return None;
    }
    let mut len = 0_u64;
    for shift in [0, 7, 14, 21] {
        let byte = c.u8()?;
        len |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((c.position(), len + c.position() as u64));
        }
    }
    None
}

fn length(data: &[u8]) -> Option<u64> {
    lengths(data).map(|(_, whole)| whole)
}

fn body<'a>(frame: &Frame<'a>) -> Cursor<'a> {
    Cursor::from(frame.data, lengths(frame.data).map_or(0, |(head, _)| head))
}

fn name(kind: u8) -> &'static str {
    const NAMES: &[&str] = &[
        "",
        "CONNECT",
        "CONNACK",
        "PUBLISH",
        "PUBACK",
        "PUBREC",
        "PUBREL",
        "PUBCOMP",
        "SUBSCRIBE",
        "SUBACK",
        "UNSUBSCRIBE",
        "UNSUBACK",
        "PINGREQ",
        "PINGRESP",
        "DISCONNECT",
        "AUTH",
    ];
    NAMES.get(usize::from(kind)).copied().unwrap_or_default()
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let (head, _) = lengths(d.client.bytes).filter(|_| d.client.bytes.first() == Some(&0x10))?;
    let mut c = Cursor::from(d.client.bytes, head);
    let protocol = c.vec16()?;
    if protocol != b"MQTT" && protocol != b"MQIsdp" {
        return None;
    }
    let version = c.u8().unwrap_or(4);
    let mut story = AppStory::of(Protocol::Mqtt, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    let mut unasked = false;
    let mut story = exchange(
        d,
        story,
        [length, length],
        |frame, story| {
            let kind = *frame.data.first()? >> 4;
            story.clean_quit |= kind == 14;
            let qos = frame.data.first().map_or(0, |b| b >> 1 & 3);
            unasked = matches!(kind, 14 | 4 | 6 | 7) || kind == 3 && qos == 0;
            Some(request(frame, kind))
        },
        |frame, story| {
            let kind = frame.data.first().map_or(0, |b| b >> 4);
            story.last_response = Some(format!("MQTT {}", name(kind)));
            let mut c = body(frame);
            match kind {
                2 => {
                    let code = c.skip(1).and_then(|()| c.u8()).unwrap_or(0);
                    story.error = (code != 0).then(|| error(frame, code, version, "CONNACK"));
                }
                14 => {
                    let code = c.u8().unwrap_or(0);
                    story.error = (code >= 0x80).then(|| error(frame, code, version, "DISCONNECT"));
                    story.clean_quit |= code == 0;
                }
                _ => {}
            }
            kind != 3
        },
    );
    if unasked {
        story.outstanding = None;
    }
    Some(story)
}

fn request(frame: &Frame<'_>, kind: u8) -> Request {
    let verb = name(kind);
    let mut c = body(frame);
    let (target, more) = match kind {
        1 => connect(&mut c).unwrap_or_default(),
        3 => (clean(c.vec16().unwrap_or_default(), 100), String::new()),
        _ => Default::default(),
    };
    let mut request = Request::framed(
        frame,
        verb,
        format!("MQTT {verb} {target}{more}").trim_end().to_owned(),
    );
    request.target = target;
    request
}

/// Client identifier and keep-alive; user name and password are not read.
fn connect(c: &mut Cursor<'_>) -> Option<(String, String)> {
    c.vec16()?;
    let version = c.u8()?;
    c.u8()?;
    let keep_alive = c.be16()?;
    if version == 5 {
        let properties = c.u8()?;
        c.skip(usize::from(properties & 0x7f))?;
    }
    let id = clean(c.vec16()?, 60);
    Some((
        format!("client {id}"),
        format!(" keep-alive {keep_alive} s"),
    ))
}

fn error(frame: &Frame<'_>, code: u8, version: u8, kind: &str) -> AppError {
    let text = match (version, code) {
        (0..=4, 1) => "unacceptable protocol version",
        (0..=4, 2) => "identifier rejected",
        (0..=4, 3) => "server unavailable",
        (0..=4, 4) => "bad user name or password",
        (0..=4, 5) => "not authorized",
        (_, 0x81) => "malformed packet",
        (_, 0x82) => "protocol error",
        (_, 0x84) => "unsupported protocol version",
        (_, 0x85) => "client identifier not valid",
        (_, 0x86) => "bad user name or password",
        (_, 0x87) => "not authorized",
        (_, 0x88) => "server unavailable",
        (_, 0x89) => "server busy",
        (_, 0x8a) => "banned",
        (_, 0x8b) => "server shutting down",
        (_, 0x8d) => "keep alive timeout",
        (_, 0x8e) => "session taken over",
        (_, 0x95) => "packet too large",
        (_, 0x97) => "quota exceeded",
        (_, 0x9f) => "connection rate exceeded",
        _ => "refused",
    };
    let server = text.starts_with("server");
    AppError {
        code: format!("{kind} 0x{code:02x}"),
        text: text.to_owned(),
        from_server: true,
        offset: frame.offset,
        fatal: true,
        blame: if server { Blame::Server } else { Blame::Client },
        explains_close: true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    const CONNECT: &[u8] = b"\x10\x1e\0\x04MQTT\x04\xc2\0\x3c\0\x04dev1\0\x03joe\0\x07hunter2";

    #[test]
    fn a_refused_connect() {
        let s = story(1883, &[("c", CONNECT), ("s", b"\x20\x02\0\x05")]);
        assert_eq!(s.protocol, Some(Protocol::Mqtt));
        assert_eq!(
            s.last_request.as_ref().unwrap().summary,
            "MQTT CONNECT client dev1 keep-alive 60 s"
        );
        assert_eq!(s.error.as_ref().unwrap().text, "not authorized");
        assert!(!format!("{s:?}").contains("hunter2"));
    }

    #[test]
    fn publishes_want_no_answer_and_disconnect_is_a_goodbye() {
        let sent = [CONNECT, b"\x30\x07\0\x03a/bxy"].concat();
        let s = story(1883, &[("c", &sent)]);
        assert_eq!(
            (s.last_request.unwrap().summary.as_str(), s.outstanding),
            ("MQTT PUBLISH a/b", None)
        );
        let s = story(
            1883,
            &[("c", CONNECT), ("s", b"\x20\x02\0\0"), ("c", b"\xe0\0")],
        );
        assert!(s.clean_quit && s.error.is_none());
    }

    #[test]
    fn cuts_and_near_misses() {
        let s = story(1883, &[("c", &CONNECT[..20])]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        assert_ne!(
            story(1883, &[("c", b"\x10\x1e\0\x04MQTX\x04")]).protocol,
            Some(Protocol::Mqtt)
        );
    }
}
