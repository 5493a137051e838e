//! What several test files need: captures as lists of frames, edits of frames that keep a
//! packet sound, and whole runs inside the process.

pub mod capture;
pub mod fields;
pub mod random;
pub mod run;
pub mod talk;

use std::path::PathBuf;

/// A file or directory of the repository's test data.
pub fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// The scenario captures up to a size, every `stride`th, in order of their names.
pub fn scenarios(max_len: u64, stride: usize) -> Vec<PathBuf> {
    let dir = testdata("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "pcap"))
        .filter(|p| p.metadata().is_ok_and(|m| m.len() <= max_len))
        .collect();
    files.sort();
    files.into_iter().step_by(stride).collect()
}
