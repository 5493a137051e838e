//! Hostile input and bad luck with the output, seen from outside.

use crate::support::capture::Shape;
use crate::support::talk;
use assert_cmd::Command;
use std::fs;
use std::path::Path;
use std::process::Output;

fn rstcap(words: &[&str]) -> Output {
    let mut command = Command::cargo_bin("rstcap").unwrap();
    let command = command
        .args(words)
        .timeout(std::time::Duration::from_secs(20));
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Requests whose text would do harm where it is shown.
const NASTY: [&[u8]; 7] = [
    b"GET /\x1b[2J\x1b]0;owned\x07 HTTP/1.1\r\nHost: a\x1b[31m\r\n\r\n",
    "GET /\u{202e}gpj.exe HTTP/1.1\r\nHost: \u{2066}x\u{2069}\r\n\r\n".as_bytes(),
    b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: \"><img src=x>\r\n\r\n",
    b"GET /=cmd|'/C calc'!A0 HTTP/1.1\r\nHost: =HYPERLINK(1)\r\n\r\n",
    b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: ../../x\r\n\r\n",
    b"GET /a\0b HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    b"GET /\xff\xfe\xc0\xaf HTTP/1.1\r\nHost: \xff\xff\r\n\r\n",
];

#[test]
fn text_from_packets_does_no_harm() {
    let long = [
        b"GET /",
        "x".repeat(1300).as_bytes(),
        b" HTTP/1.1\r\nHost: ",
    ]
    .concat();
    let requests = NASTY.iter().copied().chain([long.as_slice()]);
    let mut frames = Vec::new();
    for (i, request) in requests.enumerate() {
        let moved = talk::reset_request(40_000 + i as u16, request);
        frames.extend(moved.into_iter().map(|(t, f)| (t + i as u64 * 100_000, f)));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("nasty.pcap");
    fs::write(&file, talk::capture(frames).bytes(Shape::PLAIN)).unwrap();
    let out = dir.path().join("out");
    for format in ["text", "csv", "markdown", "ndjson"] {
        let ran = rstcap(&[path(&file), "-T", format, "-V", "-w", path(&out), "--force"]);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        let shown = text(&ran.stdout);
        let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r');
        assert!(!shown.contains(bad), "{format}");
        assert!(!shown.contains(['\u{202e}', '\u{2066}']), "{format}");
        if format == "csv" {
            assert!(!shown.contains(",=") && !shown.contains("\"="), "{shown}");
        }
    }
    for entry in fs::read_dir(&out).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        assert!(name.chars().all(plain), "{name}");
    }
    let page = fs::read_to_string(out.join("index.html")).unwrap_or_default();
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_error_is_no_panic() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("rstcap"));
    let status = command
        .arg("missing.pcap")
        .stdout(std::process::Stdio::null())
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_status_3() {
    let file = crate::support::run::temporary(&capture());
    for format in ["text", "json", "ndjson"] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("rstcap"));
        let ran = command
            .args([path(file.path()), "-T", format])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(3));
        let said = text(&ran.stderr);
        assert!(said.ends_with("No space left on device\n"), "{said}");
    }
}

fn capture() -> Vec<u8> {
    talk::capture(talk::reset_request(40_000, b"GET / HTTP/1.1\r\n\r\n")).bytes(Shape::PLAIN)
}

#[test]
fn an_input_is_never_an_output() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("cases.ndjson");
    fs::write(&input, capture()).unwrap();
    let ran = rstcap(&[path(&input), "-w", path(dir.path()), "--force"]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(text(&ran.stderr).contains("is an input of this run"));
    assert_eq!(fs::read(&input).unwrap(), capture());
}

#[cfg(unix)]
#[test]
fn odd_things_in_directories_are_passed_over() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let sub = dir.path().join("sub");
    fs::create_dir(&sub).unwrap();
    fs::write(dir.path().join("a.pcap"), capture()).unwrap();
    symlink("..", sub.join("loop")).unwrap();
    symlink("self", dir.path().join("self")).unwrap();
    symlink("gone", dir.path().join("dangling")).unwrap();
    symlink("a.pcap", dir.path().join("link.pcap")).unwrap();
    symlink("/dev/zero", dir.path().join("zero.pcap")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    make_pipe(&dir.path().join("pipe.pcap"));
    let ran = rstcap(&[path(dir.path())]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(
        text(&ran.stdout).contains("1 file, "),
        "{}",
        text(&ran.stdout)
    );
}

#[cfg(unix)]
fn make_pipe(at: &Path) {
    let made = std::process::Command::new("mkfifo").arg(at).status();
    assert!(made.unwrap().success());
}

/// What comes out of a pipe comes once, and a case needs it twice.
#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    make_pipe(&pipe);
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, capture()).unwrap()
    });
    let out = dir.path().join("out");
    let ran = rstcap(&[path(&pipe), "-w", path(&out)]);
    writer.join().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let cases = fs::read_dir(&out).unwrap().map(|e| e.unwrap().path());
    let is_case = |p: &std::path::PathBuf| p.extension().is_some_and(|e| e == "pcapng");
    assert_eq!(cases.filter(is_case).count(), 1);
}

/// An output directory that goes away is said, and no file is half there.
#[test]
fn a_file_in_place_of_the_directory_is_status_3() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("in.pcap");
    fs::write(&input, capture()).unwrap();
    let taken = dir.path().join("out");
    fs::write(&taken, "precious").unwrap();
    let ran = rstcap(&[path(&input), "-w", path(&taken), "--force"]);
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(fs::read_to_string(&taken).unwrap(), "precious");
}

#[test]
fn standard_input_given_twice_is_read_once() {
    let mut command = Command::cargo_bin("rstcap").unwrap();
    let ran = command
        .args(["-", "-"])
        .write_stdin(capture())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
}

/// Many names, secrets and packets of zeros in a small compressed file.
#[test]
fn a_decompression_bomb_is_read_to_its_end() {
    use std::io::Write as _;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bomb.pcap.gz");
    let level = flate2::Compression::best();
    let mut packer = flate2::write::GzEncoder::new(fs::File::create(&file).unwrap(), level);
    packer.write_all(&capture()).unwrap();
    for _ in 0..16 {
        packer.write_all(&vec![0; 1 << 20]).unwrap();
    }
    packer.finish().unwrap();
    let ran = rstcap(&[path(&file), "-T", "json"]);
    assert_eq!(ran.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["totals"]["resets"], 1);
}
