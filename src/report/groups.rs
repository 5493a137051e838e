//! The table by groups: one exemplar each, harmless ones as counts at the end.

use super::Report;
use super::figures::{count, counted, date_and_time, seconds};
use super::rows::{Row, row};
use super::table;
use super::text::Canvas;
use crate::diagnosis::{Case, Group, Severity};
use std::collections::BTreeMap;
use std::io;

/// A group and its cases, never empty.
struct Members<'a> {
    group: &'a Group,
    exemplar: &'a Case,
    worst: Severity,
}

/// Above this many rows groups are shown instead of cases.
const ROWS_WITHOUT_GROUPS: usize = 20;

/// More groups than this do not fit into anybody's eye: then the first of them are shown, and
/// the others counted by class.
const MOST_GROUPS: usize = 60;
/// How many are shown then.
const FEWER_GROUPS: usize = 40;

/// Whether the cases are so many, and so many alike, that groups say more. Never when a case
/// belongs to no group: none may go unmentioned.
pub(super) fn say_more(report: &Report<'_>) -> bool {
    let cases = report.cases.len();
    let grouped: usize = report.groups.iter().map(|g| g.cases.len()).sum();
    cases > ROWS_WITHOUT_GROUPS && cases > report.groups.len() && grouped == cases
}

/// One case of each group and how many resets it stands for, worst first, then in order of
/// their first case.
pub(super) fn exemplars<'a>(report: &Report<'a>) -> Vec<(&'a Case, u64)> {
    let members = all_members(report);
    members
        .iter()
        .map(|m| (m.exemplar, size(m.group)))
        .collect()
}

fn all_members<'a>(report: &Report<'a>) -> Vec<Members<'a>> {
    let groups = report.groups.iter();
    let mut members: Vec<_> = groups.filter_map(|g| members_of(report, g)).collect();
    members.sort_by_key(|m| (std::cmp::Reverse(m.worst), m.exemplar.id));
    members
}

/// Prints the groups, worst first, then in order of their first case.
pub(super) fn print(canvas: &mut Canvas<'_>, report: &Report<'_>) -> io::Result<()> {
    let members = all_members(report);
    let (harmless, others): (Vec<_>, Vec<_>) =
        members.iter().partition(|m| m.worst == Severity::Harmless);
    let shown = if others.len() > MOST_GROUPS {
        FEWER_GROUPS
    } else {
        others.len()
    };
    let (shown, further) = others.split_at_checked(shown).unwrap_or((&others, &[]));
    let rows: Vec<Row> = shown.iter().map(|m| group_row(report, m)).collect();
    table::print(canvas, &rows)?;
    let head = format!(
        "{} more groups (-v lists every case):",
        count(further.len() as u64)
    );
    print_classes(canvas, &head, further)?;
    print_classes(canvas, "harmless (-v lists every case):", &harmless)
}

/// The exemplar is the first of the worst cases.
fn members_of<'a>(report: &Report<'a>, group: &'a Group) -> Option<Members<'a>> {
    let cases = || group.cases.iter().filter_map(|id| report.case(*id));
    let worst = cases().map(|c| c.diagnosis.severity).max()?;
    let exemplar = cases().find(|c| c.diagnosis.severity == worst)?;
    Some(Members {
        group,
        exemplar,
        worst,
    })
}

fn size(group: &Group) -> u64 {
    (group.cases.len() as u64).saturating_add(group.uncounted)
}

fn group_row(report: &Report<'_>, m: &Members<'_>) -> Row {
    let mut row = row(report, m.exemplar);
    if size(m.group) > 1 {
        row.below.push(extent(report, m));
    }
    row
}

/// `12 like it, 2024-07-14 12:01:17.08 to 12:05:00.10, every 30.0 s`.
fn extent(report: &Report<'_>, m: &Members<'_>) -> String {
    let digits = report.digits(m.exemplar);
    let (first_date, first) = date_and_time(m.group.first, digits);
    let (last_date, last) = date_and_time(m.group.last, digits);
    let until = if first_date == last_date {
        last
    } else {
        format!("{last_date} {last}")
    };
    let mut text = format!(
        "{} like this, {first_date} {first} to {until}",
        counted(size(m.group), "reset"),
    );
    if let Some(period) = m.group.period {
        text.push_str(&format!(", one every {}", seconds(period)));
    }
    if m.group.uncounted > 0 {
        text.push_str(&format!(
            ", {} of them counted but not examined one by one",
            count(m.group.uncounted)
        ));
    }
    text
}

/// Groups by class, as counts.
fn print_classes(canvas: &mut Canvas<'_>, head: &str, members: &[&Members<'_>]) -> io::Result<()> {
    let mut by_class: BTreeMap<&str, (u64, u64, &str)> = BTreeMap::new();
    for m in members {
        let d = &m.exemplar.diagnosis;
        let entry = by_class.entry(d.class).or_insert((0, 0, d.title));
        entry.0 += size(m.group);
        entry.1 += 1;
    }
    if by_class.is_empty() {
        return Ok(());
    }
    canvas.line("")?;
    canvas.line(head)?;
    for (class, (resets, groups, title)) in by_class {
        let in_groups = if groups > 1 {
            format!(" in {}", counted(groups, "group"))
        } else {
            String::new()
        };
        canvas.line(&format!(
            "{:>7}  {class}{in_groups}: {title}",
            count(resets)
        ))?;
    }
    Ok(())
}
