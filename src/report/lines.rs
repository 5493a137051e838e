//! The lines around the table.

use super::figures::{bytes, count, counted, duration};
use super::hostile::{plain, shell_word};
use super::{FileStatus, Report};
use crate::anomaly::{AnomalyKind, Tally};
use crate::diagnosis::{Case, Severity};
use crate::units::FileId;
use std::collections::BTreeMap;

/// What is said when there is nothing to show.
pub(super) fn nothing(report: &Report<'_>) -> String {
    let t = report.totals;
    let read = read(report);
    if t.cases > 0 && report.earlier.only_new {
        return format!("nothing new: {} in {read}", counted(t.cases, "case"));
    }
    if t.cases > 0 {
        return format!(
            "no case matches the filters; {} in {read}",
            counted(t.cases, "case")
        );
    }
    if t.files == 0 {
        return "no capture files were read: nothing given is a capture by content, or --include and --exclude leave it out".to_owned();
    }
    format!(
        "no TCP resets in {read}, {}",
        counted(t.connections, "connection")
    )
}

fn read(report: &Report<'_>) -> String {
    let t = report.totals;
    let mut text = format!(
        "{}, {}",
        counted(t.files, "file"),
        counted(t.packets, "packet")
    );
    if let Some(elapsed) = t.elapsed {
        text.push_str(&format!(", read in {}", duration(elapsed)));
    }
    text
}

/// `17 resets in 9 groups, 3 need attention, 14 harmless   412 files, 93.1 GB, 140 M packets, 2 M
/// connections`.
pub(super) fn totals(report: &Report<'_>) -> String {
    let t = report.totals;
    let shown = report.cases.len() as u64;
    let of_groups: u64 = report.groups.iter().map(|g| g.uncounted).sum();
    let severities = report.severities();
    let with = |s: Severity| severities.get(&s).copied().unwrap_or(0);
    let attention = with(Severity::Error) + with(Severity::Warning);
    let mut parts = vec![format!(
        "{} in {}",
        counted(shown.saturating_add(of_groups), "reset"),
        counted(report.groups.len() as u64, "group")
    )];
    if shown.saturating_add(of_groups) < t.cases {
        parts.push(format!("of {} in all", count(t.cases)));
    }
    let verb = if attention == 1 { "needs" } else { "need" };
    parts.push(format!("{} {verb} attention", count(attention)));
    if with(Severity::Info) > 0 {
        parts.push(format!("{} for information", count(with(Severity::Info))));
    }
    parts.push(format!("{} harmless", count(with(Severity::Harmless))));
    let mut input = format!(
        "{}, {}, {}, {}",
        counted(t.files, "file"),
        bytes(t.bytes),
        counted(t.packets, "packet"),
        counted(t.connections, "connection")
    );
    if let Some(elapsed) = t.elapsed {
        input.push_str(&format!(" in {}", duration(elapsed)));
    }
    format!("{}   {input}", parts.join(", "))
}

/// What is wrong with the input: one line per kind of anomaly.
#[must_use]
pub fn anomalies(report: &Report<'_>) -> Vec<String> {
    let mut kinds: BTreeMap<AnomalyKind, (u64, u64, u64, String)> = BTreeMap::new();
    for (id, kind, tally) in report.anomalies.iter() {
        let entry = kinds.entry(kind).or_insert_with(|| {
            let file = report.file(id).map_or("", |f| f.label.as_str());
            (0, 0, 0, first_place(file, tally))
        });
        entry.0 += tally.count;
        entry.1 += tally.bytes;
        entry.2 += 1;
    }
    let line = |(kind, (n, size, files, first)): (AnomalyKind, (u64, u64, u64, String))| {
        let size = if size > 0 {
            format!(" ({})", bytes(size))
        } else {
            String::new()
        };
        let files = if files > 1 {
            format!(" in {}", counted(files, "file"))
        } else {
            String::new()
        };
        format!(
            "note: {}: {}{size}{files}, first in {first}",
            kind.id(),
            count(n)
        )
    };
    kinds.into_iter().map(line).collect()
}

fn first_place(file: &str, tally: &Tally) -> String {
    let mut text = plain(file);
    if let Some(offset) = tally.first_offset {
        text.push_str(&format!(" at offset {offset}"));
    }
    if let Some(frame) = tally.first_frame {
        text.push_str(&format!(", frame {frame}"));
    }
    if !tally.detail.is_empty() {
        text.push_str(&format!(": {}", plain(&tally.detail)));
    }
    text
}

/// Every input file with what came of it, when there are several.
pub(super) fn files(report: &Report<'_>) -> Vec<String> {
    if report.files.len() < 2 {
        return Vec::new();
    }
    let mut cases: BTreeMap<FileId, u64> = BTreeMap::new();
    for case in report.cases {
        *cases.entry(case.primary_segment().frame.file).or_insert(0) += 1;
    }
    let line = |f: &FileStatus| {
        let damaged = report.anomalies.iter().any(|(id, _, _)| id == f.id);
        let state = match &f.error {
            Some(why) => format!("not read to its end: {}", plain(why)),
            None if damaged => "read, with defects".to_owned(),
            None => "read".to_owned(),
        };
        let cases = cases.get(&f.id).copied().unwrap_or(0);
        format!(
            "  {}: {}, {}, {}, {}; {state}",
            plain(&f.label),
            f.format,
            bytes(f.bytes),
            counted(f.packets, "packet"),
            counted(cases, "case"),
        )
    };
    let head = "\nfiles:".to_owned();
    std::iter::once(head)
        .chain(report.files.iter().map(line))
        .collect()
}

/// How what was found stands to what the directory held.
fn earlier(report: &Report<'_>) -> Vec<String> {
    let e = report.earlier;
    let mut lines = Vec::new();
    let there = report.written.values().filter(|w| w.earlier).count() as u64;
    if there > 0 {
        let (verb, them) = if there == 1 {
            ("was", "it")
        } else {
            ("were", "them")
        };
        lines.push(format!(
            "{} {verb} there before; --force writes {them} again",
            counted(there, "case file")
        ));
    }
    if !e.changed.is_empty() {
        const NAMED: usize = 10;
        let ids: Vec<String> = e.changed.iter().take(NAMED).map(u32::to_string).collect();
        let more = if e.changed.len() > NAMED { ", ..." } else { "" };
        lines.push(format!(
            "{} ({}{more}) looked different when written; list and page keep what was said then, --force changes it",
            counted(e.changed.len() as u64, "case"),
            ids.join(", ")
        ));
    }
    if e.gone > 0 {
        let verb = if e.gone == 1 { "is" } else { "are" };
        lines.push(format!(
            "{} of earlier runs {verb} not in this input and {verb} kept",
            counted(e.gone, "case")
        ));
    }
    if e.repeated > 0 {
        lines.push(format!(
            "{} left out that another input shows as well",
            counted(e.repeated, "case")
        ));
    }
    if e.removed > 0 {
        lines.push(format!(
            "took away {} of earlier runs that this one does not want",
            counted(e.removed, "case file")
        ));
    }
    lines
}

/// The command that opens the first of the worst cases that were written, at its RST.
fn open_first(report: &Report<'_>) -> Option<String> {
    report.directory?;
    let new = |c: &&Case| report.written.get(&c.id).is_some_and(|w| !w.earlier);
    let worst = report.cases.iter().filter(new);
    let first = worst.min_by_key(|c| (std::cmp::Reverse(c.diagnosis.severity), c.id))?;
    let written = report.written.get(&first.id)?;
    let file = shell_word(&written.path.to_string_lossy());
    let at = written
        .reset
        .map(|n| format!(" -g {n}"))
        .unwrap_or_default();
    Some(format!("see case {}: wireshark -r {file}{at}", first.id))
}

/// What was written, and what was not.
pub(super) fn written(report: &Report<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(directory) = report.directory {
        let new = || report.written.values().filter(|w| !w.earlier);
        let size: u64 = new().map(|w| w.bytes).sum();
        lines.push(format!(
            "wrote {} ({}) to {}",
            counted(new().count() as u64, "case file"),
            bytes(size),
            plain(directory)
        ));
        lines.extend(earlier(report));
    }
    let n = report.not_written;
    for (amount, why) in [
        (n.per_group, "beyond --per-group"),
        (n.max_cases, "beyond --max-cases"),
        (n.failed, "because writing failed"),
        (n.interrupted, "after the interrupt"),
    ] {
        if amount > 0 {
            lines.push(format!(
                "not written: {} {why}",
                counted(amount, "case file")
            ));
        }
    }
    lines.extend(open_first(report));
    lines.extend(secrets(report));
    lines
}

/// What became of the decryption secrets of the input: a file that holds keys is not to be
/// shared by mistake.
#[must_use]
pub fn secrets(report: &Report<'_>) -> Vec<String> {
    let files = || report.written.values();
    let mut lines = Vec::new();
    let left_out: u64 = files().map(|w| w.secrets_left_out).sum();
    if left_out > 0 {
        lines.push(format!(
            "{} left out of the case files; --secrets matched keeps those of the connections kept",
            counted(left_out, "TLS secret")
        ));
    }
    let with_keys = files().filter(|w| w.secrets > 0).count() as u64;
    if with_keys > 0 {
        let kept: u64 = files().map(|w| w.secrets).sum();
        let verb = if with_keys == 1 {
            "contains"
        } else {
            "contain"
        };
        lines.push(format!(
            "WARNING: {} {verb} {}: whoever has it can read what was encrypted; --secrets none leaves them out",
            counted(with_keys, "case file"),
            counted(kept, "TLS secret"),
        ));
    }
    lines
}
