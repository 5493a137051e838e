//! SSH until encryption begins (RFC 4253).

use super::cursor::Cursor;
use super::frames::{Frame, Frames};
use super::lines::first_line;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request, ResponseState};
use super::talk::Dialogue;
use super::text::clean;
use memchr::memmem::Finder;
use std::sync::LazyLock;

fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let len = c.be32()?;
    let padding = c.u8()?;
    // RFC 4253 6: at least 4 bytes of padding; packets of up to 35000 bytes.
    ((5..=65_536).contains(&len) && u32::from(padding) < len && padding >= 4)
        .then(|| u64::from(len) + 4)
}

/// Bytes in which a side's version is looked for: it may come after a few other lines.
const PREAMBLE: usize = 8 << 10;

/// How it begins.
static VERSION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"SSH-"));

/// What one side said in the clear.
#[derive(Default)]
struct Side {
    banner: Option<String>,
    stage: &'static str,
    new_keys: bool,
    disconnect: Option<(u32, String, u64)>,
    last_offset: u64,
    last_partial: bool,
}

impl Side {
    fn stage(&self) -> &'static str {
        if self.new_keys {
            "encrypted"
        } else {
            self.stage
        }
    }
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let client = read(d, true);
    let server = read(d, false);
    let server_refuses = d.server.bytes.starts_with(b"Exceeded MaxStartups")
        || d.server.bytes.starts_with(b"Not allowed at this time");
    if client.banner.is_none() && server.banner.is_none() && !server_refuses {
        return None;
    }
    // A client that talks something else to an SSH server is told as a mismatch.
    let foreign = client.banner.is_none() && !d.client.bytes.is_empty();
    let mut story = AppStory::of(
        Protocol::Ssh,
        if foreign {
            Confidence::Medium
        } else {
            Confidence::High
        },
    );
    story.banner_first = true;
    story.banner_seen = server.banner.is_some();
    story.encrypted = client.new_keys || server.new_keys;
    if let Some(banner) = &client.banner {
        ask(&mut story, d, &client, banner);
    }
    if let Some(banner) = &server.banner {
        story.last_response = Some(match server.stage() {
            "banner" => banner.clone(),
            at => format!("{banner}, {at}"),
        });
    }
    if server_refuses {
        story.last_response = Some(clean(first_line(d.server.bytes), 160));
        story.error = Some(AppError {
            code: "refused".to_owned(),
            text: clean(first_line(d.server.bytes), 120),
            from_server: true,
            fatal: true,
            blame: Blame::Server,
            explains_close: true,
            ..AppError::default()
        });
    }
    for (side, from_server) in [(&client, false), (&server, true)] {
        disconnected(&mut story, side, from_server);
    }
    Some(story)
}

/// What the client said last.
fn ask(story: &mut AppStory, d: &Dialogue<'_>, side: &Side, banner: &str) {
    let complete = !side.last_partial;
    let at = side.stage();
    story.last_request = Some(Request {
        summary: clean(format!("SSH {at} ({banner})"), 160),
        verb: at.to_owned(),
        target: banner.to_owned(),
        offset: side.last_offset,
        complete: Some(complete),
        ..Request::default()
    });
    let answered = d.answered_bytes(side.last_offset);
    story.response = match answered {
        Some(0) => ResponseState::NotStarted,
        _ => ResponseState::Unknown,
    };
    // Inside the encryption an unanswered packet need not want an answer.
    story.outstanding = (!side.new_keys && complete).then_some(answered == Some(0));
}

fn disconnected(story: &mut AppStory, side: &Side, from_server: bool) {
    if let Some((code, text, offset)) = &side.disconnect {
        story.clean_quit |= *code == 11;
        story.error = (*code != 11).then(|| AppError {
            code: format!("{code} {}", reason_name(*code)),
            text: text.clone(),
            from_server,
            offset: *offset,
            fatal: true,
            blame: Blame::Either,
            explains_close: true,
        });
    }
}

fn read(d: &Dialogue<'_>, client: bool) -> Side {
    let stream = d.side(client);
    let mut side = Side::default();
    let start = &stream.bytes[..stream.bytes.len().min(PREAMBLE)];
    if VERSION.find(start).is_none() {
        return side;
    }
    // A server may send other lines before its version (RFC 4253 4.2).
    let mut at = 0;
    for _ in 0..if client { 1 } else { 16 } {
        let line = first_line(stream.at(at));
        let end = memchr::memchr(b'\n', stream.at(at)).map(|n| at + n as u64 + 1);
        if line.starts_with(b"SSH-") {
            side.banner = Some(clean(line, 100));
            side.stage = "banner";
            side.last_offset = at;
            side.last_partial = end.is_none();
            if let Some(end) = end {
                packets(d, client, end, &mut side);
            }
            break;
        }
        match end {
            Some(end) if !client && line.iter().all(|b| (0x20..0x7f).contains(b)) => at = end,
            _ => break,
        }
    }
    side
}

fn packets(d: &Dialogue<'_>, client: bool, from: u64, side: &mut Side) {
    let mut frames = Frames::new(d, client, from, length);
    for frame in frames.by_ref() {
        side.last_offset = frame.offset;
        side.last_partial = !frame.complete();
        if read_packet(&frame, side) {
            break;
        }
    }
    if side.new_keys {
        side.last_offset = d
            .last_turn(client)
            .unwrap_or(side.last_offset)
            .max(side.last_offset);
        side.last_partial = false;
    }
}

/// Returns whether encryption begins behind this packet.
fn read_packet(frame: &Frame<'_>, side: &mut Side) -> bool {
    let mut c = Cursor::from(frame.data, 5);
    match c.u8() {
        Some(1) => {
            let code = c.be32().unwrap_or(0);
            let len = c.be32().unwrap_or(0);
            let text = c.take_some(usize::try_from(len).unwrap_or(0));
            side.disconnect = Some((code, clean(text, 120), frame.offset));
            side.stage = "disconnect";
        }
        Some(20) => side.stage = "key exchange init",
        Some(21) => {
            side.new_keys = true;
            return true;
        }
        Some(30..=49) => side.stage = "key exchange",
        _ => {}
    }
    false
}

/// RFC 4253 11.1.
fn reason_name(code: u32) -> &'static str {
    match code {
        1 => "host not allowed to connect",
        2 => "protocol error",
        3 => "key exchange failed",
        5 => "MAC error",
        7 => "service not available",
        8 => "protocol version not supported",
        9 => "host key not verifiable",
        10 => "connection lost",
        11 => "by application",
        12 => "too many connections",
        13 => "auth cancelled by user",
        14 => "no more auth methods available",
        15 => "illegal user name",
        _ => "unknown reason",
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let mut out = (payload.len() as u32 + 5).to_be_bytes().to_vec();
        out.push(4);
        out.extend_from_slice(payload);
        out.extend_from_slice(&[0; 4]);
        out
    }

    #[test]
    fn stages() {
        let kex = [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], &packet(&[20, 1, 2, 3])].concat();
        let s = story(22, &[("s", b"SSH-2.0-srv\r\n"), ("c", &kex)]);
        assert_eq!(
            (s.protocol, s.banner_seen, s.encrypted),
            (Some(Protocol::Ssh), true, false)
        );
        let r = s.last_request.unwrap();
        assert_eq!(r.summary, "SSH key exchange init (SSH-2.0-OpenSSH_9.6)");
        assert_eq!((r.offset, s.outstanding), (21, Some(true)));
        let keys = [&kex[..], &packet(&[21]), &[0xaa; 40]].concat();
        let s = story(22, &[("s", b"SSH-2.0-srv\r\n"), ("c", &keys)]);
        assert!(s.encrypted);
        assert_eq!(s.outstanding, None);
    }

    #[test]
    fn a_disconnect_in_the_clear() {
        let mut bye = vec![1, 0, 0, 0, 2, 0, 0, 0, 4];
        bye.extend_from_slice(b"nope\0\0\0\0");
        let answer = [&b"SSH-2.0-srv\r\n"[..], &packet(&bye)].concat();
        let s = story(22, &[("s", &answer), ("c", b"SSH-2.0-x\r\n")]);
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.text.as_str(), e.offset),
            ("2 protocol error", "nope", 13)
        );
    }

    #[test]
    fn no_banner_yet_and_near_misses() {
        let s = story(22, &[("c", b"SSH-2.0-x\r\n")]);
        assert_eq!((s.banner_seen, s.outstanding), (false, Some(true)));
        assert_ne!(
            story(22, &[("s", b"SSSH-2.0\r\n")]).protocol,
            Some(Protocol::Ssh)
        );
        let s = story(22, &[("s", b"SSH-2.0-sr")]);
        assert_eq!(s.last_response.unwrap(), "SSH-2.0-sr");
    }
}
