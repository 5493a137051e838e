//! The section comment: the whole case in lines of text, for whoever gets the file without
//! the report (design 5 "trim").

use super::again;
use super::extra::Extras;
use super::options::Lost;
use super::secrets::Carried;
use super::section::{self, PROGRAM};
use super::source::Origin;
use crate::diagnosis::{Case, Evidence};
use crate::flow::FrameRef;
use crate::selection::{self, Selection, clean};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Bytes of one line, and of the comment, which is one option of at most 65,535.
const MAX_LINE: usize = 600;
const MAX_TEXT: usize = 60_000;
/// Frames named of one statement.
const MAX_FRAMES: usize = 12;

/// Everything there is to tell.
pub(super) struct Facts<'a> {
    pub case: &'a Case,
    pub selection: &'a Selection,
    pub origins: &'a [Arc<Origin>],
    pub main: &'a Origin,
    pub secrets: Carried,
    pub extras: Extras,
    pub lost: Lost,
}

/// The comment; where the source is a case file of this case already, what is not in the output
/// of it, and `None` when all is.
pub(super) fn comment(facts: &Facts<'_>) -> Option<String> {
    if let Some(frames) = told_in(facts) {
        return cut_again(facts, frames);
    }
    let mut text = Text::default();
    verdict(&mut text, facts);
    reasons(&mut text, facts);
    checklist(&mut text, facts);
    sources(&mut text, facts);
    left_out(&mut text, facts);
    Some(text.0)
}

/// Lines of bounded length without anything hostile in them.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        let line = clean(line, MAX_LINE);
        if self.0.len() + line.len() < MAX_TEXT {
            if !self.0.is_empty() {
                self.0.push('\n');
            }
            self.0.push_str(&line);
        }
    }

    fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(heading);
    }
}

/// The frames of the one source, if that is a case file with our comment with this verdict.
fn told_in(facts: &Facts<'_>) -> Option<u64> {
    let [origin] = facts.origins else {
        return None;
    };
    let (first, last) = origin.label.frames?;
    let frames = last.0.saturating_sub(first.0).saturating_add(1);
    section::comments(origin)
        .any(|comment| again::tells(comment, &facts.selection.verdict))
        .then(|| frames.saturating_sub(origin.label.other_frames))
}

/// What is new when a case file is cut again: which of its frames are gone. Those are of other
/// connections, which the first run compared this one with.
fn cut_again(facts: &Facts<'_>, frames: u64) -> Option<String> {
    let gone = frames.saturating_sub(facts.selection.frames.len() as u64);
    let mut text = Text::default();
    text.line(&format!(
        "{PROGRAM}: cut out of a case file; {} of it left out",
        selection::count(gone, "packet")
    ));
    (gone > 0).then_some(text.0)
}

fn verdict(text: &mut Text, facts: &Facts<'_>) {
    let diagnosis = &facts.case.diagnosis;
    let connection = &facts.case.connection;
    text.line(&format!("{PROGRAM}, case {}", facts.case.id));
    text.line(&facts.selection.verdict);
    let summary = diagnosis.summary();
    if !summary.is_empty() {
        text.line(&summary);
    }
    text.line(&format!(
        "connection: client {} > server {}",
        connection.client, connection.server
    ));
    if let Some(name) = &connection.name {
        text.line(&format!("server name: {}", name.name));
    }
    text.line(&format!(
        "who: {}, confidence {}",
        diagnosis.party.id(),
        diagnosis.party_confidence.id()
    ));
    text.line(&format!(
        "why: {} ({}), confidence {}, {}, severity {}",
        diagnosis.class,
        diagnosis.title,
        diagnosis.cause_confidence.id(),
        diagnosis.basis.id(),
        diagnosis.severity.id()
    ));
    if let Some(blame) = diagnosis.to_change() {
        text.line(&format!("to change: {}", blame));
    }
}

fn reasons(text: &mut Text, facts: &Facts<'_>) {
    let diagnosis = &facts.case.diagnosis;
    if !diagnosis.evidence.is_empty() {
        text.heading("evidence");
        for statement in &diagnosis.evidence {
            let frames = frames(statement, facts);
            text.line(&format!("- {}{frames}", statement.text()));
        }
    }
    for contrast in &diagnosis.contrast {
        text.line(&format!(
            "- {}: {} ({})",
            contrast.property, contrast.text, contrast.test
        ));
    }
    if !diagnosis.alternatives.is_empty() {
        text.heading("what else it could be");
        for other in &diagnosis.alternatives {
            text.line(&format!("- {}: {}", other.class, other.why_less_likely));
        }
    }
    let mut advice = facts
        .case
        .advice()
        .into_iter()
        .chain(diagnosis.elsewhere().map(str::to_owned))
        .peekable();
    if advice.peek().is_some() {
        text.heading("what to check next");
    }
    for advice in advice {
        text.line(&format!("- {advice}"));
    }
}

/// ` (frames 5, 7; in the source 120, 122)`.
fn frames(statement: &Evidence, facts: &Facts<'_>) -> String {
    if statement.frames.is_empty() {
        return String::new();
    }
    let named = statement.frames.iter().take(MAX_FRAMES);
    let list = |numbers: Vec<String>| numbers.join(", ");
    let here = list(
        named
            .clone()
            .map(|f| match facts.selection.number_of(*f) {
                Some(number) => number.to_string(),
                None => "-".to_string(),
            })
            .collect(),
    );
    let source = list(named.map(|f| in_source(*f, facts)).collect());
    let more = match statement.frames.len().saturating_sub(MAX_FRAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let plural = if statement.frames.len() == 1 { "" } else { "s" };
    format!(" (frame{plural} {here}; in the source {source}{more})")
}

/// Number of a frame in the source; with several files, `file#number` as Wireshark shows it
/// for that file alone.
fn in_source(frame: FrameRef, facts: &Facts<'_>) -> String {
    if !several_files(facts) {
        return frame.number.to_string();
    }
    let origin = facts.origins.iter().find(|o| o.label.file == frame.file);
    let name = origin.map_or("?", |origin| origin.label.base_name());
    format!("{name}#{}", frame.in_file)
}

fn several_files(facts: &Facts<'_>) -> bool {
    let main = facts.main.label.file;
    facts.origins.iter().any(|origin| origin.label.file != main)
}

fn checklist(text: &mut Text, facts: &Facts<'_>) {
    let checklist = facts.case.checklist();
    let items = checklist.items();
    let mut answered = items
        .iter()
        .filter(|(_, answer)| !answer.is_empty())
        .peekable();
    if answered.peek().is_some() {
        text.heading("checklist");
    }
    for (question, answer) in answered {
        text.line(&format!("- {question}: {answer}"));
    }
}

/// Where the packets come from and how to find them there.
fn sources(text: &mut Text, facts: &Facts<'_>) {
    text.heading("source");
    let mut previous = None;
    for origin in facts.origins {
        let label = &origin.label;
        if previous.replace(label.file) == Some(label.file) {
            continue;
        }
        let mut line = format!("- {}", label.base_name());
        if let Some(size) = label.size {
            let _ = write!(line, ", {size} bytes");
        }
        if let Some((first, last)) = label.frames {
            let _ = write!(line, ", frames {first}-{last}");
        }
        let kept = facts.extras.by_file.get(&label.file).copied().unwrap_or(0);
        let left_out = label.other_frames.saturating_sub(kept);
        if left_out > 0 {
            let blocks = selection::count(left_out, "custom or journal block");
            let _ = write!(line, " (of which {blocks} left out)");
        }
        text.line(&line);
    }
    for line in section::other_capturers(facts.main, facts.origins) {
        text.line(&format!("- {line}"));
    }
    let connection = &facts.case.connection;
    let several = several_files(facts);
    let place = if several {
        "in these files merged"
    } else {
        "there"
    };
    text.line(&format!(
        "- tcp.stream == {} {place}, as Wireshark 4.4 numbers",
        connection.stream
    ));
    let filter = selection::display_filter(facts.case);
    text.line(&format!("- display filter: {filter}"));
    text.line(
        "- frame.packet_id is the frame number in the source, unless the source has ids itself",
    );
    if several {
        text.line("- with several files, frame.packet_id and orig= count on from file to file");
    }
}

fn left_out(text: &mut Text, facts: &Facts<'_>) {
    let selection = facts.selection;
    text.heading("left out");
    text.line("- packets of other connections");
    let counted = [
        (selection.packets_left_out(), "packet", "of the connection"),
        (
            selection.copies_left_out,
            "copy",
            "of packets, made by the capture",
        ),
        (selection.resets_left_out, "RST", "of the connection"),
        (
            selection.evidence_left_out,
            "further frame",
            "that shows the same",
        ),
        (facts.secrets.left_out, "decryption secret", ""),
        (facts.lost.no_copy, "option", "marked as not to be copied"),
        (
            facts.lost.unknown,
            "option",
            "of unknown meaning, as the byte order changed",
        ),
        (
            facts.lost.no_utf8,
            "text",
            "of the source with bytes that are no text, here without them or U+FFFD",
        ),
    ];
    for (number, what, of) in counted {
        if number > 0 {
            text.line(&format!("- {} {of}", selection::count(number, what)));
        }
    }
    let mut blocks: BTreeMap<u32, u64> = BTreeMap::new();
    for (kind, count) in facts.origins.iter().flat_map(|o| &o.left_out) {
        *blocks.entry(*kind).or_default() += count;
    }
    for (kind, count) in blocks {
        let blocks = selection::count(count, "block");
        text.line(&format!("- {blocks} of type 0x{kind:08x}"));
    }
    let extras = [
        (facts.extras.custom, "custom block"),
        (facts.extras.journal, "journal entry"),
    ];
    let kept: Vec<String> = extras
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| selection::count(*number, what))
        .collect();
    if !kept.is_empty() {
        text.line(&format!("kept behind the packets: {}", kept.join(", ")));
    }
    if facts.secrets.written > 0 {
        text.heading(
            "this file contains decryption secrets: whoever has it can read the TLS session",
        );
    }
}
