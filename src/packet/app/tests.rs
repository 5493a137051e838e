//! What holds for every recogniser.

use super::talk::testing::{Script, story};
use super::*;
use proptest::prelude::*;

#[test]
fn unknown_bytes_yield_their_first_sixteen() {
    let s = story(9999, &[("c", b"\x01\x02\x03\x04hello world and more")]);
    assert_eq!(s.protocol, None);
    assert!(s.first_bytes.starts_with("01 02 03 04 68 65 6c 6c 6f"));
    let s = story(9999, &[]);
    assert_eq!((s.protocol, s.first_bytes.as_str()), (None, ""));
}

#[test]
fn swapped_sides_are_found_out() {
    let s = story(
        50001,
        &[
            ("s", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("c", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ],
    );
    assert_eq!(s.client_is_first_endpoint, Some(false));
    assert_eq!(s.last_request.unwrap().verb, "GET");
}

#[test]
fn every_protocol_stands_at_most_once_in_the_registry() {
    let mut seen = std::collections::BTreeSet::new();
    for r in recognisers() {
        assert!(seen.insert(r.protocol), "{}", r.protocol);
    }
}

/// Beginnings of real dialogues to mutate.
const SEEDS: &[(&[u8], &[u8], u16)] = &[
    (
        b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        80,
    ),
    (
        b"\x16\x03\x01\x00\x10\x01\x00\x00\x0c\x03\x03aaaaaaaaaa",
        b"\x15\x03\x03\x00\x02\x02\x28",
        443,
    ),
    (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        b"\0\0\0\x04\0\0\0\0\0",
        80,
    ),
    (
        b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\xfc\0\x01",
        b"",
        53,
    ),
];

fn check(client: &[u8], server: &[u8], port: u16, gap: u64, cuts: &[u16]) {
    let mut turns = Vec::new();
    let (mut c, mut s) = (0_u64, 0_u64);
    for (i, cut) in cuts.iter().enumerate() {
        let from_client = i % 2 == 0;
        let at = if from_client { &mut c } else { &mut s };
        turns.push(Turn {
            from_client,
            offset: *at,
            len: u64::from(*cut),
        });
        *at += u64::from(*cut);
    }
    let tail = &client[client.len() / 2..];
    for (missing_after, tail) in [(0, &[][..]), (gap, tail)] {
        let d = Dialogue {
            client: Stream {
                bytes: client,
                starts_at_zero: gap.is_multiple_of(2),
                missing_after,
                tail,
            },
            server: Stream {
                bytes: server,
                starts_at_zero: true,
                missing_after,
                tail: &[],
            },
            turns: &turns,
            client_port: 40000,
            server_port: port,
        };
        let story = recognise(&d);
        if let Some(request) = story.last_request {
            assert!(
                request.summary.chars().count() <= 160,
                "{}",
                request.summary
            );
            assert!(
                !request.summary.chars().any(char::is_control),
                "{:?}",
                request.summary
            );
        }
        for text in [
            story.last_response,
            story.error.map(|e| e.text),
            story.invalid_for_port,
        ]
        .into_iter()
        .flatten()
        {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
    let _ = (client_hello(client), rst_payload(client));
    if let Some(m) = dns_message(client) {
        let _ = (
            m.question_name(),
            m.answers().map(|a| a.name.name_to_string()).count(),
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn never_panics_on_random_bytes(
        client in proptest::collection::vec(any::<u8>(), 0..300),
        server in proptest::collection::vec(any::<u8>(), 0..300),
        port in prop_oneof![Just(80_u16), Just(443), any::<u16>()],
        gap in 0_u64..5000,
        cuts in proptest::collection::vec(0_u16..200, 0..8),
    ) {
        check(&client, &server, port, gap, &cuts);
    }

    #[test]
    fn never_panics_on_mutated_dialogues(
        seed in 0..SEEDS.len(),
        edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
        keep in any::<u16>(),
        gap in 0_u64..5000,
        cuts in proptest::collection::vec(0_u16..60, 0..8),
    ) {
        let (client, server, port) = SEEDS[seed];
        let mut sides = [client.to_vec(), server.to_vec()];
        for (at, value) in &edits {
            let side = &mut sides[usize::from(value % 2)];
            if !side.is_empty() {
                let at = usize::from(*at) % side.len();
                side[at] = *value;
            }
        }
        let cut = usize::from(keep) % (sides[0].len() + 1);
        if keep % 3 == 0 {
            sides[0].truncate(cut);
        }
        check(&sides[0], &sides[1], port, gap, &cuts);
    }
}

#[test]
fn a_script_has_its_turns_in_order() {
    let s = Script::new(1, &[("c", b"ab"), ("s", b"c"), ("c", b"d")]);
    assert_eq!(
        s.turns.last(),
        Some(&Turn {
            from_client: true,
            offset: 2,
            len: 1
        })
    );
}
