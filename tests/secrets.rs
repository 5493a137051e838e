//! TLS keys in the source: what becomes of them is said, wherever the case file goes.

use crate::support::capture::Shape;
use crate::support::{run, talk};
use assert_cmd::Command;
use std::process::Output;

/// A reset TLS connection with the keys of it and of one other in a secrets block.
fn keyed() -> Vec<u8> {
    let mut hello = vec![0x16, 3, 1, 0, 43, 1, 0, 0, 39, 3, 3];
    hello.extend([0xab; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
    let capture = talk::capture(talk::reset_request(40_000, &hello));
    let mut bytes = capture.bytes(Shape::Pcapng { big: false });
    let key = |random: &str| format!("CLIENT_RANDOM {} 00\n", random.repeat(32));
    let log = [key("ab"), key("cd")].concat();
    let len = 20 + log.len().next_multiple_of(4) as u32;
    bytes.extend([10, len].map(u32::to_le_bytes).concat());
    bytes.extend(
        [0x544c_534b, log.len() as u32]
            .map(u32::to_le_bytes)
            .concat(),
    );
    bytes.extend(log.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(len.to_le_bytes());
    bytes
}

fn rstcap(words: &[&str]) -> Output {
    let file = run::temporary(&keyed());
    let path = file.path().to_str().unwrap();
    let mut command = Command::cargo_bin("rstcap").unwrap();
    command.arg(path).args(words).output().unwrap()
}

fn holds_keys(file: &[u8]) -> bool {
    let random = "ab".repeat(32);
    file.windows(64).any(|w| w == random.as_bytes())
}

#[test]
fn standard_output_with_keys_is_announced() {
    let ran = rstcap(&["-w", "-", "--secrets", "matched"]);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(holds_keys(&ran.stdout));
    assert!(
        said.contains("WARNING: 1 case file contains 1 TLS secret"),
        "{said}"
    );
    assert!(said.contains("1 TLS secret left out"), "{said}");
}

#[test]
fn standard_output_without_keys_says_how_many_are_left_out() {
    let ran = rstcap(&["-w", "-"]);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(!holds_keys(&ran.stdout));
    assert!(said.contains("2 TLS secrets left out"), "{said}");
    assert!(!said.contains("WARNING"), "{said}");
}

#[test]
fn a_directory_with_keys_is_announced_in_every_format() {
    for format in ["text", "json", "ndjson", "csv", "markdown"] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().to_str().unwrap();
        let ran = rstcap(&["-w", out, "--secrets", "matched", "-T", format]);
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(
            said.contains("WARNING: 1 case file contains"),
            "{format}: {said}"
        );
        let shown = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(shown.contains("WARNING"), format == "text", "{shown}");
    }
}
