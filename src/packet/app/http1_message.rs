//! One HTTP/1 message: its header section and where its body ends (RFC 9112 6).

use super::frames::Answer;
use super::talk::{Dialogue, Stream};

/// How the body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunked; whether the last chunk was seen is told by `Message::end`.
    Chunked,
    /// Until the connection ends.
    UntilClose,
    /// The header section itself is not whole.
    HeadersCut,
}

/// A request or response.
#[derive(Debug, Clone)]
pub(super) struct Message<'a> {
    pub offset: u64,
    /// Length of the header section.
    pub head: u64,
    pub body: Body,
    /// Where the message ends, if its framing tells.
    pub end: Option<u64>,
    pub first_line: &'a [u8],
    pub method: &'a [u8],
    pub target: &'a [u8],
    pub version: &'a [u8],
    pub host: &'a [u8],
    pub upgrade: &'a [u8],
    pub status: Option<u16>,
    pub reason: &'a [u8],
    /// `Connection: close`, or HTTP/1.0 without keep-alive.
    pub closes: bool,
}

/// All messages of one side that could be read.
pub(super) struct Messages<'a> {
    pub messages: Vec<Message<'a>>,
    /// Others may lie between them.
    pub lost: bool,
}

impl Message<'_> {
    /// Whether all of it was sent; `None` if its framing or the capture does not tell.
    pub(super) fn complete(&self, d: &Dialogue<'_>, client: bool) -> Option<bool> {
        let stream = d.side(client);
        match (self.end, self.body) {
            (Some(end), _) => Some(end <= stream.total()),
            (None, Body::UntilClose) => None,
            (None, _) if stream.missing_after == 0 => Some(false),
            (None, _) => None,
        }
    }

    /// Bytes of the body (with its chunk headers) that are known to have been sent.
    pub(super) fn body_seen(&self, d: &Dialogue<'_>, client: bool) -> u64 {
        let total = d.side(client).total();
        let end = self.end.unwrap_or(total).min(total);
        end.saturating_sub(self.offset.saturating_add(self.head))
    }

    /// The header section was not sent whole, so nothing is known of a body.
    pub(super) fn head_only(&self) -> bool {
        self.body == Body::HeadersCut
    }

    /// A response in chunks, the middle of which is not captured, to the last request of a client
    /// that is heard whole: its stream's last bytes are not the end of a chunked body, which is
    /// always an empty line (RFC 9112 7.1).
    pub(super) fn chunks_cut(&self, d: &Dialogue<'_>) -> bool {
        let stream = d.server;
        self.body == Body::Chunked
            && self.end.is_none()
            && stream.missing_after > 0
            && d.client.missing_after == 0
            && stream.tail.len() >= b"0\r\n\r\n".len()
            && !stream.tail.ends_with(b"\r\n\r\n")
    }

    /// How whole a response is.
    pub(super) fn answer(&self, d: &Dialogue<'_>) -> Answer {
        match self.complete(d, false) {
            Some(true) => Answer::Complete,
            None => Answer::Unknown,
            Some(false) => Answer::Partial {
                expected: match self.body {
                    Body::Length(n) => Some(n),
                    _ => None,
                },
                seen: self.body_seen(d, false),
            },
        }
    }
}

const MAX_HEADERS: usize = 128;

/// The request whose first byte is `bytes[0]`, with offsets from there.
pub(super) fn request_at(bytes: &[u8]) -> Option<Message<'_>> {
    let in_method = |b: &u8| b.is_ascii_uppercase() || *b == b'-' || *b == b'_';
    // most of what is no request shows it at once
    if !bytes.first().is_some_and(in_method) {
        return None;
    }
    let line = first_line(bytes);
    let mut words = line.splitn(2, |&b| b == b' ');
    let method = words.next()?;
    // Targets with spaces in them are invalid, and common in attacks: the version is the last word.
    let rest = words.next().unwrap_or_default();
    let (target, version) = match memchr::memrchr(b' ', rest) {
        Some(at) => (rest.get(..at), rest.get(at + 1..)),
        None => (Some(rest), None),
    };
    let known = is_method(method);
    // A cut line is believed only if what there is of it is unmistakable.
    let whole = bytes.len() > line.len();
    let version = version.unwrap_or_default().trim_ascii_end();
    let http =
        version.starts_with(b"HTTP/1.") || !whole && b"HTTP/1.".starts_with(version) && known;
    if !method.iter().all(in_method)
        || method.len() > 24
        || !http
        || target.is_none_or(<[u8]>::is_empty)
    {
        return None;
    }
    let mut m = empty(line, method, target.unwrap_or_default(), version);
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => m.head = head as u64,
        Ok(httparse::Status::Partial) => {}
        // What the strict parser refuses is framed by the empty line alone.
        Err(_) => m.head = head_end(bytes).unwrap_or(0),
    }
    let cut = m.head == 0;
    let framing = read_headers(parsed.headers, &mut m);
    m.body = match framing {
        _ if cut => Body::HeadersCut,
        Framing { chunked: true, .. } => Body::Chunked,
        Framing {
            length: Some(n), ..
        } if n > 0 => Body::Length(n),
        _ => Body::None,
    };
    Some(m)
}

/// The response whose first byte is `bytes[0]`, to a request of that method if known.
pub(super) fn response_at<'a>(bytes: &'a [u8], method: Option<&[u8]>) -> Option<Message<'a>> {
    let line = first_line(bytes);
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let mut m = empty(line, b"", b"", line.get(..8).unwrap_or(line));
    let digits = rest
        .get(2..5)
        .filter(|d| d.iter().all(u8::is_ascii_digit))?;
    m.status = std::str::from_utf8(digits).ok()?.parse().ok();
    m.reason = rest.get(6..).unwrap_or_default().trim_ascii();
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => m.head = head as u64,
        Ok(httparse::Status::Partial) => {}
        Err(_) => m.head = head_end(bytes).unwrap_or(0),
    }
    let cut = m.head == 0;
    let framing = read_headers(parsed.headers, &mut m);
    let status = m.status.unwrap_or(0);
    let connected = method == Some(b"CONNECT") && (200..300).contains(&status);
    m.body = match framing {
        _ if cut => Body::HeadersCut,
        _ if method == Some(b"HEAD") || connected => Body::None,
        _ if matches!(status, 100..=199 | 204 | 304) => Body::None,
        Framing { chunked: true, .. } => Body::Chunked,
        Framing {
            length: Some(0), ..
        } => Body::None,
        Framing {
            length: Some(n), ..
        } => Body::Length(n),
        _ => Body::UntilClose,
    };
    Some(m)
}

fn empty<'a>(line: &'a [u8], method: &'a [u8], target: &'a [u8], version: &'a [u8]) -> Message<'a> {
    Message {
        offset: 0,
        head: 0,
        body: Body::None,
        end: None,
        first_line: line,
        method,
        target,
        version,
        host: b"",
        upgrade: b"",
        status: None,
        reason: b"",
        closes: version.ends_with(b"1.0"),
    }
}

struct Framing {
    chunked: bool,
    length: Option<u64>,
}

fn read_headers<'a>(headers: &[httparse::Header<'a>], m: &mut Message<'a>) -> Framing {
    let mut framing = Framing {
        chunked: false,
        length: None,
    };
    let has = |value: &[u8], word: &[u8]| {
        value
            .split(|&b| b == b',')
            .any(|v| v.trim_ascii().eq_ignore_ascii_case(word))
    };
    for header in headers.iter().filter(|h| !h.name.is_empty()) {
        let value = header.value.trim_ascii();
        match header.name.to_ascii_lowercase().as_str() {
            "host" if m.host.is_empty() => m.host = value,
            "content-length" => {
                framing.length = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
            }
            "transfer-encoding" => framing.chunked = has(value, b"chunked"),
            "upgrade" => m.upgrade = value,
            "connection" if has(value, b"close") => m.closes = true,
            "connection" if has(value, b"keep-alive") => m.closes = false,
            _ => {}
        }
    }
    framing
}

/// Up to the first line feed, or all.
fn first_line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', bytes.get(..8192).unwrap_or(bytes));
    let line = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn head_end(bytes: &[u8]) -> Option<u64> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at as u64 + 4)
}

fn is_method(word: &[u8]) -> bool {
    const METHODS: &[&[u8]] = &[
        b"GET",
        b"POST",
        b"HEAD",
        b"PUT",
        b"DELETE",
        b"OPTIONS",
        b"CONNECT",
        b"PATCH",
        b"TRACE",
        b"PROPFIND",
        b"PROPPATCH",
        b"MKCOL",
        b"COPY",
        b"MOVE",
        b"LOCK",
        b"UNLOCK",
        b"REPORT",
        b"SEARCH",
        b"NOTIFY",
        b"SUBSCRIBE",
        b"M-SEARCH",
        b"PURGE",
        b"RPC_IN_DATA",
        b"RPC_OUT_DATA",
    ];
    METHODS.contains(&word)
}

/// All messages of one side. `methods` are those of the requests, in order, for responses.
pub(super) fn walk<'a>(d: &Dialogue<'a>, client: bool, methods: &[&[u8]]) -> Messages<'a> {
    let stream = d.side(client);
    let mut out = Messages {
        messages: Vec::new(),
        lost: false,
    };
    let turns = d.turns.iter().filter(|t| t.from_client == client);
    let mut starts = turns.map(|t| t.offset);
    let (mut at, mut finals) = (0, 0);
    // The limit is for hostile input.
    while at < stream.total() && out.messages.len() < 50_000 {
        let method = methods.get(finals).copied().filter(|_| !out.lost);
        let read = |at| {
            let bytes = stream.at(at);
            if client {
                request_at(bytes)
            } else {
                response_at(bytes, method)
            }
        };
        let mut next = None;
        if let Some(mut m) = read(at) {
            m.offset = at;
            m.end = end_of(&m, &stream);
            let tunnel = m.status == Some(101);
            let interim = m
                .status
                .is_some_and(|s| (100..200).contains(&s) && s != 101);
            finals += usize::from(!interim);
            next = m.end.filter(|_| !tunnel);
            out.messages.push(m);
            if next.is_none() && (tunnel || stream.missing_after == 0) {
                break;
            }
        }
        // Behind a gap, or when the capture begins in a body, go on at the side's next turn that
        // begins a message.
        if next.is_none() {
            out.lost |= stream.missing_after > 0;
            next = starts
                .by_ref()
                .filter(|&start| start > at)
                .find(|&start| read(start).is_some());
            out.lost |= next.is_some();
        }
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    out
}

fn end_of(m: &Message<'_>, stream: &Stream<'_>) -> Option<u64> {
    let body = m.offset.checked_add(m.head)?;
    match m.body {
        Body::None => Some(body),
        Body::Length(n) => body.checked_add(n),
        Body::Chunked => chunked_end(stream, body),
        Body::UntilClose | Body::HeadersCut => None,
    }
}

/// The end of a chunked body: the chunk of size 0 and the trailer section's empty line.
fn chunked_end(stream: &Stream<'_>, mut at: u64) -> Option<u64> {
    loop {
        let bytes = stream.at(at);
        let line_end = memchr::memchr(b'\n', bytes.get(..1024).unwrap_or(bytes))?;
        let line = bytes.get(..line_end)?.trim_ascii();
        let digits = line.split(|&b| b == b';').next()?.trim_ascii();
        let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        at = at.checked_add(line_end as u64 + 1)?;
        if size == 0 {
            let trailer = stream.at(at);
            if trailer.starts_with(b"\r\n") {
                return at.checked_add(2);
            }
            return head_end(trailer).and_then(|n| at.checked_add(n));
        }
        at = at.checked_add(size)?.checked_add(2)?;
    }
}
