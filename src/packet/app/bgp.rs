//! BGP-4 (RFC 4271) and LDP (RFC 5036): neighbours that tell why they part.

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn bgp_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let marker = c.take(16)?;
    let len = c.be16()?;
    (marker.iter().all(|&b| b == 0xff) && (19..=65_535).contains(&len)).then_some(u64::from(len))
}

fn bgp_type(frame: &Frame<'_>) -> &'static str {
    match frame.data.get(18) {
        Some(1) => "OPEN",
        Some(2) => "UPDATE",
        Some(3) => "NOTIFICATION",
        Some(4) => "KEEPALIVE",
        Some(5) => "ROUTE-REFRESH",
        _ => "message",
    }
}

/// Either side may have opened the connection, so roles are left alone.
pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    bgp_length(d.client.bytes).or_else(|| bgp_length(d.server.bytes))?;
    let mut story = AppStory::of(Protocol::Bgp, Confidence::High);
    let mut last = None;
    let mut answer = Answer::Unknown;
    for client in [true, false] {
        for frame in Frames::new(d, client, 0, bgp_length) {
            let kind = bgp_type(&frame);
            let text = format!("BGP {kind}{}", open_text(&frame));
            if kind == "NOTIFICATION" {
                let error = notification(&frame, !client);
                story.clean_quit |= error.code.starts_with("6/");
                story.error = Some(error);
            }
            if client {
                story.requests += u32::from(frame.complete());
                last = Some(Request::framed(&frame, kind, text));
            } else {
                story.responses += u32::from(frame.complete());
                answer = Answer::of(&frame);
                story.last_response = Some(text);
            }
        }
    }
    if let Some(request) = last {
        let open = request.verb == "OPEN";
        settle(&mut story, d, request, answer);
        if !open {
            story.outstanding = None;
        }
    }
    Some(story)
}

fn open_text(frame: &Frame<'_>) -> String {
    let mut c = Cursor::from(frame.data, 20);
    match (frame.data.get(18), c.be16(), c.be16()) {
        (Some(1), Some(number), Some(hold)) => format!(" AS {number} hold time {hold} s"),
        _ => String::new(),
    }
}

fn notification(frame: &Frame<'_>, from_server: bool) -> AppError {
    let code = frame.data.get(19).copied().unwrap_or(0);
    let sub = frame.data.get(20).copied().unwrap_or(0);
    let text = match (code, sub) {
        (1, _) => "message header error",
        (2, 2) => "OPEN: bad peer AS",
        (2, 3) => "OPEN: bad BGP identifier",
        (2, 6) => "OPEN: unacceptable hold time",
        (2, _) => "OPEN message error",
        (3, _) => "UPDATE message error",
        (4, _) => "hold timer expired",
        (5, _) => "finite state machine error",
        (6, 1) => "cease: maximum number of prefixes reached",
        (6, 2) => "cease: administrative shutdown",
        (6, 3) => "cease: peer de-configured",
        (6, 4) => "cease: administrative reset",
        (6, 5) => "cease: connection rejected",
        (6, 6) => "cease: other configuration change",
        (6, 7) => "cease: connection collision resolution",
        (6, 8) => "cease: out of resources",
        (6, 9) => "cease: hard reset",
        (6, 10) => "cease: BFD down",
        (6, _) => "cease",
        _ => "notification",
    };
    // RFC 9003: a shutdown may carry a message, behind its length.
    let said = Cursor::from(frame.data, 21)
        .vec8()
        .filter(|t| !t.is_empty() && code == 6 && matches!(sub, 2 | 4));
    let said = said
        .map(|t| format!(" \"{}\"", clean(t, 80)))
        .unwrap_or_default();
    AppError {
        code: format!("{code}/{sub}"),
        text: format!("{text}{said}"),
        from_server,
        offset: frame.offset,
        fatal: true,
        blame: Blame::Either,
        explains_close: true,
    }
}

fn ldp_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (version, len) = (c.be16()?, c.be16()?);
    c.skip(6)?;
    let kind = c.be16().map(|k| k & 0x7fff);
    let known =
        kind.is_none_or(|k| matches!(k, 1 | 0x100 | 0x200..=0x202 | 0x300 | 0x301 | 0x400..=0x404));
    (version == 1 && (14..=4096).contains(&len) && known).then(|| u64::from(len) + 4)
}

/// LDP: PDUs of version 1 on port 646.
pub(super) fn recognise_ldp(d: &Dialogue<'_>) -> Option<AppStory> {
    ldp_length(d.client.bytes).or_else(|| ldp_length(d.server.bytes))?;
    if !d.server.bytes.is_empty() && ldp_length(d.server.bytes).is_none() {
        return None;
    }
    let mut story = AppStory::of(
        Protocol::Ldp,
        if d.server_port == 646 {
            Confidence::High
        } else {
            Confidence::Low
        },
    );
    for client in [true, false] {
        for frame in Frames::new(d, client, 0, ldp_length) {
            let kind = Cursor::from(frame.data, 10).be16().unwrap_or(0) & 0x7fff;
            let name = match kind {
                1 => "Notification",
                0x200 => "Initialization",
                0x201 => "KeepAlive",
                0x300 => "Address",
                0x400 => "Label Mapping",
                _ => "message",
            };
            if kind == 1 {
                // Status TLV (0x0300): its code is the first thing in it.
                let status = Cursor::from(frame.data, 22).be32().unwrap_or(0);
                let fatal = status & 0x8000_0000 != 0;
                story.error = Some(AppError {
                    code: format!("0x{:08x}", status & 0x3fff_ffff),
                    text: "LDP notification".to_owned(),
                    from_server: !client,
                    offset: frame.offset,
                    fatal,
                    blame: Blame::Either,
                    explains_close: fatal,
                });
            }
            if client {
                story.last_request = Some(Request::framed(&frame, name, format!("LDP {name}")));
            } else {
                story.last_response = Some(format!("LDP {name}"));
            }
        }
    }
    Some(story)
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [
            &[0xff; 16][..],
            &(body.len() as u16 + 19).to_be_bytes(),
            &[kind],
            body,
        ]
        .concat()
    }

    #[test]
    fn notifications() {
        let open = message(1, b"\x04\xfd\xe8\0\xb4\x0a\0\0\x01\0");
        let cease = message(3, b"\x06\x02\x05maint");
        let s = story(179, &[("c", &open), ("s", &cease)]);
        assert_eq!(s.protocol, Some(Protocol::Bgp));
        assert_eq!(
            s.last_request.unwrap().summary,
            "BGP OPEN AS 65000 hold time 180 s"
        );
        assert_eq!(
            (s.error.unwrap().text.as_str(), s.clean_quit),
            ("cease: administrative shutdown \"maint\"", true)
        );
        let s = story(
            179,
            &[("c", &open), ("s", &message(3, b"\x02\x02\x12\x34"))],
        );
        assert_eq!(s.error.unwrap().text, "OPEN: bad peer AS");
    }

    #[test]
    fn cuts_and_near_misses() {
        let open = message(1, b"\x04\xfd\xe8\0\xb4\x0a\0\0\x01\0");
        assert_eq!(
            story(179, &[("c", &open[..22])])
                .last_request
                .unwrap()
                .complete,
            Some(false)
        );
        assert_ne!(
            story(179, &[("c", &open[1..])]).protocol,
            Some(Protocol::Bgp)
        );
    }

    #[test]
    fn ldp() {
        let notice = b"\0\x01\0\x1c\x0a\0\0\x01\0\0\0\x01\0\x12\0\0\0\x01\x03\0\0\x0a\x80\0\0\x0a\0\0\0\0\0\0";
        let s = story(646, &[("s", notice)]);
        assert_eq!(s.protocol, Some(Protocol::Ldp));
        let e = s.error.unwrap();
        assert_eq!((e.code.as_str(), e.fatal), ("0x0000000a", true));
        assert_ne!(
            story(646, &[("s", b"\0\x02\0\x1c\x0a\0\0\x01\0\0\0\x01")]).protocol,
            Some(Protocol::Ldp)
        );
    }
}
