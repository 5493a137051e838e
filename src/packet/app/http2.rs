//! HTTP/2 in the clear (RFC 9113): the preface, streams, GOAWAY and RST_STREAM.

use super::cursor::Cursor;
use super::frames::{Frame, Frames};
use super::hpack::Hpack;
use super::mask;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request, ResponseState};
use super::talk::Dialogue;
use super::text::clean;
use std::collections::BTreeMap;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let len = c.be24()?;
    // A frame is at most 2^14 bytes unless a larger size was agreed on; types end at 0x10.
    (len <= 1 << 20 && data.get(3).is_none_or(|&t| t <= 0x10)).then(|| u64::from(len) + 9)
}

/// One request and its response.
#[derive(Default)]
struct Exchange {
    request: Request,
    status: String,
    request_ended: bool,
    answered: bool,
    answer_ended: bool,
    answer_bytes: u64,
    grpc_status: Option<String>,
}

struct Walk {
    /// By stream identifier; hostile input cannot make more than this many.
    streams: BTreeMap<u32, Exchange>,
    hpack: [Hpack; 2],
    error: Option<AppError>,
    clean_quit: bool,
    pings: u32,
}

const MAX_STREAMS: usize = 4096;

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let start = d.client.bytes;
    let preface = start.starts_with(PREFACE);
    let cut = start.len() >= 16 && PREFACE.starts_with(start);
    if !preface && !cut {
        return None;
    }
    let mut walk = Walk {
        streams: BTreeMap::new(),
        hpack: [Hpack::new(), Hpack::new()],
        error: None,
        clean_quit: false,
        pings: 0,
    };
    let mut lost = false;
    for (client, from) in [(true, PREFACE.len() as u64), (false, 0)] {
        let mut frames = Frames::new(d, client, from, length);
        while let Some(frame) = frames.next() {
            if frames.lost || (frame.data.len() as u64) < frame.len {
                walk.hpack[usize::from(!client)].lose();
            }
            walk.frame(&frame, client);
        }
        lost |= frames.lost;
    }
    Some(walk.story(lost))
}

impl Walk {
    fn frame(&mut self, frame: &Frame<'_>, client: bool) {
        let mut c = Cursor::from(frame.data, 3);
        let (Some(kind), Some(flags), Some(id)) = (c.u8(), c.u8(), c.be32()) else {
            return;
        };
        let id = id & 0x7fff_ffff;
        let payload = c.rest();
        match kind {
            1 => self.headers(frame, client, id, flags, payload),
            0 => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    let ended = flags & 1 != 0 && frame.complete();
                    let bytes = frame.sent.saturating_sub(9);
                    if client {
                        stream.request.body_seen += bytes;
                        stream.request_ended |= ended;
                    } else {
                        stream.answer_bytes += bytes;
                        stream.answered = true;
                        stream.answer_ended |= ended;
                    }
                }
            }
            3 => {
                let code = Cursor::new(payload).be32().unwrap_or(0);
                // CANCEL by the client and NO_ERROR by the server are everyday.
                if !matches!((client, code), (true, 8) | (false, 0)) {
                    let text = format!("RST_STREAM of stream {id}");
                    self.set_error(frame, client, code, text, false);
                }
            }
            6 => self.pings += u32::from(client && flags & 1 == 0),
            7 => {
                let mut c = Cursor::new(payload);
                let (_, code) = (c.be32(), c.be32().unwrap_or(0));
                if code == 0 && c.rest().is_empty() {
                    self.clean_quit = true;
                } else {
                    let debug = clean(c.rest(), 100);
                    self.set_error(frame, client, code, format!("GOAWAY {debug}"), true);
                }
            }
            _ => {}
        }
    }

    fn set_error(&mut self, frame: &Frame<'_>, client: bool, code: u32, text: String, fatal: bool) {
        if self.error.as_ref().is_some_and(|e| e.fatal && !fatal) {
            return;
        }
        let blame = match code {
            2 => {
                if client {
                    Blame::Client
                } else {
                    Blame::Server
                }
            }
            1 | 3 | 6 | 9 | 11 => {
                if client {
                    Blame::Server
                } else {
                    Blame::Client
                }
            }
            _ => Blame::Either,
        };
        self.error = Some(AppError {
            code: error_name(code).to_owned(),
            text: text.trim().to_owned(),
            from_server: !client,
            offset: frame.offset,
            fatal,
            blame,
            explains_close: fatal,
        });
    }

    fn headers(&mut self, frame: &Frame<'_>, client: bool, id: u32, flags: u8, payload: &[u8]) {
        let mut block = payload;
        if flags & 8 != 0 {
            let pad = usize::from(block.first().copied().unwrap_or(0));
            block = block.get(1..).unwrap_or_default();
            block = block
                .get(..block.len().saturating_sub(pad))
                .unwrap_or_default();
        }
        if flags & 0x20 != 0 {
            block = block.get(5..).unwrap_or_default();
        }
        if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&id) {
            self.streams.pop_first();
        }
        let stream = self.streams.entry(id).or_default();
        let ended = flags & 1 != 0 && frame.complete();
        let hpack = &mut self.hpack[usize::from(!client)];
        if client && stream.request.verb.is_empty() {
            let request = &mut stream.request;
            request.offset = frame.offset;
            hpack.decode(block, |name, value| match name {
                ":method" => request.verb = clean(value, 24),
                ":path" => request.target = clean(mask::target(value.as_bytes()), 120),
                ":authority" | "host" => request.host = clean(value, 80),
                _ => {}
            });
        } else {
            let (status, grpc) = (&mut stream.status, &mut stream.grpc_status);
            hpack.decode(block, |name, value| match name {
                ":status" => *status = clean(value, 8),
                "grpc-status" if value != "0" => *grpc = Some(clean(value, 8)),
                _ => {}
            });
        }
        if flags & 4 == 0 {
            // The block goes on in CONTINUATION frames, which are not followed.
            hpack.lose();
        }
        if client {
            stream.request_ended |= ended;
        } else {
            let interim = stream.status.starts_with('1');
            stream.answered |= !interim;
            stream.answer_ended |= ended;
        }
    }

    fn story(self, lost: bool) -> AppStory {
        let mut story = AppStory::of(Protocol::Http2, Confidence::High);
        story.client_is_first_endpoint = Some(true);
        let count = |f: fn(&&Exchange) -> bool| {
            u32::try_from(self.streams.values().filter(f).count()).unwrap_or(u32::MAX)
        };
        story.requests = count(|s| s.request_ended);
        story.responses = count(|s| s.answer_ended);
        story.clean_quit = self.clean_quit && self.error.is_none();
        // A client's streams have odd numbers; the last one opened was asked last.
        if let Some((id, stream)) = self.streams.iter().rev().find(|(id, _)| *id % 2 == 1) {
            let mut request = stream.request.clone();
            let host = &request.host;
            let at = Some(host)
                .filter(|h| !h.is_empty())
                .map(|h| format!(" authority {h}"));
            let at = at.unwrap_or_default();
            request.summary = clean(
                format!(
                    "{} {} HTTP/2{at} (stream {id})",
                    request.verb, request.target
                ),
                160,
            );
            request.complete = Some(stream.request_ended).filter(|&ended| ended || !lost);
            story.outstanding = match (request.complete, stream.answered) {
                (_, true) | (Some(false), _) => Some(false),
                (Some(true), false) if !lost => Some(true),
                _ => None,
            };
            story.response = match (stream.answered, stream.answer_ended) {
                (_, true) => ResponseState::Complete,
                (true, false) if lost => ResponseState::Unknown,
                (true, false) => ResponseState::Partial {
                    expected: None,
                    seen: stream.answer_bytes,
                },
                (false, false) => ResponseState::NotStarted,
            };
            if stream.answered {
                let grpc = stream
                    .grpc_status
                    .as_ref()
                    .map(|s| format!(" grpc-status {s}"));
                let text = format!("HTTP/2 {}{}", stream.status, grpc.unwrap_or_default());
                story.last_response = Some(text.trim().to_owned());
            }
            story.last_request = Some(request);
        }
        story.error = self.error;
        if let Some(error) = &mut story.error {
            if error.code == "ENHANCE_YOUR_CALM" && self.pings > 0 {
                error.text = format!("{} ({} pings from the client)", error.text, self.pings);
            }
            if story.last_response.is_none() && error.from_server {
                story.last_response = Some(format!("{} {}", error.code, error.text));
            }
        }
        story
    }
}

/// RFC 9113 7.
fn error_name(code: u32) -> &'static str {
    const NAMES: &[&str] = &[
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    usize::try_from(code)
        .ok()
        .and_then(|i| NAMES.get(i))
        .copied()
        .unwrap_or("unknown error code")
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        out.extend_from_slice(&[kind, flags]);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(payload);
        out
    }

    fn get() -> Vec<u8> {
        let mut out = PREFACE.to_vec();
        out.extend(frame(4, 0, 0, &[]));
        out.extend(frame(
            1,
            5,
            1,
            b"\x82\x86\x44\x0a/api/x?k=1\x41\x09a.example",
        ));
        out
    }

    #[test]
    fn a_request_without_answer() {
        let s = story(8080, &[("c", &get()), ("s", &frame(4, 0, 0, &[]))]);
        assert_eq!(s.protocol, Some(Protocol::Http2));
        let r = s.last_request.unwrap();
        assert_eq!(
            r.summary,
            "GET /api/x?... HTTP/2 authority a.example (stream 1)"
        );
        assert_eq!(
            (s.outstanding, s.response),
            (Some(true), ResponseState::NotStarted)
        );
    }

    #[test]
    fn goaway_explains_the_end() {
        let mut answer = frame(4, 0, 0, &[]);
        answer.extend(frame(1, 4, 1, b"\x88"));
        answer.extend(frame(7, 0, 0, b"\0\0\0\x01\0\0\0\x0btoo_many_pings"));
        let s = story(8080, &[("c", &get()), ("s", &answer)]);
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.text.as_str(), e.fatal),
            ("ENHANCE_YOUR_CALM", "GOAWAY too_many_pings", true)
        );
        assert_eq!(
            s.response,
            ResponseState::Partial {
                expected: None,
                seen: 0
            }
        );
        assert_eq!(s.last_response.unwrap(), "HTTP/2 200");
    }

    #[test]
    fn near_misses() {
        assert_eq!(
            story(80, &[("c", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]).protocol,
            Some(Protocol::Http2)
        );
        assert_ne!(
            story(80, &[("c", b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n")]).protocol,
            Some(Protocol::Http2)
        );
    }
}
