//! The program from outside: exit status, standard output and error, the manual.

use assert_cmd::Command;
use clap::CommandFactory as _;
use rstcap::cli::args::Args;
use std::collections::BTreeSet;

fn rstcap(words: &[&str]) -> std::process::Output {
    Command::cargo_bin("rstcap")
        .unwrap()
        .args(words)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_and_version_succeed() {
    for word in ["--help", "-h", "--version"] {
        let out = rstcap(&[word]);
        assert_eq!(out.status.code(), Some(0), "{word}");
        assert!(out.stderr.is_empty());
    }
    let version = text(&rstcap(&["--version"]).stdout);
    assert!(
        version.starts_with(&format!("rstcap {}\n", env!("CARGO_PKG_VERSION"))),
        "{version}"
    );
}

#[test]
fn wrong_use_is_status_1() {
    let wrong: [&[&str]; 9] = [
        &[],
        &["--no-such-option"],
        &["x.pcap", "-T", "xml"],
        &["x.pcap", "-C", "many"],
        &["x.pcap", "--host", "10.0.0.0/99"],
        &["x.pcap", "--since", "soon"],
        &["x.pcap", "--fail-on", "nothing-like-it"],
        &["--explain", "nothing-like-it"],
        &["--generate", "wireshark-profile"],
    ];
    for words in wrong {
        let out = rstcap(words);
        assert_eq!(out.status.code(), Some(1), "{words:?}");
        assert!(out.stdout.is_empty(), "{words:?}");
        assert!(text(&out.stderr).starts_with("rstcap: "), "{words:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_status_3() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let out = rstcap(&["x.pcap", "-w", file.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(3));
    std::fs::write(dir.path().join("cases.ndjson"), "precious").unwrap();
    let out = rstcap(&["x.pcap", "-w", dir.path().to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("--force"));
    let kept = std::fs::read_to_string(dir.path().join("cases.ndjson")).unwrap();
    assert_eq!(kept, "precious");
}

#[test]
fn the_manual_is_the_generated_one() {
    for (what, path) in [("man", "rstcap.1"), ("man-diagnoses", "rstcap-diagnoses.7")] {
        let generated = text(&rstcap(&["--generate", what]).stdout);
        let path = format!("{}/man/{path}", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == generated,
            "rstcap --generate {what} prints something else than {path}"
        );
    }
}

#[test]
fn every_option_is_documented_and_no_letter_is_used_twice() {
    let command = Args::command();
    let manual = text(&rstcap(&["--generate", "man"]).stdout);
    let mut letters = BTreeSet::new();
    let mut names = BTreeSet::new();
    for option in command.get_arguments() {
        let name = option.get_long().unwrap_or("PATH");
        assert!(names.insert(name), "{name}");
        if let Some(letter) = option.get_short() {
            assert!(letters.insert(letter), "-{letter}");
        }
        let help = option
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(help.len() > 15 && !help.ends_with('.'), "--{name}: {help}");
        if !option.is_hide_set() {
            let written = name.replace('-', "\\-");
            assert!(manual.contains(&written), "--{name} is not in the manual");
        }
    }
    let expected = "write context before after whole-connection include exclude class party \
        severity host port name since until max-cases per-group format separate threads progress \
        quiet verbose full force strict fail-on secrets keep-blocks libpcap max-memory explain \
        list-classes generate chunk-size version";
    for name in expected.split_whitespace() {
        assert!(names.contains(name), "--{name}");
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("rstcap"))
        .args(["--generate", "man"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_profile_is_written_where_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let out = rstcap(&["--generate", "wireshark-profile", "-w", path]);
    assert_eq!(out.status.code(), Some(0));
    assert!(dir.path().join("rstcap/colorfilters").exists());
    let again = rstcap(&["--generate", "wireshark-profile", "-w", path]);
    assert_eq!(again.status.code(), Some(3));
}
