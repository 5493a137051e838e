//! A summary to paste into a ticket: what was read, a table, one section per case.

use super::display_filter::display_filter;
use super::figures::time;
use super::hostile::{markdown, markdown_code};
use super::rows::{confidence, connection, name_and_summary, place};
use super::{Report, app, groups, lines};
use crate::diagnosis::{Case, Evidence};
use crate::flow::FrameRef;
use std::io::{self, Write};

/// Cases that get a section of their own; a ticket with more of them is not read.
const SECTIONS: usize = 50;

/// Writes the summary.
pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# TCP resets\n")?;
    if report.cases.is_empty() {
        writeln!(out, "{}.", markdown(&lines::nothing(report)))?;
        return notes(report, out);
    }
    writeln!(out, "{}\n", markdown(&lines::totals(report)))?;
    let rows = if groups::say_more(report) {
        groups::exemplars(report)
    } else {
        report.cases.iter().map(|c| (c, 1)).collect()
    };
    writeln!(
        out,
        "| # | resets | time (UTC) | who reset | why | connection | confidence |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for (case, count) in &rows {
        table_row(report, case, *count, out)?;
    }
    for (case, _) in rows.iter().take(SECTIONS) {
        section(report, case, out)?;
    }
    if let Some(rest) = rows.len().checked_sub(SECTIONS).filter(|n| *n > 0) {
        writeln!(out, "\n{rest} more rows of the table have no section here.")?;
    }
    notes(report, out)
}

fn table_row(report: &Report<'_>, case: &Case, count: u64, out: &mut dyn Write) -> io::Result<()> {
    let d = &case.diagnosis;
    writeln!(
        out,
        "| {} | {count} | {} | {} | {} | {} | {} |",
        case.id,
        time(case.primary_segment().time, report.digits(case)),
        d.party.word(),
        d.class,
        markdown_code(&connection(case)),
        confidence(case),
    )
}

fn section(report: &Report<'_>, case: &Case, out: &mut dyn Write) -> io::Result<()> {
    let d = &case.diagnosis;
    writeln!(out, "\n## Case {}: {}\n", case.id, markdown(d.title))?;
    writeln!(out, "{}\n", markdown(&name_and_summary(case)))?;
    writeln!(
        out,
        "Who: {} ({}), {} confidence. Why: {}, {} confidence, {}.\n",
        d.party.word(),
        d.party.id(),
        d.party_confidence.id(),
        d.class,
        d.cause_confidence.id(),
        d.basis.id()
    )?;
    if let Some(blame) = d.to_change() {
        writeln!(out, "To change: {}\n", markdown(blame))?;
    }
    if let Some(request) = app::last_request(case) {
        writeln!(out, "Last request: {}\n", markdown_code(&request))?;
    }
    let evidence = d.evidence.iter().map(|s| statement(report, case, s));
    list(out, "Evidence", evidence)?;
    list(
        out,
        "Could also be",
        d.alternatives
            .iter()
            .map(|a| format!("{}: {}", a.class, prose(&a.why_less_likely))),
    )?;
    let elsewhere = d.elsewhere().map(str::to_owned);
    let next = case.advice().into_iter().chain(elsewhere);
    list(out, "Check next", next.map(|a| prose(&a)))?;
    let checklist = case.checklist();
    let answered = checklist.items().into_iter().filter(|(_, a)| !a.is_empty());
    list(
        out,
        "Questions",
        answered.map(|(q, a)| format!("{q}: {}", prose(a))),
    )?;
    let primary = case.primary_segment().frame;
    let file = report.file_of(case).map_or("", |f| &f.label);
    writeln!(
        out,
        "Source: {} frame {}\n",
        markdown_code(file),
        primary.in_file
    )?;
    writeln!(out, "Wireshark: {}", markdown_code(&display_filter(case)))?;
    if let Some(written) = report.written.get(&case.id) {
        let path = written.path.display().to_string();
        writeln!(out, "\nCase file: {}", markdown_code(&path))?;
    }
    Ok(())
}

/// Text of ours, in which `` `commands` `` stay such.
fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // a lone backtick is a character like others
    if parts.len().is_multiple_of(2) {
        return markdown(text);
    }
    let part = |(i, part): (usize, &&str)| match (i % 2, part.is_empty()) {
        (_, true) => String::new(),
        (1, _) => markdown_code(part),
        _ => markdown(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// A statement and where it can be seen.
fn statement(report: &Report<'_>, case: &Case, s: &Evidence) -> String {
    let several = report.several_files(case);
    let place = |f: &FrameRef| markdown(&place(report, *f, several));
    let places: Vec<String> = s.frames.iter().map(place).collect();
    if places.is_empty() {
        markdown(&s.text())
    } else {
        format!("{} ({})", markdown(&s.text()), places.join(", "))
    }
}

fn list(out: &mut dyn Write, head: &str, items: impl Iterator<Item = String>) -> io::Result<()> {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "{head}:\n")?;
    for item in items {
        writeln!(out, "- {item}")?;
    }
    writeln!(out)
}

fn notes(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let notes = lines::anomalies(report);
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    list(out, "About the input", notes.iter().map(|n| markdown(n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Listed;
    use crate::report::testing::{Findings, case, harmless, told};

    fn render(findings: &Findings) -> String {
        let mut out = Vec::new();
        write(&findings.report(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table_and_sections() {
        let text = render(&Findings::of(vec![case(1), harmless(2, 2, 60)]));
        assert!(text.contains(
            "| 1 | 1 | 2024-07-14T12:01:17.123400Z | middlebox | reset-after-client-hello | \
             `10.0.0.1:40000 > 192.0.2.7:443` | high/medium |\n"
        ));
        assert!(text.contains("\n## Case 2: Reset after both sides closed\n"));
        assert!(
            text.contains("- the RST came 0.4 ms after the ClientHello (frame 10, frame 12)\n")
        );
    }

    #[test]
    fn who_and_why_and_commands() {
        let mut c = case(1);
        c.diagnosis.listed = Some(Box::new(Listed {
            advice: vec![
                "Run `ss -ti` and <b>look</b>; not `this".into(),
                "`nstat -az` then_wait".into(),
            ],
            ..Listed::default()
        }));
        let text = render(&Findings::of(vec![c]));
        assert!(text.contains(
            "\nWho: middlebox (middlebox-as-server), high confidence. \
             Why: reset-after-client-hello, medium confidence, observed.\n"
        ));
        assert!(text.contains("\n- `nstat -az` then\\_wait\n"), "{text}");
        assert!(text.contains("\n- Run \\`ss -ti\\` and &lt;b"), "{text}");
    }

    #[test]
    fn hostile_text_is_inert() {
        let mut c = case(1);
        c.diagnosis.evidence = vec![
            told("<script>alert(1)</script> | [x](javascript:1) \n# head"),
            told("<img src=x onerror=1>"),
        ];
        let text = render(&Findings::of(vec![c]));
        assert!(
            !text.contains("<script>") && !text.contains("<img"),
            "{text}"
        );
        assert!(
            text.contains("\\[x\\](javascript:1) \\\\n\\# head"),
            "{text}"
        );
        let rows = text.lines().filter(|l| l.starts_with("| 1 "));
        assert_eq!(
            rows.map(|l| l.matches('|').count()).collect::<Vec<_>>(),
            [8]
        );
    }

    #[test]
    fn nothing_found() {
        assert!(render(&Findings::of(Vec::new())).contains("no TCP resets in 1 file"));
    }
}
