//! What a run has found, for people and for machines: table, JSON, CSV, Markdown.
//!
//! Everything taken from packets is hostile text; it goes through [`hostile`] on its way out.
//! Nothing here looks at a clock, a thread or the order of a hash map: equal input gives equal
//! bytes.

mod app;
mod csv;
pub mod diagram;
mod digest;
mod display_filter;
mod figures;
mod groups;
pub mod hostile;
pub mod html;
mod in_order;
mod json;
mod key;
mod lines;
mod listed;
mod markdown;
mod rows;
mod schema;
mod schema_case;
mod story;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod text;

pub use app::server_names;
pub use display_filter::display_filter;
pub use figures::{bytes, count, duration, time};
pub use in_order::in_order;
pub use json::{line, write_cases as write_ndjson};
pub use key::reset_key;
pub use lines::{anomalies as notes, secrets};
pub use listed::{ListedCase, judge, listed_case, verdict};
pub use schema::{FieldDoc, ObjectDoc};
pub use schema_case::object_docs;
pub use text::{Detail, Style, TextOptions};

use crate::anomaly::Anomalies;
use crate::diagnosis::{Case, Group, Severity};
use crate::units::{FileId, Timestamp};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What a run has found, as far as it is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The cases to show, in order of their ids. Ids need not be contiguous: a filter may
    /// have taken some away.
    pub cases: &'a [Case],
    /// The groups that have at least one case to show; their case lists hold only shown ones.
    pub groups: &'a [Group],
    /// Sums over everything that was read, shown or not.
    pub totals: &'a Totals,
    /// Every input file, by id.
    pub files: &'a [FileStatus],
    /// What is wrong with the input.
    pub anomalies: &'a Anomalies,
    /// The case files that were written, by case id.
    pub written: &'a BTreeMap<u32, Written>,
    /// The case files that were not written although they were asked for.
    pub not_written: NotWritten,
    /// Directory of the case files, for the last line of the table.
    pub directory: Option<&'a str>,
    /// How the cases stand to those that earlier runs wrote there.
    pub earlier: &'a Earlier,
}

/// What an output directory already held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Only cases that are not listed there are shown.
    pub only_new: bool,
    /// Cases listed there by earlier runs.
    pub listed: u64,
    /// Those of them that this input does not show.
    pub gone: u64,
    /// Ids of those that look different in this input than when they were written.
    pub changed: Vec<u32>,
    /// Case files of earlier runs that were taken away, because this run replaced them or its
    /// filters leave their cases out (`--force`).
    pub removed: u64,
    /// Cases that an earlier file of this input shows as well, left out.
    pub repeated: u64,
}

/// A case file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Packets in it.
    pub packets: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Number of the primary RST in it, from 1.
    pub reset: Option<u64>,
    /// TLS secrets in it.
    pub secrets: u64,
    /// TLS secrets of the source that were left out of it.
    pub secrets_left_out: u64,
    /// It was there before this run, and was left as it was.
    pub earlier: bool,
}

/// How many case files were not written, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotWritten {
    /// Beyond `--max-cases`.
    pub max_cases: u64,
    /// Beyond `--per-group`.
    pub per_group: u64,
    /// Writing failed.
    pub failed: u64,
    /// The run was interrupted before.
    pub interrupted: u64,
}

/// Sums over a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Input files that are captures.
    pub files: u64,
    /// Bytes read, before decompression.
    pub bytes: u64,
    /// Packet records.
    pub packets: u64,
    /// TCP connections, incarnations counted one by one.
    pub connections: u64,
    /// RST segments.
    pub resets: u64,
    /// Cases, before filters.
    pub cases: u64,
    /// Groups of cases, before filters.
    pub groups: u64,
    /// Defects of the input.
    pub anomalies: u64,
    /// Names learned from DNS answers.
    pub dns_names: u64,
    /// How long the run took. Set only for people at a terminal: it makes output differ from
    /// run to run.
    pub elapsed: Option<Duration>,
}

/// One input file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileStatus {
    /// Its index in the run.
    pub id: FileId,
    /// Its path as the user gave it, or below the directory the user gave; `-` for standard input.
    pub label: String,
    /// Index of the timeline it belongs to, from 0.
    pub timeline: u32,
    /// What it is: "pcapng", "pcap, nanoseconds, gzip", ...
    pub format: String,
    /// Length in bytes, as stored.
    pub bytes: u64,
    /// Packet records in it.
    pub packets: u64,
    /// Time of its first and last packet.
    pub first_time: Option<Timestamp>,
    #[allow(missing_docs)]
    pub last_time: Option<Timestamp>,
    /// Digits after the decimal point that its time stamps carry, 0 to 9.
    pub time_digits: u8,
    /// Why it could not be read, or not to its end.
    pub error: Option<String>,
    /// It is no input of this run, but what holds a case of an earlier one.
    pub earlier: bool,
}

/// The formats of `-T`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The table, for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One JSON object per case and line.
    Ndjson,
    /// One row per case, for spreadsheets.
    Csv,
    /// A summary to paste into a ticket.
    Markdown,
}

/// Writes the report. `text` matters to [`Format::Text`] only.
///
/// # Errors
/// What `out` says; a broken pipe comes back as [`io::ErrorKind::BrokenPipe`].
pub fn write(
    report: &Report<'_>,
    format: Format,
    text: &TextOptions,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, text, out),
        Format::Json => json::write_document(report, out),
        Format::Ndjson => json::write_cases(report, out),
        Format::Csv => csv::write(report, out),
        Format::Markdown => markdown::write(report, out),
    }
}

impl<'a> Report<'a> {
    /// The file with this id.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&'a FileStatus> {
        let guess = self.files.get(id.0 as usize).filter(|f| f.id == id);
        guess.or_else(|| self.files.iter().find(|f| f.id == id))
    }

    /// The shown case with this id.
    #[must_use]
    pub fn case(&self, id: u32) -> Option<&'a Case> {
        let at = self.cases.binary_search_by_key(&id, |c| c.id).ok()?;
        self.cases.get(at)
    }

    /// The file that holds the primary RST.
    #[must_use]
    pub fn file_of(&self, case: &Case) -> Option<&'a FileStatus> {
        self.file(case.primary_segment().frame.file)
    }

    /// Digits after the decimal point of this case's times: its file's resolution.
    #[must_use]
    pub fn digits(&self, case: &Case) -> u8 {
        self.file_of(case).map_or(6, |f| f.time_digits.min(9))
    }

    /// Whether the timeline of this case has more than one file, so that a frame number alone
    /// does not say where to look.
    #[must_use]
    pub fn several_files(&self, case: &Case) -> bool {
        let Some(home) = self.file_of(case) else {
            return false;
        };
        // the files of one timeline have ids that follow each other
        let neighbours = [home.id.0.checked_sub(1), home.id.0.checked_add(1)];
        let mut neighbours = neighbours.into_iter().flatten();
        neighbours.any(|id| {
            let other = self.file(FileId(id));
            other.is_some_and(|f| f.timeline == home.timeline)
        })
    }

    /// Shown cases of each severity. Resets that a group only counts are taken to be like its
    /// first case.
    #[must_use]
    pub fn severities(&self) -> BTreeMap<Severity, u64> {
        let mut counts: BTreeMap<Severity, u64> = BTreeMap::new();
        for case in self.cases {
            *counts.entry(case.diagnosis.severity).or_insert(0) += 1;
        }
        for group in self.groups.iter().filter(|g| g.uncounted > 0) {
            if let Some(first) = group.cases.first().and_then(|id| self.case(*id)) {
                *counts.entry(first.diagnosis.severity).or_insert(0) += group.uncounted;
            }
        }
        counts
    }
}
