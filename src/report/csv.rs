//! One row per case for spreadsheets; no cell is a formula.

use super::display_filter::display_filter;
use super::figures::time;
use super::hostile::csv_cell;
use super::{Report, app};
use crate::diagnosis::Case;
use std::borrow::Cow;
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
        let row = row(report, case);
        let cells = row.iter().map(|cell| cell.as_bytes());
        writer.write_record(cells).map_err(io_error)?;
    }
    writer.flush()
}

fn io_error(e: ::csv::Error) -> io::Error {
    match e.into_kind() {
        ::csv::ErrorKind::Io(e) => e,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn row<'a>(report: &Report<'_>, case: &'a Case) -> [Cow<'a, str>; HEADER.len()] {
    let d = &case.diagnosis;
    let c = &case.connection;
    let primary = case.primary_segment();
    let cell = |text: &str| Cow::Owned(csv_cell(text));
    let number = |n: u64| Cow::Owned(n.to_string());
    [
        number(case.id.into()),
        time(primary.time, report.digits(case)).into(),
        d.class.into(),
        cell(d.title),
        d.severity.id().into(),
        d.party.id().into(),
        d.party_confidence.id().into(),
        d.cause_confidence.id().into(),
        d.basis.id().into(),
        c.client.ip.to_string().into(),
        number(c.client.port.into()),
        c.server.ip.to_string().into(),
        number(c.server.port.into()),
        cell(&app::server_names(case).join(" ")),
        cell(&d.summary()),
        cell(&app::last_request(case).unwrap_or_default()),
        cell(report.file_of(case).map_or("", |f| &f.label)),
        number(primary.frame.in_file.0),
        number(c.stream),
        display_filter(case).into(),
        cell(
            &report
                .written
                .get(&case.id)
                .map(|w| w.path.display().to_string())
                .unwrap_or_default(),
        ),
        number(case.group.into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{Findings, case, told};

    #[test]
    fn read_back_and_no_formula() {
        let mut c = case(1);
        c.diagnosis.evidence[0] = told("=HYPERLINK(\"http://x\"),\"a\"\nb");
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
