//! WebSocket frames after the upgrade (RFC 6455 5.2).

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, settle};
use super::story::{AppError, AppStory, Blame, Request};
use super::talk::Dialogue;
use super::text::clean;

fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let first = c.u8()?;
    let second = c.u8()?;
    if !matches!(first & 0x0f, 0..=2 | 8..=10) {
        return None;
    }
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (head, len) = match second & 0x7f {
        126 => (4, u64::from(c.be16()?)),
        127 => (10, c.be64()?),
        n => (2, u64::from(n)),
    };
    len.checked_add(head + mask)
}

/// The close code and reason of a close frame.
fn close(frame: &Frame<'_>) -> (Option<u16>, Vec<u8>) {
    let masked = frame.data.get(1).is_some_and(|b| b & 0x80 != 0);
    let body = frame.data.get(2..).unwrap_or_default();
    let body: Vec<u8> = match body.split_at_checked(4).filter(|_| masked) {
        Some((key, body)) => body
            .iter()
            .zip(key.iter().cycle())
            .map(|(b, k)| b ^ k)
            .collect(),
        None => body.to_vec(),
    };
    let mut c = Cursor::new(&body);
    (c.be16(), c.rest().to_vec())
}

fn opcode(frame: &Frame<'_>) -> &'static str {
    match frame.data.first().map(|b| b & 0x0f) {
        Some(0) => "continuation",
        Some(1) => "text",
        Some(2) => "binary",
        Some(8) => "close",
        Some(9) => "ping",
        _ => "pong",
    }
}

/// Reads both sides' frames, which begin at these offsets.
pub(super) fn read(d: &Dialogue<'_>, client_at: u64, server_at: u64, story: &mut AppStory) {
    let mut request = None;
    let mut answer = Answer::Unknown;
    for (client, from) in [(true, client_at), (false, server_at)] {
        for frame in Frames::new(d, client, from, length) {
            let name = opcode(&frame);
            if client {
                let summary = format!("WebSocket {name} frame, {} bytes", frame.len);
                request = Some(Request::framed(&frame, name, summary));
            } else {
                answer = Answer::of(&frame);
                story.last_response = Some(format!("WebSocket {name} frame"));
            }
            if name == "close" {
                let (code, reason) = close(&frame);
                story.clean_quit |= matches!(code, None | Some(1000 | 1001));
                if let Some(code) = code.filter(|c| !matches!(c, 1000 | 1001)) {
                    story.error = Some(AppError {
                        code: code.to_string(),
                        text: clean(reason, 120),
                        from_server: !client,
                        offset: frame.offset,
                        fatal: true,
                        blame: if code == 1011 {
                            Blame::Server
                        } else {
                            Blame::Either
                        },
                        explains_close: true,
                    });
                }
            }
        }
    }
    if let Some(request) = request {
        settle(story, d, request, answer);
        // Messages need no answer, so nothing is outstanding.
        story.outstanding = None;
    }
}
