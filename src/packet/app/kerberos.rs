//! Kerberos over TCP: a length, then an ASN.1 message (RFC 4120 7.2.2, 5.10).

use super::ber::{element, find, integer};
use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let len = c.be32()?;
    let tag = c.u8()?;
    let known = matches!(tag, 0x6a..=0x6f | 0x74..=0x76 | 0x7e);
    (known && (8..=1 << 20).contains(&len)).then(|| u64::from(len) + 4)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    length(d.client.bytes)?;
    // The ASN.1 length must agree with the one in front.
    let whole = element(&mut Cursor::from(d.client.bytes, 4)).map(|e| e.whole + 4);
    let agrees = whole.is_none_or(|w| Some(w) == length(d.client.bytes));
    if !matches!(d.client.bytes.get(4), Some(0x6a | 0x6c)) || !agrees {
        return None;
    }
    if !d.server.bytes.is_empty() && length(d.server.bytes).is_none() && d.server.bytes.len() > 4 {
        return None;
    }
    let mut story = AppStory::of(Protocol::Kerberos, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [length, length],
        |frame, _| request(frame),
        |frame, story| {
            let name = name(frame);
            story.last_response = Some(name.to_owned());
            story.error = error(frame);
            if let Some(e) = &story.error {
                story.last_response = Some(format!("{name} {}", e.code));
            }
            true
        },
    ))
}

fn name(frame: &Frame<'_>) -> &'static str {
    match frame.data.get(4) {
        Some(0x6a) => "AS-REQ",
        Some(0x6b) => "AS-REP",
        Some(0x6c) => "TGS-REQ",
        Some(0x6d) => "TGS-REP",
        Some(0x7e) => "KRB-ERROR",
        _ => "Kerberos message",
    }
}

/// The SEQUENCE inside the application tag.
fn sequence<'a>(frame: &Frame<'a>) -> Option<&'a [u8]> {
    let outer = element(&mut Cursor::from(frame.data, 4))?;
    element(&mut Cursor::new(outer.data))
        .filter(|e| e.tag == 0x30)
        .map(|e| e.data)
}

/// A principal name's components, joined.
fn principal(data: &[u8]) -> Option<String> {
    let name = element(&mut Cursor::new(data)).filter(|e| e.tag == 0x30)?;
    let strings = element(&mut Cursor::new(find(name.data, 0xa1)?.data))?;
    let mut c = Cursor::new(strings.data);
    let mut parts = Vec::new();
    while let Some(part) = element(&mut c) {
        parts.push(clean(part.data, 60));
    }
    Some(parts.join("/"))
}

fn request(frame: &Frame<'_>) -> Option<Request> {
    let verb = name(frame);
    let body = sequence(frame)
        .and_then(|s| find(s, 0xa4))
        .and_then(|b| element(&mut Cursor::new(b.data)));
    let service = body
        .and_then(|b| find(b.data, 0xa3))
        .and_then(|e| principal(e.data))
        .unwrap_or_default();
    let realm = body
        .and_then(|b| find(b.data, 0xa2))
        .and_then(|e| element(&mut Cursor::new(e.data)))
        .map(|e| clean(e.data, 60))
        .unwrap_or_default();
    let at = if realm.is_empty() {
        String::new()
    } else {
        format!("@{realm}")
    };
    let mut request = Request::framed(
        frame,
        verb,
        format!("Kerberos {verb} {service}{at}")
            .trim_end()
            .to_owned(),
    );
    (request.target, request.host) = (service, realm);
    Some(request)
}

fn error(frame: &Frame<'_>) -> Option<AppError> {
    if frame.data.get(4) != Some(&0x7e) {
        return None;
    }
    let code = find(sequence(frame)?, 0xa6).and_then(|e| element(&mut Cursor::new(e.data)));
    let code = integer(code?.data)?;
    let name = match code {
        6 => "C_PRINCIPAL_UNKNOWN",
        7 => "S_PRINCIPAL_UNKNOWN",
        18 => "CLIENT_REVOKED",
        23 => "KEY_EXPIRED",
        24 => "PREAUTH_FAILED",
        25 => "PREAUTH_REQUIRED",
        29 => "SVC_UNAVAILABLE",
        32 => "TKT_EXPIRED",
        37 => "SKEW",
        52 => "RESPONSE_TOO_BIG",
        60 => "GENERIC",
        68 => "WRONG_REALM",
        _ => "error",
    };
    // These are steps of a normal exchange.
    (!matches!(code, 25 | 52)).then(|| AppError {
        code: format!("{code} {name}"),
        from_server: true,
        offset: frame.offset,
        blame: if matches!(code, 29 | 60) {
            Blame::Server
        } else {
            Blame::Client
        },
        ..AppError::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn tlv(tag: u8, data: &[u8]) -> Vec<u8> {
        [&[tag, data.len() as u8][..], data].concat()
    }

    fn framed(data: Vec<u8>) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes()[..], &data].concat()
    }

    fn as_req() -> Vec<u8> {
        let strings = tlv(0x30, &[tlv(0x1b, b"krbtgt"), tlv(0x1b, b"EX.ORG")].concat());
        let name = tlv(
            0x30,
            &[tlv(0xa0, &tlv(2, &[2])), tlv(0xa1, &strings)].concat(),
        );
        let body = tlv(
            0x30,
            &[tlv(0xa2, &tlv(0x1b, b"EX.ORG")), tlv(0xa3, &name)].concat(),
        );
        framed(tlv(
            0x6a,
            &tlv(0x30, &[tlv(0xa1, &tlv(2, &[5])), tlv(0xa4, &body)].concat()),
        ))
    }

    #[test]
    fn an_error_reply() {
        let reply = framed(tlv(0x7e, &tlv(0x30, &tlv(0xa6, &tlv(2, &[37])))));
        let s = story(88, &[("c", &as_req()), ("s", &reply)]);
        assert_eq!(s.protocol, Some(Protocol::Kerberos));
        assert_eq!(
            s.last_request.unwrap().summary,
            "Kerberos AS-REQ krbtgt/EX.ORG@EX.ORG"
        );
        assert_eq!(s.error.unwrap().code, "37 SKEW");
    }

    #[test]
    fn cuts_and_near_misses() {
        assert_eq!(
            story(88, &[("c", &as_req()[..12])])
                .last_request
                .unwrap()
                .complete,
            Some(false)
        );
        let mut other = as_req();
        other[3] ^= 1;
        assert_ne!(
            story(88, &[("c", &other)]).protocol,
            Some(Protocol::Kerberos)
        );
    }
}
