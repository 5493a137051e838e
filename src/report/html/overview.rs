//! The frame of the page: headline and totals, the places the script fills, and the footer
//! with input, defects and how to read it all.

use super::files::Names;
use super::{data, groups, words};
use crate::diagnosis::{Case, Severity};
use crate::report::figures::{bytes, count, counted, time};
use crate::report::hostile::plain;
use crate::report::{FileStatus, Report, lines};
use maud::{Markup, html};

/// Columns of the table of cases: key of their order, and heading.
const COLUMNS: [(&str, &str); 8] = [
    ("id", "Case"),
    ("time", "Time (UTC)"),
    ("severity", "Severity"),
    ("class", "Why"),
    ("party", "Who"),
    ("client", "Client"),
    ("server", "Server"),
    ("confidence", "Confidence"),
];

/// One line that says it all: the title of the page.
pub(super) fn headline(report: &Report<'_>) -> String {
    if report.cases.is_empty() {
        return "No TCP resets".to_owned();
    }
    let resets = report.groups.iter().map(|g| g.uncounted);
    let n = resets.fold(report.cases.len() as u64, u64::saturating_add);
    format!(
        "{} in {}",
        counted(n, "TCP reset"),
        counted(report.groups.len() as u64, "group")
    )
}

/// Headline, totals, what needs attention.
pub(super) fn top(report: &Report<'_>, names: &Names) -> Markup {
    html! {
        header {
            p.brand { "rstcap" }
            h1 { (headline(report)) }
            p.input { (input(report, names)) }
            @let before = from_earlier_runs(report);
            @if before > 0 {
                p.input { (counted(before, "case")) " of earlier runs, which these files do not show any more, "
                    "from the list and the case files." }
            }
        }
        main {
            @if report.cases.is_empty() {
                section { p.calm { (words::sentence(&lines::nothing(report))) "." }
                    p { (what_none_means(report)) } }
            } @else {
                noscript { p.calm { "Without its script this page shows groups only; the cases are in cases.ndjson and in the case files beside it." } }
                section aria-labelledby="attention" {
                    h2 id="attention" { "What needs attention" }
                    (tally(report))
                    (groups::attention(report))
                }
            }
        }
    }
}

fn what_none_means(report: &Report<'_>) -> &'static str {
    if report.totals.cases > 0 {
        "There are resets, but the filters of this run show none of them."
    } else if report.totals.files == 0 {
        "Nothing that was given is a capture file."
    } else {
        "If a connection failed all the same, it may have timed out or been closed in order, or the capture does not hold it: look at its time, its filter and its capture point below."
    }
}

fn input(report: &Report<'_>, names: &Names) -> String {
    let t = report.totals;
    let (first, last) = data::span(report);
    let mut read = inputs(report);
    let what = match (read.next(), read.next()) {
        (Some(only), None) => names.shown(only.id),
        _ => counted(t.files, "file"),
    };
    let mut text = format!(
        "{what}: {}, {}, {}",
        bytes(t.bytes),
        counted(t.packets, "packet"),
        counted(t.connections, "connection")
    );
    if last > first {
        text.push_str(&format!(
            ", {} to {} UTC",
            shown_time(first),
            shown_time(last)
        ));
    }
    text
}

/// The files that this run read, without those that only stand for earlier ones.
fn inputs<'a>(report: &Report<'a>) -> impl Iterator<Item = &'a FileStatus> {
    report.files.iter().filter(|f| !f.earlier)
}

/// How many cases come from earlier runs alone.
fn from_earlier_runs(report: &Report<'_>) -> u64 {
    let earlier = |c: &&Case| report.file_of(c).is_some_and(|f| f.earlier);
    report.cases.iter().filter(earlier).count() as u64
}

fn shown_time(at: crate::units::Timestamp) -> String {
    time(at, 0).replace('T', " ").replace('Z', "")
}

/// How many of which severity.
fn tally(report: &Report<'_>) -> Markup {
    let of = report.severities();
    let rows = [
        (Severity::Error, "error", "a user or service was hurt"),
        (
            Severity::Warning,
            "warning",
            "something was lost or delayed",
        ),
        (Severity::Info, "info", "worth knowing"),
        (Severity::Harmless, "harmless", "normal behaviour"),
    ];
    html! {
        ul.tally {
            @for (severity, word, meaning) in rows {
                @let n = of.get(&severity).copied().unwrap_or(0);
                li.{ "sev-" (severity.id()) } .none[n == 0] {
                    a href={ "#severity=" (severity.id()) } { strong { (count(n)) } " " (word) }
                    span { (meaning) }
                }
            }
        }
    }
}

/// The place of the timeline, with its buttons.
pub(super) fn timeline() -> Markup {
    html! {
        section.script-only aria-labelledby="timeline-head" {
            h2 id="timeline-head" { "Timeline" }
            div.toolbar {
                button type="button" data-zoom="in" { "Zoom in" }
                button type="button" data-zoom="out" { "Zoom out" }
                button type="button" data-zoom="left" aria-label="Earlier" { "←" }
                button type="button" data-zoom="right" aria-label="Later" { "→" }
                button type="button" data-zoom="reset" { "Reset zoom" }
                ul.legend id="legend" {}
            }
            div id="timeline" tabindex="0" role="group" aria-describedby="timeline-help"
                aria-label="Resets over the time of the capture, one line per class" {}
            p.soft id="timeline-help" { "Drag to zoom in, or use + and -, the arrow keys and 0. The table shows what the timeline shows. A mark opens its case." }
        }
    }
}

/// The place of the table, with its filters.
pub(super) fn cases() -> Markup {
    html! {
        section.script-only aria-labelledby="cases-head" {
            h2 id="cases-head" { "Cases" }
            form.filters id="filters" role="search" aria-label="Filter the cases" {
                label { "Search" input type="search" name="q" placeholder="any text  ( / )" autocomplete="off"; }
                label { "Class" select name="class" {} }
                label { "Who" select name="party" {} }
                label { "Severity" select name="severity" {
                    option value="" { "any" } option value="attention" { "error or warning" }
                    option value="error" { "error" } option value="warning" { "warning" }
                    option value="info" { "info" } option value="harmless" { "harmless" } } }
                label { "Confidence" select name="confidence" {
                    option value="" { "any" } option value="high" { "high, both" }
                    option value="medium" { "medium or high" } option value="low" { "low, either" } } }
                label { "Host" input name="host" placeholder="10.0.0." autocomplete="off"; }
                label.short { "Port" input name="port" inputmode="numeric" placeholder="443" autocomplete="off"; }
                label { "Name" input name="name" placeholder="example" autocomplete="off"; }
                button type="reset" { "Clear" }
            }
            p.state { span id="shown" role="status" {} span id="chips" {} }
            div.scroll {
                table.cases id="cases" {
                    // fixed widths: thousands of rows need no second look
                    colgroup { @for column in COLUMNS { col.{ "col-" (column.0) } {} } }
                    thead { tr {
                        @for (key, name) in COLUMNS {
                            th scope="col" aria-sort=(if key == "id" { "ascending" } else { "none" }) {
                                button type="button" data-sort=(key) { (name) }
                            }
                        }
                    } }
                    tbody {}
                }
            }
            p id="more" hidden { button type="button" data-more="some" { "Show more" } " "
                button type="button" data-more="all" { "Show all" } }
        }
    }
}

/// Files, defects, how to read.
pub(super) fn bottom(report: &Report<'_>, names: &Names) -> Markup {
    html! {
        footer {
            (files(report, names))
            (defects(report))
            @if !report.cases.is_empty() { (legend()) (not_written(report)) }
            p.soft { "Written by rstcap " (env!("CARGO_PKG_VERSION")) ". This page loads nothing and sends nothing." }
        }
    }
}

fn files(report: &Report<'_>, names: &Names) -> Markup {
    html! {
        details {
            summary { (counted(inputs(report).count() as u64, "input file")) }
            div.scroll { table {
                thead { tr { th scope="col" { "File" } th scope="col" { "Format" } th.n scope="col" { "Size" }
                    th.n scope="col" { "Packets" } th scope="col" { "First packet (UTC)" } th scope="col" { "Last packet" } } }
                tbody { @for f in inputs(report) {
                    tr {
                        th scope="row" { (names.shown(f.id)) }
                        td { (f.format) } td.n { (bytes(f.bytes)) } td.n { (count(f.packets)) }
                        td { @if let Some(t) = f.first_time { (shown_time(t)) } }
                        td { @if let Some(t) = f.last_time { (shown_time(t)) }
                            @if f.error.is_some() { br; strong.problem { "not read to its end" } } }
                    }
                } }
            } }
        }
    }
}

fn defects(report: &Report<'_>) -> Markup {
    let all: Vec<_> = report.anomalies.iter().collect();
    if all.is_empty() {
        return html! {};
    }
    let names = Names::of(report);
    html! {
        details {
            summary { (counted(all.iter().map(|(_, _, t)| t.count).sum(), "defect")) " of the input" }
            div.scroll { table {
                thead { tr { th scope="col" { "File" } th scope="col" { "Defect" } th.n scope="col" { "Times" } th scope="col" { "First" } } }
                tbody { @for (file, kind, tally) in all {
                    tr { th scope="row" { (names.shown(file)) } td { code { (kind.id()) } } td.n { (count(tally.count)) }
                        td {
                            @if let Some(frame) = tally.first_frame { "frame " (frame) " " }
                            @if let Some(offset) = tally.first_offset { "at offset " (offset) " " }
                            (plain(&tally.detail))
                        } }
                } }
            } }
        }
    }
}

fn legend() -> Markup {
    let terms = [
        (
            "Who",
            "the party that made the RST, not the address it bears: a device on the path uses the address of a side.",
        ),
        (
            "Confidence",
            "who / why. High is meant to be right at least 95 times in 100, medium 75 times.",
        ),
        (
            "Stated, observed, inferred",
            "an alert, an error message or the RST itself says so; every step is in the frames; or an assumption is needed.",
        ),
        (
            "Frames",
            "numbers are those of the source file as Wireshark counts. In a case file they are in the packet id (frame.packet_id).",
        ),
        (
            "Sequence",
            "drawn from top to bottom with even spacing, whatever the time between; seq and ack are relative as in Wireshark. A RST of a device on the path starts at the dashed line between the sides.",
        ),
    ];
    html! {
        details { summary { "How to read this page" }
            dl.facts { @for (term, meaning) in terms { dt { (term) } dd { (meaning) } } } }
    }
}

fn not_written(report: &Report<'_>) -> Markup {
    let n = report.not_written;
    let left = n.per_group + n.max_cases + n.failed;
    html! {
        @if left > 0 {
            p { (counted(left, "case file")) " not written: " (count(n.per_group)) " beyond --per-group, "
                (count(n.max_cases)) " beyond --max-cases, " (count(n.failed)) " that failed." }
        }
    }
}
