//! DNS over TCP: messages behind a two-byte length (RFC 7766 8).

use super::cursor::Cursor;
use super::dns::{dns_message, rcode_name, type_name};
use super::frames::{Answer, Frames, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;

fn length(data: &[u8]) -> Option<u64> {
    let len = Cursor::new(data).be16()?;
    // The header must be there to be looked at: two bytes are like anything.
    let message = dns_message(data.get(2..)?)?;
    let sane = len >= 12 && (message.answer_count() == 0 || message.is_response());
    let named = message
        .question()
        .is_none_or(|q| q.kind.is_none_or(|k| k != 0));
    (sane && named).then(|| u64::from(len) + 2)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let mut story = AppStory::of(Protocol::Dns, Confidence::Low);
    let mut request = None;
    for frame in Frames::new(d, true, 0, length) {
        let message = dns_message(frame.data.get(2..).unwrap_or_default())?;
        if message.is_response() {
            return None;
        }
        let Some(question) = message.question() else {
            continue;
        };
        let name = question.name.name_to_string();
        let kind = question.kind.map(type_name).unwrap_or_default();
        story.requests += u32::from(frame.complete());
        let verb = match message.opcode() {
            0 => "QUERY",
            4 => "NOTIFY",
            5 => "UPDATE",
            _ => "DNS",
        };
        let mut asked = Request::framed(&frame, verb, format!("DNS {verb} {name} {kind}"));
        asked.target = name;
        request = Some(asked);
    }
    let answer = read_server(d, &mut story)?;
    let both = request.is_some() && story.last_response.is_some();
    story.confidence = if both {
        Confidence::High
    } else {
        Confidence::Medium
    };
    let asked = request.is_some();
    if let Some(request) = request {
        settle(&mut story, d, request, answer);
    }
    story.client_is_first_endpoint = Some(true);
    (asked || story.last_response.is_some()).then_some(story)
}

/// `None` if the server's messages are no responses.
fn read_server(d: &Dialogue<'_>, story: &mut AppStory) -> Option<Answer> {
    let mut answer = Answer::Unknown;
    for frame in Frames::new(d, false, 0, length) {
        let message = dns_message(frame.data.get(2..).unwrap_or_default())?;
        if !message.is_response() {
            return None;
        }
        answer = Answer::of(&frame);
        story.responses += u32::from(frame.complete());
        let code = rcode_name(message.rcode());
        story.last_response = Some(match message.answer_count() {
            1 => format!("DNS {code}, 1 answer"),
            n => format!("DNS {code}, {n} answers"),
        });
        if !matches!(message.rcode(), 0 | 3) {
            story.error = Some(AppError {
                code: code.to_owned(),
                from_server: true,
                offset: frame.offset,
                blame: if message.rcode() == 2 {
                    Blame::Server
                } else {
                    Blame::Either
                },
                explains_close: matches!(message.rcode(), 1 | 5 | 9),
                ..AppError::default()
            });
        }
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    const QUERY: &[u8] = b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\xfc\0\x01";

    #[test]
    fn a_zone_transfer_without_answer() {
        let s = story(53, &[("c", QUERY)]);
        assert_eq!(s.protocol, Some(Protocol::Dns));
        assert_eq!(
            s.last_request.unwrap().summary,
            "DNS QUERY example.com AXFR"
        );
        assert_eq!(
            (s.outstanding, s.response),
            (Some(true), ResponseState::NotStarted)
        );
    }

    #[test]
    fn a_refused_query() {
        let reply = b"\0\x1d\x12\x34\x80\x05\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\xfc\0\x01";
        let s = story(53, &[("c", QUERY), ("s", reply)]);
        assert_eq!((s.requests, s.responses), (1, 1));
        assert_eq!(s.error.unwrap().code, "REFUSED");
        assert_eq!(s.response, ResponseState::Complete);
    }

    #[test]
    fn a_cut_query_and_other_bytes() {
        let s = story(53, &[("c", &QUERY[..25])]);
        assert_eq!(s.last_request.map(|r| r.complete), None);
        assert_ne!(
            story(53, &[("c", b"\0\x1dhello, this is not dns")]).protocol,
            Some(Protocol::Dns)
        );
    }
}
