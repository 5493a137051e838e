//! AMQP 0-9-1 (RabbitMQ), and the protocol header of AMQP 1.0.

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn length(data: &[u8]) -> Option<u64> {
    if data.starts_with(b"AMQP") {
        return Some(8);
    }
    let mut c = Cursor::new(data);
    let kind = c.u8()?;
    c.be16()?;
    let size = c.be32()?;
    (matches!(kind, 1..=3 | 8) && size <= 1 << 27).then(|| u64::from(size) + 8)
}

/// Class and method of a method frame.
fn method(frame: &Frame<'_>) -> Option<(u16, u16)> {
    let mut c = Cursor::new(frame.data);
    if c.u8()? != 1 {
        return None;
    }
    c.skip(6)?;
    Some((c.be16()?, c.be16()?))
}

fn name(class: u16, method: u16) -> String {
    let class_name = match class {
        10 => "connection",
        20 => "channel",
        40 => "exchange",
        50 => "queue",
        60 => "basic",
        85 => "confirm",
        90 => "tx",
        _ => return format!("{class}.{method}"),
    };
    let method_name = match (class, method) {
        (10, 10) => "start",
        (10, 11) => "start-ok",
        (10, 20) => "secure",
        (10, 30) => "tune",
        (10, 31) => "tune-ok",
        (10 | 20, 41) => {
            if class == 10 {
                "open-ok"
            } else {
                "close-ok"
            }
        }
        (10, 40) | (20, 10) => "open",
        (20, 11) => "open-ok",
        (10, 50) | (20, 40) => "close",
        (10, 51) => "close-ok",
        (10, 60) => "blocked",
        (40 | 50, 10) => "declare",
        (40 | 50, 11) => "declare-ok",
        (50, 20) => "bind",
        (50, 40) => "delete",
        (60, 10) => "qos",
        (60, 20) => "consume",
        (60, 21) => "consume-ok",
        (60, 40) => "publish",
        (60, 60) => "deliver",
        (60, 70) => "get",
        (60, 80) => "ack",
        (60, 90) => "reject",
        (60, 120) => "nack",
        (85, 10) => "select",
        _ => return format!("{class_name}.{method}"),
    };
    format!("{class_name}.{method_name}")
}

/// Methods that have a `-ok` answer.
fn wants_answer(class: u16, method: u16) -> bool {
    !matches!(
        (class, method),
        (60, 40 | 80 | 90 | 120 | 60) | (_, 11 | 21 | 31 | 41 | 51)
    )
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let header = d.client.bytes.starts_with(b"AMQP\0\0\x09\x01");
    let v1 = matches!(
        d.client.bytes,
        [b'A', b'M', b'Q', b'P', 0 | 2 | 3, 1, 0, 0, ..]
    );
    if !header && !v1 {
        return None;
    }
    let mut story = AppStory::of(Protocol::Amqp, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    if v1 {
        story.last_request = Some(Request {
            summary: "AMQP 1.0 protocol header".to_owned(),
            verb: "header".to_owned(),
            ..Request::default()
        });
        return Some(story);
    }
    let (last, unasked) = read_client(d, &mut story);
    let answer = read_server(d, &mut story);
    if let Some(request) = last {
        settle(&mut story, d, request, answer);
        if unasked {
            story.outstanding = None;
        }
    }
    Some(story)
}

/// The last thing asked, and whether it wants no answer.
fn read_client(d: &Dialogue<'_>, story: &mut AppStory) -> (Option<Request>, bool) {
    let mut last: Option<Request> = None;
    let mut unasked = false;
    for frame in Frames::new(d, true, 0, length) {
        let Some((class, number)) = method(&frame) else {
            if frame.offset == 0 {
                last = Some(Request::framed(
                    &frame,
                    "header",
                    "AMQP 0-9-1 protocol header".to_owned(),
                ));
            } else if frame.data.first() != Some(&8) {
                // Content belongs to the publish before it.
                if let Some(request) = &mut last {
                    request.body_seen += frame.sent.saturating_sub(8);
                    request.complete = Some(frame.complete());
                }
            }
            continue;
        };
        close(&frame, class, number, false, story);
        story.requests += u32::from(frame.complete());
        let verb = name(class, number);
        last = Some(Request::framed(
            &frame,
            verb.clone(),
            format!("AMQP {verb}"),
        ));
        unasked = !wants_answer(class, number);
    }
    (last, unasked)
}

fn read_server(d: &Dialogue<'_>, story: &mut AppStory) -> Answer {
    let mut answer = Answer::Unknown;
    for frame in Frames::new(d, false, 0, length) {
        answer = Answer::of(&frame);
        if frame.data.starts_with(b"AMQP") {
            story.error = Some(AppError {
                code: "version".to_owned(),
                text: "server speaks another AMQP version".to_owned(),
                from_server: true,
                fatal: true,
                blame: Blame::Client,
                explains_close: true,
                ..AppError::default()
            });
        }
        if let Some((class, number)) = method(&frame) {
            story.responses += u32::from(frame.complete());
            story.last_response = Some(format!("AMQP {}", name(class, number)));
            close(&frame, class, number, true, story);
        }
    }
    answer
}

/// `connection.close` and `channel.close` carry code and text; 200 is a goodbye.
fn close(frame: &Frame<'_>, class: u16, number: u16, from_server: bool, story: &mut AppStory) {
    if !matches!((class, number), (10, 50) | (20, 40)) {
        return;
    }
    let mut c = Cursor::from(frame.data, 11);
    let code = c.be16().unwrap_or(0);
    let text = clean(c.vec8().unwrap_or_default(), 120);
    if code == 200 || code == 0 {
        story.clean_quit |= class == 10;
        return;
    }
    let fatal = class == 10;
    story.error = Some(AppError {
        code: code.to_string(),
        text,
        from_server,
        offset: frame.offset,
        fatal,
        blame: if matches!(code, 320 | 506 | 541) {
            Blame::Server
        } else {
            Blame::Client
        },
        explains_close: fatal,
    });
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn frame(class: u16, method: u16, rest: &[u8]) -> Vec<u8> {
        let body = [&class.to_be_bytes()[..], &method.to_be_bytes(), rest].concat();
        [
            &[1, 0, 0][..],
            &(body.len() as u32).to_be_bytes(),
            &body,
            &[0xce],
        ]
        .concat()
    }

    #[test]
    fn a_forced_close() {
        let close = frame(10, 50, b"\x01\x40\x17CONNECTION_FORCED - bye\0\0\0\0");
        let start = frame(10, 10, b"\0\x09");
        let s = story(
            5672,
            &[
                ("c", b"AMQP\0\0\x09\x01"),
                ("s", &start),
                ("c", &frame(10, 11, b"PLAIN hunter2")),
                ("s", &close),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Amqp));
        assert!(!format!("{s:?}").contains("hunter2"));
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.text.as_str(), e.blame),
            ("320", "CONNECTION_FORCED - bye", Blame::Server)
        );
        assert_eq!(s.last_request.unwrap().summary, "AMQP connection.start-ok");
    }

    #[test]
    fn open_is_outstanding_publish_is_not() {
        let open = [&b"AMQP\0\0\x09\x01"[..], &frame(20, 10, b"\0")].concat();
        assert_eq!(story(5672, &[("c", &open)]).outstanding, Some(true));
        let publish = [&open[..], &frame(60, 40, b"\0\0\0")].concat();
        assert_eq!(story(5672, &[("c", &publish)]).outstanding, None);
    }

    #[test]
    fn cuts_and_near_misses() {
        assert_eq!(
            story(5672, &[("c", b"AMQP\0\0\x09\x01\x01\0\0")]).protocol,
            Some(Protocol::Amqp)
        );
        assert_eq!(story(5672, &[("c", b"AMQP\0\x01\0\x0a")]).protocol, None);
    }
}
