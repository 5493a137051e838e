//! Every command of README.md and of the manual's EXAMPLES runs as written, and the session in
//! README.md is what the program prints. Names such as `captures/` stand for captures of the
//! reader; here they are those of the demo.

use crate::support::capture::Capture;
use crate::support::testdata;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Commands that build something or change the machine: not run here, and no others.
const BUILDS: [&str; 5] = [
    "cargo test",
    "cargo install",
    "cargo build",
    "rustup target",
    "python3 tests/peer/run.py",
];

/// Programs of others. A command is skipped when one is missing, and only then.
const OTHERS: [&str; 5] = ["jq", "tshark", "less", "man", "tcpdump"];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The blocks of a kind in a Markdown text.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let start = format!("```{kind}\n");
    let parts = text.split(start.as_str()).skip(1);
    parts.map(|p| p.split("```").next().unwrap()).collect()
}

/// Commands of a document: lines of `sh` blocks, and what follows a prompt.
fn of_markdown(text: &str) -> Vec<String> {
    let plain = blocks(text, "sh").into_iter().flat_map(str::lines);
    let prompted = blocks(text, "console").into_iter().flat_map(str::lines);
    let prompted = prompted.filter_map(|l| l.strip_prefix("$ "));
    let all = plain.chain(prompted).map(without_remark);
    all.filter(|l| !l.is_empty()).collect()
}

fn without_remark(line: &str) -> String {
    let command = line.split("  #").next().unwrap_or(line);
    command.trim().to_owned()
}

/// The terms of the manual's EXAMPLES, without roff.
fn of_manual(page: &str) -> Vec<String> {
    let section = page.split(".SH \"EXAMPLES\"\n").nth(1);
    let section = section.unwrap().split(".SH ").next().unwrap();
    let terms = section.split(".TP\n").skip(1);
    terms
        .map(|t| {
            let term = t.lines().next().unwrap();
            let term = term.strip_prefix("\\fB").unwrap();
            let term = term.strip_suffix("\\fR").unwrap();
            term.replace("\\-", "-")
                .replace("\\*(Aq", "'")
                .replace("\\(aq", "'")
                .replace("\\(dq", "\"")
                .replace("\\e", "\\")
        })
        .collect()
}

/// A directory in which the documents' names mean something.
struct Stage {
    dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        copy_all(&testdata("demo"), &at("testdata/demo"));
        copy_all(&testdata("demo"), &at("captures"));
        copy_all(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("man"),
            &at("man"),
        );
        fs::copy(testdata("demo/idle.pcap"), at("big.pcapng")).unwrap();
        fs::copy(testdata("demo/web.pcapng"), at("test.pcapng")).unwrap();
        let web = fs::read(testdata("demo/web.pcapng")).unwrap();
        fs::write(at("big.pcapng.zst"), zstd::encode_all(&web[..], 1).unwrap()).unwrap();
        ring(&at("ring"));
        fs::create_dir(at("bin")).unwrap();
        fs::create_dir_all(at("home/.local/share/bash-completion/completions")).unwrap();
        let stage = Self { dir };
        // the network interface of the documents
        let file = testdata("demo/services.pcap");
        stage.program("tcpdump", &format!("cat '{}'", file.display()));
        // the reader's working copy is the one under test
        stage.program(
            "cargo",
            "while [ \"$1\" != -- ]; do shift; done; shift; exec rstcap \"$@\"",
        );
        stage
    }

    fn program(&self, name: &str, body: &str) {
        let path = self.dir.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        let chmod = Command::new("chmod").arg("+x").arg(&path).status();
        assert!(chmod.unwrap().success());
    }

    fn run(&self, command: &str) -> std::process::Output {
        let program = assert_cmd::cargo::cargo_bin("rstcap");
        let paths = [
            self.dir.path().join("bin"),
            program.parent().unwrap().to_owned(),
        ];
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let path = paths.into_iter().chain(std::env::split_paths(&rest));
        Command::new("sh")
            .args(["-c", command])
            .current_dir(self.dir.path())
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.dir.path().join("home"))
            .env("LC_ALL", "C.UTF-8")
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// A capture of the demo as three files of a ring buffer.
fn ring(dir: &Path) {
    fs::create_dir(dir).unwrap();
    let whole = Capture::read(&testdata("demo/services.pcap"));
    let whole = crate::support::fields::later(&whole, 3_600_000_000_000);
    for (i, frames) in whole.frames.chunks(whole.frames.len() / 3 + 1).enumerate() {
        let part = whole.with(frames.to_vec());
        let name = format!("ring_{:05}_20261121113900.pcap", i + 1);
        let shape = crate::support::capture::Shape::PLAIN;
        fs::write(dir.join(name), part.bytes(shape)).unwrap();
    }
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|p: PathBuf| p.join(program).is_file())
}

fn words(command: &str) -> BTreeSet<&str> {
    let separators = |c: char| c.is_whitespace() || c == '|';
    command.split(separators).collect()
}

#[test]
fn every_command_runs_as_written() {
    let stage = Stage::new();
    let readme = read("README.md");
    let manual = read("man/rstcap.1");
    let contributing = read("CONTRIBUTING.md");
    let mut commands = of_markdown(&readme);
    assert!(commands.len() >= 15, "{commands:?}");
    let examples = of_manual(&manual);
    assert!(examples.len() >= 14, "{examples:?}");
    commands.extend(examples);
    commands.extend(of_markdown(&contributing));
    let (mut ran, mut skipped) = (0, Vec::new());
    for command in &commands {
        if BUILDS.iter().any(|b| command.starts_with(b)) {
            continue;
        }
        let missing = |p: &&&str| words(command).contains(**p) && !is_there(p) && **p != "tcpdump";
        if let Some(program) = OTHERS.iter().find(missing) {
            skipped.push(format!("{command}: there is no {program}"));
            continue;
        }
        if command.contains("--new") {
            // a new directory: the command stands in both documents
            let _ = fs::remove_dir_all(stage.dir.path().join("resets"));
        }
        let out = stage.run(command);
        let errors = String::from_utf8_lossy(&out.stderr);
        let status = out.status.code();
        let expected = if command.contains("--fail-on") {
            Some(4)
        } else {
            Some(0)
        };
        assert_eq!(status, expected, "{command}\n{errors}");
        assert!(!errors.contains("rstcap: "), "{command}\n{errors}");
        let silent = command.contains(" > ");
        assert!(
            silent || !out.stdout.is_empty(),
            "{command} printed nothing"
        );
        ran += 1;
    }
    println!(
        "{ran} commands of the documents ran, {} skipped: {skipped:?}",
        skipped.len()
    );
    assert!(ran >= 20);
}

#[test]
fn the_session_is_what_the_program_prints() {
    let stage = Stage::new();
    let readme = read("README.md");
    let sessions = blocks(&readme, "console");
    assert!(!sessions.is_empty());
    for session in sessions {
        let mut lines = session.lines();
        let command = lines.next().and_then(|l| l.strip_prefix("$ ")).unwrap();
        let out = stage.run(command);
        let text = String::from_utf8(out.stdout).unwrap();
        let mut printed = text.lines();
        for line in lines {
            // dots stand for lines left out
            if line.trim() != "..." {
                assert!(
                    printed.any(|p| p == line),
                    "not printed, or not here: {line}\n{text}"
                );
            }
        }
    }
}

/// The command that is printed after writing opens the file at the RST.
#[test]
fn the_wireshark_command_leads_to_the_rst() {
    let stage = Stage::new();
    let out = stage.run("rstcap captures/ -w resets");
    let text = String::from_utf8(out.stdout).unwrap();
    let line = text.lines().last().unwrap();
    let (_, command) = line.split_once(": wireshark ").unwrap();
    let [option, file, at, frame] = command.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    assert_eq!((option, at), ("-r", "-g"));
    if !is_there("tshark") {
        return println!("there is no tshark");
    }
    let shown = stage.run(&format!(
        "tshark -r {file} -T fields -e tcp.flags.reset -e frame.comment -Y 'frame.number == {frame}'"
    ));
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.starts_with("1\t") || shown.starts_with("True\t"),
        "{shown}"
    );
    assert!(
        shown.contains("reset by the ") && shown.contains("role=rst"),
        "{shown}"
    );
    // and so for every line of the list
    let list = fs::read_to_string(stage.dir.path().join("resets/cases.ndjson")).unwrap();
    for line in list.lines().step_by(4) {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let (file, frame) = (&case["case_file"], &case["case_file_frame"]);
        let shown = stage.run(&format!(
            "tshark -r resets/{} -T fields -e frame.packet_id -Y 'frame.number == {frame} && tcp.flags.reset == 1'",
            file.as_str().unwrap()
        ));
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.trim(), case["source"]["frame"].to_string(), "{file}");
    }
}
