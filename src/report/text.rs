//! The report for people: table, totals, what was wrong with the input.

use super::hostile::{width, wrap};
use super::{Report, groups, lines, rows, story, table};
use crate::diagnosis::Severity;
use anstyle::{AnsiColor, Effects};
use std::io;

/// How much of each case is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Groups when there are many cases.
    #[default]
    Usual,
    /// Every case, however many there are.
    EveryCase,
    /// The full story of every case.
    Full,
}

/// A style of the table.
pub type Style = anstyle::Style;

/// How the table is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of the terminal.
    pub columns: usize,
    /// Whether terminal colours may be used.
    pub colour: bool,
    /// How much is shown.
    pub detail: Detail,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            columns: 120,
            colour: false,
            detail: Detail::Usual,
        }
    }
}

/// Where text is printed: knows width and colour.
pub(super) struct Canvas<'a> {
    out: &'a mut dyn io::Write,
    options: TextOptions,
}

impl<'a> Canvas<'a> {
    fn new(out: &'a mut dyn io::Write, options: TextOptions) -> Self {
        Self { out, options }
    }

    /// Columns there are.
    pub(super) fn columns(&self) -> usize {
        self.options.columns
    }

    /// Prints one line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// `text` in a style, if colours are used.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.options.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// The colour of a severity.
pub(super) fn colour_of(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().effects(Effects::BOLD),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Info => AnsiColor::Cyan.on_default(),
        Severity::Harmless => Style::new().effects(Effects::DIMMED),
    }
}

/// The style of headings.
pub(super) fn bold() -> Style {
    Style::new().effects(Effects::BOLD)
}

/// Prints the report.
pub(super) fn write(
    report: &Report<'_>,
    options: &TextOptions,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut canvas = Canvas::new(out, *options);
    if report.cases.is_empty() {
        canvas.line(&lines::nothing(report))?;
    } else {
        match options.detail {
            Detail::Full => story::print(&mut canvas, report)?,
            Detail::Usual if groups::say_more(report) => groups::print(&mut canvas, report)?,
            _ => {
                let rows: Vec<_> = report.cases.iter().map(|c| rows::row(report, c)).collect();
                table::print(&mut canvas, &rows)?;
            }
        }
        canvas.line("")?;
        let totals = lines::totals(report);
        if width(&totals) <= options.columns {
            canvas.line(&totals)?;
        } else {
            let parts = totals.split("   ");
            for line in parts.flat_map(|part| wrap(part, options.columns)) {
                canvas.line(&line)?;
            }
        }
    }
    if options.detail != Detail::Usual {
        for line in lines::files(report) {
            canvas.line(&line)?;
        }
    }
    for line in lines::anomalies(report) {
        canvas.line(&line)?;
    }
    for line in lines::written(report) {
        canvas.line(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::{Anomaly, AnomalyKind};
    use crate::report::hostile::is_hostile;
    use crate::report::testing::{Findings, case, file, harmless, told};
    use crate::report::{NotWritten, Report, Written};
    use crate::units::FileId;

    fn render(report: &Report<'_>, columns: usize, detail: Detail) -> String {
        let options = TextOptions {
            columns,
            detail,
            ..TextOptions::default()
        };
        let mut out = Vec::new();
        write(report, &options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn usual(findings: &Findings, columns: usize) -> String {
        render(&findings.report(), columns, Detail::Usual)
    }

    #[test]
    fn wide() {
        let text = usual(&Findings::of(vec![case(1), harmless(2, 2, 60)]), 200);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "  #  time (UTC)                  who reset  why                       connection                      conf",
                "  1  2024-07-14 12:01:17.123400  middlebox  reset-after-client-hello  10.0.0.1:40000 > 192.0.2.7:443  high/medium",
                "     www.example.net; RST 0.4 ms after the ClientHello on a 21 ms path, 7 hops away from the server's packets [frame 12]",
                "  2  2024-07-14 12:02:17.123400  client     reset-after-close         10.0.0.1:40000 > 192.0.2.7:443  high/medium",
                "     www.example.net; RST after both FINs; nothing was lost [frame 12]",
                "",
                "2 resets in 2 groups, 1 needs attention, 1 harmless   1 file, 93.1 GB, 1.2 M packets, 8,411 connections",
            ]
        );
    }

    #[test]
    fn narrower_terminals_fold_the_date_then_the_connection() {
        let findings = Findings::of(vec![case(1), harmless(2, 2, 60)]);
        let text = usual(&findings, 110);
        assert!(
            text.contains("\n     2024-07-14\n  1  12:01:17.123400  middlebox"),
            "{text}"
        );
        assert_eq!(text.matches("2024-07-14").count(), 1);
        let text = usual(&findings, 80);
        assert!(
            text.contains("\n     10.0.0.1:40000 > 192.0.2.7:443\n     www.example.net; RST"),
            "{text}"
        );
        for columns in [80, 110, 120, 200] {
            let text = usual(&findings, columns);
            let table = text.lines().take_while(|l| !l.is_empty());
            for line in table {
                assert!(width(line) <= columns, "{columns}: {line}");
            }
            assert!(!text.lines().any(|l| l.ends_with(' ')));
        }
    }

    #[test]
    fn ipv6_fits_80_columns_too() {
        let mut c = case(1);
        c.connection.client.ip = "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap();
        c.connection.server.ip = "2001:db8:1111:2222:3333:4444:5555:7777".parse().unwrap();
        let text = usual(&Findings::of(vec![c]), 80);
        let table = text.lines().take_while(|l| !l.is_empty());
        for line in table {
            assert!(width(line) <= 80, "{line}");
        }
    }

    #[test]
    fn one_long_connection_among_short_ones_stands_below() {
        let mut long = case(3);
        long.connection.client.ip = "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap();
        long.connection.server.ip = "2001:db8:1111:2222:3333:4444:5555:7777".parse().unwrap();
        let text = usual(&Findings::of(vec![case(1), case(2), long]), 125);
        assert!(
            text.contains("  10.0.0.1:40000 > 192.0.2.7:443  high/medium\n"),
            "{text}"
        );
        assert!(
            text.contains("\n     [2001:db8:1111:2222:3333:4444:5555:6666]:40000 > "),
            "{text}"
        );
    }

    #[test]
    fn many_cases_become_groups() {
        let mut cases = vec![case(1)];
        cases.extend((2..=15).map(|i| harmless(i, 2, i64::from(i))));
        cases.extend((16..=20).map(|i| harmless(i, 3, i64::from(i))));
        cases.extend((21..=32).map(|i| crate::diagnosis::Case {
            group: 4,
            ..case(i)
        }));
        let mut findings = Findings::of(cases);
        findings.groups[3].period = Some(30.0);
        findings.groups[3].uncounted = 1000;
        let text = usual(&findings, 180);
        assert_eq!(
            text.matches("reset-after-client-hello").count(),
            2,
            "{text}"
        );
        assert!(text.contains("1,012 resets like this, 2024-07-14 12:01:17.123400 to 12:01:17.123400, one every 30 s, 1,000 of them counted but not examined one by one"), "{text}");
        assert!(
            text.contains("     19  reset-after-close in 2 groups: Reset after both sides closed"),
            "{text}"
        );
        assert!(
            text.contains("\n1,032 resets in 4 groups, 1,013 need attention, 19 harmless "),
            "{text}"
        );
        let every = render(&findings.report(), 120, Detail::EveryCase);
        assert_eq!(every.matches("reset-after-client-hello").count(), 13);
    }

    #[test]
    fn many_groups_become_counts_behind_the_first() {
        let mut cases: Vec<_> = (1..=70)
            .map(|i| crate::diagnosis::Case {
                group: i,
                ..case(i)
            })
            .collect();
        cases.push(crate::diagnosis::Case {
            group: 1,
            ..case(71)
        });
        let text = usual(&Findings::of(cases), 180);
        assert!(text.contains("\n 40  2024-07-14") && !text.contains("\n 41  2024-07-14"));
        assert!(
            text.contains(
                "\n30 more groups (-v lists every case):\n     30  reset-after-client-hello in 30 groups: "
            ),
            "{text}"
        );
    }

    #[test]
    fn no_resets() {
        let mut findings = Findings::of(Vec::new());
        findings.totals.files = 3;
        assert_eq!(
            usual(&findings, 120),
            "no TCP resets in 3 files, 1.2 M packets, 8,411 connections\n"
        );
        findings.totals.cases = 5;
        assert_eq!(
            usual(&findings, 120),
            "no case matches the filters; 5 cases in 3 files, 1.2 M packets\n"
        );
    }

    #[test]
    fn full_story() {
        let mut findings = Findings::of(vec![case(1)]);
        let text = render(&findings.report(), 120, Detail::Full);
        for line in [
            "case 1: reset-after-client-hello, Reset right after the ClientHello",
            "    the RST came 0.4 ms after the ClientHello (frames 10, 12)",
            "    abortive-close: the server is 21 ms away",
            "    Look into the TLS log of the server or load balancer at this time.",
            "    a capture at the server shows whether it sent the RST",
            "    12 of 12 with SNI www.example.net reset, 0 of 40 with another (Fisher's exact test, p = 2e-9)",
            "    first RST: frame 12, abort from the server address",
            "    wireshark -r ring/a.pcapng -g 12",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(text.contains("ip.addr == 10.0.0.1 && tcp.port == 40000 && "));
        // with a second file in the timeline, frames name their file
        findings.files.push(file(1, "ring/b.pcapng"));
        let text = render(&findings.report(), 120, Detail::Full);
        assert!(
            text.contains("(frames ring/a.pcapng#10, ring/a.pcapng#12)"),
            "{text}"
        );
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let evil = "\u{1b}]0;pwned\u{7}\u{202e}gpj\u{9b}31m\r\n<script>|=1+1";
        let mut c = case(1);
        let d = &mut c.diagnosis;
        d.evidence[0] = told(evil);
        d.other_vantage = Some(evil);
        d.alternatives[0].why_less_likely = evil.into();
        d.contrast[0].text = evil.into();
        d.contrast[0].test = evil.into();
        c.connection.name.as_mut().unwrap().name = evil.into();
        let mut findings = Findings::of(vec![c]);
        findings.files[0].label = evil.into();
        findings.written.insert(
            1,
            Written {
                path: evil.into(),
                ..Written::default()
            },
        );
        let cut = Anomaly::at(AnomalyKind::CutShort, 7, 3, evil);
        findings.anomalies.add(FileId(0), cut);
        let report = Report {
            directory: Some(evil),
            ..findings.report()
        };
        for detail in [Detail::Usual, Detail::EveryCase, Detail::Full] {
            let text = render(&report, 120, detail);
            assert!(
                !text.chars().any(|c| c != '\n' && is_hostile(c)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn notes_below_the_table() {
        let mut findings = Findings::of(vec![case(1)]);
        let cut = Anomaly::at(AnomalyKind::CutShort, 4711, 12, "16 of 28 bytes");
        findings.anomalies.add(FileId(0), cut);
        findings.written.insert(
            1,
            Written {
                path: "resets/0001 a.pcapng".into(),
                bytes: 12_345,
                reset: Some(9),
                ..Written::default()
            },
        );
        let report = Report {
            directory: Some("resets"),
            not_written: NotWritten {
                per_group: 3,
                ..NotWritten::default()
            },
            ..findings.report()
        };
        let text = render(&report, 120, Detail::Usual);
        assert!(text.ends_with(
            "\nnote: cut-short: 1 (12 bytes), first in ring/a.pcapng at offset 4711: 16 of 28 bytes\n\
             wrote 1 case file (12.3 kB) to resets\nnot written: 3 case files beyond --per-group\n\
             see case 1: wireshark -r 'resets/0001 a.pcapng' -g 9\n"
        ), "{text}");
    }

    #[test]
    fn colours_only_when_asked() {
        let findings = Findings::of(vec![case(1)]);
        let mut out = Vec::new();
        let options = TextOptions {
            colour: true,
            ..TextOptions::default()
        };
        write(&findings.report(), &options, &mut out).unwrap();
        assert!(
            String::from_utf8(out)
                .unwrap()
                .contains("\u{1b}[31mreset-after-client-hello")
        );
        assert!(!usual(&findings, 120).contains('\u{1b}'));
    }
}
