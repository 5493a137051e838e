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
    assert!(dir.path().join("profiles/rstcap/colorfilters").exists());
    let again = rstcap(&["--generate", "wireshark-profile", "-w", path]);
    assert_eq!(again.status.code(), Some(3));
}

/// A capture of one connection that the server refuses, as pcap with microseconds.
fn refused(port: u16) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    // (microseconds, ports, seq, ack, flags)
    let (client, server) = ([10, 0, 0, 1], [192, 0, 2, 7]);
    let syn = segment(client, server, (40_000, port), (1000, 0), 0x02);
    let rst = segment(server, client, (port, 40_000), (0, 1001), 0x14);
    for (micros, packet) in [(0_u32, syn), (21_000, rst)] {
        let len = u32::try_from(packet.len()).unwrap();
        for word in [1_720_958_477, micros, len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// IPv4 and TCP headers without options or payload.
fn segment(
    from: [u8; 4],
    to: [u8; 4],
    ports: (u16, u16),
    numbers: (u32, u32),
    flags: u8,
) -> Vec<u8> {
    let mut ip = vec![0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0];
    ip.extend(from);
    ip.extend(to);
    let sum = checksum(&ip, 0);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut tcp = Vec::new();
    tcp.extend(ports.0.to_be_bytes());
    tcp.extend(ports.1.to_be_bytes());
    tcp.extend(numbers.0.to_be_bytes());
    tcp.extend(numbers.1.to_be_bytes());
    tcp.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    let pseudo = u32::from(!checksum(&ip[12..20], 0)) + 6 + 20;
    let sum = checksum(&tcp, pseudo);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    ip.extend(tcp);
    ip
}

/// RFC 1071.
fn checksum(bytes: &[u8], start: u32) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
    let mut sum: u32 = start + words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// A directory with a capture in it, and the path of the capture.
fn capture() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.pcap");
    std::fs::write(&file, refused(443)).unwrap();
    let path = file.to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn one_reset_is_listed_in_every_format() {
    let (_dir, file) = capture();
    let table = text(&rstcap(&[&file]).stdout);
    assert!(table.contains("2024-07-14 12:01:17.021000"), "{table}");
    assert!(table.contains("10.0.0.1:40000 > 192.0.2.7:443"), "{table}");
    assert!(table.contains("[frame 2]\n"), "{table}");
    assert!(
        table.contains("1 file, 136 bytes, 2 packets, 1 connection\n"),
        "{table}"
    );
    let case: serde_json::Value =
        serde_json::from_slice(&rstcap(&[&file, "-T", "ndjson"]).stdout).unwrap();
    assert_eq!(case["rsts"][0]["frame"], 2);
    assert_eq!(case["rsts"][0]["ack"], 1001);
    let document: serde_json::Value =
        serde_json::from_slice(&rstcap(&[&file, "-T", "json"]).stdout).unwrap();
    assert_eq!(document["totals"]["resets"], 1);
    assert_eq!(document["cases"][0], case);
    assert_eq!(
        text(&rstcap(&[&file, "-T", "csv"]).stdout).lines().count(),
        2
    );
    assert!(text(&rstcap(&[&file, "-T", "markdown"]).stdout).contains("\n## Case 1: "));
    assert!(text(&rstcap(&[&file, "-V"]).stdout).contains("in Wireshark\n"));
}

#[test]
fn standard_input_is_read() {
    let mut command = Command::cargo_bin("rstcap").unwrap();
    let out = command.arg("-").write_stdin(refused(443)).output().unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stdout).contains("\n1 reset in "));
}

#[test]
fn case_files_are_written_once() {
    let (dir, file) = capture();
    let target = dir.path().join("resets");
    let target = target.to_str().unwrap();
    let out = rstcap(&[&file, "-w", target]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("wrote 1 case file"));
    let list = std::fs::read_to_string(format!("{target}/cases.ndjson")).unwrap();
    let case: serde_json::Value = serde_json::from_str(&list).unwrap();
    // no directories in what is meant to be shared
    assert_eq!(case["source"]["file"], "a.pcap");
    let name = case["case_file"].as_str().unwrap();
    assert!(
        !name.contains('/') && name.starts_with("0001_20240714T120117."),
        "{name}"
    );
    let written = std::fs::read(format!("{target}/{name}")).unwrap();
    assert_eq!(written[..4], [0x0a, 0x0d, 0x0d, 0x0a]);

    assert_eq!(rstcap(&[&file, "-w", target]).status.code(), Some(0));
    assert_eq!(
        rstcap(&[&file, "-w", target, "--force"]).status.code(),
        Some(0)
    );
    let again = rstcap(&[&file, "-w", "-"]);
    assert_eq!(again.stdout, written);
}

#[test]
fn one_bad_input_does_not_stop_the_others() {
    let (dir, file) = capture();
    let missing = dir.path().join("missing.pcap");
    let out = rstcap(&[missing.to_str().unwrap(), &file]);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stdout).contains("\n1 reset in "));
    assert!(text(&out.stderr).contains("missing.pcap: "));
}

#[test]
fn a_cut_short_file_is_a_note_unless_strict() {
    let (_dir, file) = capture();
    let mut bytes = refused(443);
    bytes.extend([7; 5]);
    std::fs::write(&file, bytes).unwrap();
    let out = rstcap(&[&file]);
    assert_eq!(out.status.code(), Some(0));
    assert!(
        text(&out.stdout).contains("\nnote: cut-short: 1"),
        "{}",
        text(&out.stdout)
    );
    assert_eq!(rstcap(&[&file, "--strict"]).status.code(), Some(2));
    let csv = rstcap(&[&file, "-T", "csv"]);
    assert!(text(&csv.stderr).contains("note: cut-short"));
    assert!(rstcap(&[&file, "-T", "csv", "-q"]).stderr.is_empty());
}

#[test]
fn filters_and_fail_on() {
    let (_dir, file) = capture();
    let shown = |words: &[&str]| {
        let all = [&[file.as_str(), "-T", "ndjson"], words].concat();
        text(&rstcap(&all).stdout).lines().count()
    };
    assert_eq!(shown(&["--port", "443"]), 1);
    assert_eq!(shown(&["--port", "!443"]), 0);
    assert_eq!(
        shown(&["--host", "192.0.2.0/24", "--since", "2024-07-14"]),
        1
    );
    assert_eq!(shown(&["--until", "2024-07-14"]), 0);
    assert_eq!(
        rstcap(&[&file, "--fail-on", "harmless"]).status.code(),
        Some(4)
    );
    let none = rstcap(&[&file, "--fail-on", "harmless", "--port", "80"]);
    assert_eq!(none.status.code(), Some(0));
    assert!(text(&none.stdout).starts_with("no case matches the filters; 1 case in 1 file"));
}

#[test]
fn threads_do_not_change_the_output() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..20 {
        std::fs::write(dir.path().join(format!("c{i:02}.pcap")), refused(1000 + i)).unwrap();
    }
    let path = dir.path().to_str().unwrap();
    let with = |threads: &str| rstcap(&[path, "-T", "json", "-j", threads]).stdout;
    let one = with("1");
    assert!(one == with("4") && one == with("0"));
    assert!(text(&one).contains("c19.pcap"));
    // a reader that has seen enough
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("rstcap"))
        .args([path, "-T", "ndjson"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn colours_and_columns_follow_the_environment() {
    let (_dir, file) = capture();
    let with = |variables: &[(&str, &str)]| {
        let mut command = Command::cargo_bin("rstcap").unwrap();
        command
            .arg(&file)
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE");
        let out = command.envs(variables.iter().copied()).output().unwrap();
        text(&out.stdout)
    };
    assert!(!with(&[]).contains('\u{1b}'));
    assert!(with(&[("CLICOLOR_FORCE", "1")]).contains("\u{1b}["));
    assert!(!with(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
    let narrow = with(&[("COLUMNS", "80")]);
    assert!(narrow.contains("\n     2024-07-14\n"), "{narrow}");
    assert!(with(&[("COLUMNS", "200")]).contains("2024-07-14 12:01:17.021000"));
}
