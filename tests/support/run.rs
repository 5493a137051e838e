//! A whole run inside the process: scan, diagnosis, report, and the case files in memory.

use clap::Parser as _;
use rstcap::cli::args::Args;
use rstcap::cli::settings::Settings;
use rstcap::cli::{Console, pipeline};
use rstcap::report::{self, Earlier, Format, NotWritten, Report};
use rstcap::scan::Silent;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What a run gave.
pub struct Ran {
    /// The list of cases, as `-T ndjson` prints it.
    pub ndjson: Vec<u8>,
    /// The same, read.
    pub cases: Vec<Value>,
    /// The case files, in order of the cases.
    pub files: Vec<Vec<u8>>,
    pub packets: u64,
    pub resets: u64,
    /// Id, count and bytes of each anomaly.
    pub anomalies: Vec<(String, u64, u64)>,
    pub errors: Vec<String>,
}

const CONSOLE: Console = Console {
    columns: 100,
    colour: false,
    out_is_terminal: false,
    err_is_terminal: false,
};

pub fn settings(path: &Path, words: &[&str]) -> Settings {
    let all = [&["rstcap", path.to_str().unwrap()], words].concat();
    let classes: Vec<&str> = rstcap::diagnosis::registry().iter().map(|r| r.id).collect();
    Settings::new(Args::try_parse_from(all).unwrap(), CONSOLE, &classes, 1).unwrap()
}

/// Runs on a file or directory; `words` are further arguments. Every format of the report is
/// written, and the file of every case is made.
pub fn run(path: &Path, words: &[&str]) -> Ran {
    run_with(path, words, true)
}

/// As [`run`], without case files.
pub fn list(path: &Path, words: &[&str]) -> Ran {
    run_with(path, words, false)
}

fn run_with(path: &Path, words: &[&str], trim: bool) -> Ran {
    let settings = settings(path, words);
    let stop = AtomicBool::new(false);
    let pool = pipeline::workers(settings.threads).expect("threads can be started");
    let found = pool.install(|| pipeline::find(&settings, &Silent, &stop));
    let found = found.expect("memory takes it");
    let report = Report {
        cases: &found.cases,
        groups: &found.groups,
        totals: &found.totals,
        files: &found.files,
        anomalies: &found.anomalies,
        written: &BTreeMap::new(),
        not_written: NotWritten::default(),
        directory: None,
        earlier: &Earlier::default(),
    };
    let print = |format| {
        let mut out = Vec::new();
        report::write(&report, format, &settings.text, &mut out).expect("memory takes it");
        out
    };
    let ndjson = print(Format::Ndjson);
    if trim {
        for format in [Format::Text, Format::Csv, Format::Markdown] {
            let text = print(format);
            assert!(std::str::from_utf8(&text).is_ok());
            let hostile = |b: &u8| *b < 0x20 && !matches!(b, b'\n' | b'\r');
            assert!(
                !text.iter().any(hostile),
                "a control character in {format:?}"
            );
        }
        let _: Value = serde_json::from_slice(&print(Format::Json)).expect("one JSON document");
    }
    let files = if trim {
        let make = |case| pipeline::case_bytes(&found, case, &settings);
        let files: Result<_, _> = found.cases.iter().map(make).collect();
        files.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    } else {
        Vec::new()
    };
    let lines = ndjson.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    Ran {
        cases: lines.map(|l| serde_json::from_slice(l).unwrap()).collect(),
        files,
        packets: found.totals.packets,
        resets: found.totals.resets,
        anomalies: found
            .anomalies
            .iter()
            .map(|(_, kind, tally)| (kind.id().to_string(), tally.count, tally.bytes))
            .collect(),
        errors: found.errors,
        ndjson,
    }
}

/// [`list`] for bytes, by way of a temporary file.
pub fn list_bytes(bytes: &[u8], words: &[&str]) -> Ran {
    let file = temporary(bytes);
    list(file.path(), words)
}

/// [`run`] for bytes, by way of a temporary file.
pub fn run_bytes(bytes: &[u8], words: &[&str]) -> Ran {
    let file = temporary(bytes);
    run(file.path(), words)
}

pub fn temporary(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}
