//! `--explain` and `--list-classes`: the manual of the diagnoses on the terminal.

use super::console::Console;
use super::failure::Failure;
use super::markup::{Block, Inline, parse};
use super::nearest::nearest;
use crate::diagnosis::{self, Rule};
use crate::report::hostile::{plain, width, wrap};
use anstyle::{Effects, Style};
use std::fmt::Write as _;

/// Widest line of running text; longer ones are hard to read.
const MOST_COLUMNS: usize = 100;
/// Spaces before everything but headings.
const INDENT: usize = 2;

/// The manual entry of a class.
pub(super) fn entry(id: &str, console: Console) -> Result<String, Failure> {
    let Some(rule) = diagnosis::rule(id) else {
        let ids: Vec<&str> = diagnosis::registry().iter().map(|r| r.id).collect();
        let failure = Failure::usage(format!("there is no class '{}'", plain(id)));
        return Err(match nearest(id, &ids) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure.hint("rstcap --list-classes shows them"),
        });
    };
    let bold = style(Effects::BOLD, console);
    let title = rule.title;
    let mut out = format!("{bold}{}{bold:#}: {title}\n", rule.id);
    let columns = console.columns.min(MOST_COLUMNS);
    for line in wrap(&usually(rule), columns) {
        let _ = writeln!(out, "{line}");
    }
    out.push_str(&render(rule.doc, console));
    Ok(out)
}

/// Who it usually is, and since when the class exists.
pub(super) fn usually(rule: &Rule) -> String {
    format!(
        "Usual party: {}. Since rstcap {}.",
        rule.party_hint, rule.since
    )
}

/// All classes with their titles, in the order in which they are tried.
pub(super) fn list(console: Console) -> String {
    let rules = diagnosis::registry();
    let widest = rules.iter().map(|r| width(r.id)).max().unwrap_or(0);
    let bold = style(Effects::BOLD, console);
    let mut out = String::new();
    for rule in rules {
        let _ = writeln!(out, "{bold}{:widest$}{bold:#}  {}", rule.id, rule.title);
    }
    out
}

fn style(effects: Effects, console: Console) -> Style {
    if console.colour {
        Style::new().effects(effects)
    } else {
        Style::new()
    }
}

/// A manual entry for a terminal.
fn render(doc: &str, console: Console) -> String {
    let columns = console.columns.min(MOST_COLUMNS).saturating_sub(INDENT);
    let bold = style(Effects::BOLD, console);
    let mut out = String::new();
    let mut in_list = false;
    for block in parse(doc) {
        let item = matches!(block, Block::Item(_));
        if !(in_list && item) {
            out.push('\n');
        }
        in_list = item;
        match block {
            Block::Heading(text) => {
                let _ = writeln!(out, "{bold}{text}{bold:#}");
            }
            Block::Paragraph(pieces) => push_wrapped(&mut out, &flat(&pieces), "", columns),
            Block::Item(pieces) => push_wrapped(&mut out, &flat(&pieces), "- ", columns),
            Block::Code(lines) => {
                for line in lines {
                    let _ = writeln!(out, "{:INDENT$}  {line}", "");
                }
            }
        }
    }
    out
}

fn push_wrapped(out: &mut String, text: &str, mark: &str, columns: usize) {
    let columns = columns.saturating_sub(mark.len());
    for (i, line) in wrap(text, columns).iter().enumerate() {
        let lead = if i == 0 {
            mark.to_owned()
        } else {
            " ".repeat(mark.len())
        };
        let _ = writeln!(out, "{:INDENT$}{lead}{line}", "");
    }
}

/// The text of the pieces; commands stay recognisable by their quotes.
fn flat(pieces: &[Inline]) -> String {
    let text = |piece: &Inline| match piece {
        Inline::Text(t) | Inline::Strong(t) => t.clone(),
        Inline::Code(t) => format!("`{t}`"),
    };
    pieces.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: Console = Console {
        columns: 40,
        colour: false,
        out_is_terminal: false,
        err_is_terminal: false,
    };

    #[test]
    fn rendered_within_the_width() {
        let doc = " A paragraph that is rather longer than forty columns are wide.\n\n # Next\n * `one`\n * two is also rather long and goes on and on\n";
        let text = render(doc, CONSOLE);
        assert!(text.lines().all(|l| l.len() <= 40), "{text}");
        assert!(
            text.contains("\nNext\n\n  - `one`\n  - two is also"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn unknown_class() {
        let failure = entry("\u{1b}[31m", CONSOLE).unwrap_err();
        assert_eq!(failure.message, "there is no class '\\x1b[31m'");
        assert!(failure.hint.is_some());
    }

    #[test]
    fn every_class_has_an_entry() {
        for rule in diagnosis::registry() {
            let text = entry(rule.id, CONSOLE).unwrap();
            assert!(text.lines().count() > 5, "{}", rule.id);
        }
    }
}
