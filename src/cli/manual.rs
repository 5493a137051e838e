//! rstcap(1): clap's part and the sections that only we can write.

use super::args::Args;
use super::markup::inline;
use super::roff;
use crate::report::{ObjectDoc, object_docs};
use clap::CommandFactory as _;
use std::fmt::Write as _;

/// The page.
pub(super) fn page() -> String {
    let mut page = head();
    page.push_str(&options());
    page.push_str(&status());
    page.push_str(&files());
    page.push_str(&output());
    page.push_str(&examples());
    page.push_str(SEE_ALSO);
    page
}

fn head() -> String {
    let command = Args::command();
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let long = command
        .get_long_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let description = long.strip_prefix(&about).unwrap_or(&long).trim();
    format!(
        "{QUOTE}.TH RSTCAP 1 \"\" \"rstcap {}\" \"User Commands\"\n\
         .SH NAME\nrstcap \\- {}\n{SYNOPSIS}.SH DESCRIPTION\n{}\n",
        env!("CARGO_PKG_VERSION"),
        roff::text(&about.to_lowercase().replace("tcp", "TCP")),
        roff::text(description),
    )
}

/// clap's list of options; its groups become subsections.
fn options() -> String {
    let man = clap_mangen::Man::new(Args::command());
    let mut out = Vec::new();
    // writing to memory does not fail
    let _ = man.render_options_section(&mut out);
    let rendered = String::from_utf8_lossy(&out).into_owned();
    let mut section = String::new();
    for line in rendered
        .lines()
        .filter(|l| !QUOTE.contains(l) || l.is_empty())
    {
        match line.strip_prefix(".SH ") {
            Some("OPTIONS") | None => section.push_str(line),
            Some(group) => section.push_str(&format!(".SS {}", sentence_case(group))),
        }
        section.push('\n');
    }
    section
}

/// clap shouts the names of groups; subsections are written as sentences.
fn sentence_case(heading: &str) -> String {
    let mut seen_letter = false;
    let lower = |c: char| {
        let keep = !seen_letter || !c.is_alphabetic();
        seen_letter |= c.is_alphabetic();
        if keep { c } else { c.to_ascii_lowercase() }
    };
    heading.chars().map(lower).collect()
}

fn status() -> String {
    definitions(
        "EXIT STATUS",
        &[
            (
                "0",
                "It ran, whether there were resets or not. A cut-short last packet is a note, not an error. A closed pipe is success.",
            ),
            ("1", "Wrong use of an option."),
            (
                "2",
                "Some input could not be read; the others were done. With --strict also when anything is wrong with the input.",
            ),
            ("3", "Output could not be written."),
            ("4", "A shown case matches --fail-on."),
            (
                "130",
                "Interrupted. What was found until then has been reported; every file written is whole.",
            ),
        ],
    )
}

fn files() -> String {
    definitions(
        "FILES",
        &[
            (
                "DIR/0003_20240714T120117.123456Z_10.0.0.1-40000_192.0.2.7-443_reset-after-client-hello.pcapng",
                "A case file: number, time of the primary RST, client, server, class. Packets are \
                 exact copies; the first section comment tells the case, packet comments say what \
                 each frame is. In Wireshark, frame.comment contains \"role=rst\" finds the RSTs.",
            ),
            (
                "DIR/cases.ndjson",
                "The cases as JSON, one per line, as -T ndjson prints them; case_file is relative to DIR.",
            ),
        ],
    )
}

/// The JSON objects, from their declaration.
fn output() -> String {
    let mut out = String::from(".SH OUTPUT\n");
    for paragraph in OUTPUT {
        let _ = writeln!(out, ".PP\n{}", roff::text(paragraph));
    }
    for object in object_docs() {
        out.push_str(&json_object(&object));
    }
    out
}

fn json_object(object: &ObjectDoc) -> String {
    let name = object.name.to_lowercase();
    let mut out = format!(".SS {}\n", roff::argument(&format!("JSON object {name}")));
    let _ = writeln!(out, "{}", roff::pieces(&inline(object.doc.trim())));
    for field in &object.fields {
        let _ = writeln!(
            out,
            ".TP\n\\fB{}\\fR (\\fI{}\\fR)\n{}",
            roff::text(field.name),
            roff::text(&field.kind),
            roff::pieces(&inline(field.doc.trim()))
        );
    }
    out
}

fn examples() -> String {
    definitions("EXAMPLES", &EXAMPLES)
}

fn definitions(section: &str, entries: &[(&str, &str)]) -> String {
    let mut out = format!(".SH {}\n", roff::argument(section));
    for (term, text) in entries {
        let _ = writeln!(
            out,
            ".TP\n\\fB{}\\fR\n{}",
            roff::text(term),
            roff::text(text)
        );
    }
    out
}

/// An apostrophe that is no typographic quote, as clap's part uses it.
const QUOTE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

const SYNOPSIS: &str = ".SH SYNOPSIS\n\
    .B rstcap\n[\\fIOPTIONS\\fR] \\fIPATH\\fR...\n.br\n\
    .B rstcap \\-\\-explain\n\\fICLASS\\fR\n.br\n\
    .B rstcap \\-\\-list\\-classes\n.br\n\
    .B rstcap \\-\\-generate\n\\fIWHAT\\fR\n";

const OUTPUT: [&str; 4] = [
    "The table shows one case per row: its number, the time of the primary RST (UTC, to the \
     capture's resolution), who reset the connection, why (the diagnosis class), client and \
     server, and how sure who and why are. With many cases it shows groups of like cases, and \
     counts the harmless ones at the end.",
    "Frame numbers are Wireshark's. Where the files of a ring buffer form one timeline, frame \
     counts over all of them and frame_in_file within one.",
    "Text from packets is hostile: control characters and characters that change the direction \
     of text are shown as escapes. In CSV, cells that a spreadsheet would execute begin with an \
     apostrophe.",
    "JSON (-T json, -T ndjson, cases.ndjson) has the following objects. Fields may be added; a \
     change that breaks readers changes schema.",
];

const EXAMPLES: [(&str, &str); 8] = [
    ("rstcap big.pcapng", "List the resets with who and why."),
    (
        "rstcap captures/ -w resets/",
        "Scan a directory tree; write one case file per reset.",
    ),
    (
        "rstcap captures/ -V --severity warning+",
        "The full story of what needs attention.",
    ),
    (
        "rstcap ring/ --host 192.0.2.0/24 --since 2024-07-14T12:00",
        "Resets of one network since noon, UTC.",
    ),
    (
        "rstcap captures/ -T ndjson | jq -r .class | sort | uniq -c",
        "Count classes.",
    ),
    (
        "rstcap test.pcapng --fail-on warning",
        "Exit status 4 when a reset needs attention.",
    ),
    (
        "tcpdump -w - -c 10000 tcp | rstcap -",
        "Read standard input.",
    ),
    (
        "rstcap --explain idle-timeout-reset",
        "The manual entry of one class.",
    ),
];

const SEE_ALSO: &str = ".SH \"SEE ALSO\"\n\
    .BR rstcap\\-diagnoses (7),\n.BR wireshark (1),\n.BR tshark (1),\n.BR editcap (1),\n\
    .BR mergecap (1),\n.BR reordercap (1),\n.BR capinfos (1),\n.BR pcap\\-filter (7)\n";
