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
    page.push_str(&prose("BATCH USE", &BATCH));
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
    definitions("FILES", &FILES)
}

/// Sections of running text.
fn prose(section: &str, paragraphs: &[&str]) -> String {
    let mut out = format!(".SH {}\n", roff::argument(section));
    for paragraph in paragraphs {
        let _ = writeln!(out, ".PP\n{}", roff::pieces(&inline(paragraph)));
    }
    out
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

const FILES: [(&str, &str); 5] = [
    (
        "DIR/0003_20240714T120117.123456Z_10.0.0.1-40000_192.0.2.7-443_reset-after-client-hello.pcapng",
        "A case file: number, time of the primary RST, client, server, class. Packets are exact \
         copies; the first section comment tells the case, packet comments say what each frame \
         is. In Wireshark, frame.comment contains \"role=rst\" finds the RSTs.",
    ),
    ("DIR/0003_....svg", "Its sequence diagram, with --diagrams."),
    (
        "DIR/cases.ndjson",
        "The cases as JSON, one per line, as -T ndjson prints them; case_file is relative to DIR. \
         It is also the state of the directory, see BATCH USE.",
    ),
    (
        "DIR/index.html",
        "All cases of the list as a page that needs nothing else, neither network nor server.",
    ),
    (
        "DIR/.rstcap.lock",
        "Locked while a run writes to DIR. It is empty and may stay.",
    ),
];

const BATCH: [&str; 6] = [
    "The same directory may be given to **-w** again and again, for instance every hour for the \
     directory of a ring buffer. A run adds the cases that the directory does not list yet; case \
     files and lines of earlier runs stay as they are, byte for byte, and **index.html** shows \
     old and new. Numbers count on. A case that the list has and whose file is not there is \
     written, whether its run was killed, a limit left it out or somebody deleted it.",
    "A case is known by its RSTs: by their time in microseconds, addresses, ports and fields, not \
     by the name, format or compression of the file they lie in. What two inputs show, a copy or \
     an overlap, is one case. A case whose capture is gone stays in list and page. A case that \
     looks different now, because the capture grew or its beginning was rotated away, keeps what \
     was said of it, and the run says so.",
    "Other filters add the cases that they let through. Other options (context, secrets, \
     diagrams) are for new files only. **--force** writes every case that the input shows again, \
     with the options of this run, and takes away listed case files that the input still shows \
     and the filters leave out; those whose capture is gone stay.",
    "Two runs cannot write to one directory at once: the second ends with status 3. A list that \
     cannot be read (cut short, edited into something else) also is status 3, before anything is \
     scanned; **--force** keeps the lines that can be read. Case files without a list, and a page \
     that rstcap did not make, are not written over either. DIR may lie in a directory that is \
     read: it is not entered.",
    "**--new** shows and fails on what the directory did not list before, so that a job that runs \
     by itself reports each case once; with **-q** it prints nothing while nothing is new. It needs no terminal and no locale; nothing is asked.",
    "The exit status is that of the whole run: files that cannot be read are named on standard \
     error, each with its reason, the others are done, and the status is 2. **-v** lists every \
     file with what came of it.",
];

const EXAMPLES: [(&str, &str); 15] = [
    ("rstcap big.pcapng", "List the resets with who and why."),
    (
        "rstcap captures/ -w resets/",
        "Scan a directory tree; write one case file per reset, a list and a page. Run again, it adds what is new.",
    ),
    (
        "rstcap captures/ -V --severity warning+ | less -R",
        "The full story of what needs attention.",
    ),
    (
        "rstcap ring/ --host 10.1.0.0/16 --since 2026-11-21T11:39 -w resets/",
        "Resets of one network from a time on, UTC, out of the files of a ring buffer.",
    ),
    (
        "rstcap -q --new --fail-on error ring/ -w resets/",
        "As a line of crontab(5): silent while nothing is new; what is new is printed, and mailed by cron; status 4 when it hurt somebody.",
    ),
    (
        "rstcap big.pcapng --class '!health-check' --class '!preconnect-abandoned' -T markdown",
        "A summary for a ticket, without two kinds of harmless resets.",
    ),
    (
        "rstcap big.pcapng --host 10.1.0.2 --max-cases 1 --secrets none -w share/",
        "One small file to share: one connection, its name lookup, no TLS secrets (the default); credentials in the report are masked, packets are as captured.",
    ),
    (
        "rstcap big.pcapng --class idle-timeout-reset -w - | tshark -r - -T fields -e frame.number -e frame.comment",
        "One case through a pipe.",
    ),
    (
        "rstcap captures/ -T ndjson | jq -r .class | sort | uniq -c",
        "Count classes.",
    ),
    (
        "rstcap captures/ -T ndjson | jq -r 'select(.party_confidence == \"high\") | [.time, .party, .server.ip, .summary] | @tsv'",
        "Who reset what, where that is certain.",
    ),
    (
        "jq -r '[.case_file, .case_file_frame] | @tsv' resets/cases.ndjson",
        "The case files and the frame of the RST in each, as wireshark -r FILE -g N wants them.",
    ),
    (
        "rstcap test.pcapng --strict --fail-on warning -T csv > resets.csv",
        "In continuous integration: status 4 when a reset needs attention, 2 when the capture is damaged.",
    ),
    (
        "tcpdump -w - -c 10000 tcp | rstcap -",
        "Read standard input.",
    ),
    (
        "rstcap --explain idle-timeout-reset",
        "The manual entry of one class.",
    ),
    (
        "rstcap --generate complete-bash > ~/.local/share/bash-completion/completions/rstcap",
        "Completion of options and their values in bash; complete-zsh goes to a file _rstcap in a directory of fpath, complete-fish to ~/.config/fish/completions/rstcap.fish.",
    ),
];

const SEE_ALSO: &str = ".SH \"SEE ALSO\"\n\
    .BR rstcap\\-diagnoses (7),\n.BR wireshark (1),\n.BR tshark (1),\n.BR editcap (1),\n\
    .BR mergecap (1),\n.BR reordercap (1),\n.BR capinfos (1),\n.BR pcap\\-filter (7)\n";
