//! What stands in one row of the table.

use super::Report;
use super::app;
use super::figures::date_and_time;
use super::hostile::plain;
use crate::diagnosis::{Case, Severity};
use crate::flow::FrameRef;

/// The cells of one case, escaped for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Case id.
    pub(super) number: String,
    /// UTC date of the primary RST.
    pub(super) date: String,
    /// UTC time of day, to the capture's resolution.
    pub(super) clock: String,
    /// The party's word.
    pub(super) who: String,
    /// The class.
    pub(super) why: String,
    /// `client > server`.
    pub(super) connection: String,
    /// Confidence of who and why.
    pub(super) confidence: String,
    /// Decides the colour.
    pub(super) severity: Severity,
    /// Lines below the row: name and summary, and what a group adds.
    pub(super) below: Vec<String>,
}

/// The row of a case.
pub(super) fn row(report: &Report<'_>, case: &Case) -> Row {
    let d = &case.diagnosis;
    let primary = case.primary_segment();
    let (date, clock) = date_and_time(primary.time, report.digits(case));
    Row {
        number: case.id.to_string(),
        date,
        clock,
        who: d.party.word().to_owned(),
        why: d.class.to_owned(),
        connection: connection(case),
        confidence: confidence(case),
        severity: d.severity,
        below: vec![format!(
            "{} [{}]",
            name_and_summary(case),
            place(report, primary.frame, report.files.len() > 1)
        )],
    }
}

/// `frame 12`, or `ring/b.pcapng#12` when a frame number alone does not say where to look.
pub(super) fn place(report: &Report<'_>, frame: FrameRef, several: bool) -> String {
    match report.file(frame.file) {
        Some(file) if several => format!("{}#{}", plain(&file.label), frame.in_file),
        _ => format!("frame {}", frame.in_file),
    }
}

/// `10.0.0.1:40000 > 192.0.2.7:443`.
pub(super) fn connection(case: &Case) -> String {
    format!("{} > {}", case.connection.client, case.connection.server)
}

/// `high/medium`: who, then why.
pub(super) fn confidence(case: &Case) -> String {
    let d = &case.diagnosis;
    format!("{}/{}", d.party_confidence.id(), d.cause_confidence.id())
}

/// The server's name, when it is known and the summary does not have it, and the summary.
pub(super) fn name_and_summary(case: &Case) -> String {
    let summary = plain(&case.diagnosis.summary());
    match app::headline(case).map(|h| plain(&h)) {
        Some(name) if !summary.contains(name.trim_start_matches("SNI ")) => {
            format!("{name}; {summary}")
        }
        _ => summary,
    }
}
