//! The PROXY protocol header, versions 1 and 2 (haproxy.org, proxy-protocol.txt).

use super::cursor::Cursor;
use super::protocol::Protocol;
use super::registry;
use super::story::{AppStory, Confidence};
use super::talk::Dialogue;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const V2: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let (len, client) = version_1(d.client.bytes).or_else(|| version_2(d.client.bytes))?;
    let inner = d.inner(len, 0, registry::best);
    let mut story = inner.nested(&[Protocol::ProxyProtocol], len, 0);
    if story.protocol.is_none() {
        story.protocol = Some(Protocol::ProxyProtocol);
    }
    story.confidence = Confidence::High;
    story.client_is_first_endpoint = Some(true);
    story.proxied_client = client.map(|c| c.to_string());
    Some(story)
}

/// Length of the header and the address it tells.
fn version_1(bytes: &[u8]) -> Option<(u64, Option<SocketAddr>)> {
    let rest = bytes.strip_prefix(b"PROXY ")?;
    // The line is at most 107 bytes long.
    let end = memchr::memmem::find(bytes.get(..107).unwrap_or(bytes), b"\r\n")?;
    let line = std::str::from_utf8(rest.get(..end - 6)?).ok()?;
    let mut words = line.split(' ');
    let client = match words.next()? {
        "TCP4" | "TCP6" => {
            let ip: IpAddr = words.next()?.parse().ok()?;
            words.next()?;
            Some(SocketAddr::new(ip, words.next()?.parse().ok()?))
        }
        "UNKNOWN" => None,
        _ => return None,
    };
    Some((end as u64 + 2, client))
}

fn version_2(bytes: &[u8]) -> Option<(u64, Option<SocketAddr>)> {
    let mut c = Cursor::new(bytes.strip_prefix(V2)?);
    let (command, family, len) = (c.u8()?, c.u8()?, c.be16()?);
    if command >> 4 != 2 {
        return None;
    }
    let mut c = Cursor::new(c.take_some(usize::from(len)));
    let mut client = || match family >> 4 {
        1 => {
            let ip: [u8; 4] = c.take(4)?.try_into().ok()?;
            c.skip(4)?;
            Some(SocketAddr::new(Ipv4Addr::from(ip).into(), c.be16()?))
        }
        2 => {
            let ip: [u8; 16] = c.take(16)?.try_into().ok()?;
            c.skip(16)?;
            Some(SocketAddr::new(Ipv6Addr::from(ip).into(), c.be16()?))
        }
        _ => None,
    };
    // LOCAL: the proxy speaks for itself.
    let client = if command & 0xf == 1 { client() } else { None };
    Some((u64::from(len) + 16, client))
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn version_1_before_http() {
        let sent =
            b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let s = story(80, &[("c", sent)]);
        assert_eq!(s.layers, [Protocol::ProxyProtocol, Protocol::Http1]);
        assert_eq!(s.proxied_client.as_deref(), Some("198.51.100.7:56324"));
        assert_eq!(s.last_request.unwrap().offset, 44);
    }

    #[test]
    fn version_2() {
        let mut sent = V2.to_vec();
        sent.extend([
            0x21, 0x11, 0, 12, 198, 51, 100, 7, 192, 0, 2, 1, 0xdc, 4, 0, 80,
        ]);
        sent.extend_from_slice(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03");
        let s = story(443, &[("c", &sent)]);
        assert_eq!(s.layers, [Protocol::ProxyProtocol, Protocol::Tls]);
        assert_eq!(s.proxied_client.as_deref(), Some("198.51.100.7:56324"));
        sent[12] = 0x20;
        assert_eq!(story(443, &[("c", &sent)]).proxied_client, None);
        assert_eq!(story(443, &[("c", &sent[..14])]).protocol, None);
    }

    #[test]
    fn near_misses() {
        assert_ne!(
            story(80, &[("c", b"PROXY TCP5 a b 1 2\r\n")]).protocol,
            Some(Protocol::ProxyProtocol)
        );
        assert_ne!(
            story(80, &[("c", b"PROXY TCP4 198.51.100.7")]).protocol,
            Some(Protocol::ProxyProtocol)
        );
    }
}
