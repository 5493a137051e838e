//! One row per case for spreadsheets; no cell is a formula.

use super::display_filter::display_filter;
use super::figures::time;
use super::hostile::csv_cell;
use super::{Report, app};
use crate::diagnosis::Case;
use std::io;

const HEADER: [&str; 22] = [
    "id",
    "time",
    "class",
    "title",
    "severity",
    "party",
    "party_confidence",
    "cause_confidence",
    "basis",
    "client_ip",
    "client_port",
    "server_ip",
    "server_port",
    "server_name",
    "summary",
    "last_request",
    "file",
    "frame",
    "tcp_stream",
    "display_filter",
    "case_file",
    "group",
];

/// Writes header and rows.
pub(super) fn write(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(HEADER).map_err(io_error)?;
    for case in report.cases {
        writer.write_record(row(report, case)).map_err(io_error)?;
    }
    writer.flush()
}

fn io_error(e: ::csv::Error) -> io::Error {
    match e.into_kind() {
        ::csv::ErrorKind::Io(e) => e,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn row(report: &Report<'_>, case: &Case) -> [String; HEADER.len()] {
    let d = &case.diagnosis;
    let c = &case.connection;
    let primary = case.primary_segment();
    let cell = csv_cell;
    [
        case.id.to_string(),
        time(primary.time, report.digits(case)),
        d.class.to_owned(),
        cell(d.title),
        d.severity.id().to_owned(),
        d.party.id().to_owned(),
        d.party_confidence.id().to_owned(),
        d.cause_confidence.id().to_owned(),
        d.basis.id().to_owned(),
        c.client.ip.to_string(),
        c.client.port.to_string(),
        c.server.ip.to_string(),
        c.server.port.to_string(),
        cell(&app::server_names(case).join(" ")),
        cell(&d.summary),
        cell(&app::last_request(case).unwrap_or_default()),
        cell(report.file_of(case).map_or("", |f| &f.label)),
        primary.frame.in_file.to_string(),
        c.stream.to_string(),
        display_filter(case),
        cell(&report.written.get(&case.id).map(|w| w.path.display().to_string()).unwrap_or_default()),
        case.group.to_string(),
    ]
}
