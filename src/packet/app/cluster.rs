//! Machines among themselves: Aerospike and `OpenFlow`.

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, exchange, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

pub(super) fn stated(frame: &Frame<'_>, code: String, text: &str, fatal: bool) -> AppError {
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

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

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
}
