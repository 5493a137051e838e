//! Data in a RST segment: RFC 9293 3.5.3 lets it explain the reset.

use super::cursor::Cursor;
use super::text::clean;

/// What kind of explanation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RstReasonKind {
    /// F5 BIG-IP with `tm.rstcause.pkt`: `BIG-IP: [0x2a1b3c4:1234] cause`.
    BigIp,
    /// F5 BIG-IP with `{peer} TCP RST from remote system`: a reset passed on from its other side.
    BigIpRemote,
    /// The IETF draft on RST diagnostic payloads (any of its encodings).
    Diagnostic,
    /// Other readable text.
    Text,
    /// Bytes that are neither.
    Bytes,
}

/// What the payload of a RST says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RstReason {
    /// The kind of explanation.
    pub kind: RstReasonKind,
    /// The cause: the text without its frame, or the registered name of the code, cleaned.
    pub text: String,
    /// The reason code of a diagnostic payload.
    pub code: Option<u64>,
    /// The private enterprise number whose registry the code is from; `None`: the IETF's.
    pub enterprise: Option<u64>,
}

const MAX_TEXT: usize = 200;

/// Reads the payload of a RST segment. `None` if there is none.
///
/// Sources: F5 `tm.rstcause.pkt`; draft-ietf-tcpm-rst-diagnostic-payload (magic numbers 0x33AA and
/// 0xF317) and its earlier CBOR encoding (draft-boucadair-tcpm-rst-diagnostic-payload, 12345).
#[must_use]
pub fn rst_payload(bytes: &[u8]) -> Option<RstReason> {
    if bytes.is_empty() {
        return None;
    }
    Some(
        big_ip(bytes)
            .or_else(|| compact(bytes))
            .or_else(|| cbor(bytes))
            .or_else(|| free_text(bytes))
            .unwrap_or_else(|| plain(bytes)),
    )
}

fn reason(kind: RstReasonKind, text: impl AsRef<[u8]>) -> RstReason {
    RstReason {
        kind,
        text: clean(text, MAX_TEXT),
        code: None,
        enterprise: None,
    }
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|b| !matches!(b, 0 | b' ' | b'\r' | b'\n'))
        .map_or(0, |n| n + 1);
    bytes.get(..end).unwrap_or_default().trim_ascii_start()
}

fn big_ip(bytes: &[u8]) -> Option<RstReason> {
    if let Some(rest) = bytes.strip_prefix(b"BIG-IP: [0x") {
        let end = memchr::memchr(b']', rest)?;
        let place = rest.get(..end)?;
        let colon = memchr::memchr(b':', place)?;
        let (hex, line) = (place.get(..colon)?, place.get(colon + 1..)?);
        let valid = !hex.is_empty()
            && !line.is_empty()
            && hex.iter().all(u8::is_ascii_hexdigit)
            && line.iter().all(u8::is_ascii_digit);
        let text = trimmed(rest.get(end + 1..)?);
        let kind = if passed_on(text) {
            RstReasonKind::BigIpRemote
        } else {
            RstReasonKind::BigIp
        };
        return valid.then(|| reason(kind, text));
    }
    let text = trimmed(bytes);
    passed_on(text).then(|| reason(RstReasonKind::BigIpRemote, text))
}

/// `{peer} TCP RST from remote system`, whatever stands in the braces.
fn passed_on(text: &[u8]) -> bool {
    let end = memchr::memchr(b'}', text).filter(|_| text.first() == Some(&b'{'));
    end.and_then(|end| text.get(end + 1..))
        .is_some_and(|t| trimmed(t).starts_with(b"TCP RST from remote system"))
}

fn diagnostic(code: u64, enterprise: u64) -> RstReason {
    let text = match enterprise {
        0 => cause_name(code).to_owned(),
        pen => format!("code {code} of enterprise {pen}"),
    };
    RstReason {
        kind: RstReasonKind::Diagnostic,
        text,
        code: Some(code),
        enterprise: Some(enterprise).filter(|&pen| pen != 0),
    }
}

/// The compact encoding: 0x33AA, code (16 bit), enterprise number (32 bit), 8 bytes in all.
fn compact(bytes: &[u8]) -> Option<RstReason> {
    let mut c = Cursor::new(bytes);
    let (magic, code, pen) = (c.be16()?, c.be16()?, c.be32()?);
    (magic == 0x33aa && bytes.len() == 8 && code != 0)
        .then(|| diagnostic(u64::from(code), u64::from(pen)))
}

/// The free-description encoding: 0xF317, then UTF-8.
fn free_text(bytes: &[u8]) -> Option<RstReason> {
    let text = bytes.strip_prefix(&[0xf3, 0x17])?;
    let valid = !text.is_empty() && std::str::from_utf8(text).is_ok();
    valid.then(|| reason(RstReasonKind::Diagnostic, text))
}

/// The earlier encoding, a CBOR sequence: 12345, then a map of 1: code, 2: enterprise, 3: text.
/// An array of both (the draft's diagnostic notation) is taken too.
fn cbor(bytes: &[u8]) -> Option<RstReason> {
    let bytes = bytes.strip_prefix(&[0x82]).unwrap_or(bytes);
    let mut c = Cursor::new(bytes.strip_prefix(&[0x19, 0x30, 0x39])?);
    let (major, pairs) = cbor_head(&mut c)?;
    if major != 5 || pairs > 8 {
        return None;
    }
    let (mut code, mut pen, mut text) = (None, 0, None);
    for _ in 0..pairs {
        let (0, key) = cbor_head(&mut c)? else {
            return None;
        };
        let (major, value) = cbor_head(&mut c)?;
        match (key, major) {
            (1, 0) => code = Some(value),
            (2, 0) => pen = value,
            (3, 3) => text = Some(c.take_some(usize::try_from(value).ok()?)),
            (_, 0) => {}
            (_, 2 | 3) => {
                c.take_some(usize::try_from(value).ok()?);
            }
            _ => return None,
        }
    }
    match (code, text) {
        (Some(code), _) => Some(diagnostic(code, pen)),
        (None, Some(text)) => Some(reason(RstReasonKind::Diagnostic, text)),
        (None, None) => None,
    }
}

/// Major type and argument of a CBOR item (RFC 8949 3).
fn cbor_head(c: &mut Cursor<'_>) -> Option<(u8, u64)> {
    let first = c.u8()?;
    let value = match first & 0x1f {
        n @ 0..=23 => u64::from(n),
        24 => u64::from(c.u8()?),
        25 => u64::from(c.be16()?),
        26 => u64::from(c.be32()?),
        27 => c.be64()?,
        _ => return None,
    };
    Some((first >> 5, value))
}

/// Text if nearly all of it is printable, else the first bytes in hex.
fn plain(bytes: &[u8]) -> RstReason {
    let text = trimmed(bytes);
    let readable = text
        .iter()
        .filter(|b| matches!(b, 0x20..=0x7e | b'\r' | b'\n' | b'\t'))
        .count();
    let long_enough = readable >= 4 || text.iter().all(u8::is_ascii_alphanumeric);
    if !text.is_empty() && readable * 10 >= text.len() * 9 && long_enough {
        return reason(RstReasonKind::Text, text);
    }
    RstReason {
        kind: RstReasonKind::Bytes,
        text: super::text::first_bytes(bytes),
        code: None,
        enterprise: None,
    }
}

/// Names of the draft's initial registry of TCP failure causes.
fn cause_name(code: u64) -> &'static str {
    match code {
        1 => "illegal option",
        2 => "desynchronized state",
        3 => "new data after CLOSE",
        4 => "ABORT",
        5 => "unexpected ACK before the connection was synchronized",
        6 => "unexpected SYN in the window",
        7 => "unexpected security compartment",
        8 => "malformed message",
        9 => "not authorized",
        10 => "resource exceeded",
        11 => "network failure",
        12 => "reset received from the peer",
        13 => "destination unreachable",
        14 => "connection timeout",
        15 => "too much outstanding data",
        16 => "unacceptable performance",
        17 => "middlebox interference",
        _ => "unregistered cause",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (RstReasonKind, String) {
        let r = rst_payload(bytes).unwrap();
        (r.kind, r.text)
    }

    #[test]
    fn big_ip_texts() {
        let text = b"BIG-IP: [0x2a1f5e8:3186] No pool member available\0";
        assert_eq!(
            read(text),
            (RstReasonKind::BigIp, "No pool member available".to_owned())
        );
        assert_eq!(
            read(b"BIG-IP: [0x1:2] {peer} TCP RST from remote system").0,
            RstReasonKind::BigIpRemote
        );
        assert_eq!(
            read(b"{peer} TCP RST from remote system"),
            (
                RstReasonKind::BigIpRemote,
                "{peer} TCP RST from remote system".to_owned()
            )
        );
        assert_eq!(read(b"BIG-IP: [0xzz:1] no").0, RstReasonKind::Text);
        assert_eq!(read(b"BIG-IP: [0x2a1f").0, RstReasonKind::Text);
    }

    #[test]
    fn draft_examples() {
        let r = rst_payload(&[0x19, 0x30, 0x39, 0xa1, 0x01, 0x02]).unwrap();
        assert_eq!(
            (r.kind, r.code, r.text.as_str()),
            (RstReasonKind::Diagnostic, Some(2), "desynchronized state")
        );
        let r = rst_payload(&[0x33, 0xaa, 0, 0x0e, 0, 0, 0, 0]).unwrap();
        assert_eq!((r.code, r.text.as_str()), (Some(14), "connection timeout"));
        let vendor = [
            0x19, 0x30, 0x39, 0xa2, 0x01, 0x19, 0x04, 0xd2, 0x02, 0x19, 0x7e, 0xd9,
        ];
        let r = rst_payload(&vendor).unwrap();
        assert_eq!((r.code, r.enterprise), (Some(1234), Some(32473)));
        assert_eq!(
            read(b"\xf3\x17going down"),
            (RstReasonKind::Diagnostic, "going down".to_owned())
        );
        assert_eq!(
            read(b"\x19\x30\x39\xa1\x03\x64busy"),
            (RstReasonKind::Diagnostic, "busy".to_owned())
        );
    }

    #[test]
    fn malformed_diagnostics_are_bytes() {
        assert_eq!(
            read(&[0x33, 0xaa, 0, 0x0e, 0, 0, 0]).0,
            RstReasonKind::Bytes
        );
        assert_eq!(read(&[0x19, 0x30, 0x39, 0xa1]).0, RstReasonKind::Bytes);
        assert_eq!(read(&[0xf3, 0x17, 0xff]).0, RstReasonKind::Bytes);
    }

    #[test]
    fn text_and_nothing() {
        assert_eq!(
            read(b"Go away, we're not home"),
            (RstReasonKind::Text, "Go away, we're not home".to_owned())
        );
        assert_eq!(rst_payload(b""), None);
        assert_eq!(read(b"\0\0\0\0").0, RstReasonKind::Bytes);
    }
}
