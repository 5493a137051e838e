//! The page of a run, `index.html`: one file that needs nothing else, neither network nor
//! server, and can be attached to a ticket.
//!
//! What every reader needs (totals, groups, files) is written as elements. The table of cases
//! and the case parts wait as text in `<script>` elements until they are looked at, so that
//! thousands of cases open at once. The page forbids itself everything but its own script and
//! style, by their hashes: even an escape forgotten somewhere could not run.

mod commands;
mod data;
mod detail;
mod embed;
mod files;
mod groups;
mod overview;
#[cfg(test)]
mod tests;
mod words;

use super::diagram::COLOURS_AND_DIAGRAM;
use super::{Report, digest, in_order};
use crate::diagnosis::{Case, Group};
use files::Names;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::{BTreeSet, HashMap};
use std::io;

/// Written by hand, without a framework.
const SCRIPT: &str = concat!(
    include_str!("table.js"),
    include_str!("timeline.js"),
    include_str!("page.js")
);
const STYLE: &str = include_str!("page.css");

/// Cases whose whole story is in the page. Beyond them, groups keep that of their first cases,
/// so that a page of thousands of cases can still be sent by mail.
const WHOLE_STORIES: usize = 500;
/// Cases that have a part of their own at all; of the others there is the row.
const STORIES: usize = 5000;

/// Writes the page. Names of files lose their directories: the page is made to be shared.
///
/// # Errors
/// What `out` says.
pub fn page(report: &Report<'_>, out: &mut (impl io::Write + Send)) -> io::Result<()> {
    let names = Names::of(report);
    let style = format!("{COLOURS_AND_DIAGRAM}{STYLE}");
    out.write_all(head(report, &style).into_string().as_bytes())?;
    out.write_all(b"<body>")?;
    out.write_all(overview::top(report, &names).into_string().as_bytes())?;
    if !report.cases.is_empty() {
        out.write_all(overview::timeline().into_string().as_bytes())?;
        out.write_all(groups::table(report).into_string().as_bytes())?;
        out.write_all(overview::cases().into_string().as_bytes())?;
    }
    out.write_all(overview::bottom(report, &names).into_string().as_bytes())?;
    if !report.cases.is_empty() {
        data::write(report, out)?;
        stories(report, &names, out)?;
        write!(out, "<script>{SCRIPT}</script>")?;
    }
    out.write_all(b"</body></html>\n")
}

fn head(report: &Report<'_>, style: &str) -> Markup {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest::sha256_base64(style.as_bytes()),
        digest::sha256_base64(SCRIPT.as_bytes())
    );
    html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="referrer" content="no-referrer";
            meta name="generator" content=(concat!("rstcap ", env!("CARGO_PKG_VERSION")));
            title { (overview::headline(report)) }
            style { (PreEscaped(style)) }
        }
    }
}

/// The case parts, each as text that the script turns into elements on demand.
fn stories(
    report: &Report<'_>,
    names: &Names,
    out: &mut (impl io::Write + Send),
) -> io::Result<()> {
    let whole = first_of_groups(report, WHOLE_STORIES);
    let told = first_of_groups(report, STORIES);
    let groups: HashMap<u32, &Group> = report.groups.iter().map(|g| (g.id, g)).collect();
    let story = |case: &&Case| {
        let part = if whole.contains(&case.id) {
            detail::whole(report, names, case)
        } else {
            let like = groups.get(&case.group).and_then(|g| like(g, &whole));
            detail::short(report, names, case, like)
        };
        let id = case.id;
        let text = part.into_string();
        let text = embed::html(&text);
        format!("<script type=\"text/x-case\" id=\"story-{id}\">{text}</script>\n")
    };
    let cases = report.cases.iter().filter(|c| told.contains(&c.id));
    let cases: Vec<&Case> = cases.collect();
    in_order(&cases, story, |part| out.write_all(part.as_bytes()))
}

/// So many cases: all, or the first of each group, in turn, until there are enough.
fn first_of_groups(report: &Report<'_>, most: usize) -> BTreeSet<u32> {
    if report.cases.len() <= most {
        return report.cases.iter().map(|c| c.id).collect();
    }
    let longest = report.groups.iter().map(|g| g.cases.len()).max();
    let rounds = (0..longest.unwrap_or(0)).flat_map(|rank| {
        let of_rank = move |g: &'_ Group| g.cases.get(rank).copied();
        report.groups.iter().filter_map(of_rank)
    });
    rounds.take(most).collect()
}

/// The first case of a group that is told in full.
fn like(group: &Group, whole: &BTreeSet<u32>) -> Option<u32> {
    group.cases.iter().copied().find(|id| whole.contains(id))
}
