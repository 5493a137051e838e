//! SMB 1, 2 and 3 behind NetBIOS session headers ([MS-SMB2], [MS-CIFS], RFC 1002).

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let kind = c.u8()?;
    let len = c.be24()?;
    let magic = data.get(4..8);
    let smb = magic.is_none_or(|m| matches!(m, [0xfd..=0xff, b'S', b'M', b'B']));
    let valid = match kind {
        0 => smb && len >= 4,
        0x81 => len == 68,
        0x82 | 0x85 => len == 0,
        0x83 => len == 1,
        _ => false,
    };
    valid.then(|| u64::from(len) + 4)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let magic = |bytes: &[u8]| matches!(bytes.get(4..8), Some([0xfd..=0xff, b'S', b'M', b'B']));
    let session = matches!(d.client.bytes, [0x81, 0, 0, 68, ..]);
    let (client, server) = (magic(d.client.bytes), magic(d.server.bytes));
    if !client && !server && !session {
        return None;
    }
    let mut story = AppStory::of(Protocol::Smb, Confidence::High);
    if client || session {
        story.client_is_first_endpoint =
            is_reply(d.client.bytes).map(|reply| !reply).or(Some(true));
        if story.client_is_first_endpoint == Some(false) {
            return None;
        }
    }
    Some(exchange(
        d,
        story,
        [length, length],
        |frame, story| {
            let request = request(frame)?;
            story.encrypted |= request.verb == "encrypted";
            story.clean_quit = matches!(request.verb.as_str(), "LOGOFF" | "TREE_DISCONNECT");
            Some(request)
        },
        |frame, story| {
            let Some((command, status)) = reply(frame, story) else {
                return true;
            };
            // STATUS_PENDING: the answer proper comes later.
            if status == 0x103 {
                return false;
            }
            story.last_response = Some(format!("SMB {command} {}", status_name(status)));
            story.error = (status >= 0xc000_0000 && status != 0xc000_0016).then(|| AppError {
                code: status_name(status),
                text: command,
                from_server: true,
                offset: frame.offset,
                fatal: false,
                blame: Blame::Client,
                explains_close: matches!(
                    status,
                    0xc000_006d | 0xc000_0022 | 0xc000_0203 | 0xc000_00d0
                ),
            });
            true
        },
    ))
}

/// The first SMB message is a server's.
fn is_reply(data: &[u8]) -> Option<bool> {
    match data.get(4)? {
        0xfe => data.get(20).map(|flags| flags & 1 != 0),
        0xff => data.get(13).map(|flags| flags & 0x80 != 0),
        _ => None,
    }
}

const COMMANDS: &[&str] = &[
    "NEGOTIATE",
    "SESSION_SETUP",
    "LOGOFF",
    "TREE_CONNECT",
    "TREE_DISCONNECT",
    "CREATE",
    "CLOSE",
    "FLUSH",
    "READ",
    "WRITE",
    "LOCK",
    "IOCTL",
    "CANCEL",
    "ECHO",
    "QUERY_DIRECTORY",
    "CHANGE_NOTIFY",
    "QUERY_INFO",
    "SET_INFO",
    "OPLOCK_BREAK",
];

fn command_1(command: u8) -> &'static str {
    match command {
        0x04 => "CLOSE",
        0x25 => "TRANSACTION",
        0x2b => "ECHO",
        0x2e => "READ_ANDX",
        0x2f => "WRITE_ANDX",
        0x32 => "TRANSACTION2",
        0x71 => "TREE_DISCONNECT",
        0x72 => "NEGOTIATE",
        0x73 => "SESSION_SETUP",
        0x74 => "LOGOFF",
        0x75 => "TREE_CONNECT",
        0xa0 => "NT_TRANSACT",
        0xa2 => "CREATE",
        _ => "command",
    }
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|p| u16::from_le_bytes([p[0], p[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn request(frame: &Frame<'_>) -> Option<Request> {
    match frame.data.get(4..8) {
        Some([0xfe, ..]) => {
            let header = frame.data.get(4..)?;
            let command = Cursor::from(header, 12).le16()?;
            let verb = COMMANDS
                .get(usize::from(command))
                .copied()
                .unwrap_or("command");
            // Offset and length of the name stand at fixed places of these requests.
            let name = match verb {
                "TREE_CONNECT" => name_at(header, 68),
                "CREATE" => name_at(header, 64 + 44),
                _ => None,
            };
            let target = name.unwrap_or_default();
            let mut request = Request::framed(
                frame,
                verb,
                format!("SMB2 {verb} {target}").trim_end().to_owned(),
            );
            request.target = target;
            Some(request)
        }
        Some([0xff, ..]) => {
            let verb = command_1(*frame.data.get(8)?);
            Some(Request::framed(frame, verb, format!("SMB1 {verb}")))
        }
        Some([0xfd, ..]) => Some(Request::framed(
            frame,
            "encrypted",
            "SMB3 encrypted message".to_owned(),
        )),
        _ if frame.data.first() == Some(&0x81) => Some(Request::framed(
            frame,
            "session request",
            "NetBIOS session request".to_owned(),
        )),
        _ => None,
    }
}

fn name_at(header: &[u8], at: usize) -> Option<String> {
    let mut c = Cursor::from(header, at);
    let (offset, len) = (usize::from(c.le16()?), usize::from(c.le16()?));
    let mut c = Cursor::from(header, offset);
    Some(clean(utf16(c.take_some(len)), 100))
}

/// Command and NT status of a reply.
fn reply(frame: &Frame<'_>, story: &mut AppStory) -> Option<(String, u32)> {
    match frame.data.get(4..8) {
        Some([0xfe, ..]) => {
            let mut c = Cursor::from(frame.data, 12);
            let (status, command) = (c.le32()?, c.le16()?);
            Some((
                COMMANDS
                    .get(usize::from(command))
                    .copied()
                    .unwrap_or("command")
                    .to_owned(),
                status,
            ))
        }
        Some([0xff, ..]) => {
            let status = Cursor::from(frame.data, 9).le32()?;
            Some((command_1(*frame.data.get(8)?).to_owned(), status))
        }
        _ => {
            if frame.data.first() == Some(&0x83) {
                let code = frame.data.get(4).copied().unwrap_or(0);
                story.last_response = Some("NetBIOS negative session response".to_owned());
                story.error = Some(AppError {
                    code: format!("0x{code:02x}"),
                    text: "negative session response".to_owned(),
                    from_server: true,
                    offset: frame.offset,
                    fatal: true,
                    blame: Blame::Client,
                    explains_close: true,
                });
            }
            None
        }
    }
}

fn status_name(status: u32) -> String {
    let name = match status {
        0 => "STATUS_SUCCESS",
        0x8000_0006 => "STATUS_NO_MORE_FILES",
        0xc000_000d => "STATUS_INVALID_PARAMETER",
        0xc000_000f => "STATUS_NO_SUCH_FILE",
        0xc000_0016 => "STATUS_MORE_PROCESSING_REQUIRED",
        0xc000_0022 => "STATUS_ACCESS_DENIED",
        0xc000_0034 => "STATUS_OBJECT_NAME_NOT_FOUND",
        0xc000_003a => "STATUS_OBJECT_PATH_NOT_FOUND",
        0xc000_0043 => "STATUS_SHARING_VIOLATION",
        0xc000_006d => "STATUS_LOGON_FAILURE",
        0xc000_00bb => "STATUS_NOT_SUPPORTED",
        0xc000_00cc => "STATUS_BAD_NETWORK_NAME",
        0xc000_00d0 => "STATUS_REQUEST_NOT_ACCEPTED",
        0xc000_0203 => "STATUS_USER_SESSION_DELETED",
        other => return format!("0x{other:08x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn smb2(command: u16, status: u32, reply: bool, body: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 64];
        header[..4].copy_from_slice(b"\xfeSMB");
        header[4] = 64;
        header[8..12].copy_from_slice(&status.to_le_bytes());
        header[12..14].copy_from_slice(&command.to_le_bytes());
        header[16] = u8::from(reply);
        header.extend_from_slice(body);
        [&[0][..], &(header.len() as u32).to_be_bytes()[1..], &header].concat()
    }

    #[test]
    fn a_refused_tree_connect() {
        let path: Vec<u8> = "\\\\srv\\share"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let body = [&[9, 0, 0, 0, 72, 0, path.len() as u8, 0][..], &path].concat();
        let s = story(
            445,
            &[
                ("c", &smb2(3, 0, false, &body)),
                ("s", &smb2(3, 0xc000_0022, true, &[0; 9])),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Smb));
        assert_eq!(
            s.last_request.unwrap().summary,
            "SMB2 TREE_CONNECT \\\\srv\\share"
        );
        assert_eq!(s.error.unwrap().code, "STATUS_ACCESS_DENIED");
    }

    #[test]
    fn pending_is_no_answer_and_logoff_a_goodbye() {
        let s = story(
            445,
            &[
                ("c", &smb2(15, 0, false, &[])),
                ("s", &smb2(15, 0x103, true, &[])),
            ],
        );
        assert_eq!((s.responses, s.error), (0, None));
        assert!(story(445, &[("c", &smb2(2, 0, false, &[]))]).clean_quit);
    }

    #[test]
    fn cuts_and_near_misses() {
        let whole = smb2(5, 0, false, &[0; 60]);
        assert_eq!(
            story(445, &[("c", &whole[..30])])
                .last_request
                .unwrap()
                .complete,
            Some(false)
        );
        let mut other = whole;
        other[5] = b'X';
        assert_ne!(story(445, &[("c", &other)]).protocol, Some(Protocol::Smb));
    }
}
