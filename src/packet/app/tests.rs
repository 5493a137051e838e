//! What holds for every recogniser.

use super::seeds::SEEDS;
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

#[test]
fn every_protocol_has_a_seed_and_is_recognised_by_it() {
    for seed in SEEDS {
        let s = story(seed.port, seed.says);
        assert_eq!(s.protocol, Some(seed.protocol), "{:?}", s);
        assert!(s.confidence >= Confidence::Medium, "{}", seed.protocol);
    }
    for protocol in Protocol::ALL {
        assert!(SEEDS.iter().any(|s| s.protocol == *protocol), "{protocol}");
    }
    for r in recognisers() {
        assert!(
            SEEDS.iter().any(|s| s.protocol == r.protocol),
            "{}",
            r.protocol
        );
    }
}

#[test]
fn clear_protocols_need_no_port() {
    // Without their port these are too much like anything.
    use Protocol::{Aerospike, Iscsi, Ldp, OpenFlow, S7};
    for seed in SEEDS
        .iter()
        .filter(|s| !matches!(s.protocol, Aerospike | Iscsi | Ldp | OpenFlow | S7))
    {
        assert_eq!(story(50_001, seed.says).protocol, Some(seed.protocol));
    }
}

#[test]
fn every_cut_and_every_flipped_bit_is_survived() {
    for seed in SEEDS {
        let script = Script::new(seed.port, seed.says);
        for at in 0..=script.client.len() {
            check(
                &script.client[..at],
                &script.server,
                seed.port,
                3,
                &[20, 20, 20],
            );
        }
        for at in 0..=script.server.len() {
            check(
                &script.client,
                &script.server[..at],
                seed.port,
                4,
                &[20, 20, 20],
            );
        }
        for bit in 0..script.client.len() * 8 {
            let mut client = script.client.clone();
            client[bit / 8] ^= 1 << (bit % 8);
            check(&client, &script.server, seed.port, 0, &[20, 20]);
        }
    }
}

/// What is not reached by way of `recognise`.
fn readers(client: &[u8]) {
    let _ = (client_hello(client), rst_payload(client));
    if let Some(m) = dns_message(client) {
        let _ = (
            m.question_name(),
            m.answers()
                .map(|a| a.name.name_to_string().len())
                .sum::<usize>(),
        );
    }
}

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
    readers(client);
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
        let script = Script::new(SEEDS[seed].port, SEEDS[seed].says);
        let port = script.port;
        let mut sides = [script.client, script.server];
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
