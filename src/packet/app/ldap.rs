//! LDAP (RFC 4511) with StartTLS.

use super::ber::{element, find, integer};
use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;
use super::tls;

const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const NOTICE: &[u8] = b"1.3.6.1.4.1.1466.20036";

struct Message<'a> {
    id: u32,
    op: u8,
    body: &'a [u8],
}

fn message(data: &[u8]) -> Option<Message<'_>> {
    let outer = element(&mut Cursor::new(data)).filter(|e| e.tag == 0x30)?;
    let mut c = Cursor::new(outer.data);
    let id = element(&mut c).filter(|e| e.tag == 2)?;
    let op = element(&mut c)?;
    let known = matches!(op.tag, 0x60 | 0x61 | 0x42 | 0x63..=0x69 | 0x4a | 0x6b..=0x6f | 0x50 | 0x73 | 0x77..=0x79);
    known.then_some(Message {
        id: integer(id.data)?,
        op: op.tag,
        body: op.data,
    })
}

/// A message, or (once SASL encrypts) a wrapped one behind its 4-byte length.
fn length(data: &[u8]) -> Option<u64> {
    message(data)?;
    element(&mut Cursor::new(data)).map(|e| e.whole)
}

fn is_request(op: u8) -> bool {
    matches!(
        op,
        0x60 | 0x42 | 0x63 | 0x66 | 0x68 | 0x4a | 0x6c | 0x6e | 0x50 | 0x77
    )
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let asked = message(d.client.bytes).map(|m| m.op);
    let told = message(d.server.bytes).map(|m| m.op);
    match (asked, told) {
        (Some(op), _) if !is_request(op) => return None,
        (_, Some(op)) if is_request(op) => return None,
        (None, None) => return None,
        (None, Some(_)) if !d.client.bytes.is_empty() => return None,
        (Some(_), None) if !d.server.bytes.is_empty() => return None,
        _ => {}
    }
    let both = asked.is_some() && told.is_some();
    if let Some(story) = started_tls(d) {
        return Some(story);
    }
    let mut story = AppStory::of(
        Protocol::Ldap,
        if both {
            Confidence::High
        } else {
            Confidence::Medium
        },
    );
    story.client_is_first_endpoint = Some(true);
    let mut unasked = false;
    let mut story = exchange(
        d,
        story,
        [length, length],
        |frame, story| {
            let message = message(frame.data)?;
            story.clean_quit |= message.op == 0x42;
            unasked = matches!(message.op, 0x42 | 0x50);
            Some(request(frame, &message))
        },
        |frame, story| {
            let Some(message) = message(frame.data) else {
                return false;
            };
            story.last_response = Some(format!("LDAP {}", op_name(message.op)));
            if matches!(
                message.op,
                0x61 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x78
            ) {
                story.error = error(frame, &message);
                if let Some(e) = &story.error {
                    story.last_response = Some(format!("LDAP {} {}", op_name(message.op), e.code));
                }
                return true;
            }
            false
        },
    );
    if unasked {
        story.outstanding = Some(false);
    }
    Some(story)
}

fn started_tls(d: &Dialogue<'_>) -> Option<AppStory> {
    let asked = message(d.client.bytes).filter(|m| m.op == 0x77)?;
    find(asked.body, 0x80).filter(|e| e.data == START_TLS)?;
    let (client_at, server_at) = (length(d.client.bytes)?, length(d.server.bytes)?);
    let story = d.inner(client_at, server_at, tls::recognise)?;
    Some(story.nested(&[Protocol::Ldap], client_at, server_at))
}

fn op_name(op: u8) -> &'static str {
    match op {
        0x60 => "bindRequest",
        0x61 => "bindResponse",
        0x42 => "unbindRequest",
        0x63 => "searchRequest",
        0x64 => "searchResEntry",
        0x65 => "searchResDone",
        0x66 => "modifyRequest",
        0x67 => "modifyResponse",
        0x68 => "addRequest",
        0x69 => "addResponse",
        0x4a => "delRequest",
        0x6b => "delResponse",
        0x6c => "modDNRequest",
        0x6d => "modDNResponse",
        0x6e => "compareRequest",
        0x6f => "compareResponse",
        0x50 => "abandonRequest",
        0x73 => "searchResRef",
        0x77 => "extendedReq",
        0x78 => "extendedResp",
        _ => "intermediateResponse",
    }
}

fn request(frame: &Frame<'_>, message: &Message<'_>) -> Request {
    let verb = op_name(message.op);
    let mut c = Cursor::new(message.body);
    let target = match message.op {
        // Version, then the name; the password after it is not read.
        0x60 => {
            element(&mut c);
            element(&mut c).map(|e| e.data).unwrap_or_default()
        }
        0x63 | 0x66 | 0x68 | 0x6c | 0x6e => element(&mut c).map(|e| e.data).unwrap_or_default(),
        0x4a => message.body,
        0x77 => find(message.body, 0x80).map(|e| e.data).unwrap_or_default(),
        _ => b"",
    };
    let target = clean(target, 100);
    let shown = if target.is_empty() {
        String::new()
    } else {
        format!(" \"{target}\"")
    };
    let mut request = Request::framed(
        frame,
        verb,
        format!("LDAP {verb}{shown} (message {})", message.id),
    );
    request.target = target;
    request
}

fn error(frame: &Frame<'_>, message: &Message<'_>) -> Option<AppError> {
    let mut c = Cursor::new(message.body);
    let code = integer(element(&mut c).filter(|e| e.tag == 0x0a)?.data)?;
    element(&mut c);
    let text = element(&mut c)
        .map(|e| clean(e.data, 120))
        .unwrap_or_default();
    let notice = find(message.body, 0x8a).is_some_and(|e| e.data == NOTICE);
    // Success, compare results, referral and SASL in progress are no errors.
    if !notice && matches!(code, 0 | 5 | 6 | 10 | 14) {
        return None;
    }
    let name = match code {
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        8 => "strongerAuthRequired",
        13 => "confidentialityRequired",
        32 => "noSuchObject",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        80 => "other",
        _ => "error",
    };
    Some(AppError {
        code: format!("{code} {name}"),
        text: if notice {
            format!("notice of disconnection {text}")
                .trim_end()
                .to_owned()
        } else {
            text
        },
        from_server: true,
        offset: frame.offset,
        fatal: notice,
        blame: if matches!(code, 1 | 51 | 52 | 80) {
            Blame::Server
        } else {
            Blame::Client
        },
        explains_close: notice,
    })
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::story;
    use super::*;

    const BIND: &[u8] = b"\x30\x19\x02\x01\x01\x60\x14\x02\x01\x03\x04\x06cn=joe\x80\x07hunter2";

    #[test]
    fn a_failed_bind() {
        let s = story(
            389,
            &[
                ("c", BIND),
                ("s", b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\0\x04\0"),
            ],
        );
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Ldap), Confidence::High)
        );
        assert_eq!(
            s.last_request.as_ref().unwrap().summary,
            "LDAP bindRequest \"cn=joe\" (message 1)"
        );
        assert_eq!(s.error.as_ref().unwrap().code, "49 invalidCredentials");
        assert!(!format!("{s:?}").contains("hunter2"));
        assert_eq!(s.response, ResponseState::Complete);
    }

    #[test]
    fn notice_of_disconnection() {
        let mut body = b"\x0a\x01\x34\x04\0\x04\0\x8a\x16".to_vec();
        body.extend_from_slice(NOTICE);
        let mut notice = vec![0x30, body.len() as u8 + 5, 2, 1, 0, 0x78, body.len() as u8];
        notice.extend(body);
        let s = story(389, &[("c", BIND), ("s", &notice)]);
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.fatal, e.text.as_str()),
            ("52 unavailable", true, "notice of disconnection")
        );
    }

    #[test]
    fn unbind_cuts_and_near_misses() {
        let s = story(
            389,
            &[
                ("c", BIND),
                ("s", b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0"),
                ("c", b"\x30\x05\x02\x01\x02\x42\0"),
            ],
        );
        assert_eq!((s.clean_quit, s.outstanding), (true, Some(false)));
        assert_eq!(
            story(389, &[("c", &BIND[..20])])
                .last_request
                .unwrap()
                .complete,
            Some(false)
        );
        assert_ne!(
            story(389, &[("c", b"\x30\x19\x02\x01\x01\x70\x14\x02\x01\x03")]).protocol,
            Some(Protocol::Ldap)
        );
    }
}
