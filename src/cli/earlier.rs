//! Cases of earlier runs that this run's input does not show, for the page: their case files
//! are read in the place of their captures, and their lines say what was said of them.

use super::pipeline::{self, Found};
use super::settings::Settings;
use super::store::{Line, Store};
use crate::diagnosis::Case;
use crate::report::{FileStatus, judge, listed_case, reset_key};
use crate::units::FileId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Case files read again for the page at most, the latest ones; of the others the page shows
/// what their lines say.
const READ_AGAIN: usize = 1000;

/// The cases of lines that are not among `here`, with the files they lie in, whose ids begin
/// at `first_file`.
pub(super) fn cases(
    store: &Store,
    here: &BTreeSet<u32>,
    first_file: u32,
    settings: &Settings,
) -> (Vec<Case>, Vec<FileStatus>) {
    let lines: Vec<&Line> = store
        .lines()
        .values()
        .filter(|l| !here.contains(&l.listed.id))
        .collect();
    let (mut again, mut files) = read_again(store, &lines, first_file, settings);
    let mut cases = Vec::with_capacity(lines.len());
    let mut captures: BTreeMap<String, FileId> = BTreeMap::new();
    for line in lines {
        let value = line.value();
        if let Some(mut case) = again.remove(&line.listed.id)
            && judge(&mut case, &value).is_some()
        {
            cases.push(case);
            continue;
        }
        let capture = value.pointer("/source/file").and_then(|f| f.as_str());
        let capture = capture.unwrap_or_default().to_owned();
        let next = first_file.saturating_add(files.len() as u32);
        let id = *captures.entry(capture.clone()).or_insert_with(|| {
            files.push(gone(FileId(next), capture, &value));
            FileId(next)
        });
        cases.extend(listed_case(&value, id));
    }
    (cases, files)
}

/// A capture of which only lines are left.
fn gone(id: FileId, label: String, line: &serde_json::Value) -> FileStatus {
    let time = line
        .get("time")
        .and_then(|t| t.as_str())
        .unwrap_or_default();
    let digits = time.split_once('.').map_or(0, |(_, f)| f.len() - 1);
    FileStatus {
        id,
        label,
        timeline: u32::MAX - id.0,
        time_digits: digits.min(9) as u8,
        earlier: true,
        ..FileStatus::default()
    }
}

/// Cases by the ids of their lines, from their case files.
fn read_again(
    store: &Store,
    lines: &[&Line],
    first_file: u32,
    settings: &Settings,
) -> (BTreeMap<u32, Case>, Vec<FileStatus>) {
    let paths: Vec<PathBuf> = lines
        .iter()
        .rev()
        .filter_map(|l| store.file_of(l.listed.id))
        .take(READ_AGAIN)
        .collect();
    if paths.is_empty() {
        return Default::default();
    }
    let Ok(found) = pipeline::find_in(paths, settings, &AtomicBool::new(false)) else {
        return Default::default();
    };
    let Found { cases, files, .. } = found;
    let mut again = BTreeMap::new();
    for mut case in cases {
        let key = reset_key(&case, case.primary_segment());
        let Some(id) = store.find(&[key], &again.keys().copied().collect()) else {
            continue;
        };
        shift(&mut case, first_file);
        again.insert(id, case);
    }
    let files = files.into_iter().map(|f| FileStatus {
        id: FileId(f.id.0.saturating_add(first_file)),
        timeline: u32::MAX - f.id.0,
        earlier: true,
        ..f
    });
    (again, files.collect())
}

/// Files get the ids after those of this run.
fn shift(case: &mut Case, by: u32) {
    let c = &mut case.connection;
    let lookup = c.name.iter_mut();
    let looked_up = lookup.flat_map(|n| {
        let named = n.query.iter_mut().chain([&mut n.answer]);
        named.chain(&mut n.related)
    });
    let errors = c.icmp.iter_mut().map(|e| &mut e.frame);
    let parts = c.fragments.iter_mut().flat_map(|(a, b)| [a, b]);
    let segments = c.segments.iter_mut().map(|s| &mut s.frame);
    for frame in segments.chain(errors).chain(parts).chain(looked_up) {
        frame.file.0 = frame.file.0.saturating_add(by);
    }
}
