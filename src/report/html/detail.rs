//! The part of one case.

use super::commands::{self, Command};
use super::files::Names;
use super::words;
use crate::diagnosis::{Case, Contrast, Evidence};
use crate::flow::RoleBasis;
use crate::report::figures::{bytes, counted, seconds, time};
use crate::report::hostile::plain;
use crate::report::{Report, app, diagram, display_filter, server_names};
use crate::reset::Vote;
use crate::selection::{Context, select};
use crate::units::FileId;
use maud::{Markup, html};
use std::fmt::Write as _;

/// The whole story.
pub(super) fn whole(report: &Report<'_>, names: &Names, case: &Case) -> Markup {
    let d = &case.diagnosis;
    html! {
        (verdict(case))
        div.columns {
            div {
                (evidence(names, case))
                (alternatives(case))
                (advice(case))
            }
            div { (facts(report, names, case)) }
        }
        (sequence(report, case))
        (contrast(&d.contrast))
        (checklist(case))
        (filter_and_commands(report, names, case))
    }
}

/// What tells a case from the others of its group.
pub(super) fn short(report: &Report<'_>, names: &Names, case: &Case, like: Option<u32>) -> Markup {
    html! {
        (verdict(case))
        @if let Some(like) = like.filter(|id| *id != case.id) {
            p { "One of many alike. Diagram, questions and advice: "
                a href={ "#case=" (like) } { "case " (like) } "." }
        }
        div.columns {
            div { (evidence(names, case)) }
            div { (facts(report, names, case)) }
        }
        (filter_and_commands(report, names, case))
    }
}

fn verdict(case: &Case) -> Markup {
    let d = &case.diagnosis;
    html! {
        div.verdict {
            h3 tabindex="-1" { "Case " (case.id) ": " (d.title) }
            p.lead { (words::sentence(&plain(&d.summary()))) }
            dl {
                dt { "Who reset it" }
                dd { strong.{ "who-" (words::colour(d.party)) } { (words::who(d.party)) }
                    " " span.sure { (d.party_confidence.id()) " confidence" } }
                dt { "Why" }
                dd { strong { (words::sentence(d.title)) } " " span.sure { (d.cause_confidence.id()) " confidence, "
                    (d.basis.id()) ": " (words::known(d.basis)) } }
                @if let Some(blame) = d.to_change() { dt { "To change" } dd { (plain(blame)) } }
            }
        }
    }
}

/// Frames of the file that holds the primary RST go without its name.
fn evidence(names: &Names, case: &Case) -> Markup {
    let home = case.primary_segment().frame.file;
    let statements = &case.diagnosis.evidence;
    if statements.is_empty() {
        return html! {};
    }
    html! {
        h4 { "Evidence" }
        ul.evidence {
            @for s in statements {
                li { (plain(&s.text()))
                    @if !s.frames.is_empty() {
                        " " span.frames { (if s.frames.len() == 1 { "frame " } else { "frames " })
                            (frames(names, s, home)) }
                    }
                }
            }
        }
    }
}

/// Frame numbers; many are cut, the rest is in the list of cases.
fn frames(names: &Names, s: &Evidence, home: FileId) -> String {
    const SHOWN: usize = 12;
    let mut text = String::new();
    for (i, frame) in s.frames.iter().take(SHOWN).enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        let _ = write!(text, "{comma}{}", names.place(*frame, home));
    }
    if let Some(more) = s.frames.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        let _ = write!(text, " and {more} more");
    }
    text
}

fn alternatives(case: &Case) -> Markup {
    let others = &case.diagnosis.alternatives;
    if others.is_empty() {
        return html! {};
    }
    html! {
        h4 { "What else it could be, and why that is less likely" }
        ul { @for a in others { li { code { (a.class) } ": " (words::prose(&a.why_less_likely)) } } }
    }
}

fn advice(case: &Case) -> Markup {
    let d = &case.diagnosis;
    let next = case.advice();
    if next.is_empty() && d.elsewhere().is_none() {
        return html! {};
    }
    html! {
        h4 { "What to check next" }
        ol.next {
            @for a in &next { li { (words::prose(a)) } }
            @if let Some(o) = d.elsewhere() { li { "Another capture: " (words::prose(o)) } }
        }
    }
}

fn facts(report: &Report<'_>, names: &Names, case: &Case) -> Markup {
    let d = &case.diagnosis;
    let c = &case.connection;
    let primary = case.primary_segment();
    let server: Vec<String> = server_names(case).iter().map(|n| plain(n)).collect();
    let optional = |text: Option<String>| text.unwrap_or_default();
    let list = [
        (
            "Time (UTC)",
            time(primary.time, report.digits(case))
                .replace('T', " ")
                .replace('Z', ""),
        ),
        (
            "RST in",
            format!(
                "{}, frame {}",
                names.shown(primary.frame.file),
                primary.frame.in_file
            ),
        ),
        (
            "Client",
            format!("{} ({})", c.client, role_basis(c.role_basis)),
        ),
        ("Server", c.server.to_string()),
        ("Names", server.join(", ")),
        (
            "Protocol",
            optional(case.story.protocol.map(|p| p.to_string())),
        ),
        (
            "Last request",
            optional(app::last_request(case).map(|r| plain(&r))),
        ),
        (
            "Stated error",
            optional(app::stated_error(case).map(|r| plain(&r))),
        ),
        (
            "Says the RST",
            optional(app::reset_reason(&primary.payload).map(|r| plain(&r))),
        ),
        ("Idle before", optional(d.idle_before.map(seconds))),
        ("Connection", traffic(case)),
        ("Captured", vantage(case)),
        ("RST form", form(case)),
        (
            "In other words",
            format!(
                "Zeek {}, tcp.completeness {}, {}, tcp.stream {}",
                d.zeek_conn_state,
                d.completeness,
                d.stage.id(),
                c.stream
            ),
        ),
        ("Group", format!("{} ({})", case.group, d.class)),
    ];
    html! {
        dl.facts {
            @for (name, text) in list.iter().filter(|(_, text)| !text.is_empty()) {
                dt { (name) } dd { (text) }
            }
        }
        (case_file(report, case))
    }
}

fn role_basis(basis: RoleBasis) -> &'static str {
    match basis {
        RoleBasis::Syn => "it sent the SYN",
        RoleBasis::SynAck => "the other side sent the SYN-ACK",
        RoleBasis::Protocol => "it sent the requests",
        RoleBasis::WellKnownPort => "the other port is a well-known one",
        RoleBasis::SharedPort => "the other port is shared by connections",
        RoleBasis::LowerPort => "a guess: the other port is lower",
    }
}

fn traffic(case: &Case) -> String {
    let t = &case.connection.totals;
    let age = case.primary_segment().time.seconds_since(t.first_time);
    // of a case that only its line tells, the RST is the first packet there is
    let after = if age > 0.0 {
        format!("{} after its first packet; ", seconds(age))
    } else {
        String::new()
    };
    format!(
        "{after}{} and {} from the client, {} and {} from the server",
        counted(t.segments[0], "packet"),
        bytes(t.bytes[0]),
        counted(t.segments[1], "packet"),
        bytes(t.bytes[1])
    )
}

fn vantage(case: &Case) -> String {
    let v = &case.episode.vantage;
    if v.votes.is_empty() {
        v.point.id().to_owned()
    } else {
        format!(
            "{}: {}",
            v.point.id(),
            v.votes
                .iter()
                .map(Vote::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        )
    }
}

fn form(case: &Case) -> String {
    let primary = case.episode.primary();
    let more = case.episode.resets.len().saturating_sub(1) as u64;
    let others = if more > 0 {
        format!(", {} more in this connection", counted(more, "RST"))
    } else {
        String::new()
    };
    format!("{} ({}){others}", primary.form.id(), primary.effect.id())
}

fn case_file(report: &Report<'_>, case: &Case) -> Markup {
    let Some(written) = report.written.get(&case.id) else {
        return html! {};
    };
    let name = written
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    html! {
        p.file {
            a.button download href={ "./" (percent_encoded(&name)) } { "Open the case file" }
            " " span.soft { (counted(written.packets, "packet")) ", " (bytes(written.bytes)) }
            br; code { (plain(&name)) }
        }
    }
}

/// RFC 3986 2.1: everything but unreserved characters.
fn percent_encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn sequence(report: &Report<'_>, case: &Case) -> Markup {
    let seen: u64 = case.connection.totals.segments.iter().sum();
    let only_listed = report
        .file_of(case)
        .is_some_and(|f| f.earlier && f.packets == 0);
    if only_listed && seen > case.connection.segments.len() as u64 {
        return html! { p.soft { "Neither the capture nor the case file was there to draw its sequence from." } };
    }
    let selection = select(case, &Context::default());
    let drawn = diagram::layout(case, &selection);
    html! {
        h4 { "Sequence" }
        div.scroll tabindex="0" role="group" aria-label="Sequence diagram" { (diagram::inline(&drawn)) }
    }
}

fn contrast(contrasts: &[Contrast]) -> Markup {
    if contrasts.is_empty() {
        return html! {};
    }
    html! {
        h4 { "Reset connections compared with others to the same service" }
        @for c in contrasts {
            p { (plain(&c.text)) @if !c.test.is_empty() { " " span.soft { "(" (plain(&c.test)) ")" } } }
            @if !c.counts.is_empty() {
                table.contrast {
                    thead { tr { th scope="col" { (plain(&c.property)) }
                        th.n scope="col" { "reset" } th.n scope="col" { "not reset" } } }
                    tbody { @for (value, reset, not) in &c.counts {
                        tr { th scope="row" { (plain(value)) } td.n { (reset) } td.n { (not) } }
                    } }
                }
            }
        }
    }
}

fn checklist(case: &Case) -> Markup {
    let checklist = case.checklist();
    let items = checklist.items();
    let answered = items.iter().filter(|(_, answer)| !answer.is_empty());
    if answered.clone().next().is_none() {
        return html! {};
    }
    html! {
        h4 { "The questions a ticket asks" }
        dl.checklist { @for (question, answer) in answered {
            div { dt { (words::sentence(question)) } dd { (words::prose(answer)) } }
        } }
    }
}

fn filter_and_commands(report: &Report<'_>, names: &Names, case: &Case) -> Markup {
    html! {
        h4 { "Display filter" }
        (copyable(&display_filter(case), "the display filter"))
        h4 { "Open it" }
        (list(&commands::in_capture(report, names, case)))
        @let hosts = commands::on_hosts(case);
        @if !hosts.is_empty() { h4 { "Look on the hosts" } (list(&hosts)) }
    }
}

fn list(commands: &[Command]) -> Markup {
    html! {
        dl.commands { @for c in commands {
            div { dt { (c.purpose) } dd { (copyable(&c.line, c.purpose)) } }
        } }
    }
}

fn copyable(text: &str, what: &str) -> Markup {
    html! {
        div.copyable {
            code { (plain(text)) }
            button.copy type="button" aria-label={ "Copy " (what) } { "Copy" }
        }
    }
}
