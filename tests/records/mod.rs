//! From bytes to records and to the report: nothing is lost silently, and how the work is
//! split changes nothing.

use crate::fuzz::mutation::mutate;
use crate::support::capture::{Capture, Shape};
use crate::support::random::Random;
use crate::support::{run, scenarios, talk, testdata};
mod sum;
pub use sum::{Sum, sums_agree};

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = scenarios(4000, 29)
        .iter()
        .map(|p| std::fs::read(p).unwrap())
        .collect();
    let capture = talk::capture(talk::reset_request(40_000, b"GET / HTTP/1.1\r\n\r\n"));
    seeds.extend(Shape::ALL.map(|s| capture.bytes(s)));
    seeds
}

#[test]
fn records_and_skipped_bytes_are_the_file() {
    let mut random = Random::new(1);
    for seed in seeds() {
        for round in 0..60 {
            let bytes = if round == 0 {
                seed.clone()
            } else {
                mutate(&seed, &mut random)
            };
            assert!(sums_agree(&bytes, 64) || round > 0);
        }
    }
}

/// Thread counts and chunk sizes of the same run.
const SPLITS: [&[&str]; 7] = [
    &["-j2", "--chunk-size", "100"],
    &["-j2", "--chunk-size", "300"],
    &["-j3", "--chunk-size", "1000"],
    &["-j8", "--chunk-size", "70000"],
    &["-j8"],
    &["-j1", "--chunk-size", "300"],
    &["-j2", "--chunk-size", "1000"],
];

fn split_does_not_matter(bytes: &[u8]) {
    let file = run::temporary(bytes);
    let whole = run::list(file.path(), &["-j1"]);
    for words in SPLITS {
        let split = run::list(file.path(), words);
        let same = whole.ndjson == split.ndjson
            && whole.packets == split.packets
            && whole.anomalies == split.anomalies;
        if !same {
            let kept = file.into_temp_path().keep().unwrap();
            panic!(
                "{words:?} gives something else than one thread on {}:\n{:?} {:?}\n{}\n{}",
                kept.display(),
                whole.anomalies,
                split.anomalies,
                String::from_utf8_lossy(&whole.ndjson),
                String::from_utf8_lossy(&split.ndjson),
            );
        }
    }
}

#[test]
fn splitting_the_work_does_not_change_the_output() {
    for path in scenarios(200_000, 17) {
        split_does_not_matter(&std::fs::read(path).unwrap());
    }
    for name in ["demo/tls.pcapng", "demo/services.pcap"] {
        split_does_not_matter(&std::fs::read(testdata(name)).unwrap());
    }
}

#[test]
fn splitting_damaged_files_does_not_change_the_output() {
    let mut random = Random::new(2);
    for path in scenarios(4000, 31) {
        let capture = Capture::read(&path);
        for shape in [Shape::PLAIN, Shape::Pcapng { big: true }] {
            let bytes = capture.bytes(shape);
            for _ in 0..6 {
                split_does_not_matter(&mutate(&bytes, &mut random));
            }
        }
    }
}

/// Every prefix of a capture: whole packets are found, the rest is told.
#[test]
fn every_prefix_gives_the_resets_of_its_whole_packets() {
    let capture = talk::capture(talk::reset_request(40_000, b"GET / HTTP/1.1\r\n\r\n"));
    let mut captures = vec![capture.clone()];
    captures.extend(scenarios(900, 3).iter().map(|p| Capture::read(p)));
    assert!(captures.len() >= 20);
    for capture in captures {
        for shape in [Shape::PLAIN, Shape::Pcapng { big: false }] {
            every_prefix(&capture, shape);
        }
    }
}

fn every_prefix(capture: &Capture, shape: Shape) {
    let bytes = capture.bytes(shape);
    let header = capture.with(Vec::new()).bytes(shape).len();
    // where each packet ends
    let ends: Vec<usize> = (1..=capture.frames.len())
        .map(|n| {
            capture
                .with(capture.frames[..n].to_vec())
                .bytes(shape)
                .len()
        })
        .collect();
    let whole = run::list_bytes(&bytes, &["-j1"]);
    let rsts = |ran: &run::Ran| ran.resets;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prefix");
    let mut last = (0, 0);
    for len in header..=bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        // case files are made now and then: that is the slow part
        let ran = if len % 16 == 0 {
            run::run(&path, &["-j1"])
        } else {
            run::list(&path, &["-j1"])
        };
        let packets = ends.iter().filter(|e| **e <= len).count();
        assert_eq!(ran.packets, packets as u64, "{shape:?} cut at {len}");
        if packets == last.0 {
            assert!(rsts(&ran) == last.1, "{shape:?} cut at {len}");
        }
        last = (packets, rsts(&ran));
        let left = len - ends.get(packets.wrapping_sub(1)).copied().unwrap_or(header);
        let told: u64 = ran
            .anomalies
            .iter()
            .filter(|a| a.0 == "cut-short")
            .map(|a| a.2)
            .sum();
        assert_eq!(
            told, left as u64,
            "{shape:?} cut at {len}: {:?}",
            ran.anomalies
        );
    }
    assert_eq!(last.1, whole.resets);
}

/// A Simple Packet Block has no time: it is given that of the packet before it, also where
/// that packet is in another chunk.
#[test]
fn packets_without_a_time_do_not_depend_on_the_split() {
    split_does_not_matter(
        &std::fs::read(testdata("fuzz/pcapng-two-sections-two-orders.cap")).unwrap(),
    );
    split_does_not_matter(&std::fs::read(testdata("fuzz/pcapng-old-blocks.cap")).unwrap());
}
