//! `ClientHello` and `ServerHello`, over records and cut anywhere (RFC 8446 4.1).

use super::names::is_grease;
use super::record_len;
use crate::packet::app::cursor::Cursor;
use crate::packet::app::text::clean;
use std::borrow::Cow;

/// What the client offered. A hello that is cut holds what came before the cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientHello {
    /// Server name, RFC 6066 3; cleaned.
    pub sni: Option<String>,
    /// Application protocols, RFC 7301; cleaned.
    pub alpn: Vec<String>,
    /// `supported_versions` without GREASE, or the legacy version if there is no such extension.
    pub versions: Vec<u16>,
    /// `legacy_version`.
    pub legacy_version: u16,
    /// Supported groups without GREASE.
    pub groups: Vec<u16>,
    /// Groups that have a key share, without GREASE.
    pub key_shares: Vec<u16>,
    /// Cipher suites offered, GREASE not counted.
    pub cipher_count: u16,
    /// Length of the whole handshake message in bytes, its 4-byte header included.
    pub len: u32,
    /// Bytes of it that were captured.
    pub seen: u32,
    /// TLS records it is spread over, as far as captured.
    pub records: u16,
    /// The whole message was captured.
    pub complete: bool,
    /// It carries an `encrypted_client_hello` extension (0xfe0d).
    pub ech: bool,
    /// It announces early data (0-RTT).
    pub early_data: bool,
    /// It offers a pre-shared key: a resumption.
    pub psk: bool,
    /// `random`; the same in a retry after `HelloRetryRequest`.
    pub random: Option<[u8; 32]>,
    /// `legacy_session_id`.
    pub session_id: Vec<u8>,
}

/// Reads a `ClientHello` from the first bytes of a stream of TLS records.
///
/// Returns `None` unless the bytes begin with a handshake record whose message is a
/// `ClientHello`, or with the one of SSL 2.0. A hello that spans records is put together; one that is cut is read up to
/// the cut (`complete` is false).
#[must_use]
pub fn client_hello(bytes: &[u8]) -> Option<ClientHello> {
    if let Some(hello) = v2_hello(bytes) {
        return Some(hello);
    }
    let (message, records) = handshake_message(bytes)?;
    let mut c = Cursor::new(&message);
    if c.u8()? != 1 {
        return None;
    }
    let declared = c.be24();
    let mut hello = ClientHello {
        len: declared.map_or(0, |n| n.saturating_add(4)),
        records,
        ..ClientHello::default()
    };
    let whole = usize::try_from(hello.len).unwrap_or(usize::MAX);
    let body = message.get(..whole).unwrap_or(&message);
    hello.seen = u32::try_from(body.len()).unwrap_or(u32::MAX);
    hello.complete = declared.is_some() && body.len() >= whole;
    let mut c = Cursor::from(body, 4);
    read_body(&mut c, &mut hello);
    if hello.versions.is_empty() && hello.legacy_version != 0 {
        hello.versions.push(hello.legacy_version);
    }
    Some(hello)
}

/// Length of an SSL 2.0 `ClientHello` (RFC 5246 E.2, with which old clients offer SSL 3.0 and
/// TLS as well) that begins here, its 2-byte record header included.
pub(super) fn v2_hello_len(bytes: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(bytes);
    let len = c.be16()? & 0x7fff;
    let (kind, version) = (c.u8()?, c.be16()?);
    let (ciphers, session, challenge) = (c.be16()?, c.be16()?, c.be16()?);
    let fields = 9 + u32::from(ciphers) + u32::from(session) + u32::from(challenge);
    let valid = bytes.first()? & 0x80 != 0
        && kind == 1
        && matches!(version, 2 | 0x0300..=0x0303)
        && ciphers > 0
        && ciphers % 3 == 0
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge)
        && fields == u32::from(len);
    valid.then(|| u64::from(len) + 2)
}

fn v2_hello(bytes: &[u8]) -> Option<ClientHello> {
    let len = u32::try_from(v2_hello_len(bytes)?).ok()?;
    let mut c = Cursor::from(bytes, 3);
    let version = c.be16()?;
    Some(ClientHello {
        legacy_version: version,
        versions: vec![version],
        cipher_count: c.be16()? / 3,
        len: len.saturating_sub(2),
        seen: u32::try_from(bytes.len())
            .unwrap_or(len)
            .min(len)
            .saturating_sub(2),
        records: 1,
        complete: u64::try_from(bytes.len()).is_ok_and(|n| n >= u64::from(len)),
        ..ClientHello::default()
    })
}

/// The first handshake message's bytes as far as they are there, and how many records hold them.
fn handshake_message(bytes: &[u8]) -> Option<(Cow<'_, [u8]>, u16)> {
    let mut c = Cursor::new(bytes);
    record_len(bytes).filter(|_| bytes.first() == Some(&22))?;
    c.skip(3)?;
    let len = usize::from(c.be16()?);
    let first = c.take_some(len);
    let wanted = match first {
        [_, a, b, d, ..] => u32::from_be_bytes([0, *a, *b, *d]) as usize + 4,
        _ => usize::MAX,
    };
    if first.len() >= wanted || first.len() < len {
        return Some((Cow::Borrowed(first), 1));
    }
    let mut message = first.to_vec();
    let mut records = 1_u16;
    // 64 KiB is beyond any real hello and bounds what a hostile one makes us copy.
    while message.len() < wanted && message.len() < 0x1_0000 {
        let rest = c.rest();
        if rest.first() != Some(&22) || record_len(rest).is_none() {
            break;
        }
        c.skip(3)?;
        let Some(len) = c.be16() else { break };
        message.extend_from_slice(c.take_some(usize::from(len)));
        records = records.saturating_add(1);
    }
    Some((Cow::Owned(message), records))
}

fn read_body(c: &mut Cursor<'_>, hello: &mut ClientHello) -> Option<()> {
    hello.legacy_version = c.be16()?;
    hello.random = Some(c.take(32)?.try_into().ok()?);
    hello.session_id = c.vec8()?.to_vec();
    let ciphers = c.vec16()?;
    let count = pairs(ciphers).filter(|&v| !is_grease(v)).count();
    hello.cipher_count = u16::try_from(count).unwrap_or(u16::MAX);
    c.vec8()?;
    let mut extensions = Cursor::new(c.vec16()?);
    while let Some(kind) = extensions.be16() {
        let data = extensions.vec16()?;
        read_extension(kind, data, hello);
    }
    Some(())
}

fn read_extension(kind: u16, data: &[u8], hello: &mut ClientHello) {
    let mut c = Cursor::new(data);
    match kind {
        0 => hello.sni = server_name(data).or(hello.sni.take()),
        10 => hello.groups = c.vec16().map(without_grease).unwrap_or_default(),
        16 => {
            let mut names = Cursor::new(c.vec16().unwrap_or_default());
            while let Some(name) = names.vec8() {
                hello.alpn.push(clean(name, 32));
            }
            hello.alpn.retain(|n| !n.is_empty() && !n.contains("\\x"));
        }
        41 => hello.psk = true,
        42 => hello.early_data = true,
        43 => hello.versions = c.vec8().map(without_grease).unwrap_or_default(),
        51 => {
            let mut shares = Cursor::new(c.vec16().unwrap_or_default());
            while let Some(group) = shares.be16() {
                if !is_grease(group) {
                    hello.key_shares.push(group);
                }
                if shares.vec16().is_none() {
                    break;
                }
            }
        }
        0xfe0d => hello.ech = true,
        _ => {}
    }
}

/// The host name in a `server_name` extension; `None` if it is empty or cut before the name.
fn server_name(data: &[u8]) -> Option<String> {
    let mut c = Cursor::new(data);
    let mut list = Cursor::new(c.vec16()?);
    while let Some(kind) = list.u8() {
        let declared = Cursor::new(list.rest()).be16()?;
        let name = list.vec16()?;
        if kind == 0 && !name.is_empty() {
            let cut = name.len() < usize::from(declared);
            let mut name = clean(name, 255);
            if cut {
                name.push('…');
            }
            return Some(name);
        }
    }
    None
}

fn pairs(data: &[u8]) -> impl Iterator<Item = u16> + '_ {
    data.chunks_exact(2)
        .filter_map(|p| p.try_into().ok())
        .map(u16::from_be_bytes)
}

fn without_grease(data: &[u8]) -> Vec<u16> {
    pairs(data).filter(|&v| !is_grease(v)).collect()
}

/// What the server chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ServerHello {
    pub version: u16,
    pub cipher: Option<u16>,
    pub retry: bool,
}

/// `random` of a `HelloRetryRequest`: SHA-256 of that name (RFC 8446 4.1.3); its first bytes do.
const RETRY_RANDOM: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];

/// Reads a `ServerHello` handshake message (its 4-byte header included).
pub(super) fn server_hello(message: &[u8]) -> Option<ServerHello> {
    let mut c = Cursor::new(message);
    if c.u8()? != 2 {
        return None;
    }
    c.be24()?;
    let mut hello = ServerHello {
        version: c.be16()?,
        ..ServerHello::default()
    };
    read_server_body(&mut c, &mut hello);
    Some(hello)
}

fn read_server_body(c: &mut Cursor<'_>, hello: &mut ServerHello) -> Option<()> {
    hello.retry = c.take(32)?.starts_with(&RETRY_RANDOM);
    c.vec8()?;
    hello.cipher = Some(c.be16()?);
    c.u8()?;
    let mut extensions = Cursor::new(c.vec16()?);
    while let Some(kind) = extensions.be16() {
        let data = extensions.vec16()?;
        if kind == 43 {
            hello.version = Cursor::new(data).be16().unwrap_or(hello.version);
        }
    }
    Some(())
}
