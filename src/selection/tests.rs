//! What design 5 "selection" says is kept, one connection each.

use super::fixture::{case, connection, frame, segment, talk_case, told};
use super::{Context, Gap, Reason, Selection, display_filter, select};
use crate::diagnosis::{Case, Party};
use crate::flow::{IcmpError, NameLookup, Segment, Side};
use crate::packet::app::{AppError, ClientHello, Request, TlsAlert, TlsStory};
use crate::packet::tcp_flags::{ACK, PSH, RST, SYN};
use crate::reset::{Form, Role};
use crate::units::{FrameNumber, Seq, Timestamp};

const NEAR: Context = Context {
    before: 1,
    after: 1,
    whole_connection: false,
};

fn talk() -> Case {
    talk_case(&[frame(1), frame(2), frame(3), frame(4), frame(5)])
}

fn reasons(selection: &Selection, number: u64) -> Vec<Reason> {
    let kept = selection.frames.iter().find(|k| k.frame.number.0 == number);
    kept.map(|k| k.reasons.to_vec()).unwrap_or_default()
}

fn said(selection: &Selection, number: u64) -> Vec<String> {
    let kept = selection.frames.iter().find(|k| k.frame.number.0 == number);
    kept.map(|k| k.comments.clone()).unwrap_or_default()
}

fn says(selection: &Selection, number: u64, words: &str, role: &str) {
    let expected = format!("{words} [rstcap role={role} case=3 orig={number}]");
    let found = said(selection, number);
    assert!(
        found.contains(&expected),
        "{expected}\nis not in {found:#?}"
    );
}

/// A handshake, then what `rest` holds, numbered on from 4 and 1 ms apart; `micros` from 1000.
fn after_handshake(rest: &[(Side, u32, u32, u16, &[u8])]) -> Vec<Segment> {
    let (client, server) = (Side::Client, Side::Server);
    let mut segments = vec![
        segment(frame(1), 0, client, (1000, 0), SYN, b""),
        segment(frame(2), 20_000, server, (5000, 1001), SYN | ACK, b""),
        segment(frame(3), 20_050, client, (1001, 5001), ACK, b""),
    ];
    for (index, (from, seq, ack, flags, payload)) in rest.iter().enumerate() {
        let micros = 21_000 + index as i64 * 1000;
        let at = frame(4 + index as u64);
        segments.push(segment(at, micros, *from, (*seq, *ack), *flags, payload));
    }
    segments
}

const RST_AT_END: (Side, u32, u32, u16, &[u8]) = (Side::Server, 5001, 2000, RST | ACK, b"");

#[test]
fn handshake_and_its_round_trips() {
    let selection = select(&case(connection(after_handshake(&[RST_AT_END]))), &NEAR);
    for number in 1..=3 {
        assert!(reasons(&selection, number).contains(&Reason::Handshake));
    }
    let words = "SYN-ACK 20 ms after the SYN: round trip from here to the server";
    says(&selection, 2, words, "handshake");
    let words =
        "handshake complete: ACK 0.05 ms after the SYN-ACK, round trip from here to the client";
    says(&selection, 3, words, "handshake");
}

#[test]
fn a_refused_connection() {
    let (client, server) = (Side::Client, Side::Server);
    let segments = vec![
        segment(frame(7), 0, client, (1000, 0), SYN, b""),
        segment(frame(9), 400, server, (0, 1001), RST | ACK, b""),
    ];
    let mut case = case(connection(segments));
    case.episode.resets[0].trigger = Some(0);
    // an abort answers nothing
    assert!(!reasons(&select(&case, &NEAR), 7).contains(&Reason::Trigger));
    case.episode.resets[0].form = Form::Refusal;
    let selection = select(&case, &NEAR);
    assert_eq!(
        reasons(&selection, 7),
        [Reason::Handshake, Reason::Trigger, Reason::Context]
    );
    says(
        &selection,
        7,
        "the SYN provoked the RST 0.4 ms later",
        "trigger",
    );
    let verdict = "reset by the server 0.4 ms after the SYN: reset-after-client-hello, \
                   who high / why medium";
    assert_eq!(selection.verdict, verdict);
    says(&selection, 9, verdict, "rst");
}

#[test]
fn context_and_gaps() {
    let data: Vec<_> = (0..10_u32)
        .map(|i| (Side::Server, 5001 + i, 1001, ACK, &b"x"[..]))
        .chain([RST_AT_END, (Side::Client, 1001, 5011, ACK, b"")])
        .chain([(Side::Client, 1001, 5011, ACK, &b""[..]); 2])
        .collect();
    let mut connection = connection(after_handshake(&data));
    // seven records between the fourth and fifth segment were not even kept in memory
    connection.left_out = vec![(4, 7), (17, 100)];
    connection.segments[4].frame = frame(12);
    for (at, kept) in connection.segments.iter_mut().enumerate().skip(5) {
        kept.frame = frame(8 + at as u64);
    }
    let selection = select(&case(connection), &NEAR);
    let numbers: Vec<u64> = selection.frames.iter().map(|k| k.frame.number.0).collect();
    assert_eq!(numbers, [1, 2, 3, 20, 21, 22]);
    let gap = |before, count, first, last| Gap {
        before,
        count,
        first: FrameNumber(first),
        last,
    };
    assert_eq!(
        selection.left_out,
        [gap(3, 16, 4, Some(FrameNumber(19))), gap(6, 102, 23, None)]
    );
    assert_eq!(selection.packets_left_out(), 118);
    let words = "16 packets of this connection left out here (source frames 4-19)";
    says(&selection, 20, words, "gap");
    let whole = Context {
        whole_connection: true,
        ..NEAR
    };
    assert_eq!(
        select(
            &case(super::fixture::connection(after_handshake(&data))),
            &whole
        )
        .frames
        .len(),
        17
    );
}

#[test]
fn copies_made_by_the_capture_are_left_out() {
    let mut segments = after_handshake(&[
        (Side::Client, 1001, 5001, ACK | PSH, b"hello"),
        (Side::Client, 1001, 5001, ACK | PSH, b"hello"),
        RST_AT_END,
    ]);
    segments[4].duplicate_of = Some(3);
    let mut case = case(connection(segments));
    let selection = select(&case, &Context::default());
    assert_eq!(selection.frames.len(), 5);
    assert_eq!(
        (selection.copies_left_out, selection.packets_left_out()),
        (1, 0)
    );
    case.diagnosis
        .evidence
        .push(told("seen twice", [frame(4), frame(5)]));
    assert_eq!(select(&case, &Context::default()).frames.len(), 6);
}

/// A ClientHello of 200 bytes of message in one record.
fn client_hello() -> Vec<u8> {
    let mut bytes = vec![22, 3, 1, 0, 204, 1, 0, 0, 200, 3, 3];
    bytes.resize(209, 7);
    bytes
}

fn told_hello(case: &mut Case) {
    case.story.tls = Some(Box::new(TlsStory {
        client_hello: Some(ClientHello {
            sni: Some("www.example.net".into()),
            alpn: vec!["h2".into(), "http/1.1".into()],
            versions: vec![0x0304],
            complete: true,
            ..ClientHello::default()
        }),
        ..TlsStory::default()
    }));
}

#[test]
fn a_client_hello_in_any_order() {
    let hello = client_hello();
    let (first, second) = hello.split_at(100);
    let halves = [
        (Side::Client, 1101, 5001, ACK | PSH, second),
        (Side::Client, 1001, 5001, ACK, first),
    ];
    let acks = [(Side::Server, 5001, 1210, ACK, &b""[..]); 5];
    let swapped: Vec<_> = halves.into_iter().chain(acks).chain([RST_AT_END]).collect();
    let mut case = case(connection(after_handshake(&swapped)));
    told_hello(&mut case);
    let selection = select(&case, &NEAR);
    for number in [4, 5] {
        assert!(reasons(&selection, number).contains(&Reason::ClientHello));
    }
    let words =
        "ClientHello: SNI www.example.net, ALPN h2 http/1.1, TLS 1.3, 209 bytes in 2 segments";
    says(&selection, 5, words, "tls");
    let words = "Wireshark shows no ClientHello here unless tcp.reassemble_out_of_order is on: \
                 its segments are out of order";
    says(&selection, 5, words, "tls");
    assert!(selection.verdict.contains("6 ms after the ClientHello"));
}

#[test]
fn a_client_hello_in_order_or_with_a_hole() {
    let hello = client_hello();
    let (first, second) = hello.split_at(100);
    let first = (Side::Client, 1001, 5001, ACK, first);
    let second = (Side::Client, 1101, 5001, ACK | PSH, second);
    let notes = |segments: &[_]| {
        let selection = select(&case(connection(after_handshake(segments))), &NEAR);
        let all = selection.frames.iter().flat_map(|k| k.comments.clone());
        let tls = all.filter(|c| c.contains("role=tls"));
        tls.map(|c| c.split(" [").next().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    let size = "ClientHello: 209 bytes in 2 segments";
    assert_eq!(notes(&[first, second, RST_AT_END]), [size]);
    // a repeated first half changes nothing
    let repeated = notes(&[first, first, second, RST_AT_END]);
    assert_eq!(repeated, ["ClientHello: 209 bytes in 3 segments"]);
    let hole = "a part of the ClientHello is not in the capture";
    assert_eq!(notes(&[first, RST_AT_END])[1], hole);
}

#[test]
fn alerts_requests_and_errors_by_their_place_in_the_stream() {
    let (client, server) = (Side::Client, Side::Server);
    let acks = [(server, 5001, 1006, ACK, &b""[..]); 3];
    let rest: Vec<_> = [
        (
            client,
            1001,
            5001,
            ACK | PSH,
            &b"GET /x HTTP/1.1\r\n\r\n"[..],
        ),
        (
            server,
            5001,
            1020,
            ACK | PSH,
            b"HTTP/1.1 413 Too Large\r\n\r\n",
        ),
    ]
    .into_iter()
    .chain(acks)
    .chain([RST_AT_END])
    .collect();
    let mut case = case(connection(after_handshake(&rest)));
    case.story.last_request = Some(Request {
        summary: "GET /x HTTP/1.1 \u{1b}[31m".into(),
        offset: 4,
        ..Request::default()
    });
    case.story.error = Some(AppError {
        code: "413".into(),
        text: "Too Large".into(),
        from_server: true,
        ..AppError::default()
    });
    case.story.tls = Some(Box::new(TlsStory {
        alerts: vec![TlsAlert {
            level: Some(2),
            code: Some(40),
            name: "handshake_failure".into(),
            ..TlsAlert::default()
        }],
        ..TlsStory::default()
    }));
    let selection = select(&case, &NEAR);
    says(
        &selection,
        4,
        "last request: GET /x HTTP/1.1 \\x1b[31m",
        "request",
    );
    let words = "TLS alert from the server: 40 handshake_failure, fatal";
    says(&selection, 5, words, "tls");
    let expected = [Reason::Alert, Reason::StatedError, Reason::ResponseStart];
    assert_eq!(reasons(&selection, 5), expected);
    let mut sealed = case.clone();
    if let Some(tls) = &mut sealed.story.tls {
        tls.alerts[0].code = None;
        tls.alerts[0].encrypted_guess = true;
    }
    let words = "probably an encrypted TLS alert of the server";
    says(&select(&sealed, &NEAR), 5, words, "tls");
    // where there is an alert, the error is the alert
    assert!(
        !said(&selection, 5)
            .iter()
            .any(|c| c.contains("server said"))
    );
    case.story.tls = None;
    let selection = select(&case, &NEAR);
    says(&selection, 5, "the server said: 413 Too Large", "response");
    says(
        &selection,
        5,
        "the server answers 1 ms after the last data of the client",
        "response",
    );
}

#[test]
fn a_long_request_is_bounded() {
    let rest: Vec<_> = (0..50_u32)
        .map(|i| (Side::Client, 1001 + i * 4, 5001, ACK, &b"data"[..]))
        .chain([(Side::Server, 5001, 1201, ACK, &b""[..]); 4])
        .chain([RST_AT_END])
        .collect();
    let selection = select(&case(connection(after_handshake(&rest))), &NEAR);
    let kept = selection
        .frames
        .iter()
        .filter(|k| k.reasons.contains(&Reason::LastRequest));
    assert_eq!(kept.count(), 8);
    says(
        &selection,
        4,
        "last data of the client before the RST, in 50 segments",
        "request",
    );
}

#[test]
fn a_flood_of_resets_is_bounded_and_counted() {
    let rest: Vec<_> = (0..200).map(|_| RST_AT_END).collect();
    let mut case = case(connection(after_handshake(&rest)));
    case.connection.totals.resets = [0, 500];
    case.episode.primary = 100;
    let none = Context {
        before: 0,
        after: 0,
        whole_connection: false,
    };
    let selection = select(&case, &none);
    let is_rst = |k: &&super::Kept| k.reasons.iter().any(|r| matches!(r, Reason::Rst(_)));
    assert_eq!(selection.frames.iter().filter(is_rst).count(), 64 + 16 + 1);
    assert_eq!(selection.resets_left_out, 500 - 81);
    let words = "further RST in the server's name (abort): a later RST";
    says(&selection, 203, words, "rst");
    assert_eq!(reasons(&selection, 104), [Reason::Rst(Role::Later)]);
}

#[test]
fn names_icmp_and_frames_of_other_connections() {
    let mut case = talk_case(&[frame(11), frame(12), frame(13), frame(14), frame(15)]);
    case.connection.name = Some(Box::new(NameLookup {
        name: "www.example.net".into(),
        cname_chain: vec!["edge.cdn.example".into()],
        query: Some(frame(8)),
        answer: frame(9),
        answer_time: Timestamp(case.connection.segments[0].time.0 - 2_000_000),
        resolver: [10, 0, 0, 53].into(),
        related: vec![frame(10)],
    }));
    case.connection.icmp = vec![IcmpError {
        frame: frame(20),
        time: Timestamp(0),
        source: [10, 0, 0, 254].into(),
        v6: false,
        icmp_type: 3,
        code: 4,
        mtu: Some(1400),
        about: Side::Client,
        seq: Seq(1001),
    }];
    case.diagnosis.evidence = vec![told("refused 0.9 s before", [frame(2), frame(30)])];
    let selection = select(&case, &NEAR);
    says(
        &selection,
        8,
        "10.0.0.1 asks 10.0.0.53 for www.example.net",
        "dns",
    );
    let words = "www.example.net is 192.0.2.7 (via edge.cdn.example), 2 ms before the connection";
    says(&selection, 9, words, "dns");
    assert_eq!(reasons(&selection, 10), [Reason::Dns]);
    let words = "ICMP fragmentation needed (type 3 code 4) from 10.0.0.254 about a segment of \
                 10.0.0.1:40000, MTU 1400";
    says(&selection, 20, words, "icmp");
    assert_eq!(reasons(&selection, 2), [Reason::EarlierAttempt]);
    says(
        &selection,
        2,
        "before this connection: refused 0.9 s before",
        "attempt",
    );
    says(&selection, 30, "refused 0.9 s before", "evidence");
    let numbers: Vec<u64> = selection.frames.iter().map(|k| k.frame.number.0).collect();
    assert!(numbers.is_sorted());
    assert_eq!(selection.number_of(frame(9)), Some(3));
    assert_eq!(selection.number_of(frame(16)), None);
}

#[test]
fn comments_are_bounded_lines() {
    let mut case = talk();
    let long = "ü\u{202e}\r\n".repeat(30_000);
    case.diagnosis.evidence = (0..40)
        .map(|i| told(&format!("{i} {long}"), [frame(4)]))
        .collect();
    let selection = select(&case, &NEAR);
    for kept in &selection.frames {
        assert!(kept.comments.len() <= 8);
        for comment in &kept.comments {
            assert!(comment.len() <= super::MAX_COMMENT, "{}", comment.len());
            assert!(comment.ends_with(&format!("case=3 orig={}]", kept.frame.number)));
            assert!(!comment.contains(['\n', '\r', '\u{202e}']));
        }
    }
}

#[test]
fn who_in_words() {
    let mut case = talk();
    for (party, words) in [
        (Party::ClientHost, "reset by the client "),
        (
            Party::MiddleboxAsServer,
            "reset by a device on the path in the server's name ",
        ),
        (
            Party::Unknown,
            "reset in the server's name, by whom is unknown ",
        ),
    ] {
        case.diagnosis.party = party;
        let verdict = select(&case, &NEAR).verdict;
        assert!(verdict.starts_with(words), "{verdict}");
    }
}

#[test]
fn the_filter_holds_in_any_file() {
    let mut case = talk();
    assert_eq!(
        display_filter(&case),
        "ip.addr == 10.0.0.1 && tcp.port == 40000 && ip.addr == 192.0.2.7 && tcp.port == 443"
    );
    case.connection.server.ip = "2001:db8::7".parse().unwrap();
    assert!(display_filter(&case).contains("ipv6.addr == 2001:db8::7"));
}
