//! The report for people: table, totals, what was wrong with the input.

use super::{Report, groups, lines, rows, story, table};
use crate::diagnosis::Severity;
use anstyle::{AnsiColor, Effects};
use std::io;

/// Above this many rows groups are shown instead of cases.
const ROWS_WITHOUT_GROUPS: usize = 20;

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
            Detail::Usual if by_groups(report) => groups::print(&mut canvas, report)?,
            _ => {
                let rows: Vec<_> = report.cases.iter().map(|c| rows::row(report, c)).collect();
                table::print(&mut canvas, &rows)?;
            }
        }
        canvas.line("")?;
        canvas.line(&lines::totals(report))?;
    }
    for line in lines::anomalies(report) {
        canvas.line(&line)?;
    }
    for line in lines::written(report) {
        canvas.line(&line)?;
    }
    Ok(())
}

fn by_groups(report: &Report<'_>) -> bool {
    let cases = report.cases.len();
    cases > ROWS_WITHOUT_GROUPS && cases > report.groups.len()
}
