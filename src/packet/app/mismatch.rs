//! One side speaks another protocol than the other, or than the port expects.

use super::http1_message::{request_at, response_at};
use super::mask;
use super::protocol::Protocol;
use super::registry::{expected_on, is_reserved};
use super::story::{AppError, AppStory, Blame, ResponseState};
use super::talk::Dialogue;
use super::text::clean;
use super::tls::{record_len, speaks_tls};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// What a side's first bytes unmistakably are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Tls,
    Http,
    Ssh,
    /// A three-digit greeting: SMTP or FTP.
    Greeting,
    Pop3,
    Imap,
    MySql,
    Rfb,
    Proxy,
    /// A page without a status line, as HTTP/0.9 servers send it.
    Html,
    Other,
}

impl Speech {
    fn name(self) -> &'static str {
        match self {
            Speech::Tls => "TLS",
            Speech::Http => "HTTP",
            Speech::Ssh => "an SSH banner",
            Speech::Greeting => "a mail or FTP greeting",
            Speech::Pop3 => "a POP3 greeting",
            Speech::Imap => "an IMAP greeting",
            Speech::MySql => "a MySQL greeting",
            Speech::Rfb => "a VNC banner",
            Speech::Proxy => "a PROXY protocol header",
            Speech::Html => "an HTML page",
            Speech::Other => "another protocol",
        }
    }
}

fn client_speech(bytes: &[u8]) -> Option<Speech> {
    if speaks_tls(bytes, true) {
        Some(Speech::Tls)
    } else if bytes.starts_with(b"PROXY TCP") || bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n") {
        Some(Speech::Proxy)
    } else if request_at(bytes).is_some() {
        Some(Speech::Http)
    } else if bytes.starts_with(b"SSH-") {
        Some(Speech::Ssh)
    } else {
        None
    }
}

fn server_speech(bytes: &[u8]) -> Option<Speech> {
    let mysql = matches!(bytes, [_, _, 0, 0, 10, ..]);
    if bytes.is_empty() {
        None
    } else if speaks_tls(bytes, false) {
        Some(Speech::Tls)
    } else if response_at(bytes, None).is_some() {
        Some(Speech::Http)
    } else if bytes.starts_with(b"SSH-") {
        Some(Speech::Ssh)
    } else if bytes.starts_with(b"220 ") || bytes.starts_with(b"220-") {
        Some(Speech::Greeting)
    } else if bytes.starts_with(b"+OK") {
        Some(Speech::Pop3)
    } else if bytes.starts_with(b"* OK") {
        Some(Speech::Imap)
    } else if bytes.starts_with(b"RFB 00") {
        Some(Speech::Rfb)
    } else if mysql {
        Some(Speech::MySql)
    } else if starts_with_html(bytes) {
        Some(Speech::Html)
    } else {
        Some(Speech::Other)
    }
}

fn starts_with_html(bytes: &[u8]) -> bool {
    let first = bytes.trim_ascii_start();
    let first = first.get(..9).unwrap_or(first).to_ascii_lowercase();
    first.starts_with(b"<!doctype") || first.starts_with(b"<html")
}

/// Texts by which servers tell that plain HTTP came to a TLS port.
static PLAIN_TO_TLS: LazyLock<[Finder<'static>; 3]> = LazyLock::new(|| {
    [
        "The plain HTTP request was sent to HTTPS port",
        "Client sent an HTTP request to an HTTPS server",
        "speaking plain HTTP to an SSL-enabled server port",
    ]
    .map(Finder::new)
});

/// Fills in `invalid_for_port` and `plaintext_mismatch`.
pub(super) fn judge(d: &Dialogue<'_>, story: &mut AppStory) {
    if !d.client.starts_at_zero {
        return;
    }
    let client = client_speech(d.client.bytes);
    let server = server_speech(d.server.bytes).filter(|_| d.server.starts_at_zero);
    match (client, server) {
        (Some(Speech::Tls), Some(answer)) if answer != Speech::Tls => {
            tls_to_plain(d, story, answer)
        }
        (Some(asked), Some(Speech::Tls))
            if !matches!(asked, Speech::Tls | Speech::Proxy) && story.layers.len() < 2 =>
        {
            let text = format!("{} answered by {}", opening(d, asked), tls_answer(d));
            story.plaintext_mismatch = Some(text.clone());
            story.invalid_for_port = Some(text);
        }
        (Some(Speech::Http), Some(Speech::Http)) => {
            let head = d.server.bytes.get(..2048).unwrap_or(d.server.bytes);
            let says = PLAIN_TO_TLS.iter().find(|t| t.find(head).is_some());
            if let Some(text) = says.map(Finder::needle) {
                let text = format!("plain HTTP to a TLS port: \"{}\"", clean(text, 80));
                story.plaintext_mismatch = Some(text.clone());
                story.invalid_for_port = Some(text);
            }
        }
        (Some(asked), Some(answer)) if story.layers.len() < 2 && !agree(asked, answer) => {
            let text = format!(
                "{} answered by {}",
                opening(d, asked),
                answer_text(d, answer)
            );
            story.invalid_for_port = Some(text);
            story.banner_seen |= !matches!(answer, Speech::Http | Speech::Other);
        }
        (Some(asked), None) => unexpected(d, story, asked),
        _ => {}
    }
}

/// A conversation may go on from here.
fn agree(asked: Speech, answer: Speech) -> bool {
    asked == answer || asked == Speech::Proxy || answer == Speech::Other && asked == Speech::Ssh
}

fn opening(d: &Dialogue<'_>, asked: Speech) -> String {
    match asked {
        Speech::Tls => "TLS ClientHello".to_owned(),
        Speech::Http => {
            let method = request_at(d.client.bytes)
                .map(|m| clean(m.method, 24))
                .unwrap_or_default();
            format!("HTTP {method} request")
        }
        other => other.name().to_owned(),
    }
}

fn tls_answer(d: &Dialogue<'_>) -> &'static str {
    if d.server.bytes.first() == Some(&21) {
        "a TLS alert"
    } else {
        "TLS"
    }
}

fn answer_text(d: &Dialogue<'_>, answer: Speech) -> String {
    let line = d
        .server
        .bytes
        .split(|&b| b == b'\n')
        .next()
        .unwrap_or_default();
    match answer {
        Speech::MySql | Speech::Html => answer.name().to_owned(),
        Speech::Other => format!("other bytes ({})", super::text::first_bytes(d.server.bytes)),
        _ => clean(mask::line(line.trim_ascii_end()), 80),
    }
}

/// A `ClientHello` was answered by something that is not TLS.
fn tls_to_plain(d: &Dialogue<'_>, story: &mut AppStory, answer: Speech) {
    // Mid-record noise is no other protocol.
    if answer == Speech::Other && record_len(d.server.bytes).is_some() {
        return;
    }
    let said = answer_text(d, answer);
    let text = format!("TLS ClientHello answered by {said}");
    story.plaintext_mismatch = Some(text.clone());
    story.invalid_for_port = Some(text);
    story.banner_seen |= !matches!(answer, Speech::Http | Speech::Other | Speech::Tls);
    story.last_response = Some(said);
    story.response = ResponseState::Unknown;
    if let Some(m) =
        response_at(d.server.bytes, None).filter(|m| m.status.is_some_and(|s| s >= 400))
    {
        story.error = Some(AppError {
            code: m.status.unwrap_or_default().to_string(),
            text: clean(m.reason, 120),
            from_server: true,
            offset: 0,
            fatal: m.closes,
            blame: Blame::Client,
            explains_close: true,
        });
    }
}

/// The server has said nothing, and its port is for another protocol.
fn unexpected(d: &Dialogue<'_>, story: &mut AppStory, asked: Speech) {
    let fits = |p: Protocol| match asked {
        Speech::Tls => !never_tls_first(p, d.server_port),
        Speech::Http => matches!(
            p,
            Protocol::Http1 | Protocol::Http2 | Protocol::Rtsp | Protocol::Sip
        ),
        Speech::Ssh => p == Protocol::Ssh,
        _ => true,
    };
    let mut expected = expected_on(d.server_port).peekable();
    let Some(&first) = expected.peek() else {
        return;
    };
    let unlikely = asked != Speech::Http || is_reserved(d.server_port);
    if unlikely && !expected.any(fits) {
        story.invalid_for_port = Some(format!(
            "{} to port {}, where {first} is expected",
            opening(d, asked),
            d.server_port
        ));
    }
}

/// Protocols whose ports never see a `ClientHello` first. Most others can be had inside TLS on
/// their usual port.
fn never_tls_first(p: Protocol, port: u16) -> bool {
    match p {
        Protocol::Http1 | Protocol::Http2 => port == 80,
        Protocol::Ssh
        | Protocol::Smtp
        | Protocol::Ftp
        | Protocol::Imap
        | Protocol::Pop3
        | Protocol::MySql
        | Protocol::Vnc
        | Protocol::Telnet
        | Protocol::Smb
        | Protocol::Rdp
        | Protocol::Kerberos
        | Protocol::Bgp
        | Protocol::Modbus
        | Protocol::Rsync => true,
        _ => false,
    }
}
