//! Files and procedures over the network: iSCSI, ONC RPC (NFS), DCE/RPC, git.

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn iscsi_length(data: &[u8]) -> Option<u64> {
    let opcode = data.first()? & 0x3f;
    let known = matches!(opcode, 0..=6 | 0x10 | 0x20..=0x26 | 0x31 | 0x32 | 0x3f);
    let additional = u64::from(*data.get(4)?) * 4;
    let len = u64::from(Cursor::from(data, 5).be24()?);
    known.then(|| 48 + additional + len.div_ceil(4) * 4)
}

/// iSCSI (RFC 7143): 48-byte headers; the login comes first.
pub(super) fn iscsi(d: &Dialogue<'_>) -> Option<AppStory> {
    let login = matches!(d.client.bytes, [0x43 | 0x03, _, 0, 0, ..])
        && iscsi_length(d.client.bytes).is_some();
    let names = d.client.bytes.get(..600).unwrap_or(d.client.bytes);
    let named = memchr::memmem::find(names, b"InitiatorName=").is_some();
    if !login || !named && d.server_port != 3260 {
        return None;
    }
    let mut story = AppStory::of(
        Protocol::Iscsi,
        if named {
            Confidence::High
        } else {
            Confidence::Medium
        },
    );
    story.client_is_first_endpoint = Some(true);
    let value = |data: &[u8], key: &[u8]| {
        let at = memchr::memmem::find(data, key)? + key.len();
        Some(clean(Cursor::from(data, at).c_str(), 80))
    };
    Some(exchange(
        d,
        story,
        [iscsi_length; 2],
        |frame, story| {
            let verb = match frame.data.first()? & 0x3f {
                0 => "NOP-Out",
                1 => "SCSI command",
                2 => "task management",
                3 => "login",
                4 => "text",
                5 => "data-out",
                6 => "logout",
                _ => "request",
            };
            story.clean_quit |= verb == "logout";
            let target = value(frame.data, b"TargetName=").unwrap_or_default();
            let mut request = Request::framed(
                frame,
                verb,
                format!("iSCSI {verb} {target}").trim_end().to_owned(),
            );
            request.target = target;
            Some(request)
        },
        |frame, story| {
            let opcode = frame.data.first().map_or(0, |b| b & 0x3f);
            if opcode == 0x23 {
                let status = Cursor::from(frame.data, 36).be16().unwrap_or(0);
                story.last_response = Some(format!("iSCSI login response 0x{status:04x}"));
                story.error = (status >= 0x200)
                    .then(|| stated(frame, format!("0x{status:04x}"), "login failed", true));
            } else {
                story.last_response = Some(format!("iSCSI opcode 0x{opcode:02x}"));
            }
            opcode != 0x25 && opcode != 0x31
        },
    ))
}

fn stated(frame: &Frame<'_>, code: String, text: &str, fatal: bool) -> AppError {
    AppError {
        code,
        text: text.to_owned(),
        from_server: true,
        offset: frame.offset,
        fatal,
        blame: Blame::Client,
        explains_close: fatal,
    }
}

/// A record fragment (RFC 5531 11).
fn rpc_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let mark = c.be32()?;
    let len = mark & 0x7fff_ffff;
    c.be32()?;
    let kind = c.be32()?;
    (kind <= 1 && (24..=1 << 24).contains(&len)).then(|| u64::from(len) + 4)
}

/// ONC RPC over TCP: NFS, portmapper, mount ...
pub(super) fn rpc(d: &Dialogue<'_>) -> Option<AppStory> {
    rpc_length(d.client.bytes)?;
    let mut c = Cursor::from(d.client.bytes, 8);
    let (kind, version) = (c.be32()?, c.be32()?);
    let program = c.be32()?;
    if kind != 0 || version != 2 || !(100_000..0x6000_0000).contains(&program) {
        return None;
    }
    let mut story = AppStory::of(Protocol::Rpc, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [rpc_length; 2],
        |frame, _| {
            let mut c = Cursor::from(frame.data, 16);
            let (program, version, procedure) = (c.be32()?, c.be32()?, c.be32()?);
            let name = match program {
                100_000 => "portmapper",
                100_003 => "NFS",
                100_005 => "mount",
                100_021 => "lock manager",
                100_024 => "status",
                _ => "program",
            };
            Some(Request::framed(
                frame,
                name,
                format!("RPC {name} {program} version {version} procedure {procedure}"),
            ))
        },
        |frame, story| {
            let denied = Cursor::from(frame.data, 12).be32() == Some(1);
            let text = if denied {
                "RPC call denied"
            } else {
                "RPC reply"
            };
            story.last_response = Some(text.to_owned());
            story.error = denied.then(|| stated(frame, "denied".to_owned(), text, false));
            true
        },
    ))
}

fn dcerpc_length(data: &[u8]) -> Option<u64> {
    let (major, minor, kind) = (data.first()?, data.get(1)?, data.get(2)?);
    let little = data.get(4)? & 0x10 != 0;
    let mut c = Cursor::from(data, 8);
    let len = if little { c.le16()? } else { c.be16()? };
    (*major == 5 && *minor <= 1 && *kind <= 19 && len >= 16).then_some(u64::from(len))
}

/// DCE/RPC over TCP ([MS-RPCE]).
pub(super) fn dcerpc(d: &Dialogue<'_>) -> Option<AppStory> {
    dcerpc_length(d.client.bytes)?;
    let opens = matches!(d.client.bytes.get(2), Some(0 | 11 | 14));
    if !opens || !d.server.bytes.is_empty() && dcerpc_length(d.server.bytes).is_none() {
        return None;
    }
    let mut story = AppStory::of(Protocol::DceRpc, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    let name = |frame: &Frame<'_>| match frame.data.get(2) {
        Some(0) => "request",
        Some(2) => "response",
        Some(3) => "fault",
        Some(11) => "bind",
        Some(12) => "bind_ack",
        Some(13) => "bind_nak",
        Some(14) => "alter_context",
        Some(16) => "auth3",
        Some(17) => "shutdown",
        _ => "message",
    };
    Some(exchange(
        d,
        story,
        [dcerpc_length; 2],
        |frame, _| {
            let verb = name(frame);
            if verb == "auth3" {
                return None;
            }
            let number = Cursor::from(frame.data, 22)
                .le16()
                .filter(|_| verb == "request");
            let operation = number
                .map(|n| format!(" operation {n}"))
                .unwrap_or_default();
            Some(Request::framed(
                frame,
                verb,
                format!("DCE/RPC {verb}{operation}"),
            ))
        },
        |frame, story| {
            let verb = name(frame);
            story.last_response = Some(format!("DCE/RPC {verb}"));
            let status = Cursor::from(frame.data, 24).le32().unwrap_or(0);
            story.error = match verb {
                "fault" => Some(stated(frame, format!("0x{status:08x}"), "fault", false)),
                "bind_nak" => Some(stated(frame, "bind_nak".to_owned(), "bind refused", true)),
                _ => None,
            };
            true
        },
    ))
}

/// git daemon: one pkt-line `git-upload-pack /path\0host=...`.
pub(super) fn git(d: &Dialogue<'_>) -> Option<AppStory> {
    fn length(data: &[u8]) -> Option<u64> {
        let len = u64::from_str_radix(std::str::from_utf8(data.get(..4)?).ok()?, 16).ok()?;
        match len {
            0..=2 => Some(4),
            3 => None,
            len => Some(len),
        }
    }
    let line = d.client.bytes.get(4..)?;
    length(d.client.bytes)?;
    if !line.starts_with(b"git-") {
        return None;
    }
    let mut story = AppStory::of(Protocol::Git, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [length, length],
        |frame, _| {
            let mut c = Cursor::from(frame.data, 4);
            if frame.offset > 0 {
                // Flush packets end a message; they are none.
                return (frame.len > 4)
                    .then(|| Request::framed(frame, "negotiation", "git negotiation".to_owned()));
            }
            let (command, host) = (c.c_str(), c.c_str());
            let mut words = command.splitn(2, |&b| b == b' ');
            let verb = clean(words.next().unwrap_or_default(), 24);
            let mut request = Request::framed(frame, verb, clean(command, 140));
            request.target = clean(words.next().unwrap_or_default(), 100);
            request.host = clean(host.strip_prefix(b"host=").unwrap_or_default(), 80);
            Some(request)
        },
        |frame, story| {
            let text = frame.data.get(4..).unwrap_or_default();
            if let Some(text) = text.strip_prefix(b"ERR ") {
                story.error = Some(stated(
                    frame,
                    "ERR".to_owned(),
                    &clean(text.trim_ascii(), 120),
                    true,
                ));
                story.last_response = Some(format!("ERR {}", clean(text.trim_ascii(), 120)));
            } else if story.last_response.is_none() {
                story.last_response = Some("git packets".to_owned());
            }
            frame.data == b"0000" || text.starts_with(b"ERR ")
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn iscsi_logins() {
        let text = b"InitiatorName=iqn.a\0TargetName=iqn.b\0";
        let mut login = vec![0x43, 0x87, 0, 0, 0, 0, 0, text.len() as u8];
        login.resize(48, 0);
        login.extend_from_slice(text);
        login.resize(48 + text.len().div_ceil(4) * 4, 0);
        let mut reply = vec![0x23, 0x87, 0, 0, 0, 0, 0, 0];
        reply.resize(48, 0);
        reply[36] = 2;
        let s = story(3260, &[("c", &login), ("s", &reply)]);
        assert_eq!(
            (s.protocol, s.last_request.unwrap().summary.as_str()),
            (Some(Protocol::Iscsi), "iSCSI login iqn.b")
        );
        assert_eq!(s.error.unwrap().code, "0x0200");
        login[0] = 0x47;
        assert_ne!(
            story(3260, &[("c", &login)]).protocol,
            Some(Protocol::Iscsi)
        );
    }

    #[test]
    fn nfs_calls() {
        let call = b"\x80\0\0\x28\0\0\0\x01\0\0\0\0\0\0\0\x02\0\x01\x86\xa3\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let s = story(2049, &[("c", call)]);
        assert_eq!(
            s.last_request.unwrap().summary,
            "RPC NFS 100003 version 3 procedure 1"
        );
        assert_eq!(
            (s.protocol, s.outstanding),
            (Some(Protocol::Rpc), Some(true))
        );
        assert_eq!(
            story(2049, &[("c", &call[..30])])
                .last_request
                .unwrap()
                .complete,
            Some(false)
        );
        let mut other = call.to_vec();
        other[15] = 3;
        assert_ne!(story(2049, &[("c", &other)]).protocol, Some(Protocol::Rpc));
    }

    #[test]
    fn dcerpc_and_git() {
        let bind = b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0";
        let s = story(135, &[("c", bind)]);
        assert_eq!(
            (s.protocol, s.last_request.unwrap().complete),
            (Some(Protocol::DceRpc), Some(false))
        );
        let s = story(
            9418,
            &[
                ("c", b"0026git-upload-pack /a.git\0host=h.ex\0\0\0"),
                ("s", b"000aERR no"),
            ],
        );
        assert_eq!(
            (s.protocol, s.last_request.unwrap().host.as_str()),
            (Some(Protocol::Git), "h.ex")
        );
        assert_eq!(s.error.unwrap().text, "no");
        assert_ne!(
            story(9418, &[("c", b"0010gut-upload")]).protocol,
            Some(Protocol::Git)
        );
    }
}
