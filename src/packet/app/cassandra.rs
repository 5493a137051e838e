//! Cassandra native protocol, versions 3 to 5.

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::mask;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn length(data: &[u8], response: bool) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (version, flags) = (c.u8()?, c.u8()?);
    c.be16()?;
    let (opcode, len) = (c.u8()?, c.be32()?);
    let known = matches!(version & 0x7f, 3..=5) && (version & 0x80 != 0) == response;
    (known && flags <= 0x1f && opcode <= 0x10 && len <= 1 << 28).then(|| u64::from(len) + 9)
}

fn request_length(data: &[u8]) -> Option<u64> {
    length(data, false)
}

fn response_length(data: &[u8]) -> Option<u64> {
    length(data, true)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    request_length(d.client.bytes)?;
    let opens = matches!(d.client.bytes.get(4), Some(1 | 5)) || !d.client.starts_at_zero;
    let replied = response_length(d.server.bytes).is_some();
    let confidence = match (opens, replied) {
        (true, true) => Confidence::High,
        (true, false) if d.server.bytes.is_empty() => Confidence::Medium,
        _ => return None,
    };
    let mut story = AppStory::of(Protocol::Cassandra, confidence);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [request_length, response_length],
        |frame, _| request(frame),
        |frame, story| {
            let opcode = frame.data.get(4).copied().unwrap_or(0xff);
            story.last_response = Some(format!("Cassandra {}", name(opcode)));
            story.error = (opcode == 0).then(|| error(frame));
            if let Some(e) = &story.error {
                story.last_response = Some(format!("Cassandra ERROR {} {}", e.code, e.text));
            }
            opcode != 0x0c
        },
    ))
}

fn name(opcode: u8) -> &'static str {
    match opcode {
        0x00 => "ERROR",
        0x01 => "STARTUP",
        0x02 => "READY",
        0x03 => "AUTHENTICATE",
        0x05 => "OPTIONS",
        0x06 => "SUPPORTED",
        0x07 => "QUERY",
        0x08 => "RESULT",
        0x09 => "PREPARE",
        0x0a => "EXECUTE",
        0x0b => "REGISTER",
        0x0c => "EVENT",
        0x0d => "BATCH",
        0x0e => "AUTH_CHALLENGE",
        0x0f => "AUTH_RESPONSE",
        0x10 => "AUTH_SUCCESS",
        _ => "frame",
    }
}

fn request(frame: &Frame<'_>) -> Option<Request> {
    let opcode = *frame.data.get(4)?;
    let verb = name(opcode);
    let compressed = frame.data.get(1).is_some_and(|f| f & 1 != 0);
    let mut target = String::new();
    if matches!(opcode, 7 | 9) && !compressed {
        let mut c = Cursor::from(frame.data, 9);
        let len = c.be32().unwrap_or(0);
        let text = c.take_some(usize::try_from(len).unwrap_or(0).min(4096));
        target = clean(mask::sql(text, false), 120);
    }
    let mut request = Request::framed(
        frame,
        verb,
        format!("Cassandra {verb} {target}").trim_end().to_owned(),
    );
    request.target = target;
    Some(request)
}

fn error(frame: &Frame<'_>) -> AppError {
    let mut c = Cursor::from(frame.data, 9);
    let code = c.be32().unwrap_or(0);
    let text = clean(c.vec16().unwrap_or_default(), 120);
    AppError {
        code: format!("0x{code:04x}"),
        text,
        from_server: true,
        offset: frame.offset,
        fatal: matches!(code, 0x000a | 0x0100),
        blame: match code {
            0 | 0x1000..=0x1500 => Blame::Server,
            _ => Blame::Client,
        },
        explains_close: matches!(code, 0x000a | 0x0100),
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn frame(version: u8, opcode: u8, body: &[u8]) -> Vec<u8> {
        [
            &[version, 0, 0, 1, opcode][..],
            &(body.len() as u32).to_be_bytes(),
            body,
        ]
        .concat()
    }

    #[test]
    fn a_query_and_an_error() {
        let query = frame(
            4,
            7,
            b"\0\0\0\x1aSELECT * FROM t WHERE a='x'"[..30].as_ref(),
        );
        let sent = [frame(4, 1, b"\0\0"), query].concat();
        let s = story(
            9042,
            &[
                ("c", &sent),
                ("s", &frame(0x84, 0, b"\0\0\x10\x01\0\x04busy")),
            ],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Cassandra), Confidence::High)
        );
        assert!(
            s.last_request
                .unwrap()
                .summary
                .starts_with("Cassandra QUERY SELECT * FROM t WHERE a='...")
        );
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.text.as_str(), e.blame),
            ("0x1001", "busy", Blame::Server)
        );
    }

    #[test]
    fn cuts_and_near_misses() {
        let s = story(9042, &[("c", &frame(4, 1, &[0; 22])[..12])]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        assert_ne!(
            story(9042, &[("c", &frame(6, 1, b""))]).protocol,
            Some(Protocol::Cassandra)
        );
    }
}
