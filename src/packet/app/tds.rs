//! Microsoft SQL Server: TDS packets ([MS-TDS]), with or without SMP sessions ([MC-SMP]).

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;
use super::{mask, tls};

const SMP: u8 = 0x53;

/// A TDS packet, an SMP packet, or (once the channel is encrypted) a TLS record.
fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let kind = c.u8()?;
    if kind == SMP {
        let flags = c.u8()?;
        c.be16()?;
        let len = c.le32()?;
        return (matches!(flags, 1 | 2 | 4 | 8) && (16..=0x1_0000).contains(&len))
            .then_some(u64::from(len));
    }
    if kind >= 0x14 {
        return tls::record_len(data);
    }
    c.u8()?;
    let len = c.be16()?;
    (matches!(kind, 1..=4 | 6 | 7 | 8 | 0x0e | 0x10..=0x12) && (8..=32_768).contains(&len))
        .then_some(u64::from(len))
}

/// The TDS packet in a frame, without an SMP header.
fn packet<'a>(frame: &Frame<'a>) -> &'a [u8] {
    let at = if frame.data.first() == Some(&SMP) {
        16
    } else {
        0
    };
    frame.data.get(at..).unwrap_or_default()
}

fn smp_flag(frame: &Frame<'_>) -> Option<u8> {
    (frame.data.first() == Some(&SMP))
        .then(|| frame.data.get(1).copied())
        .flatten()
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let first = d.client.bytes;
    length(first)?;
    let prelogin = matches!(first, [0x12, 0 | 1, ..]) && first.get(8).is_none_or(|&b| b <= 7);
    let login = matches!(first, [0x10, _, _, _, _, _, 1, 0, ..]);
    let reply = matches!(d.server.bytes, [4, 0 | 1, ..]) && length(d.server.bytes).is_some();
    let batch = matches!(first, [1 | 3, _, _, _, 0, 0, _, 0, ..]);
    let confidence = match (prelogin || login, reply) {
        (true, true) => Confidence::High,
        (true, false) if d.server.bytes.is_empty() => Confidence::Medium,
        _ if reply && batch => Confidence::Medium,
        _ => return None,
    };
    let mut story = AppStory::of(Protocol::Tds, confidence);
    story.client_is_first_endpoint = Some(true);
    let mut last = None;
    let mut continued = false;
    for frame in Frames::new(d, true, 0, length) {
        story.clean_quit |= smp_flag(&frame) == Some(4);
        let data = packet(&frame);
        story.encrypted |= matches!(data.first(), Some(0x17))
            || data.get(8..11).is_some_and(|b| b.starts_with(&[0x16, 3]));
        let Some(mut request) = request(&frame, data) else {
            continue;
        };
        let ends = data.get(1).is_some_and(|s| s & 1 != 0) || data.first() == Some(&0x17);
        request.complete = Some(frame.complete() && ends);
        if !continued {
            last = Some(request);
        } else if let Some(last) = &mut last {
            last.complete = request.complete;
        }
        continued = !ends;
        story.requests += u32::from(ends && frame.complete());
    }
    let mut answer = Answer::Unknown;
    for frame in Frames::new(d, false, 0, length) {
        let data = packet(&frame);
        let ends = data.get(1).is_some_and(|s| s & 1 != 0);
        if data.first() == Some(&4) {
            story.responses += u32::from(ends && frame.complete());
            read_tokens(&frame, data, &mut story);
        }
        answer = match Answer::of(&frame) {
            Answer::Complete if data.first() == Some(&0x17) => Answer::Unknown,
            Answer::Complete if !ends => Answer::Partial {
                expected: None,
                seen: frame.sent,
            },
            other => other,
        };
    }
    if let Some(request) = last {
        settle(&mut story, d, request, answer);
    }
    Some(story)
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|p| u16::from_le_bytes([p[0], p[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn request(frame: &Frame<'_>, data: &[u8]) -> Option<Request> {
    let body = data.get(8..).unwrap_or_default();
    let (verb, target) = match data.first()? {
        0x12 if body.starts_with(&[0x16, 3]) => ("TLS in PRELOGIN", String::new()),
        0x12 => ("PRELOGIN", String::new()),
        0x10 => ("LOGIN7", String::new()),
        1 => {
            // ALL_HEADERS come first, with their total length.
            let headers = Cursor::new(body)
                .le32()
                .and_then(|n| usize::try_from(n).ok());
            let text = headers
                .filter(|&n| n < 256)
                .and_then(|n| body.get(n..))
                .unwrap_or(body);
            let text = utf16(text.get(..4096).unwrap_or(text));
            ("SQLBatch", clean(mask::sql(text.as_bytes(), false), 130))
        }
        3 => ("RPC", procedure(body)),
        6 => ("Attention", String::new()),
        7 => ("BulkLoad", String::new()),
        8 => ("FedAuthToken", String::new()),
        0x0e => ("TransactionManager", String::new()),
        0x11 => ("SSPI", String::new()),
        0x17 => ("encrypted data", String::new()),
        _ => return None,
    };
    let mut request = Request::framed(
        frame,
        verb,
        format!("TDS {verb} {target}").trim_end().to_owned(),
    );
    request.target = target;
    Some(request)
}

/// The procedure an RPC calls, by name or well-known number.
fn procedure(body: &[u8]) -> String {
    let Some(headers) = Cursor::new(body)
        .le32()
        .and_then(|n| usize::try_from(n).ok())
    else {
        return String::new();
    };
    let mut c = Cursor::from(body, headers.min(256));
    match c.le16() {
        Some(0xffff) => match c.le16() {
            Some(10) => "sp_executesql".to_owned(),
            Some(11) => "sp_prepare".to_owned(),
            Some(12) => "sp_execute".to_owned(),
            Some(13) => "sp_prepexec".to_owned(),
            Some(15) => "sp_unprepare".to_owned(),
            other => format!("procedure {}", other.unwrap_or(0)),
        },
        Some(n) => clean(utf16(c.take_some(usize::from(n).saturating_mul(2))), 80),
        None => String::new(),
    }
}

/// The tokens of a response up to the first of a kind whose length is not known.
fn read_tokens(frame: &Frame<'_>, data: &[u8], story: &mut AppStory) {
    let mut c = Cursor::from(data, 8);
    while let Some(token) = c.u8() {
        match token {
            0xfd..=0xff => {
                if c.skip(12).is_none() {
                    return;
                }
            }
            0xaa | 0xab | 0xe3 | 0xad => {
                let Some(body) = c.le16().map(|n| c.take_some(usize::from(n))) else {
                    return;
                };
                if token == 0xaa {
                    story.error = error(frame, body);
                    story.last_response = story
                        .error
                        .as_ref()
                        .map(|e| format!("ERROR {} {}", e.code, e.text));
                } else if token == 0xad {
                    story.last_response = Some("LOGINACK".to_owned());
                }
            }
            _ => return,
        }
    }
}

fn error(frame: &Frame<'_>, body: &[u8]) -> Option<AppError> {
    let mut c = Cursor::new(body);
    let number = c.le32()?;
    let (_state, class) = (c.u8()?, c.u8()?);
    let len = usize::from(c.le16()?);
    let text = utf16(c.take_some(len.saturating_mul(2)));
    let fatal = class >= 20 || matches!(number, 18456 | 18452 | 4060);
    Some(AppError {
        code: number.to_string(),
        text: clean(text, 120),
        from_server: true,
        offset: frame.offset,
        fatal,
        blame: match class {
            11..=16 => Blame::Client,
            17.. => Blame::Server,
            _ => Blame::Either,
        },
        explains_close: fatal,
    })
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn tds(kind: u8, body: &[u8]) -> Vec<u8> {
        [
            &[kind, 1][..],
            &(body.len() as u16 + 8).to_be_bytes(),
            &[0, 0, 1, 0],
            body,
        ]
        .concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn prelogin() -> Vec<u8> {
        tds(0x12, &[0, 0, 6, 0, 6, 0xff, 9, 0, 0, 0, 0, 0])
    }

    #[test]
    fn a_batch_without_answer() {
        let batch = tds(
            1,
            &[&[22, 0, 0, 0][..], &[0; 18], &wide("SELECT 'x' FROM t")].concat(),
        );
        let s = story(
            1433,
            &[
                ("c", &prelogin()),
                ("s", &tds(4, &[0, 0, 6, 0xff])),
                ("c", &batch),
            ],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Tds), Confidence::High)
        );
        assert_eq!(
            s.last_request.unwrap().summary,
            "TDS SQLBatch SELECT '...' FROM t"
        );
        assert_eq!(s.outstanding, Some(true));
    }

    #[test]
    fn a_failed_login() {
        let text = wide("Login failed");
        let mut body = 18456_u32.to_le_bytes().to_vec();
        body.extend([1, 14, 12, 0]);
        body.extend(&text);
        let token = [&[0xaa][..], &(body.len() as u16).to_le_bytes(), &body].concat();
        let s = story(
            1433,
            &[
                ("c", &prelogin()),
                ("s", &tds(4, &[0])),
                ("c", &tds(0x10, &[0; 94])),
                ("s", &tds(4, &token)),
            ],
        );
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.text.as_str(), e.fatal),
            ("18456", "Login failed", true)
        );
    }

    #[test]
    fn smp_fin_is_a_goodbye_and_near_misses() {
        let fin = [SMP, 4, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0];
        let s = story(
            1433,
            &[("c", &prelogin()), ("s", &tds(4, &[0])), ("c", &fin)],
        );
        assert!(s.clean_quit);
        assert_eq!(
            story(1433, &[("c", &prelogin()[..6])]).protocol,
            Some(Protocol::Tds)
        );
        assert_ne!(
            story(1433, &[("c", &prelogin()), ("s", b"HTTP/1.1 400 Bad\r\n")]).protocol,
            Some(Protocol::Tds)
        );
    }
}
