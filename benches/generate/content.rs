//! Payloads: DNS messages, TLS hellos and records, HTTP messages, lines of text.

use crate::random::Random;

/// Bytes that look like compressed data, cut at random places into payloads.
pub struct Content {
    pool: Vec<u8>,
}

/// Kind of conversation, decided by the server port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// TLS 1.3 on port 443
    Tls,
    /// HTTP/1.1 on port 80
    Http,
    /// a line protocol on port 7777
    Lines,
}

impl App {
    /// The server's port.
    pub fn port(self) -> u16 {
        match self {
            App::Tls => 443,
            App::Http => 80,
            App::Lines => 7777,
        }
    }
}

const POOL: usize = 1 << 20;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Content {
    /// A pool that is a function of the seed.
    pub fn new(random: &mut Random) -> Self {
        let mut pool = Vec::with_capacity(POOL + 8);
        while pool.len() < POOL {
            pool.extend(
                random
                    .bits()
                    .to_le_bytes()
                    .map(|b| ALPHABET[usize::from(b) % 64]),
            );
        }
        Self { pool }
    }

    /// Appends `length` bytes (at most 64 KiB).
    pub fn fill(&self, out: &mut Vec<u8>, random: &mut Random, length: usize) {
        let start = random.below((POOL - 0x1_0000) as u32) as usize;
        out.extend_from_slice(&self.pool[start..start + length]);
    }

    /// A line of `length` bytes, with its line feed. The dot keeps heuristic dissectors from
    /// taking random letters for a protocol.
    pub fn line(&self, out: &mut Vec<u8>, random: &mut Random, length: usize) {
        out.push(b'.');
        self.fill(out, random, length.max(2) - 2);
        out.push(b'\n');
    }

    /// One TLS 1.2-framed application data record of `length` bytes with its header.
    pub fn tls_record(&self, out: &mut Vec<u8>, random: &mut Random, length: usize) {
        let body = length.max(24) - 5;
        out.extend_from_slice(&[0x17, 0x03, 0x03]);
        out.extend_from_slice(&(body as u16).to_be_bytes());
        self.fill(out, random, body);
    }
}

/// The name of host number `n`.
pub fn host_name(n: u32) -> String {
    format!("www{}.site{}.example", n % 7, n)
}

/// A DNS query, or with `address` its answer (RFC 1035 4.1).
pub fn dns(out: &mut Vec<u8>, id: u16, name: &str, v6: bool, address: Option<&[u8]>) {
    let kind: [u8; 2] = if v6 { [0, 28] } else { [0, 1] };
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(if address.is_some() {
        &[0x81, 0x80]
    } else {
        &[0x01, 0x00]
    });
    out.extend_from_slice(&[0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&kind);
    out.extend_from_slice(&[0, 1]);
    if let Some(address) = address {
        out.extend_from_slice(&[0xc0, 0x0c]);
        out.extend_from_slice(&kind);
        out.extend_from_slice(&[0, 1, 0, 0, 0x01, 0x2c, 0, address.len() as u8]);
        out.extend_from_slice(address);
    }
}

/// A TLS 1.3 ClientHello with SNI, ALPN, supported_versions and an X25519 share (RFC 8446 4.1.2).
pub fn client_hello(out: &mut Vec<u8>, random: &mut Random, name: &str) {
    let mut extensions = Vec::with_capacity(256);
    let n = name.len() as u16;
    extension(&mut extensions, 0, |e| {
        e.extend_from_slice(&(n + 3).to_be_bytes());
        e.push(0);
        e.extend_from_slice(&n.to_be_bytes());
        e.extend_from_slice(name.as_bytes());
    });
    extension(&mut extensions, 10, |e| {
        e.extend_from_slice(&[0, 4, 0, 0x1d, 0, 0x17])
    });
    extension(&mut extensions, 13, |e| {
        e.extend_from_slice(&[0, 6, 0x04, 0x03, 0x08, 0x04, 0x04, 0x01])
    });
    extension(&mut extensions, 16, |e| {
        e.extend_from_slice(b"\x00\x0c\x02h2\x08http/1.1")
    });
    extension(&mut extensions, 43, |e| {
        e.extend_from_slice(&[4, 0x03, 0x04, 0x03, 0x03])
    });
    extension(&mut extensions, 51, |e| {
        e.extend_from_slice(&[0, 36, 0, 0x1d, 0, 32]);
        random_bytes(e, random, 32);
    });
    handshake(out, 1, |body| {
        body.extend_from_slice(&[0x03, 0x03]);
        random_bytes(body, random, 32);
        body.push(32);
        random_bytes(body, random, 32);
        body.extend_from_slice(&[0, 6, 0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 1, 0]);
        body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
        body.extend_from_slice(&extensions);
    });
}

/// A TLS 1.3 ServerHello followed by ChangeCipherSpec (RFC 8446 4.1.3, D.4).
pub fn server_hello(out: &mut Vec<u8>, random: &mut Random) {
    let mut extensions = Vec::with_capacity(64);
    extension(&mut extensions, 43, |e| e.extend_from_slice(&[0x03, 0x04]));
    extension(&mut extensions, 51, |e| {
        e.extend_from_slice(&[0, 0x1d, 0, 32]);
        random_bytes(e, random, 32);
    });
    handshake(out, 2, |body| {
        body.extend_from_slice(&[0x03, 0x03]);
        random_bytes(body, random, 32);
        body.push(32);
        random_bytes(body, random, 32);
        body.extend_from_slice(&[0x13, 0x01, 0]);
        body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
        body.extend_from_slice(&extensions);
    });
    out.extend_from_slice(&[0x14, 0x03, 0x03, 0, 1, 1]);
}

/// An HTTP/1.1 request without a body.
pub fn http_request(out: &mut Vec<u8>, name: &str, number: u32) {
    out.extend_from_slice(
        format!("GET /item/{number} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: generate\r\nAccept: */*\r\n\r\n").as_bytes(),
    );
}

/// The head of an HTTP/1.1 answer with `body` bytes to follow.
pub fn http_response(out: &mut Vec<u8>, body: usize) {
    out.extend_from_slice(
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {body}\r\n\r\n")
            .as_bytes(),
    );
}

fn random_bytes(out: &mut Vec<u8>, random: &mut Random, count: usize) {
    for _ in 0..count / 8 {
        out.extend_from_slice(&random.bits().to_le_bytes());
    }
}

fn extension(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&kind.to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&[0, 0]);
    body(out);
    let length = (out.len() - start - 2) as u16;
    out[start..start + 2].copy_from_slice(&length.to_be_bytes());
}

/// One handshake message in one record.
fn handshake(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x16, 0x03, 0x01, 0, 0, kind, 0, 0, 0]);
    body(out);
    let record = (out.len() - start - 5) as u16;
    let message = record - 4;
    out[start + 3..start + 5].copy_from_slice(&record.to_be_bytes());
    out[start + 7..start + 9].copy_from_slice(&message.to_be_bytes());
}
