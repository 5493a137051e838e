use super::*;
use crate::packet::app::story::{Blame, Confidence, ResponseState};
use crate::packet::app::talk::testing::{Script, story};
use crate::packet::app::{Protocol, text};

/// A ClientHello handshake message as a TLS 1.3 client sends it.
fn hello_message(sni: &str, padding: usize) -> Vec<u8> {
    let ext = |kind: u16, data: Vec<u8>| {
        [
            &kind.to_be_bytes()[..],
            &(data.len() as u16).to_be_bytes(),
            &data,
        ]
        .concat()
    };
    let mut name = vec![0, 0, 0];
    name[1..3].copy_from_slice(&(sni.len() as u16).to_be_bytes());
    name.extend_from_slice(sni.as_bytes());
    let list = [&(name.len() as u16).to_be_bytes()[..], &name].concat();
    let mut extensions = ext(0x1a1a, vec![]);
    extensions.extend(ext(0, list));
    extensions.extend(ext(10, vec![0, 6, 0x3a, 0x3a, 0x11, 0xec, 0, 0x1d]));
    extensions.extend(ext(16, b"\0\x0c\x02h2\x08http/1.1".to_vec()));
    extensions.extend(ext(43, vec![6, 0x2a, 0x2a, 3, 4, 3, 3]));
    extensions.extend(ext(51, vec![0, 9, 0x3a, 0x3a, 0, 1, 0, 0, 0x1d, 0, 0]));
    extensions.extend(ext(21, vec![0; padding]));
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 6, 0x4a, 0x4a, 0x13, 1, 0x13, 2, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1, 0];
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(body);
    message
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    [
        &[kind, 3, 3][..],
        &(payload.len() as u16).to_be_bytes(),
        payload,
    ]
    .concat()
}

fn server_hello(v13: bool) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0x13, 1, 0]);
    let extensions: &[u8] = if v13 {
        &[0, 6, 0, 43, 0, 2, 3, 4]
    } else {
        &[0, 0]
    };
    body.extend(extensions);
    let mut message = vec![2, 0, 0, body.len() as u8];
    message.extend(body);
    record(22, &message)
}

#[test]
fn agrees_with_tls_parser() {
    let bytes = record(22, &hello_message("www.example.net", 0));
    let ours = client_hello(&bytes).unwrap();
    let (_, theirs) = tls_parser::parse_tls_plaintext(&bytes).unwrap();
    let tls_parser::TlsMessage::Handshake(tls_parser::TlsMessageHandshake::ClientHello(ch)) =
        &theirs.msg[0]
    else {
        panic!("not a hello")
    };
    let not_grease = ch.ciphers.iter().filter(|c| !is_grease(c.0)).count();
    assert_eq!(usize::from(ours.cipher_count), not_grease);
    assert_eq!(ours.random.unwrap(), ch.random);
    let (_, extensions) = tls_parser::parse_tls_client_hello_extensions(ch.ext.unwrap()).unwrap();
    for extension in extensions {
        match extension {
            tls_parser::TlsExtension::SNI(names) => {
                assert_eq!(ours.sni.as_deref().unwrap().as_bytes(), names[0].1);
            }
            tls_parser::TlsExtension::ALPN(names) => {
                assert!(
                    names
                        .iter()
                        .map(|n| n.to_vec())
                        .eq(ours.alpn.iter().map(|n| n.clone().into_bytes()))
                );
            }
            tls_parser::TlsExtension::EllipticCurves(groups) => {
                let groups: Vec<u16> = groups
                    .iter()
                    .map(|g| g.0)
                    .filter(|g| !is_grease(*g))
                    .collect();
                assert_eq!(ours.groups, groups);
            }
            _ => {}
        }
    }
    assert_eq!(
        (ours.versions, ours.key_shares),
        (vec![0x0304, 0x0303], vec![0x001d])
    );
    assert_eq!((ours.len as usize, ours.complete), (bytes.len() - 5, true));
}

#[test]
fn a_cut_hello_says_what_came_before_the_cut() {
    let bytes = record(22, &hello_message("www.example.net", 1500));
    let cut = client_hello(&bytes[..150]).unwrap();
    assert_eq!(
        (cut.complete, cut.len as usize, cut.seen),
        (false, bytes.len() - 5, 145)
    );
    assert_eq!(cut.sni.as_deref(), Some("www.example.net"));
    let inside_name = memchr::memmem::find(&bytes, b"example").unwrap();
    assert_eq!(
        client_hello(&bytes[..inside_name]).unwrap().sni.as_deref(),
        Some("www.…")
    );
    assert!(client_hello(&bytes[..5]).is_none());
}

#[test]
fn a_hello_over_two_records_is_put_together() {
    let message = hello_message("split.example", 10);
    let (a, b) = message.split_at(70);
    let bytes = [record(22, a), record(22, b)].concat();
    let hello = client_hello(&bytes).unwrap();
    assert_eq!(
        (hello.records, hello.complete, hello.sni.as_deref()),
        (2, true, Some("split.example"))
    );
}

#[test]
fn near_misses_are_no_hello() {
    assert!(client_hello(&server_hello(true)).is_none());
    assert!(client_hello(b"\x16\x04\x00\x00\x05\x01\x00\x00\x01\x03").is_none());
    assert!(client_hello(b"GET / HTTP/1.1\r\n").is_none());
}

#[test]
fn an_unanswered_hello() {
    let s = story(443, &[("c", &record(22, &hello_message("a.example", 0)))]);
    assert_eq!(
        (s.protocol, s.confidence),
        (Some(Protocol::Tls), Confidence::High)
    );
    let r = s.last_request.unwrap();
    assert_eq!(
        (r.summary.as_str(), r.complete),
        ("TLS ClientHello, SNI a.example", Some(true))
    );
    assert_eq!(
        (s.outstanding, s.response),
        (Some(true), ResponseState::NotStarted)
    );
    let tls = s.tls.unwrap();
    assert_eq!(
        (tls.server_hello, tls.handshake_complete),
        (false, Some(false))
    );
}

#[test]
fn a_fatal_alert_is_read() {
    let alert = record(21, &[2, 112]);
    let s = story(
        443,
        &[
            ("c", &record(22, &hello_message("a.example", 0))),
            ("s", &alert),
        ],
    );
    let e = s.error.unwrap();
    assert_eq!(
        (e.code.as_str(), e.from_server, e.blame),
        ("112 unrecognized_name", true, Blame::Client)
    );
    let tls = s.tls.unwrap();
    assert!(tls.alerts[0].is_last && tls.alerts[0].is_fatal() && !tls.alerts[0].encrypted_guess);
}

#[test]
fn a_client_rejects_the_certificate_in_plaintext() {
    let hello = record(22, &hello_message("a.example", 0));
    let flight = [server_hello(true), record(23, &[0; 900])].concat();
    let s = story(
        443,
        &[("c", &hello), ("s", &flight), ("c", &record(21, &[2, 48]))],
    );
    let e = s.error.unwrap();
    assert_eq!(
        (e.from_server, e.blame, e.offset),
        (false, Blame::Server, hello.len() as u64)
    );
    assert_eq!(s.tls.unwrap().handshake_complete, Some(false));
}

#[test]
fn encrypted_alerts_are_guessed() {
    let hello = record(22, &hello_message("a.example", 0));
    let flight = [server_hello(true), record(23, &[0; 900])].concat();
    let last = [record(23, &[1; 53]), record(23, &[2; 19])].concat();
    let tls = story(443, &[("c", &hello), ("s", &flight), ("c", &last)])
        .tls
        .unwrap();
    assert_eq!(tls.handshake_complete, Some(true));
    assert_eq!(tls.alerts.len(), 1);
    assert!(tls.alerts[0].encrypted_guess && tls.alerts[0].is_last && tls.alerts[0].from_client);
    let old = [
        server_hello(false),
        record(20, &[1]),
        record(22, &[0; 40]),
        record(21, &[0; 26]),
    ]
    .concat();
    let tls = story(443, &[("c", &hello), ("s", &old)]).tls.unwrap();
    assert!(tls.alerts[0].encrypted_guess && tls.alerts[0].code.is_none());
}

#[test]
fn tickets_are_no_answer() {
    let hello = record(22, &hello_message("a.example", 0));
    let flight = [server_hello(true), record(23, &[0; 900])].concat();
    let asked = [record(23, &[1; 53]), record(23, &[2; 200])].concat();
    let tickets = [record(23, &[3; 250]), record(23, &[3; 250])].concat();
    let says = [
        ("c", &hello[..]),
        ("s", &flight),
        ("c", &asked),
        ("s", &tickets),
    ];
    let s = story(443, &says);
    assert!(s.tls.unwrap().session_tickets_only);
    assert_eq!(
        (s.outstanding, s.response),
        (Some(true), ResponseState::NotStarted)
    );
    let answer = [&tickets[..], &record(23, &[4; 4000])].concat();
    let s = story(
        443,
        &[("c", &hello), ("s", &flight), ("c", &asked), ("s", &answer)],
    );
    assert!(!s.tls.unwrap().session_tickets_only);
    assert_eq!(s.outstanding, Some(false));
}

#[test]
fn plaintext_on_one_side_only() {
    let hello = record(22, &hello_message("a.example", 0));
    let s = story(
        80,
        &[
            ("c", &hello),
            (
                "s",
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            ),
        ],
    );
    assert_eq!(
        s.plaintext_mismatch.unwrap(),
        "TLS ClientHello answered by HTTP/1.1 400 Bad Request"
    );
    assert_eq!(s.error.unwrap().code, "400");
    let s = story(
        443,
        &[
            ("c", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("s", &record(21, &[2, 10])),
        ],
    );
    assert_eq!(
        s.plaintext_mismatch.unwrap(),
        "HTTP GET request answered by a TLS alert"
    );
    let s = story(
        22,
        &[
            ("c", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("s", b"SSH-2.0-x\r\n"),
        ],
    );
    assert_eq!(s.plaintext_mismatch, None);
    assert_eq!(
        s.invalid_for_port.unwrap(),
        "HTTP GET request answered by SSH-2.0-x"
    );
}

#[test]
fn a_hello_in_a_name_is_cleaned() {
    let bytes = record(22, &hello_message("a\u{1b}[31m", 0));
    assert_eq!(
        client_hello(&bytes).unwrap().sni.unwrap(),
        text::clean("a\u{1b}[31m", 80)
    );
}

#[test]
fn a_capture_that_begins_within_a_record() {
    let data = record(23, &[1; 40]);
    let mut script = Script::new(
        443,
        &[("c", b"rest of a record"), ("s", &data), ("c", &data)],
    );
    script.server.extend_from_slice(&data);
    let mut d = script.dialogue();
    d.client.starts_at_zero = false;
    d.server.starts_at_zero = false;
    let s = crate::packet::app::recognise(&d);
    assert_eq!(
        (s.protocol, s.confidence),
        (Some(Protocol::Tls), Confidence::Medium)
    );
    assert_eq!(s.tls.unwrap().app_records, [1, 2]);
    assert_eq!(
        (s.last_request.unwrap().offset, s.outstanding),
        (16, Some(true))
    );
}
