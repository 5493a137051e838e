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
        cell(
            &report
                .written
                .get(&case.id)
                .map(|w| w.path.display().to_string())
                .unwrap_or_default(),
        ),
        case.group.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{Findings, case};

    #[test]
    fn read_back_and_no_formula() {
        let mut c = case(1);
        c.diagnosis.summary = "=HYPERLINK(\"http://x\"),\"a\"\nb".into();
        c.connection.name.as_mut().unwrap().name = "+cmd|' /C calc'!A0".into();
        let mut findings = Findings::of(vec![c]);
        findings.files[0].label = "-dash,and comma.pcap".into();
        let mut out = Vec::new();
        write(&findings.report(), &mut out).unwrap();
        let mut reader = ::csv::Reader::from_reader(out.as_slice());
        let header = reader.headers().unwrap().clone();
        assert_eq!(header.len(), HEADER.len());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1);
        let cell = |name: &str| {
            let at = header.iter().position(|h| h == name).unwrap();
            rows[0].get(at).unwrap().to_owned()
        };
        assert_eq!(cell("summary"), "'=HYPERLINK(\"http://x\"),\"a\"\\nb");
        assert_eq!(cell("server_name"), "'+cmd|' /C calc'!A0");
        assert_eq!(cell("file"), "'-dash,and comma.pcap");
        assert_eq!(cell("time"), "2024-07-14T12:01:17.123400Z");
        assert_eq!(cell("client_ip"), "10.0.0.1");
        assert_eq!(cell("frame"), "12");
    }
}
