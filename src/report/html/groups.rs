//! Groups of like cases: the cards of those that need attention, and the table of all.

use super::words;
use crate::diagnosis::{Case, Group, Severity};
use crate::report::figures::{count, counted, date_and_time, seconds};
use crate::report::hostile::plain;
use crate::report::{Report, server_names};
use maud::{Markup, html};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Cards shown; the table below has all groups.
const CARDS: usize = 9;

/// A group and what its shown cases have in common.
struct Members<'a> {
    group: &'a Group,
    /// The first of the worst cases.
    exemplar: &'a Case,
    worst: Severity,
    size: u64,
    servers: String,
    clients: u64,
}

fn members<'a>(report: &Report<'a>) -> Vec<Members<'a>> {
    let mut all: Vec<Members<'a>> = report.groups.iter().filter_map(|g| of(report, g)).collect();
    all.sort_by_key(|m| (Reverse(m.worst), Reverse(m.size), m.group.id));
    all
}

fn of<'a>(report: &Report<'a>, group: &'a Group) -> Option<Members<'a>> {
    let cases = || group.cases.iter().filter_map(|id| report.case(*id));
    let worst = cases().map(|c| c.diagnosis.severity).max()?;
    let exemplar = cases().find(|c| c.diagnosis.severity == worst)?;
    let servers: BTreeSet<_> = cases().map(|c| c.connection.server).collect();
    let clients: BTreeSet<_> = cases().map(|c| c.connection.client.ip).collect();
    let shown = match (servers.first(), servers.len()) {
        (Some(only), 1) => only.to_string(),
        (_, n) => counted(n as u64, "server"),
    };
    Some(Members {
        group,
        exemplar,
        worst,
        size: (group.cases.len() as u64).saturating_add(group.uncounted),
        servers: shown,
        clients: clients.len() as u64,
    })
}

/// From when to when, and how regularly.
fn extent(report: &Report<'_>, m: &Members<'_>) -> String {
    let (first_date, first) = date_and_time(m.group.first, report.digits(m.exemplar).min(3));
    let (last_date, last) = date_and_time(m.group.last, report.digits(m.exemplar).min(3));
    let mut text = if m.group.first == m.group.last {
        format!("{first_date} {first}")
    } else if first_date == last_date {
        format!("{first_date} {first} to {last}")
    } else {
        format!("{first_date} {first} to {last_date} {last}")
    };
    if let Some(period) = m.group.period {
        text.push_str(&format!(", one every {}", seconds(period)));
    }
    text
}

fn name_of(m: &Members<'_>) -> Option<String> {
    server_names(m.exemplar).first().map(|n| plain(n))
}

/// The groups with an error or warning, worst first.
pub(super) fn attention(report: &Report<'_>) -> Markup {
    let all = members(report);
    let bad: Vec<&Members<'_>> = all
        .iter()
        .filter(|m| m.worst >= Severity::Warning)
        .collect();
    if bad.is_empty() {
        return html! { p.calm { "Nothing here needs attention: every reset is harmless or only worth knowing." } };
    }
    html! {
        ol.cards { @for m in bad.iter().take(CARDS) { (card(report, m)) } }
        @if bad.len() > CARDS {
            p { "and " a href="#groups-head" { (counted((bad.len() - CARDS) as u64, "more group")) } " below." }
        }
    }
}

fn card(report: &Report<'_>, m: &Members<'_>) -> Markup {
    let d = &m.exemplar.diagnosis;
    html! {
        li.card.{ "sev-" (m.worst.id()) } {
            p.tags { span.badge { (m.worst.id()) }
                span.{ "who who-" (words::colour(d.party)) } { (d.party.word()) }
                span.soft { "who " (d.party_confidence.id()) ", why " (d.cause_confidence.id()) } }
            h3 { @if m.size > 1 { span.times { (count(m.size)) " ×" } " " (d.title) } @else { (words::sentence(d.title)) } }
            p.service { @if let Some(name) = name_of(m) { strong { (name) } " " }
                span.soft { (m.servers) ", " (counted(m.clients, "client")) } }
            p { (words::sentence(&plain(&d.summary()))) }
            @if let Some(blame) = d.to_change() { p { "To change: " (plain(blame)) } }
            p.soft { (extent(report, m)) }
            p.links {
                a.button href={ "#case=" (m.exemplar.id) } { "Case " (m.exemplar.id) }
                @if m.group.cases.len() > 1 {
                    " " a href={ "#group=" (m.group.id) } { "all " (count(m.group.cases.len() as u64)) " cases" }
                }
            }
        }
    }
}

/// All groups.
pub(super) fn table(report: &Report<'_>) -> Markup {
    let all = members(report);
    html! {
        section.groups aria-labelledby="groups-head" {
            h2 id="groups-head" { "Groups" }
            details open[all.len() <= 12] {
                summary { (counted(all.len() as u64, "group")) " of like resets" }
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Group" } th.n scope="col" { "Resets" } th scope="col" { "Severity" }
                        th scope="col" { "Why" } th scope="col" { "Who" } th scope="col" { "Service" }
                        th scope="col" { "When (UTC)" }
                    } }
                    tbody { @for m in &all { (row(report, m)) } }
                } }
            }
        }
    }
}

fn row(report: &Report<'_>, m: &Members<'_>) -> Markup {
    let d = &m.exemplar.diagnosis;
    html! {
        tr.{ "sev-" (m.worst.id()) } {
            th scope="row" { a href={ "#group=" (m.group.id) } { (m.group.id) } }
            td.n { (count(m.size))
                @if m.group.uncounted > 0 { br; span.soft { (count(m.group.uncounted)) " only counted" } } }
            td { span.badge { (m.worst.id()) } }
            td { code { (d.class) } @if let Some(what) = &d.discriminator { br; span.soft { (plain(what)) } } }
            td { span.{ "who who-" (words::colour(d.party)) } { (d.party.word()) } }
            td { @if let Some(name) = name_of(m) { (name) br; } span.soft { (m.servers) } }
            td { (extent(report, m)) }
        }
    }
}
