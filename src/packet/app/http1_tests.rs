use super::super::talk::Turn;
use super::super::talk::testing::{Script, story};
use super::*;

const GET: &[u8] =
    b"GET /a/b?token=s3cret HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic Zm9v\r\n\r\n";

#[test]
fn an_unanswered_request() {
    let s = story(80, &[("c", GET)]);
    assert_eq!(
        (s.protocol, s.confidence),
        (Some(Protocol::Http1), Confidence::High)
    );
    let r = s.last_request.unwrap();
    assert_eq!(r.summary, "GET /a/b?... HTTP/1.1 Host: a.example");
    assert_eq!((r.complete, s.outstanding), (Some(true), Some(true)));
    assert_eq!(
        (s.requests, s.responses, s.response),
        (1, 0, ResponseState::NotStarted)
    );
}

#[test]
fn cut_headers_are_an_incomplete_request() {
    let s = story(80, &[("c", b"POST /slow HTTP/1.1\r\nHost: a.ex")]);
    let r = s.last_request.unwrap();
    assert_eq!((r.verb.as_str(), r.complete), ("POST", Some(false)));
    assert_eq!((s.requests, s.outstanding), (0, Some(false)));
    // The same cut by the snaplen says nothing.
    let script = Script::new(80, &[("c", b"POST /slow HTTP/1.1\r\nHost: a.ex")]);
    let mut d = script.dialogue();
    d.client.missing_after = 500;
    assert_eq!(
        crate::packet::app::recognise(&d)
            .last_request
            .unwrap()
            .complete,
        None
    );
}

#[test]
fn near_misses() {
    for bytes in [
        &b"GETTING / HTTP"[..],
        b"get / http/1.1\r\n",
        b"GET",
        b"HELO x HTTP\r\n",
    ] {
        assert_ne!(
            story(80, &[("c", bytes)]).confidence,
            Confidence::High,
            "{bytes:?}"
        );
    }
}

#[test]
fn a_response_cut_by_its_content_length() {
    let s = story(
        80,
        &[
            ("c", GET),
            (
                "s",
                b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
            ),
        ],
    );
    assert_eq!(
        s.response,
        ResponseState::Partial {
            expected: Some(100),
            seen: 10
        }
    );
    assert_eq!(
        (s.requests, s.responses, s.outstanding),
        (1, 0, Some(false))
    );
}

#[test]
fn chunked_responses() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let whole = [&head[..], b"5;x=y\r\nhello\r\n0\r\n\r\n"].concat();
    assert_eq!(
        story(80, &[("c", GET), ("s", &whole)]).response,
        ResponseState::Complete
    );
    let cut = [&head[..], b"5\r\nhello\r\n"].concat();
    assert_eq!(
        story(80, &[("c", GET), ("s", &cut)]).response,
        ResponseState::Partial {
            expected: None,
            seen: 10
        }
    );
}

#[test]
fn chunked_response_whose_middle_is_missing() {
    let said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let script = Script::new(80, &[("c", GET), ("s", said)]);
    let response = |tail: &'static [u8], client_missing| {
        let mut d = script.dialogue();
        (d.server.missing_after, d.server.tail) = (5000, tail);
        d.client.missing_after = client_missing;
        crate::packet::app::recognise(&d).response
    };
    // the body: 10 bytes seen here, 5000 counted
    let cut = ResponseState::Partial {
        expected: None,
        seen: 5010,
    };
    assert_eq!(response(b"3\r\nend\r\n", 0), cut);
    assert_eq!(response(b"3\r\ne", 0), ResponseState::Unknown);
    // an empty line may be the end, and the last bytes may be another answer's
    assert_eq!(response(b"d\r\n0\r\n\r\n", 0), ResponseState::Unknown);
    assert_eq!(response(b"3\r\nend\r\n", 90), ResponseState::Unknown);
    assert_eq!(response(b"", 0), ResponseState::Unknown);
}

#[test]
fn responses_without_a_body() {
    let head = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let s = story(
        80,
        &[
            ("c", head),
            ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
        ],
    );
    assert_eq!(s.response, ResponseState::Complete);
    let s = story(
        80,
        &[
            ("c", GET),
            (
                "s",
                b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            ),
        ],
    );
    assert_eq!(s.response, ResponseState::Complete);
    let s = story(
        80,
        &[("c", GET), ("s", b"HTTP/1.0 200 OK\r\n\r\nuntil the end")],
    );
    assert_eq!(s.response, ResponseState::Unknown);
}

#[test]
fn pipelined_requests_are_paired_by_count() {
    let s = story(
        80,
        &[
            ("c", &[GET, GET].concat()),
            ("s", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ],
    );
    assert_eq!((s.requests, s.responses, s.outstanding), (2, 1, Some(true)));
    assert_eq!(s.last_request.unwrap().offset, GET.len() as u64);
    assert_eq!(s.response, ResponseState::NotStarted);
}

#[test]
fn an_upload_refused_while_it_is_sent() {
    let post = b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n0123456789";
    let answer =
        b"HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let s = story(80, &[("c", post), ("s", answer)]);
    let r = s.last_request.unwrap();
    assert_eq!(
        (r.complete, r.body_expected, r.body_seen),
        (Some(false), Some(1000), 10)
    );
    let e = s.error.unwrap();
    assert_eq!(
        (e.code.as_str(), e.blame, e.fatal, e.explains_close),
        ("413", Blame::Client, true, true)
    );
    assert_eq!(s.last_response.unwrap(), "HTTP/1.1 413 Payload Too Large");
    assert_eq!(s.response, ResponseState::Complete);
}

#[test]
fn interim_responses_are_no_answers() {
    let post = b"POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let s = story(
        80,
        &[
            ("c", post),
            ("s", b"HTTP/1.1 100 Continue\r\n\r\n"),
            ("c", b"abc"),
        ],
    );
    assert_eq!((s.requests, s.responses), (1, 0));
    assert_eq!(
        (s.outstanding, s.response),
        (Some(true), ResponseState::NotStarted)
    );
}

#[test]
fn connect_opens_another_protocol() {
    let connect = b"CONNECT b.example:80 HTTP/1.1\r\nHost: b.example:80\r\n\r\n";
    let ok = b"HTTP/1.1 200 Connection established\r\n\r\n";
    let s = story(3128, &[("c", connect), ("s", ok)]);
    assert_eq!(
        (s.protocol, s.response),
        (Some(Protocol::Http1), ResponseState::Complete)
    );
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";
    let s = story(3128, &[("c", connect), ("s", ok), ("c", hello)]);
    assert_eq!(s.layers, [Protocol::Http1, Protocol::Tls]);
    assert_eq!(s.last_request.unwrap().offset, connect.len() as u64);
}

#[test]
fn connect_after_authentication() {
    let connect = b"CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n";
    let says: [(&str, &[u8]); 5] = [
        ("c", connect),
        (
            "s",
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
        ),
        ("c", connect),
        ("s", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("c", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"),
    ];
    let s = story(3128, &says);
    assert_eq!(s.layers, [Protocol::Http1, Protocol::Tls]);
    assert_eq!((s.requests, s.responses), (2, 2));
    let s = story(3128, &says[..2]);
    assert_eq!(
        (s.protocol, s.error.unwrap().code.as_str()),
        (Some(Protocol::Http1), "407")
    );
}

#[test]
fn websocket_after_its_upgrade() {
    let ask = b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let yes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let s = story(
        80,
        &[
            ("c", ask),
            ("s", yes),
            ("c", b"\x81\x82\0\0\0\0hi"),
            ("s", b"\x88\x05\x03\xf3bad"),
        ],
    );
    assert_eq!(s.layers, [Protocol::Http1, Protocol::WebSocket]);
    let r = s.last_request.unwrap();
    assert_eq!(
        (r.verb.as_str(), r.offset, r.complete),
        ("text", ask.len() as u64, Some(true))
    );
    let e = s.error.unwrap();
    assert_eq!(
        (e.code.as_str(), e.text.as_str(), e.blame),
        ("1011", "bad", Blame::Server)
    );
}

#[test]
fn goes_on_behind_a_gap_at_a_turn() {
    let first = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
    let last = b"HTTP/1.1 502 Bad Gateway\r\n\r\n";
    let (ask, head) = (GET.len() as u64, first.len() as u64);
    let script = Script::new(80, &[("c", GET), ("s", first)]);
    let mut d = script.dialogue();
    (d.client.missing_after, d.client.tail) = (ask, GET);
    (d.server.missing_after, d.server.tail) = (5000 + last.len() as u64, last);
    let turns = [
        script.turns[0],
        Turn {
            from_client: false,
            offset: 0,
            len: head + 5000,
        },
        Turn {
            from_client: true,
            offset: ask,
            len: ask,
        },
        Turn {
            from_client: false,
            offset: head + 5000,
            len: last.len() as u64,
        },
    ];
    d.turns = &turns;
    let s = crate::packet::app::recognise(&d);
    assert_eq!(s.last_request.unwrap().offset, ask);
    assert_eq!(s.last_response.unwrap(), "HTTP/1.1 502 Bad Gateway");
}
