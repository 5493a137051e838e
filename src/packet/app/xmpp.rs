//! XMPP (RFC 6120): an XML stream; its end or a stream error tells why.

use super::frames::{Answer, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let head = d.client.bytes.get(..600).unwrap_or(d.client.bytes);
    memchr::memmem::find(head, b"<stream:stream")?;
    let starttls = memchr::memmem::find(d.client.bytes, b"<starttls");
    let proceed = memchr::memmem::find(d.server.bytes, b"<proceed");
    let client_at = starttls.and_then(|at| element_end(d.client.bytes, at));
    let server_at = proceed.and_then(|at| element_end(d.server.bytes, at));
    if let (Some(c), Some(s)) = (client_at, server_at)
        && let Some(story) = d.inner(c, s, super::tls::recognise)
    {
        return Some(story.nested(&[Protocol::Xmpp], c, s));
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

/// Offset behind the empty element that begins at `at`.
fn element_end(bytes: &[u8], at: usize) -> Option<u64> {
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
}

/// The name of the first element. Only that: what it holds is what people say, or a password.
fn name(text: &[u8]) -> Option<String> {
    let open = memchr::memchr(b'<', text)?;
    let rest = text.get(open + 1..)?;
    let end = rest
        .iter()
        .position(|b| matches!(b, b' ' | b'>' | b'/' | b'?'))?;
    rest.get(..end.max(1)).map(|n| clean(n, 32))
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

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
