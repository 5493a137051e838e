//! ZooKeeper: a connect request of 44 or 45 bytes, then xid and operation.

use super::cluster::stated;
use super::cursor::Cursor;
use super::frames::{Answer, Frame, exchange, settle};
use super::protocol::Protocol;
use super::story::{AppStory, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

const FOUR_LETTERS: &[&[u8]] = &[
    b"ruok", b"stat", b"srvr", b"mntr", b"conf", b"cons", b"dump", b"envi", b"isro", b"wchs",
];

fn length(data: &[u8]) -> Option<u64> {
    let len = Cursor::new(data).be32()?;
    (4..=1 << 22).contains(&len).then(|| u64::from(len) + 4)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
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
    let answered = d.server.bytes.is_empty() || length(d.server.bytes).is_some_and(|n| n <= 64);
    if !matches!(len, 28 | 29 | 44 | 45) || version != 0 || timeout > 600_000 || !answered {
        return None;
    }
    let mut story = AppStory::of(Protocol::ZooKeeper, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [length; 2],
        |frame, story| request(frame, story, timeout),
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

fn request(frame: &Frame<'_>, story: &mut AppStory, timeout: u32) -> Option<Request> {
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
}
