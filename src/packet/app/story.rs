//! What a recogniser tells about one connection's payload. Pure data: everything taken from
//! packets has been through [`clean`](super::text::clean) and credentials are masked.

use super::protocol::Protocol;
use super::tls::TlsStory;
use std::fmt;
use std::net::IpAddr;

/// How sure a recogniser is of the protocol. Ordered: `Low < Medium < High`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Confidence {
    /// A weak likeness, or content that only the port makes likely.
    #[default]
    Low,
    /// Some structure holds.
    Medium,
    /// A magic number, or structure on both sides.
    High,
}

impl Confidence {
    /// The word for people and JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What was asked: one client message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// One line of at most 160 characters, credentials masked: `GET /api/items HTTP/1.1 Host: a.example`.
    pub summary: String,
    /// Method, command or message type: `GET`, `EHLO`, `COM_QUERY`.
    pub verb: String,
    /// What the verb acts on (path, table text, key), masked; empty if there is none.
    pub target: String,
    /// Name of the service asked for (`Host`, SNI, `$db`, service name); empty if unknown.
    pub host: String,
    /// Offset of the message's first byte in the client's stream.
    pub offset: u64,
    /// Whether the whole message was sent; `None` if the framing or the capture does not tell.
    pub complete: Option<bool>,
    /// Length of the body in bytes as announced by the message; `None` if not announced.
    pub body_expected: Option<u64>,
    /// Body bytes that are known to have been sent, captured or not.
    pub body_seen: u64,
}

/// How far the answer to the last request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResponseState {
    /// There was no request to answer.
    #[default]
    None,
    /// No byte of the answer was seen.
    NotStarted,
    /// The answer began and is not whole by its own framing.
    Partial {
        /// Announced length in bytes (of the body where the protocol has one), if announced.
        expected: Option<u64>,
        /// Bytes of it that were seen.
        seen: u64,
    },
    /// The answer is whole by its own framing.
    Complete,
    /// The answer began, and its framing (or the capture) does not say whether it is whole.
    Unknown,
}

/// Whose doing an error is, as far as the message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Blame {
    /// What the client sent or who it is (bad request, wrong password, over quota).
    Client,
    /// The server's own state (shutting down, overloaded, internal error).
    Server,
    /// The message does not tell.
    #[default]
    Either,
}

/// An error stated by the protocol itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppError {
    /// Code in the protocol's own notation: `413`, `57P01`, `40 handshake_failure`.
    pub code: String,
    /// Text of the message (or the standard's name of the code), cleaned.
    pub text: String,
    /// Which side sent it.
    pub from_server: bool,
    /// Offset of the message in its sender's stream.
    pub offset: u64,
    /// The protocol says that the connection ends with it.
    pub fatal: bool,
    /// Whose doing it is.
    pub blame: Blame,
    /// The message by itself explains why its sender closes the connection.
    pub explains_close: bool,
}

/// Everything the payload of one connection tells.
///
/// If `client_is_first_endpoint` is `Some(false)`, the bytes show that the stream given as the
/// client's is the server's; the story is then told with the sides swapped (client means
/// the true client).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AppStory {
    /// The protocol the last request belongs to; `None` if nothing was recognised.
    pub protocol: Option<Protocol>,
    /// All protocols met, outermost or first one first: `[ProxyProtocol, Tls]`, `[Smtp, Tls]`.
    pub layers: Vec<Protocol>,
    /// How sure `protocol` is.
    pub confidence: Confidence,
    /// What is exchanged at the end cannot be read.
    pub encrypted: bool,
    /// What was asked last.
    pub last_request: Option<Request>,
    /// Requests seen whole.
    pub requests: u32,
    /// Final responses seen whole.
    pub responses: u32,
    /// A whole request has no response byte yet; `None` if that cannot be told.
    pub outstanding: Option<bool>,
    /// State of the answer to `last_request`.
    pub response: ResponseState,
    /// First line (or the like) of the last answer.
    pub last_response: Option<String>,
    /// Error stated by the protocol, the last one that explains most.
    pub error: Option<AppError>,
    /// The protocol's own goodbye was said (QUIT, `COM_QUIT`, `close_notify`, UNBIND ...).
    pub clean_quit: bool,
    /// The client's first bytes are not the protocol that the server speaks or the port expects.
    pub invalid_for_port: Option<String>,
    /// One side speaks TLS and the other does not.
    pub plaintext_mismatch: Option<String>,
    /// In this protocol the server speaks first.
    pub banner_first: bool,
    /// The server's banner was seen.
    pub banner_seen: bool,
    /// `address:port` of the true client as told by a PROXY protocol header.
    pub proxied_client: Option<String>,
    /// Addresses of data connections that the dialogue announces (FTP PORT, PASV, EPRT, EPSV).
    pub data_endpoints: Vec<(IpAddr, u16)>,
    /// `Some(false)`: the stream given as the client's is really the server's; `Some(true)`: the
    /// bytes confirm the roles; `None`: they do not tell.
    pub client_is_first_endpoint: Option<bool>,
    /// What TLS tells, if TLS was met.
    pub tls: Option<Box<TlsStory>>,
    /// The client's (else the server's) first 16 bytes: as text if printable, else in hex.
    pub first_bytes: String,
}

impl AppStory {
    /// A story of one protocol, with the rest to be filled in.
    pub(super) fn of(protocol: Protocol, confidence: Confidence) -> Self {
        AppStory {
            protocol: Some(protocol),
            layers: vec![protocol],
            confidence,
            ..AppStory::default()
        }
    }

    /// Puts `outer` around this story and moves its offsets to the outer streams.
    pub(super) fn nested(
        mut self,
        outer: &[Protocol],
        client_shift: u64,
        server_shift: u64,
    ) -> Self {
        self.layers.splice(0..0, outer.iter().copied());
        if let Some(request) = &mut self.last_request {
            request.offset = request.offset.saturating_add(client_shift);
        }
        if let Some(error) = &mut self.error {
            let shift = if error.from_server {
                server_shift
            } else {
                client_shift
            };
            error.offset = error.offset.saturating_add(shift);
        }
        if let Some(tls) = &mut self.tls {
            for alert in &mut tls.alerts {
                let shift = if alert.from_client {
                    client_shift
                } else {
                    server_shift
                };
                alert.offset = alert.offset.saturating_add(shift);
            }
        }
        self
    }
}
