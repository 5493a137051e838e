//! Rules of the house that no compiler holds: which module may import which, sizes, words.

use rstcap::diagnosis::registry;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file at most.
const MAX_LINES: usize = 600;

/// Headings of a manual entry, in order.
const HEADINGS: [&str; 5] = [
    "## Signature",
    "## Meaning",
    "## Easily confused with",
    "## What to do",
    "## References",
];

/// What each module may import of the others. `flow` and what stands above it take plain
/// types such as a packet's direction from `capture`; `capture` and `packet` never meet.
const IMPORTS: [(&str, &[&str]); 13] = [
    ("units", &[]),
    ("anomaly", &["units"]),
    ("error", &["anomaly"]),
    ("capture", &["anomaly", "error", "units"]),
    ("packet", &["anomaly", "units"]),
    ("flow", &["anomaly", "capture", "packet", "units"]),
    ("reset", &["anomaly", "capture", "flow", "packet", "units"]),
    (
        "diagnosis",
        &["anomaly", "capture", "flow", "packet", "reset", "units"],
    ),
    (
        "selection",
        &["diagnosis", "flow", "packet", "reset", "units"],
    ),
    (
        "trim",
        &[
            "anomaly",
            "capture",
            "diagnosis",
            "error",
            "flow",
            "packet",
            "reset",
            "selection",
            "units",
        ],
    ),
    (
        "report",
        &[
            "anomaly",
            "diagnosis",
            "flow",
            "packet",
            "reset",
            "selection",
            "units",
        ],
    ),
    // drives `capture` to `reset`, and hands a `World` to `diagnosis`
    (
        "scan",
        &[
            "anomaly",
            "capture",
            "diagnosis",
            "error",
            "flow",
            "packet",
            "reset",
            "units",
        ],
    ),
    (
        "cli",
        &[
            "anomaly",
            "capture",
            "diagnosis",
            "error",
            "flow",
            "packet",
            "report",
            "reset",
            "scan",
            "selection",
            "trim",
            "units",
        ],
    ),
];

/// The repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a directory with this ending, sorted.
fn files(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources(dirs: &[&str]) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    for dir in dirs {
        files(&root().join(dir), ".rs", &mut paths);
    }
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(path).unwrap());
    paths.into_iter().map(read).collect()
}

/// The top-level module a file of `src` belongs to.
fn module(path: &Path) -> String {
    let inner = path.strip_prefix(root().join("src")).unwrap();
    let first = inner.iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

/// Modules named in `crate::NAME`, and in `crate::{NAME, ..}`, of code lines.
fn imported(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let list = rest.strip_prefix('{').and_then(|r| r.split_once('}'));
        let names = list.map_or_else(|| vec![rest], |(list, _)| list.split(',').collect());
        for name in names {
            let name = name.trim_start();
            let end = name.find(|c: char| !(c.is_ascii_lowercase() || c == '_'));
            found.insert(name[..end.unwrap_or(name.len())].to_string());
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    for (path, text) in sources(&["src"]) {
        let module = module(&path);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let allowed = IMPORTS.iter().find(|(name, _)| *name == module);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{module} is not in the table"));
        // a file's tests may make their input with any module
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let known = IMPORTS.iter().map(|(name, _)| *name);
        for other in known.filter(|name| imported(text).contains(*name)) {
            let fine = other == module || allowed.contains(&other);
            let is_test = path.ends_with("tests.rs") || path.ends_with("fixture.rs");
            assert!(fine || is_test, "{}: imports {other}", path.display());
        }
    }
}

#[test]
fn imports_are_read() {
    let text = "use crate::units::Seq;\n// crate::cli\nuse crate::{flow::Side, reset};\nlet x = crate::scan::run();";
    let expected = ["flow", "reset", "scan", "units"].map(String::from);
    assert_eq!(imported(text), BTreeSet::from(expected));
}

#[test]
fn files_are_short_safe_and_finished() {
    let open =
        ["TO", "FIX"].map(|start| format!("{start}{}", if start == "TO" { "DO" } else { "ME" }));
    let macros = ["todo", "unimplemented"].map(|name| format!("{name}!("));
    let keyword = format!("un{}", "safe");
    for (path, text) in sources(&["src", "tests", "benches"]) {
        let path = path.display();
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{path}: {lines} lines");
        for word in open.iter().chain(&macros) {
            assert!(!text.contains(word), "{path}: {word}");
        }
        for line in text.lines().filter(|l| !l.trim_start().starts_with("//")) {
            let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            assert!(!words.any(|word| word == keyword), "{path}: {line}");
        }
    }
}

/// Paths of the machine it was made on do not belong into what everybody gets.
#[test]
fn no_path_of_a_machine() {
    let mut paths = Vec::new();
    for dir in ["src", "tests", "benches", "man", ".ci"] {
        files(&root().join(dir), "", &mut paths);
    }
    files(&root().join("testdata"), ".md", &mut paths);
    files(&root().join("testdata"), ".py", &mut paths);
    let top = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.toml",
        "Cargo.lock",
    ];
    paths.extend(top.map(|name| root().join(name)));
    let machine = ["work", "farm", "tmp/bash_jobs", "home/", "root/"].map(|p| format!("/{p}"));
    for path in paths.iter().filter(|p| !p.ends_with("house.rs")) {
        let Ok(text) = fs::read_to_string(path) else {
            continue; // a cache of compiled scripts
        };
        for line in text.lines() {
            for wrong in &machine {
                let at = line
                    .find(&format!("{wrong}/"))
                    .or_else(|| line.find(&format!("\"{wrong}\"")));
                let inside = |at: usize| {
                    line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~".contains(c))
                };
                assert!(at.is_none_or(inside), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_class_has_a_name_a_manual_entry_and_a_scenario() {
    let mut ids = BTreeSet::new();
    for rule in registry() {
        let id = rule.id;
        let kebab = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        assert!(id.split('-').all(kebab), "{id}");
        assert!(ids.insert(id), "{id} twice");
        let lines: Vec<&str> = rule.doc.lines().map(str::trim).collect();
        let headings: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|l| l.starts_with("## "))
            .collect();
        assert_eq!(headings, HEADINGS, "{id}");
        let file = root()
            .join("src/diagnosis/rules")
            .join(format!("{}.rs", id.replace('-', "_")));
        assert!(file.exists(), "{}", file.display());
        let scenario = root().join("testdata/diagnosis").join(format!("{id}.md"));
        assert!(scenario.exists(), "{}", scenario.display());
    }
}

/// What differs between systems is in one file, beside tests.
#[test]
fn platform_code_is_in_one_place() {
    let systems = [
        "os::unix",
        "os::windows",
        "cfg(unix)",
        "cfg(windows)",
        "target_os",
        "/proc/",
    ];
    for (path, text) in sources(&["src"]) {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let found = systems.iter().find(|s| code.contains(**s));
        if !path.ends_with("capture/platform.rs") {
            assert_eq!(found, None, "{}", path.display());
        }
    }
}

/// A version without `=` resolves to an older candidate with wrong times.
#[test]
fn the_lock_file_holds_the_release_of_pcap_file() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut lines = lock.lines();
    lines.find(|line| *line == "name = \"pcap-file\"").unwrap();
    assert_eq!(lines.next(), Some("version = \"3.0.0-rc.3\""));
}
