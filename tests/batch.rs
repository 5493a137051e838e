//! A directory of captures, scanned again and again into the same directory.

use crate::support::capture::{Capture, Shape};
use crate::support::{talk, testdata};
use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Captures in `in`, output in `out`.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        Self { dir }
    }

    fn input(&self, name: &str) -> PathBuf {
        self.dir.path().join("in").join(name)
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// One capture with a reset connection of each of these client ports.
    fn put(&self, name: &str, ports: &[u16]) {
        fs::write(self.input(name), capture(ports).bytes(Shape::PLAIN)).unwrap();
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::cargo_bin("rstcap").unwrap();
        command.arg(self.dir.path().join("in"));
        command.arg("-w").arg(self.out()).args(words);
        command.output().unwrap()
    }

    fn good(&self, words: &[&str]) -> String {
        let out = self.run(words);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        text(&out.stdout)
    }

    fn refused(&self, words: &[&str]) -> String {
        let out = self.run(words);
        assert_eq!(out.status.code(), Some(3), "{}", text(&out.stdout));
        text(&out.stderr)
    }

    /// What is in the output directory, without hidden files.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.out()).unwrap().map(|e| e.unwrap().path());
        let name = |p: &Path| p.file_name().unwrap().to_str().unwrap().to_owned();
        entries
            .map(|p| (name(&p), fs::read(&p).unwrap()))
            .filter(|(n, _)| !n.starts_with('.'))
            .collect()
    }

    fn case_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = self.files();
        all.retain(|name, _| name.ends_with(".pcapng"));
        all
    }

    fn list(&self) -> Vec<Value> {
        let list = fs::read_to_string(self.out().join("cases.ndjson")).unwrap();
        list.lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    }

    /// Ids in the list, and ids that the page shows.
    fn ids(&self) -> (Vec<u64>, Vec<u64>) {
        let listed = self.list().into_iter().map(|c| c["id"].as_u64().unwrap());
        let page = fs::read_to_string(self.out().join("index.html")).unwrap();
        let data = page.split("id=\"data\">").nth(1).unwrap();
        let data: Value = serde_json::from_str(data.split("</script>").next().unwrap()).unwrap();
        let rows = data["cases"].as_array().unwrap().iter();
        let rows: Vec<u64> = rows.map(|c| c["i"].as_u64().unwrap()).collect();
        for id in &rows {
            assert!(page.contains(&format!("id=\"story-{id}\"")), "{id}");
        }
        (listed.collect(), rows)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn capture(ports: &[u16]) -> Capture {
    let each = ports.iter().enumerate().flat_map(|(i, port)| {
        let later = i as u64 * 1_000_000;
        let frames = talk::reset_request(*port, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        frames.into_iter().map(move |(at, data)| (at + later, data))
    });
    talk::capture(each)
}

#[test]
fn a_second_run_changes_nothing() {
    let place = Place::new();
    place.put("a.pcap", &[1001, 1002]);
    assert!(place.good(&[]).contains("\nwrote 2 case files ("));
    let before = place.files();
    assert_eq!(place.ids(), (vec![1, 2], vec![1, 2]));
    let said = place.good(&[]);
    assert!(said.contains("\nwrote 0 case files "), "{said}");
    assert!(
        said.contains("\n2 case files were there before; "),
        "{said}"
    );
    assert!(place.files() == before);
}

#[test]
fn new_captures_add_their_cases() {
    let place = Place::new();
    place.put("b.pcap", &[1001]);
    place.good(&[]);
    let first = place.case_files();
    // sorts before the other, has a directory of its own, and another time
    let second = crate::support::fields::later(&capture(&[2001]), 5_000_000_000);
    fs::create_dir(place.input("0")).unwrap();
    fs::write(place.input("0/a.pcap"), second.bytes(Shape::PLAIN)).unwrap();
    let said = place.good(&[]);
    assert!(said.contains("\nwrote 1 case file ("), "{said}");
    assert!(said.contains("see case 2: wireshark -r "), "{said}");
    assert_eq!(place.ids(), (vec![1, 2], vec![1, 2]));
    let now = place.case_files();
    assert_eq!(now.len(), 2);
    assert!(
        first
            .iter()
            .all(|(name, bytes)| now.get(name) == Some(bytes))
    );
    // the list that the program prints has the numbers and names of the directory
    let printed = place.good(&["-T", "ndjson"]);
    let last: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(last["id"], 2);
    let file = last["case_file"].as_str().unwrap();
    assert!(Path::new(file).is_file(), "{file}");
    assert_eq!(last["case_file_frame"], 5);
}

#[test]
fn a_case_is_known_by_its_content_not_by_its_file() {
    let place = Place::new();
    place.put("a.pcap", &[1001, 1002]);
    place.good(&[]);
    let before = place.case_files();
    // renamed, converted, compressed, copied, and merged with others
    fs::remove_file(place.input("a.pcap")).unwrap();
    let same = capture(&[1001, 1002]);
    let bytes = same.bytes(Shape::Pcapng { big: true });
    fs::write(place.input("renamed.pcapng"), &bytes).unwrap();
    let packed = zstd::encode_all(&bytes[..], 1).unwrap();
    fs::write(place.input("packed.zst"), packed).unwrap();
    let micros = same.bytes(Shape::Pcap {
        big: false,
        nanos: false,
    });
    fs::write(place.input("copy.pcap"), micros).unwrap();
    let said = place.good(&[]);
    assert!(said.contains("\nwrote 0 case files "), "{said}");
    assert!(
        said.contains("\n4 cases left out that another input shows as well\n"),
        "{said}"
    );
    assert!(place.case_files() == before);
    assert_eq!(place.ids().0, [1, 2]);
}

#[test]
fn copies_in_one_run_are_one_case() {
    let place = Place::new();
    place.put("a.pcap", &[1001]);
    place.put("b.pcap", &[1001]);
    let said = place.good(&[]);
    assert!(
        said.contains("\n1 case left out that another input shows"),
        "{said}"
    );
    assert_eq!(place.case_files().len(), 1);
    assert_eq!(place.ids(), (vec![1], vec![1]));
}

/// What one capture holds twice, it shows twice, and again so.
#[test]
fn a_capture_appended_to_itself_is_shown_as_it_is() {
    let place = Place::new();
    let once = capture(&[1001, 1002]);
    let twice = once.with([once.frames.clone(), once.frames.clone()].concat());
    fs::write(place.input("a.pcap"), twice.bytes(Shape::PLAIN)).unwrap();
    place.good(&[]);
    let before = place.files();
    let resets: usize = place
        .list()
        .iter()
        .map(|c| c["rsts"].as_array().unwrap().len())
        .sum();
    assert_eq!(resets, 4);
    let said = place.good(&[]);
    assert!(said.contains("\nwrote 0 case files "), "{said}");
    assert!(place.files() == before);
}

#[test]
fn a_capture_that_grew_keeps_its_cases_and_adds_new_ones() {
    let place = Place::new();
    let whole = capture(&[1001, 1002]);
    // cut behind the first RST, then the rest arrives
    let part = whole.with(whole.frames[..5].to_vec());
    fs::write(place.input("a.pcap"), part.bytes(Shape::PLAIN)).unwrap();
    place.good(&[]);
    let before = place.case_files();
    fs::write(place.input("a.pcap"), whole.bytes(Shape::PLAIN)).unwrap();
    assert!(place.good(&[]).contains("\nwrote 1 case file ("));
    let after = place.case_files();
    assert_eq!(after.len(), 2);
    assert!(
        before
            .iter()
            .all(|(name, bytes)| after.get(name) == Some(bytes))
    );
    assert_eq!(place.ids(), (vec![1, 2], vec![1, 2]));
}

/// The oldest file of a ring buffer goes, and with it the beginning of a connection.
#[test]
fn a_rotated_ring_buffer_keeps_what_was_said() {
    let place = Place::new();
    let whole = capture(&[1001, 1002, 1003]);
    let piece = |n: u32, range: std::ops::Range<usize>| {
        let name = format!("ring_{n:05}_20240714120{n:03}.pcap");
        let part = whole.with(whole.frames[range].to_vec());
        fs::write(place.input(&name), part.bytes(Shape::PLAIN)).unwrap();
        name
    };
    let oldest = piece(1, 0..7);
    piece(2, 7..10);
    place.good(&[]);
    let (before, list) = (place.case_files(), place.list());
    assert_eq!(list.len(), 2);
    fs::remove_file(place.input(&oldest)).unwrap();
    piece(3, 10..15);
    let said = place.good(&[]);
    assert!(said.contains("\nwrote 1 case file ("), "{said}");
    assert!(
        said.contains("\n1 case of earlier runs is not in this input and is kept\n"),
        "{said}"
    );
    assert!(
        said.contains("\n1 case (2) looked different when written; "),
        "{said}"
    );
    let after = place.case_files();
    assert_eq!(after.len(), 3);
    assert!(
        before
            .iter()
            .all(|(name, bytes)| after.get(name) == Some(bytes))
    );
    assert_eq!(place.list()[..2], list[..]);
    assert_eq!(place.ids(), (vec![1, 2, 3], vec![1, 2, 3]));
    // nothing of the ring is left: the page still tells every case, from the case files
    fs::remove_dir_all(place.input("")).unwrap();
    fs::create_dir(place.input("")).unwrap();
    place.good(&[]);
    assert_eq!(place.ids(), (vec![1, 2, 3], vec![1, 2, 3]));
    let page = text(&place.files()["index.html"]);
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(page.contains("3 cases of earlier runs"));
    // without the case files, too, from their lines
    for name in place.case_files().keys() {
        fs::remove_file(place.out().join(name)).unwrap();
    }
    place.good(&[]);
    assert_eq!(place.ids(), (vec![1, 2, 3], vec![1, 2, 3]));
    let page = text(&place.files()["index.html"]);
    assert_eq!(page.matches("<svg").count(), 0);
    assert!(page.contains("a.example"));
}

#[test]
fn other_filters_add_and_force_redoes() {
    let place = Place::new();
    place.put("a.pcap", &[1001, 1002, 1003]);
    place.good(&["--port", "1001"]);
    assert_eq!(place.ids(), (vec![1], vec![1]));
    place.good(&["--port", "1003"]);
    assert_eq!(place.ids().0.len(), 2);
    let three = place.list()[1]["client"]["port"].clone();
    assert_eq!(three, 1003);
    // a capture of its own that goes: its case cannot be made again, and stays
    place.put("b.pcap", &[]);
    let gone = crate::support::fields::later(&capture(&[9009]), 60_000_000_000);
    fs::write(place.input("b.pcap"), gone.bytes(Shape::PLAIN)).unwrap();
    place.good(&["--port", "9009"]);
    fs::remove_file(place.input("b.pcap")).unwrap();
    assert_eq!(place.case_files().len(), 3);
    let said = place.good(&["--force", "--port", "1002"]);
    assert!(
        said.contains("\ntook away 2 case files of earlier runs"),
        "{said}"
    );
    let ports: Vec<Value> = place
        .list()
        .iter()
        .map(|c| c["client"]["port"].clone())
        .collect();
    assert_eq!(ports, [9009, 1002]);
    assert_eq!(place.case_files().len(), 2);
    let (listed, shown) = place.ids();
    assert_eq!(listed, shown);
}

#[test]
fn force_writes_with_other_options() {
    let place = Place::new();
    fs::copy(testdata("demo/idle.pcap"), place.input("a.pcap")).unwrap();
    place.good(&[]);
    let before = place.case_files();
    place.good(&["-C", "0"]);
    assert!(place.case_files() == before);
    place.good(&["-C", "0", "--force"]);
    let after = place.case_files();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    assert!(after != before);
    let (listed, shown) = place.ids();
    assert_eq!(listed.len(), after.len());
    assert_eq!(listed, shown);
}

#[test]
fn limits_count_what_is_there() {
    let place = Place::new();
    place.put("a.pcap", &[1001, 1002, 1003, 1004]);
    place.good(&["--per-group", "2"]);
    assert_eq!(place.case_files().len(), 2);
    assert_eq!(place.list().len(), 4);
    place.good(&["--per-group", "2"]);
    assert_eq!(place.case_files().len(), 2);
    place.good(&["--max-cases", "3"]);
    assert_eq!(place.case_files().len(), 3);
    place.good(&[]);
    assert_eq!(place.case_files().len(), 4);
    assert!(place.list().iter().all(|c| c["case_file"].is_string()));
}

/// Killed after the list, some of the case files, and half of another.
#[test]
fn a_killed_run_is_finished_by_the_next() {
    let place = Place::new();
    place.put("a.pcap", &[1001, 1002, 1003]);
    place.good(&[]);
    let whole = place.files();
    let names: Vec<String> = place.case_files().into_keys().collect();
    for name in &names[1..] {
        fs::remove_file(place.out().join(name)).unwrap();
    }
    fs::remove_file(place.out().join("index.html")).unwrap();
    fs::write(place.out().join(".rstcap-x1y2z3.tmp"), "half").unwrap();
    let said = place.good(&[]);
    assert!(said.contains("\nwrote 2 case files ("), "{said}");
    assert!(place.files() == whole);
    assert!(!place.out().join(".rstcap-x1y2z3.tmp").exists());
}

#[test]
fn a_run_killed_at_any_time_loses_and_doubles_nothing() {
    let place = Place::new();
    let ports: Vec<u16> = (1000..1200).collect();
    place.put("a.pcap", &ports);
    let words = ["--per-group", "400", "-j", "1"];
    for millis in [20, 60, 120, 180, 240, 300] {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("rstcap"))
            .arg(place.dir.path().join("in"))
            .arg("-w")
            .arg(place.out())
            .args(words)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        // it may have ended by itself
        let _ = child.kill();
        child.wait().unwrap();
    }
    place.good(&words);
    let files = place.case_files();
    assert_eq!(files.len(), 200);
    let (listed, shown) = place.ids();
    assert_eq!(listed, (1..=200).collect::<Vec<u64>>());
    assert_eq!(listed, shown);
    for case in place.list() {
        assert!(files.contains_key(case["case_file"].as_str().unwrap()));
    }
}

#[test]
fn a_damaged_list_is_not_written_over() {
    let place = Place::new();
    place.put("a.pcap", &[1001, 1002]);
    place.good(&[]);
    let path = place.out().join("cases.ndjson");
    let good = fs::read_to_string(&path).unwrap();
    let half = good.len() - 100;
    let escape = good.replacen("\"case_file\":\"0001", "\"case_file\":\"../0001", 1);
    let lines: Vec<&str> = good.lines().collect();
    for damaged in [
        good[..half].to_owned(),
        format!("{good}\n"),
        format!("{good}{{}}\n"),
        format!("{good}{}\n", lines[0]),
        good.replacen("\"schema\":1", "\"schema\":99", 1),
        escape,
        "\u{0}".repeat(64),
    ] {
        fs::write(&path, &damaged).unwrap();
        let before = place.files();
        let said = place.refused(&[]);
        assert!(said.contains("cases.ndjson: line "), "{said}");
        assert!(said.contains("--force"), "{said}");
        assert!(place.files() == before);
    }
    // what can be read of it is still known
    fs::write(&path, &good[..half]).unwrap();
    place.good(&["--force"]);
    assert_eq!(place.case_files().len(), 2);
    assert_eq!(place.ids(), (vec![1, 2], vec![1, 2]));
    // edited by hand, but sound: what is said there stays
    let edited = good.replacen("\"advice\":[", "\"advice\":[\"Ask Ann.\",", 1);
    fs::write(&path, &edited).unwrap();
    place.good(&[]);
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
}

#[test]
fn files_of_others_are_left_alone() {
    let place = Place::new();
    place.put("a.pcap", &[1001]);
    fs::create_dir(place.out()).unwrap();
    fs::write(place.out().join("index.html"), "<h1>mine</h1>").unwrap();
    assert!(place.refused(&[]).contains("index.html: exists already"));
    fs::remove_file(place.out().join("index.html")).unwrap();
    place.good(&[]);
    fs::remove_file(place.out().join("cases.ndjson")).unwrap();
    let said = place.refused(&[]);
    assert!(said.contains("and no cases.ndjson"), "{said}");
    place.good(&["--force"]);
    assert_eq!(place.case_files().len(), 1);
}

#[test]
fn two_runs_at_once_take_turns() {
    let place = Place::new();
    place.put("a.pcap", &[1001]);
    place.good(&[]);
    let lock = fs::File::open(place.out().join(".rstcap.lock")).unwrap();
    lock.lock().unwrap();
    let said = place.refused(&[]);
    assert!(said.contains("another rstcap is writing there"), "{said}");
    drop(lock);
    place.good(&[]);
    // many at once: each either runs or says so, and the result is that of one
    let before = place.files();
    place.put("b.pcap", &[1001, 1002, 1003]);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6).map(|_| scope.spawn(|| place.run(&[]))).collect();
        let codes = runs.into_iter().map(|r| r.join().unwrap().status.code());
        let codes: Vec<_> = codes.collect();
        assert!(codes.contains(&Some(0)), "{codes:?}");
        assert!(codes.iter().all(|c| matches!(c, Some(0 | 3))), "{codes:?}");
    });
    let after = place.files();
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(place.ids(), (vec![1, 2, 3], vec![1, 2, 3]));
}

#[test]
fn output_inside_the_input_is_no_input() {
    let place = Place::new();
    place.put("a.pcap", &[1001]);
    let (top, out) = (place.input(""), place.input("resets"));
    let run = |path: &Path| {
        let mut command = Command::cargo_bin("rstcap").unwrap();
        let done = command.arg(path).arg("-w").arg(&out).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    run(&top);
    let said = run(&top);
    assert!(said.contains("   1 file, "), "{said}");
    // given itself, it is read: its cases are known
    let said = run(&out);
    assert!(said.contains("\nwrote 0 case files "), "{said}");
}

/// As from a time table of jobs: no terminal, no locale, no home; only what is new matters.
#[test]
fn without_a_terminal_only_what_is_new_is_told() {
    let place = Place::new();
    place.put("a.pcap", &[1001]);
    let run = |words: &[&str]| {
        let mut command = Command::cargo_bin("rstcap").unwrap();
        command.env_clear().env("LC_ALL", "C").args(words);
        command
            .arg(place.dir.path().join("in"))
            .arg("-w")
            .arg(place.out());
        command.output().unwrap()
    };
    let words = ["-q", "--new", "--fail-on", "harmless"];
    let first = run(&words);
    assert_eq!(first.status.code(), Some(4), "{}", text(&first.stderr));
    assert!(first.stderr.is_empty() && text(&first.stdout).contains("  1  "));
    let again = run(&words);
    assert_eq!(again.status.code(), Some(0));
    assert!(again.stdout.is_empty() && again.stderr.is_empty());
    let said = text(&run(&["--new"]).stdout);
    assert!(said.starts_with("nothing new: 1 case in 1 file"), "{said}");
    assert!(said.is_ascii());
    assert_eq!(place.ids(), (vec![1], vec![1]));
    assert_eq!(run(&["--new"]).status.code(), Some(0));
    let alone = Command::cargo_bin("rstcap")
        .unwrap()
        .args(["--new", "x"])
        .output()
        .unwrap();
    assert_eq!(alone.status.code(), Some(1));
}

#[test]
fn the_demo_twice_is_the_demo() {
    let place = Place::new();
    for entry in fs::read_dir(testdata("demo")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(
            &path,
            place.input(path.file_name().unwrap().to_str().unwrap()),
        )
        .unwrap();
    }
    place.good(&["--diagrams"]);
    let before = place.files();
    place.good(&["--diagrams"]);
    let after = place.files();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &before {
        assert!(after[name] == *bytes, "{name} changed");
    }
}
