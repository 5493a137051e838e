//! The section header: what captured the packets stays as it was said, the comments of all
//! sources stay first, and ours tells the case (pcapng 4.1; pcapng-fidelity 1.1).

use super::block::{Begun, Blocks, codes, types};
use super::options::{self, Lost};
use super::source::{Origin, Records};
use std::sync::Arc;

const HARDWARE: u16 = 2;
const OS: u16 = 3;
const USER_APPLICATION: u16 = 4;

/// What rstcap calls itself in files.
pub(super) const PROGRAM: &str = concat!("rstcap ", env!("CARGO_PKG_VERSION"));

/// Begins the section header with what the sources say; `main` is the origin of the primary
/// RST.
pub(super) fn begin(
    blocks: &mut Blocks,
    main: &Origin,
    origins: &[Arc<Origin>],
    lost: &mut Lost,
) -> Begun {
    let begun = blocks.begin(types::SECTION_HEADER);
    blocks.u32(0x1a2b_3c4d);
    blocks.u16(1);
    blocks.u16(0);
    // the length is not told: Wireshark copies an explicit one unchanged when it saves
    blocks.u32(u32::MAX);
    blocks.u32(u32::MAX);
    if main.records == Records::Pcapng {
        let skip: &[u16] = if origins.len() > 1 {
            &[codes::COMMENT]
        } else {
            &[]
        };
        let list = main.section_options();
        options::copy(blocks, types::SECTION_HEADER, list, main.endian, skip, lost);
    } else {
        blocks.option(USER_APPLICATION, PROGRAM.as_bytes());
    }
    if origins.len() > 1 {
        merged_comments(blocks, origins, lost);
    }
    begun
}

/// Ends the section header with our comment, if there is something to say.
pub(super) fn end(blocks: &mut Blocks, begun: Begun, comment: Option<&str>) {
    if let Some(comment) = comment {
        blocks.option(codes::COMMENT, comment.as_bytes());
    }
    blocks.end_of_options();
    blocks.end(begun);
}

/// The comments of several sections, each text once, with where it comes from.
fn merged_comments(blocks: &mut Blocks, origins: &[Arc<Origin>], lost: &mut Lost) {
    let mut written: Vec<&[u8]> = Vec::new();
    for origin in origins {
        for comment in comments(origin) {
            if !written.contains(&comment) {
                written.push(comment);
                let mut text = format!("[{}] ", place(origin, origins)).into_bytes();
                text.extend_from_slice(&options::readable(comment, Some(0), lost));
                blocks.option(codes::COMMENT, &text);
            }
        }
    }
}

/// What sets a section apart: its number, its file, or both.
fn place(origin: &Origin, origins: &[Arc<Origin>]) -> String {
    let files = origins.iter().any(|o| o.label.file != origin.label.file);
    let sections = origins
        .iter()
        .any(|o| o.label.file == origin.label.file && o.section != origin.section);
    match (files, sections) {
        (true, true) => format!("{} section {}", origin.label.base_name(), origin.section),
        (true, false) => origin.label.base_name().to_string(),
        (false, _) => format!("section {}", origin.section),
    }
}

/// The comments of a section.
pub(super) fn comments(origin: &Origin) -> impl Iterator<Item = &[u8]> {
    let list = origin.section_options();
    list.filter(|o| o.code == codes::COMMENT).map(|o| o.value)
}

/// Hardware, system and program of the sections that say other ones than `main`, for our
/// comment.
pub(super) fn other_capturers(main: &Origin, origins: &[Arc<Origin>]) -> Vec<String> {
    let of = |origin: &Origin| -> Vec<String> {
        [HARDWARE, OS, USER_APPLICATION]
            .iter()
            .filter_map(|code| origin.section_options().find(|o| o.code == *code))
            .map(|o| String::from_utf8_lossy(o.value).into_owned())
            .collect()
    };
    let expected = of(main);
    let mut lines = Vec::new();
    for origin in origins {
        let found = of(origin);
        if found != expected && !found.is_empty() {
            lines.push(format!(
                "{}: captured with {}",
                place(origin, origins),
                found.join(", ")
            ));
        }
    }
    lines
}
