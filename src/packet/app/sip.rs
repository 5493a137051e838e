//! SIP (RFC 3261) and RTSP (RFC 2326, RFC 7826): messages like HTTP's, one file for both.

use super::frames::{Answer, Frame, Frames, settle};
use super::lines::first_line;
use super::mask;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

/// A message, an RTSP interleaved frame (`$`), or a SIP keep-alive line.
fn length(data: &[u8]) -> Option<u64> {
    match data {
        [b'$', _, high, low, ..] => return Some(u64::from(u16::from_be_bytes([*high, *low])) + 4),
        [b'\r', b'\n', ..] => return Some(2),
        _ => {}
    }
    let window = data.get(..65_536).unwrap_or(data);
    version(first_line(window))?;
    let Some(end) = memchr::memmem::find(window, b"\r\n\r\n") else {
        // The header section is not whole, so the message is at least a byte longer.
        return Some(data.len() as u64 + 1);
    };
    let head = window.get(..end).unwrap_or_default();
    let body = header(head, b"Content-Length").or_else(|| header(head, b"l"));
    let body: u64 = body
        .and_then(|v| std::str::from_utf8(v).ok()?.parse().ok())
        .unwrap_or(0);
    body.checked_add(end as u64 + 4)
}

/// A header's value.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&b| b == b'\n').skip(1).find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let (key, value) = line.split_at(colon);
        key.trim_ascii()
            .eq_ignore_ascii_case(name)
            .then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

/// Which of the two a first line belongs to, and its status if it is a response.
fn version(line: &[u8]) -> Option<(Protocol, Option<u16>)> {
    for (mark, protocol) in [
        (&b"SIP/2.0"[..], Protocol::Sip),
        (b"RTSP/1.0", Protocol::Rtsp),
        (b"RTSP/2.0", Protocol::Rtsp),
    ] {
        if let Some(rest) = line.strip_prefix(mark) {
            let digits = rest.get(1..4)?;
            return Some((protocol, std::str::from_utf8(digits).ok()?.parse().ok()));
        }
        if let Some(before) = line.strip_suffix(mark) {
            let method = before.split(|&b| b == b' ').next()?;
            let valid =
                !method.is_empty() && method.iter().all(|b| b.is_ascii_uppercase() || *b == b'_');
            return (valid && before.ends_with(b" ")).then_some((protocol, None));
        }
    }
    None
}

struct Walked {
    protocol: Option<Protocol>,
    requests: u32,
    responses: u32,
    request: Option<Request>,
    /// Status, line, offset and wholeness of the last final response.
    response: Option<(u16, String, u64, Answer)>,
    quit: bool,
}

pub(super) fn recognise_sip(d: &Dialogue<'_>) -> Option<AppStory> {
    recognise(d, Protocol::Sip)
}

pub(super) fn recognise_rtsp(d: &Dialogue<'_>) -> Option<AppStory> {
    recognise(d, Protocol::Rtsp)
}

fn recognise(d: &Dialogue<'_>, wanted: Protocol) -> Option<AppStory> {
    let client = walk(d, true);
    let server = walk(d, false);
    if client.protocol.or(server.protocol) != Some(wanted) {
        return None;
    }
    let mut story = AppStory::of(wanted, Confidence::High);
    story.requests = client.requests;
    story.responses = server.responses;
    story.clean_quit = client.quit;
    if client.requests > 0 && wanted == Protocol::Rtsp {
        story.client_is_first_endpoint = Some(true);
    }
    // both ends of a trunk have port 5060: who only answers was asked
    if wanted == Protocol::Sip && client.requests.min(server.requests) == 0 {
        story.client_is_first_endpoint = match (client.requests > 0, server.requests > 0) {
            (true, false) => Some(true),
            (false, true) if client.responses > 0 => Some(false),
            _ => None,
        };
    }
    let mut answer = Answer::Unknown;
    if let Some((status, line, offset, whole)) = server.response {
        answer = whole;
        story.last_response = Some(line.clone());
        // 401 and 407 only ask for credentials.
        if status >= 400 && !matches!(status, 401 | 407) {
            story.error = Some(AppError {
                code: status.to_string(),
                text: line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned(),
                from_server: true,
                offset,
                fatal: false,
                blame: if (500..600).contains(&status) {
                    Blame::Server
                } else {
                    Blame::Client
                },
                explains_close: matches!(status, 400 | 403 | 454 | 500..=599),
            });
        }
    }
    if let Some(request) = client.request {
        settle(&mut story, d, request, answer);
    }
    Some(story)
}

fn walk(d: &Dialogue<'_>, client: bool) -> Walked {
    let mut out = Walked {
        protocol: None,
        requests: 0,
        responses: 0,
        request: None,
        response: None,
        quit: false,
    };
    for frame in Frames::new(d, client, 0, length) {
        let Some((protocol, status)) = version(first_line(frame.data)) else {
            continue;
        };
        out.protocol.get_or_insert(protocol);
        match status {
            Some(status) => {
                if status >= 200 {
                    out.responses += u32::from(frame.complete());
                }
                let line = clean(first_line(frame.data), 160);
                out.response = Some((status, line, frame.offset, Answer::of(&frame)));
            }
            None => {
                let request = request(&frame);
                out.quit |= matches!(request.verb.as_str(), "BYE" | "TEARDOWN");
                out.requests += u32::from(frame.complete());
                out.request = Some(request);
            }
        }
    }
    out
}

fn request(frame: &Frame<'_>) -> Request {
    let line = first_line(frame.data);
    let mut words = line.split(|&b| b == b' ');
    let method = clean(words.next().unwrap_or_default(), 24);
    let target = clean(mask::target(words.next().unwrap_or_default()), 100);
    let version = clean(words.next().unwrap_or_default(), 8);
    let sequence = header(frame.data, b"CSeq")
        .map(|v| format!(" CSeq {}", clean(v, 24)))
        .unwrap_or_default();
    let mut request = Request::framed(
        frame,
        method.clone(),
        format!("{method} {target} {version}{sequence}"),
    );
    request.target = target;
    request
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    const ASK: &[u8] = b"GET_PARAMETER rtsp://joe:pw@cam/1 RTSP/1.0\r\nCSeq: 7\r\n\r\n";

    #[test]
    fn an_unanswered_rtsp_request() {
        let s = story(554, &[("c", ASK)]);
        assert_eq!(s.protocol, Some(Protocol::Rtsp));
        assert_eq!(
            s.last_request.unwrap().summary,
            "GET_PARAMETER rtsp://...@cam/1 RTSP/1.0 CSeq 7"
        );
        assert_eq!(
            (s.outstanding, s.response),
            (Some(true), ResponseState::NotStarted)
        );
    }

    #[test]
    fn interleaved_data_is_passed_over() {
        let s = story(
            554,
            &[
                ("c", ASK),
                (
                    "s",
                    b"$\0\0\x04abcdRTSP/1.0 454 Session Not Found\r\nCSeq: 7\r\n\r\n",
                ),
            ],
        );
        assert_eq!(s.error.unwrap().code, "454");
        assert_eq!((s.responses, s.response), (1, ResponseState::Complete));
    }

    #[test]
    fn sip_with_a_cut_body() {
        let invite = b"INVITE sip:bob@b.example SIP/2.0\r\nCSeq: 1 INVITE\r\nl: 10\r\n\r\nv=0";
        let s = story(
            5060,
            &[("c", invite), ("s", b"SIP/2.0 486 Busy Here\r\n\r\n")],
        );
        assert_eq!(s.protocol, Some(Protocol::Sip));
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        assert_eq!(s.error.unwrap().text, "Busy Here");
    }

    #[test]
    fn near_misses() {
        assert_eq!(
            story(554, &[("c", b"describe x RTSP/1.0\r\n\r\n")]).protocol,
            None
        );
        assert_eq!(
            story(5060, &[("c", b"INVITE sip:x SIP/3.0\r\n\r\n")]).protocol,
            None
        );
        assert_eq!(
            story(5060, &[("c", b"INVITE sip:x SIP/2.0\r\nVi")]).protocol,
            Some(Protocol::Sip)
        );
    }
}
