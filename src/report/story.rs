//! The full story of a case, `-V`.

use super::display_filter::display_filter;
use super::figures::{self, time};
use super::hostile::{plain, shell_word, wrap};
use super::rows::{confidence, connection, name_and_summary, place};
use super::text::{Canvas, bold, colour_of};
use super::{Report, app, diagram, json};
use crate::diagnosis::{Case, Diagnosis};
use crate::flow::FrameRef;
use crate::reset::Vote;
use crate::selection::{Context, select};
use std::io;

/// Spaces before the text of a section.
const INDENT: usize = 4;

/// Prints every case in full.
pub(super) fn print(canvas: &mut Canvas<'_>, report: &Report<'_>) -> io::Result<()> {
    for (i, case) in report.cases.iter().enumerate() {
        if i > 0 {
            canvas.line("")?;
        }
        print_case(canvas, report, case)?;
    }
    Ok(())
}

fn print_case(canvas: &mut Canvas<'_>, report: &Report<'_>, case: &Case) -> io::Result<()> {
    let d = &case.diagnosis;
    let class = canvas.paint(colour_of(d.severity), d.class);
    canvas.line(&format!("case {}: {class}, {}", case.id, d.title))?;
    text(canvas, &name_and_summary(case))?;
    facts(canvas, report, case)?;
    section(canvas, "evidence", &evidence(report, case))?;
    section(canvas, "contrast", &contrast(d))?;
    section(canvas, "could also be", &alternatives(d))?;
    section(canvas, "what to check next", &advice(case))?;
    section(canvas, "questions", &checklist(case))?;
    section(canvas, "resets of this connection", &resets(report, case))?;
    sequence(canvas, case)?;
    canvas.line(&format!("  {}", canvas.paint(bold(), "in Wireshark")))?;
    for line in in_wireshark(report, case) {
        // never broken: it is there to be pasted
        canvas.line(&format!("{:INDENT$}{line}", ""))?;
    }
    Ok(())
}

fn facts(canvas: &mut Canvas<'_>, report: &Report<'_>, case: &Case) -> io::Result<()> {
    let d = &case.diagnosis;
    let primary = case.primary_segment();
    let at = time(primary.time, report.digits(case));
    let place = place(report, primary.frame, report.files.len() > 1);
    text(canvas, &format!("{at}, {place}, {}", connection(case)))?;
    text(
        canvas,
        &format!(
            "who: {} ({}); confidence {} (who/why), {}; severity {}; group {}",
            d.party.word(),
            d.party.id(),
            confidence(case),
            d.basis.id(),
            d.severity.id(),
            case.group
        ),
    )?;
    if let Some(blame) = d.to_change() {
        text(canvas, &format!("to change: {}", plain(blame)))?;
    }
    let names = app::server_names(case);
    if names.len() > 1 {
        let names: Vec<String> = names.iter().map(|n| plain(n)).collect();
        text(
            canvas,
            &format!("names of the server: {}", names.join(", ")),
        )?;
    }
    if let Some(request) = app::last_request(case) {
        text(canvas, &format!("last request: {}", plain(&request)))?;
    }
    if let Some(error) = app::stated_error(case) {
        text(canvas, &format!("stated by the {}", plain(&error)))?;
    }
    let v = &case.episode.vantage;
    let votes = if v.votes.is_empty() {
        String::new()
    } else {
        format!(
            ": {}",
            v.votes
                .iter()
                .map(Vote::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        )
    };
    text(canvas, &format!("capture point: {}{votes}", v.point.id()))
}

fn section(canvas: &mut Canvas<'_>, head: &str, items: &[String]) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let head = canvas.paint(bold(), head);
    canvas.line(&format!("  {head}"))?;
    for item in items {
        text(canvas, item)?;
    }
    Ok(())
}

/// The diagram; its lines are never broken.
fn sequence(canvas: &mut Canvas<'_>, case: &Case) -> io::Result<()> {
    canvas.line(&format!("  {}", canvas.paint(bold(), "sequence")))?;
    let selection = select(case, &Context::default());
    let drawn = diagram::layout(case, &selection);
    for line in diagram::lines(&drawn, canvas.columns().saturating_sub(INDENT)) {
        canvas.line(format!("{:INDENT$}{line}", "").trim_end())?;
    }
    Ok(())
}

/// A text, indented; further lines of it two deeper.
fn text(canvas: &mut Canvas<'_>, text: &str) -> io::Result<()> {
    let room = canvas.columns().saturating_sub(INDENT + 2);
    for (i, line) in wrap(text, room).iter().enumerate() {
        let indent = if i == 0 { INDENT } else { INDENT + 2 };
        canvas.line(&format!("{:indent$}{line}", ""))?;
    }
    Ok(())
}

/// A frame without the word: `12`, or with its file.
fn short_place(report: &Report<'_>, case: &Case, frame: FrameRef) -> String {
    let text = place(report, frame, report.several_files(case));
    text.strip_prefix("frame ")
        .map_or(text.clone(), str::to_owned)
}

fn evidence(report: &Report<'_>, case: &Case) -> Vec<String> {
    let statements = case.diagnosis.evidence.iter();
    statements
        .map(|s| {
            let frames: Vec<String> = s
                .frames
                .iter()
                .map(|f| short_place(report, case, *f))
                .collect();
            let word = if frames.len() == 1 { "frame" } else { "frames" };
            if frames.is_empty() {
                plain(&s.text())
            } else {
                format!("{} ({word} {})", plain(&s.text()), frames.join(", "))
            }
        })
        .collect()
}

fn contrast(d: &Diagnosis) -> Vec<String> {
    let one = |c: &crate::diagnosis::Contrast| {
        if c.test.is_empty() {
            plain(&c.text)
        } else {
            format!("{} ({})", plain(&c.text), plain(&c.test))
        }
    };
    d.contrast.iter().map(one).collect()
}

fn alternatives(d: &Diagnosis) -> Vec<String> {
    let one =
        |a: &crate::diagnosis::Alternative| format!("{}: {}", a.class, plain(&a.why_less_likely));
    d.alternatives.iter().map(one).collect()
}

fn advice(case: &Case) -> Vec<String> {
    let elsewhere = case.diagnosis.elsewhere().map(str::to_owned);
    let all = case.advice().into_iter().chain(elsewhere);
    all.map(|a| plain(&a)).collect()
}

fn checklist(case: &Case) -> Vec<String> {
    let checklist = case.checklist();
    let answered = checklist
        .items()
        .into_iter()
        .filter(|(_, answer)| !answer.is_empty());
    answered
        .map(|(question, answer)| format!("{question}: {}", plain(answer)))
        .collect()
}

/// One line per RST, when there are several.
fn resets(report: &Report<'_>, case: &Case) -> Vec<String> {
    let resets = &case.episode.resets;
    if resets.len() < 2 {
        return Vec::new();
    }
    let lines = resets.iter().filter_map(|r| {
        let s = case.connection.segments.get(r.segment)?;
        let since = s.time.seconds_since(case.primary_segment().time);
        let after = if r.segment == case.episode.primary().segment {
            String::new()
        } else {
            format!(", {} after the primary", figures::seconds(since.max(0.0)))
        };
        Some(format!(
            "{}: {} from the {}, {}, {}, seq {}, ttl {}{after}",
            place(report, s.frame, report.several_files(case)),
            json::flag_letters(s),
            r.from.word(),
            r.form.id(),
            r.role.id(),
            s.seq,
            s.ttl,
        ))
    });
    lines.collect()
}

/// The display filter, and commands that open the source at the RST and the case file.
fn in_wireshark(report: &Report<'_>, case: &Case) -> Vec<String> {
    let primary = case.primary_segment().frame;
    let mut items = vec![display_filter(case)];
    if let Some(file) = report.file(primary.file).filter(|f| f.label != "-") {
        items.push(format!(
            "wireshark -r {} -g {}",
            shell_word(&file.label),
            primary.in_file
        ));
    }
    if let Some(written) = report.written.get(&case.id) {
        items.push(format!(
            "wireshark -r {}",
            shell_word(&written.path.display().to_string())
        ));
    }
    items
}
