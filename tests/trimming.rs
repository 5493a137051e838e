//! Case files: what is kept is identical, and a case file given back is the same case.

use crate::support::capture::{Capture, Packet, Shape, packets};
use crate::support::{run, scenarios};
use serde_json::Value;

/// `pcap` ticks are microseconds or nanoseconds; a case file counts in one of them, too.
fn same_time(packet: &Packet, ns: u64) -> bool {
    [1, 1000]
        .iter()
        .any(|unit| packet.ticks.checked_mul(*unit) == Some(ns))
}

#[test]
fn kept_frames_are_identical() {
    for path in scenarios(30_000, 11) {
        let capture = Capture::read(&path);
        for shape in [Shape::PLAIN, Shape::Pcapng { big: true }] {
            let ran = run::run_bytes(&capture.bytes(shape), &["-j1"]);
            for file in &ran.files {
                for packet in packets(file) {
                    let number = packet.packet_id.expect("the source has no packet ids");
                    let frame = &capture.frames[number as usize - 1];
                    assert_eq!(packet.data, frame.data, "{} {number}", path.display());
                    assert_eq!(packet.original_len, frame.original_len);
                    assert!(same_time(&packet, frame.ns), "{packet:?} {frame:?}");
                }
            }
        }
    }
}

#[test]
fn a_damaged_packet_block_is_written_as_it_was_read() {
    // the block of the RST claims more captured bytes than it holds
    let capture = crate::support::talk::capture(crate::support::talk::reset_request(
        40_000,
        b"GET / HTTP/1.1\r\n\r\n",
    ));
    let mut bytes = capture.bytes(Shape::Pcapng { big: false });
    let last = capture
        .frames
        .last()
        .unwrap()
        .data
        .len()
        .next_multiple_of(4)
        + 32;
    let at = bytes.len() - last + 20;
    bytes[at + 2] ^= 1;
    let ran = run::run_bytes(&bytes, &["-j1"]);
    assert_eq!(ran.resets, 1);
    let kept = packets(&ran.files[0]);
    let frame = &capture.frames.last().unwrap().data;
    assert_eq!(kept.last().unwrap().data[..frame.len()], frame[..]);
}

fn case_of(ran: &run::Ran, like: &Value) -> Option<Value> {
    let time = |c: &Value| c["time"].clone();
    let same = |c: &&Value| time(c) == time(like) && c["client"]["port"] == like["client"]["port"];
    ran.cases.iter().find(same).cloned()
}

/// Every case file of the chosen scenarios, run again.
fn given_back(stride: usize, check: impl Fn(&Value, &Value) -> Result<(), String>) {
    let mut wrong = Vec::new();
    for path in scenarios(30_000, stride) {
        let ran = run::run(&path, &["-j1"]);
        for (case, file) in ran.cases.iter().zip(&ran.files) {
            let again = run::list_bytes(file, &["-j1"]);
            let verdict = match case_of(&again, case) {
                Some(second) => check(case, &second),
                None => Err("the case is gone".to_string()),
            };
            if let Err(what) = verdict {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                wrong.push(format!("{name} case {}: {what}", case["id"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The same class and party, and no more certainty.
fn same_diagnosis(first: &Value, second: &Value) -> Result<(), String> {
    let rank = |v: &Value| ["low", "medium", "high"].iter().position(|w| v == w);
    let surer = |name: &&str| rank(&second[*name]) > rank(&first[*name]);
    let mut different = vec!["class", "party"];
    different.retain(|name| first[*name] != second[*name]);
    different.extend(
        ["party_confidence", "cause_confidence"]
            .iter()
            .filter(|n| surer(n)),
    );
    if different.is_empty() {
        return Ok(());
    }
    let told = |name: &&str| format!("{name} {} -> {}", first[*name], second[*name]);
    Err(different.iter().map(told).collect::<Vec<_>>().join(", "))
}

#[test]
fn a_case_file_given_back_is_the_same_case() {
    given_back(5, same_diagnosis);
}

#[test]
#[ignore = "takes a minute"]
fn every_case_file_given_back_is_the_same_case() {
    given_back(1, same_diagnosis);
}

#[test]
fn trimming_twice_is_trimming_once() {
    for path in scenarios(8000, 9) {
        let once = run::run(&path, &["-j1"]);
        for file in once.files.iter().filter(|f| packets(f).len() < 60) {
            let twice = run::run_bytes(file, &["-j1", "--whole-connection"]);
            let Some(second) = twice.files.first() else {
                panic!("{}: no case in the case file", path.display());
            };
            let (before, after) = (packets(file), packets(second));
            for packet in &after {
                let old = before.iter().find(|p| p.packet_id == packet.packet_id);
                let old = old.expect("packet ids survive");
                assert_eq!((&old.data, old.ticks), (&packet.data, packet.ticks));
                let mut sorted = packet.comments.clone();
                sorted.sort();
                sorted.dedup();
                assert_eq!(sorted.len(), packet.comments.len(), "{:?}", packet.comments);
                for comment in &old.comments {
                    assert!(packet.comments.contains(comment), "{comment} is lost");
                }
            }
        }
    }
}

/// Replaces every occurrence by something of the same length, so that the blocks stay whole.
fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = file.to_vec();
    let mut at = 0;
    while let Some(found) = out[at..].windows(from.len()).position(|w| w == from) {
        out[at + found..at + found + from.len()].copy_from_slice(to);
        at += found + from.len();
    }
    assert!(at > 0, "{} is not there", String::from_utf8_lossy(from));
    out
}

/// The case file of a class that rests on several connections.
fn health_check() -> Vec<u8> {
    let scenario = crate::support::testdata("scenarios/health-check-periodic.C.pcap");
    let ran = run::run(&scenario, &["-j1"]);
    let is_check = |case: &&Value| case["class"] == "health-check";
    let at = ran.cases.iter().position(|c| is_check(&c)).unwrap();
    ran.files[at].clone()
}

#[test]
fn a_class_that_rests_on_others_is_the_first_runs_word() {
    let again = run::run_bytes(&health_check(), &["-j1"]);
    let case = &again.cases[0];
    assert_eq!(case["class"], "health-check");
    let first = case["evidence"][0]["text"].as_str().unwrap();
    assert!(
        first.starts_with("the run that cut this case file out"),
        "{first}"
    );
    assert_eq!(case["alternatives"][0]["class"], "probe-close");
}

/// What a case file says of itself may be written by anyone.
#[test]
fn words_of_a_forged_case_file_do_no_harm() {
    let file = health_check();
    let own = |bytes: &[u8]| {
        let ran = run::run_bytes(bytes, &["-j1", "-V"]);
        let text = String::from_utf8(ran.ndjson.clone()).unwrap();
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
        (
            ran.cases[0]["class"].clone(),
            ran.cases[0]["evidence"][0]["text"].clone(),
        )
    };
    // no such class; a class that this connection's own frames decide; another connection
    for (from, to) in [
        (&b"health-check"[..], &b"no-such-clas"[..]),
        (b"health-check", b"health-chec\x1b"),
        (b"health-check", b"syn-refused "),
        (b"connection: client 10.1", b"connection: client 10.2"),
        (b"confidence high", b"confidence certa"),
        (b"severity harmless", b"severity absolute"),
    ] {
        let to = &to[..from.len()];
        let (class, _) = own(&replaced(&file, from, to));
        assert_eq!(class, "probe-close", "{}", String::from_utf8_lossy(to));
    }
    // the reason is repeated, and cannot act
    let nasty = b"\x1b[2J\xff\xe2\x80\xae\0<b>=cmd|xy";
    let (class, reason) = own(&replaced(&file, b"of these, one every", nasty));
    assert_eq!(class, "health-check");
    assert!(reason.as_str().unwrap().contains("\\x1b[2J"), "{reason}");
}

/// Regression: the winning sibling of a cancelled attempt was fetched before the case's own
/// packets, whose spool took its place.
#[test]
fn a_sibling_is_written_from_a_compressed_capture() {
    use std::io::Write as _;
    let path = crate::support::testdata("scenarios/happy-eyeballs-sibling.C.pcap");
    let bytes = std::fs::read(path).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    let packed = run::run_bytes(&packer.finish().unwrap(), &["-j1"]);
    let plain = run::run_bytes(&bytes, &["-j1"]);
    let frames = |ran: &run::Ran| -> Vec<Vec<Vec<u8>>> {
        let of_file = |file: &Vec<u8>| packets(file).into_iter().map(|p| p.data).collect();
        ran.files.iter().map(of_file).collect()
    };
    assert!(!plain.files.is_empty());
    assert_eq!(frames(&packed), frames(&plain));
}
