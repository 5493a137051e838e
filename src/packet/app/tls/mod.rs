//! TLS: what can be read without keys (RFC 8446, RFC 5246).

mod hello;
mod names;
mod records;

pub use hello::{ClientHello, client_hello};
pub use names::{alert_name, group_name, is_grease, version_name};
pub(super) use records::{recognise, record_len, speaks_tls};

/// What the TLS layer of one connection tells. Two-element arrays are `[client, server]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsStory {
    /// The first `ClientHello`.
    pub client_hello: Option<ClientHello>,
    /// A `ServerHello` that is not a retry request was seen.
    pub server_hello: bool,
    /// Version the server chose.
    pub server_version: Option<u16>,
    /// Cipher suite the server chose.
    pub server_cipher: Option<u16>,
    /// The server asked for another `ClientHello` (TLS 1.3 `HelloRetryRequest`).
    pub hello_retry: bool,
    /// A `Certificate` message of the server was seen (TLS 1.2 and before; in 1.3 it is encrypted).
    pub certificate_seen: bool,
    /// A `CertificateRequest` was seen (TLS 1.2 and before).
    pub certificate_requested: bool,
    /// Alerts of both sides, each side's in its order.
    pub alerts: Vec<TlsAlert>,
    /// Both sides finished the handshake; `None` if the capture does not tell.
    pub handshake_complete: Option<bool>,
    /// Application-data records; in TLS 1.3 encrypted handshake messages count too.
    pub app_records: [u32; 2],
    /// The last record of the side is not whole.
    pub last_record_partial: [bool; 2],
    /// Judged by number, length and place, the server's only application-data records after the
    /// handshake are session tickets (TLS 1.3): it has sent no answer.
    pub session_tickets_only: bool,
    /// TLS 1.3: what the server sent in place of its first answer looks like an alert.
    pub alert_for_answer: bool,
    /// TLS 1.3: the same although the client had asked nothing yet. It judges the client's
    /// certificate, if it comes at once; later it is a goodbye.
    pub alert_unasked: bool,
    /// Bytes of application data each side sent, as far as record headers were seen.
    pub app_bytes: [u64; 2],
}

/// One TLS alert.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsAlert {
    /// Which side sent it.
    pub from_client: bool,
    /// 1 warning, 2 fatal; `None` if encrypted or cut.
    pub level: Option<u8>,
    /// Description code; `None` if encrypted or cut.
    pub code: Option<u8>,
    /// Registered name of the code, or `encrypted alert`.
    pub name: String,
    /// It is not readable and only its record type or length says that it is an alert: type 21
    /// of another length than 2, or (TLS 1.3) a last record of type 23 and length 19.
    pub encrypted_guess: bool,
    /// Offset of its record in the sender's stream.
    pub offset: u64,
    /// Nothing of that side follows it.
    pub is_last: bool,
}

impl TlsAlert {
    /// A readable alert that ends the connection with an error.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        // TLS 1.3 ignores the level: everything but these two is fatal (RFC 8446 6.2).
        matches!((self.level, self.code), (Some(2), Some(code)) if code != 0 && code != 90)
    }

    /// A readable `close_notify`.
    #[must_use]
    pub fn is_close_notify(&self) -> bool {
        self.code == Some(0)
    }
}

#[cfg(test)]
mod tests;
