//! Remote desktop: the X.224 connection request and its answer ([MS-RDPBCGR] 2.2.1.1).

use super::cursor::Cursor;
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request, ResponseState};
use super::talk::Dialogue;
use super::text::clean;
use super::tls;

/// Length of a TPKT packet with this X.224 code.
fn tpkt(data: &[u8], code: u8) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (version, _, len) = (c.u8()?, c.u8()?, c.be16()?);
    c.u8()?;
    let kind = c.u8().unwrap_or(code);
    (version == 3 && (11..=512).contains(&len) && kind & 0xf0 == code).then_some(u64::from(len))
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let len = tpkt(d.client.bytes, 0xe0)?;
    let mut c = Cursor::from(d.client.bytes, 11);
    let rest = c.take_some(usize::try_from(len).unwrap_or(0).saturating_sub(11));
    let cookie = rest.starts_with(b"Cookie: ");
    let line_end = memchr::memchr(b'\n', rest).map_or(0, |n| n + 1);
    let negotiation = rest
        .get(if cookie { line_end } else { 0 }..)
        .unwrap_or_default();
    let wanted = match negotiation {
        [1, _, 8, 0, a, b, c, d, ..] => Some(u32::from_le_bytes([*a, *b, *c, *d])),
        _ => None,
    };
    // ISO-on-TCP is used by others too; without cookie and negotiation only the port speaks for RDP.
    let s7 = rest.first().is_some_and(|b| matches!(b, 0xc0..=0xc2));
    if s7 || !cookie && wanted.is_none() && d.server_port != 3389 {
        return None;
    }
    let reply = tpkt(d.server.bytes, 0xd0);
    if let Some(server_at) = reply
        && let Some(story) = d.inner(len, server_at, tls::recognise)
    {
        return Some(story.nested(&[Protocol::Rdp], len, server_at));
    }
    let mut story = AppStory::of(Protocol::Rdp, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    let name = rest
        .get(..line_end)
        .filter(|_| cookie)
        .map(|l| clean(l.trim_ascii(), 60))
        .unwrap_or_default();
    let protocols = wanted.map(protocol_names).unwrap_or_default();
    let complete = d.client.total() >= len;
    story.last_request = Some(Request {
        summary: clean(
            format!(
                "RDP connection request {}",
                format!("{name}{protocols}").trim_start()
            ),
            160,
        ),
        verb: "connection request".to_owned(),
        target: name,
        complete: Some(complete),
        ..Request::default()
    });
    story.requests = u32::from(complete);
    story.response = if reply.is_some() {
        ResponseState::Complete
    } else {
        ResponseState::NotStarted
    };
    story.responses = u32::from(reply.is_some());
    story.outstanding = Some(complete && d.server.total() == 0);
    if reply.is_some() {
        answer(d.server.bytes, &mut story);
    }
    Some(story)
}

fn answer(data: &[u8], story: &mut AppStory) {
    let mut c = Cursor::from(data, 11);
    let (kind, value) = (c.u8(), c.skip(3).and_then(|()| c.le32()));
    match (kind, value) {
        (Some(2), Some(chosen)) => {
            story.last_response = Some(format!("RDP connection confirm{}", protocol_names(chosen)));
        }
        (Some(3), Some(code)) => {
            let text = match code {
                1 => "SSL_REQUIRED_BY_SERVER",
                2 => "SSL_NOT_ALLOWED_BY_SERVER",
                3 => "SSL_CERT_NOT_ON_SERVER",
                4 => "INCONSISTENT_FLAGS",
                5 => "HYBRID_REQUIRED_BY_SERVER",
                6 => "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
                _ => "negotiation failure",
            };
            story.last_response = Some(format!("RDP negotiation failure {text}"));
            story.error = Some(AppError {
                code: code.to_string(),
                text: text.to_owned(),
                from_server: true,
                offset: 0,
                fatal: true,
                blame: if code == 3 {
                    Blame::Server
                } else {
                    Blame::Client
                },
                explains_close: true,
            });
        }
        _ => story.last_response = Some("RDP connection confirm".to_owned()),
    }
}

fn protocol_names(bits: u32) -> String {
    let names: Vec<&str> = [
        (1, "TLS"),
        (2, "CredSSP"),
        (4, "RDSTLS"),
        (8, "CredSSP-EX"),
        (16, "AAD"),
    ]
    .iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, name)| *name)
    .collect();
    if names.is_empty() {
        " (standard security)".to_owned()
    } else {
        format!(" ({})", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    const ASK: &[u8] =
        b"\x03\0\0\x2b\x26\xe0\0\0\0\0\0Cookie: mstshash=joe\r\n\x01\0\x08\0\x03\0\0\0";

    #[test]
    fn a_negotiation_failure() {
        let s = story(
            3389,
            &[
                ("c", ASK),
                (
                    "s",
                    b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x05\0\0\0",
                ),
            ],
        );
        assert_eq!(s.protocol, Some(Protocol::Rdp));
        assert!(s.last_request.unwrap().summary.contains("(TLS, CredSSP)"));
        assert_eq!(s.error.unwrap().text, "HYBRID_REQUIRED_BY_SERVER");
    }

    #[test]
    fn tls_follows() {
        let sent = [ASK, b"\0\0", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"].concat();
        let mut sent = sent;
        sent.drain(ASK.len()..ASK.len() + 2);
        let len = sent.len() - 10;
        sent[3] = len as u8;
        let s = story(
            3389,
            &[
                ("c", &sent),
                (
                    "s",
                    b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\x01\0\0\0",
                ),
            ],
        );
        assert_eq!(s.layers, [Protocol::Rdp, Protocol::Tls]);
    }

    #[test]
    fn cuts_and_near_misses() {
        assert_eq!(
            story(3389, &[("c", &ASK[..20])])
                .last_request
                .unwrap()
                .complete,
            Some(false)
        );
        let s7 = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";
        assert_ne!(story(102, &[("c", s7)]).protocol, Some(Protocol::Rdp));
    }
}
