//! What the application story of a case gives to the report. The only file of `report` that
//! looks into [`crate::packet::app::AppStory`]. All strings are from packets.

use super::schema_case::Tls;
use crate::diagnosis::Case;
use crate::packet::app::{TlsAlert, TlsStory, rst_payload, version_name};

/// Names of the server: what DNS was asked for, then the names the client used in TLS and in
/// its request; each once. Hostile text.
#[must_use]
pub fn server_names(case: &Case) -> Vec<String> {
    let looked_up = case.connection.name.iter().map(|l| l.name.as_str());
    let asked_for = case.story.last_request.iter().map(|r| r.host.as_str());
    let mut names: Vec<String> = Vec::new();
    for name in looked_up.chain(sni(case)).chain(asked_for) {
        let known = names.iter().any(|n| n.eq_ignore_ascii_case(name));
        if !name.is_empty() && !known {
            names.push(name.to_owned());
        }
    }
    names
}

fn sni(case: &Case) -> Option<&str> {
    let hello = case.story.tls.as_ref()?.client_hello.as_ref()?;
    hello.sni.as_deref()
}

/// The label before the summary: `SNI www.example.net`, or the first of the names.
pub(super) fn headline(case: &Case) -> Option<String> {
    match sni(case) {
        Some(sni) => Some(format!("SNI {sni}")),
        None => server_names(case).into_iter().next(),
    }
}

/// What TLS tells.
pub(super) fn tls(case: &Case) -> Option<Tls> {
    let story = case.story.tls.as_ref()?;
    let hello = story.client_hello.clone().unwrap_or_default();
    Some(Tls {
        sni: hello.sni,
        alpn: hello.alpn,
        versions: hello.versions.iter().map(|v| version_name(*v)).collect(),
        client_hello_bytes: story.client_hello.as_ref().map(|h| h.len),
        encrypted_client_hello: hello.ech,
        version: story.server_version.map(version_name),
        cipher: story.server_cipher.map(|c| format!("0x{c:04x}")),
        alert: last_alert(story).map(alert),
        handshake_complete: story.handshake_complete,
    })
}

/// The alert that tells most: the last readable one that is fatal, else the last one.
fn last_alert(story: &TlsStory) -> Option<&TlsAlert> {
    let fatal = story.alerts.iter().rfind(|a| a.is_fatal());
    fatal.or(story.alerts.last())
}

fn alert(a: &TlsAlert) -> String {
    let from = if a.from_client { "client" } else { "server" };
    let level = match a.level {
        Some(1) => "warning ",
        Some(2) => "fatal ",
        _ => "",
    };
    match a.code {
        Some(code) => format!("{from}: {level}{code} {}", a.name),
        None => format!("{from}: {}", a.name),
    }
}

/// What was asked last, in one line.
pub(super) fn last_request(case: &Case) -> Option<String> {
    let request = case.story.last_request.as_ref()?;
    (!request.summary.is_empty()).then(|| request.summary.clone())
}

/// The application protocol, by its stable id.
pub(super) fn protocol(case: &Case) -> Option<&'static str> {
    case.story.protocol.map(|p| p.id())
}

/// The error that the application protocol itself stated: `server: 413 Content Too Large`.
pub(super) fn stated_error(case: &Case) -> Option<String> {
    let error = case.story.error.as_ref()?;
    let from = if error.from_server {
        "server"
    } else {
        "client"
    };
    let words = [error.code.as_str(), error.text.as_str()];
    let said: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
    Some(format!("{from}: {}", said.join(" ")))
}

/// What the payload of a RST says.
pub(super) fn reset_reason(payload: &[u8]) -> Option<String> {
    rst_payload(payload)
        .map(|r| r.text)
        .filter(|t| !t.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::app::{AppError, ClientHello, Request};
    use crate::report::testing::case;

    #[test]
    fn names_once_each_and_in_order() {
        let mut c = case(1);
        assert_eq!(server_names(&c), ["www.example.net"]);
        assert_eq!(headline(&c).as_deref(), Some("www.example.net"));
        c.story.tls = Some(Box::new(TlsStory {
            client_hello: Some(ClientHello {
                sni: Some("WWW.example.net".into()),
                versions: vec![0x0304, 0x0303],
                ..ClientHello::default()
            }),
            alerts: vec![TlsAlert {
                level: Some(2),
                code: Some(40),
                name: "handshake_failure".into(),
                ..TlsAlert::default()
            }],
            ..TlsStory::default()
        }));
        c.story.last_request = Some(Request {
            summary: "GET / HTTP/1.1".into(),
            host: "other.example".into(),
            ..Request::default()
        });
        assert_eq!(server_names(&c), ["www.example.net", "other.example"]);
        assert_eq!(headline(&c).as_deref(), Some("SNI WWW.example.net"));
        let tls = tls(&c).unwrap();
        assert_eq!(tls.versions, ["TLS 1.3", "TLS 1.2"]);
        assert_eq!(
            tls.alert.as_deref(),
            Some("server: fatal 40 handshake_failure")
        );
        assert_eq!(last_request(&c).as_deref(), Some("GET / HTTP/1.1"));
    }

    #[test]
    fn stated_causes() {
        let mut c = case(1);
        assert_eq!(stated_error(&c), None);
        c.story.error = Some(AppError {
            code: "413".into(),
            text: "Content Too Large".into(),
            from_server: true,
            ..AppError::default()
        });
        assert_eq!(
            stated_error(&c).as_deref(),
            Some("server: 413 Content Too Large")
        );
        assert_eq!(reset_reason(b""), None);
        assert_eq!(reset_reason(b"blocked").as_deref(), Some("blocked"));
    }
}
