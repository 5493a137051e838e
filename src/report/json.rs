//! Cases to JSON.

use super::app;
use super::display_filter::display_filter;
use super::figures::time;
use super::hostile::is_hostile;
use super::key::reset_key;
use super::schema_case as schema;
use super::{FileStatus, Report};
use crate::diagnosis::{Case, Group};
use crate::flow::{FrameRef, RoleBasis, Segment, Side};
use crate::packet::tcp_flags;
use crate::reset::{Reset, Vote};
use serde::Serialize;
use serde_json::ser::Formatter;
use std::io;

/// Writes one document with everything.
pub(super) fn write_document(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let document = schema::Document {
        schema: schema::SCHEMA,
        totals: totals(report),
        files: report.files.iter().map(file).collect(),
        anomalies: anomalies(report),
        groups: report
            .groups
            .iter()
            .filter_map(|g| group(report, g))
            .collect(),
        cases: report.cases.iter().map(|c| case_of(report, c)).collect(),
    };
    write_value(&document, out)
}

/// Writes one object per case and line: `-T ndjson`, and `cases.ndjson` of an output directory.
///
/// # Errors
/// What `out` says.
pub fn write_cases(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut line = Vec::new();
    for case in report.cases {
        line.clear();
        write_value(&case_of(report, case), &mut line)?;
        out.write_all(&line)?;
    }
    Ok(())
}

/// A case's line in a list of cases, with the line's end.
#[must_use]
pub fn line(report: &Report<'_>, case: &Case) -> String {
    let mut out = Vec::new();
    // writing to memory does not fail
    let _ = write_value(&case_of(report, case), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn write_value<T: Serialize, W: io::Write + ?Sized>(value: &T, out: &mut W) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Visible);
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Compact JSON in which no hostile character stands as itself, so that a terminal that shows
/// the output is safe too; the strings are the same after parsing.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W>(&mut self, out: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        // nearly all text is
        if fragment.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return out.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hostile) {
            let (before, tail) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            let mut chars = tail.chars();
            let mut units = [0; 2];
            for unit in chars.next().unwrap_or(' ').encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

fn case_of(report: &Report<'_>, case: &Case) -> schema::Case {
    let d = &case.diagnosis;
    let primary = case.primary_segment();
    let written = report.written.get(&case.id);
    schema::Case {
        schema: schema::SCHEMA,
        id: case.id,
        time: time(primary.time, report.digits(case)),
        class: d.class,
        title: d.title,
        severity: d.severity.id(),
        party: d.party.id(),
        party_confidence: d.party_confidence.id(),
        cause_confidence: d.cause_confidence.id(),
        basis: d.basis.id(),
        summary: d.summary(),
        blame: d.to_change().map(str::to_owned),
        stage: d.stage.id(),
        zeek_conn_state: d.zeek_conn_state,
        tcp_completeness: d.completeness,
        client: endpoint(case, Side::Client),
        server: endpoint(case, Side::Server),
        role_basis: role_basis(case.connection.role_basis),
        vantage: vantage(case),
        handshake: handshake(case),
        protocol: app::protocol(case),
        tls: app::tls(case),
        dns: dns(case),
        last_request: app::last_request(case),
        stated_error: app::stated_error(case),
        proxied_client: case.story.proxied_client.clone(),
        idle_before_s: d.idle_before,
        rsts: case
            .episode
            .resets
            .iter()
            .filter_map(|r| rst(report, case, r))
            .collect(),
        rst_count: case.connection.totals.resets.iter().sum(),
        trigger: trigger(report, case),
        evidence: evidence(case),
        alternatives: alternatives(case),
        advice: case.advice(),
        other_vantage: d.elsewhere().map(str::to_owned),
        checklist: checklist(case),
        contrast: contrast(case),
        middlebox_score_db: d.middlebox_score,
        source: source(report, case),
        tcp_stream: case.connection.stream,
        incarnation: case.connection.incarnation,
        display_filter: display_filter(case),
        case_file: written.map(|w| w.path.display().to_string()),
        case_file_frame: written.and_then(|w| w.reset),
        case_file_packets: written.map(|w| w.packets),
        group: case.group,
    }
}

fn vantage(case: &Case) -> schema::Vantage {
    let v = &case.episode.vantage;
    schema::Vantage {
        point: v.point.id(),
        decisive: v.decisive,
        votes: v.votes.iter().map(Vote::to_string).collect(),
    }
}

fn source(report: &Report<'_>, case: &Case) -> schema::Source {
    let frame = case.primary_segment().frame;
    schema::Source {
        file: label(report, frame),
        frame: frame.in_file.0,
        offset: frame.span.offset,
    }
}

fn label(report: &Report<'_>, frame: FrameRef) -> String {
    report
        .file(frame.file)
        .map(|f| f.label.clone())
        .unwrap_or_default()
}

fn endpoint(case: &Case, side: Side) -> schema::Endpoint {
    let c = &case.connection;
    let end = c.endpoint(side);
    schema::Endpoint {
        ip: end.ip.to_string(),
        port: end.port,
        names: match side {
            Side::Client => Vec::new(),
            Side::Server => app::server_names(case),
        },
        segments: c.totals.segments[side.index()],
        bytes: c.totals.bytes[side.index()],
    }
}

/// The stable id of how roles are known.
pub(super) fn role_basis(basis: RoleBasis) -> &'static str {
    match basis {
        RoleBasis::Syn => "syn",
        RoleBasis::SynAck => "syn-ack",
        RoleBasis::Protocol => "protocol",
        RoleBasis::WellKnownPort => "well-known-port",
        RoleBasis::SharedPort => "shared-port",
        RoleBasis::LowerPort => "lower-port",
    }
}

fn handshake(case: &Case) -> schema::Handshake {
    let ms = |side: Side| case.episode.rtt[side.index()].map(millis);
    schema::Handshake {
        complete: case.episode.handshake_complete,
        rtt_client_ms: ms(Side::Client),
        rtt_server_ms: ms(Side::Server),
    }
}

fn millis(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}

fn dns(case: &Case) -> Option<schema::Dns> {
    let lookup = case.connection.name.as_ref()?;
    Some(schema::Dns {
        name: lookup.name.clone(),
        cname_chain: lookup.cname_chain.clone(),
        resolver: lookup.resolver.to_string(),
        query_frame: lookup.query.map(|f| f.number.0),
        answer_frame: lookup.answer.number.0,
        before_connection_s: case
            .connection
            .totals
            .first_time
            .seconds_since(lookup.answer_time),
    })
}

fn rst(report: &Report<'_>, case: &Case, reset: &Reset) -> Option<schema::Rst> {
    let s = case.connection.segments.get(reset.segment)?;
    Some(schema::Rst {
        frame: s.frame.number.0,
        file: label(report, s.frame),
        frame_in_file: s.frame.in_file.0,
        time: time(s.time, report.digits(case)),
        from: reset.from.word(),
        form: reset.form.id(),
        role: reset.role.id(),
        effect: reset.effect.id(),
        seq: s.seq.0,
        ack: s.has(tcp_flags::ACK).then_some(s.ack.0),
        window: s.window,
        ttl: s.ttl,
        ip_id: s.ip_id,
        payload: (!s.payload.is_empty()).then(|| String::from_utf8_lossy(&s.payload).into_owned()),
        reason: app::reset_reason(&s.payload),
        key: reset_key(case, s),
    })
}

fn trigger(report: &Report<'_>, case: &Case) -> Option<schema::Trigger> {
    let s = case
        .connection
        .segments
        .get(case.episode.primary().trigger?)?;
    Some(schema::Trigger {
        frame: s.frame.number.0,
        file: label(report, s.frame),
        frame_in_file: s.frame.in_file.0,
        time: time(s.time, report.digits(case)),
        from: s.from.word(),
        flags: flag_letters(s),
        len: s.len,
        before_rst_ms: millis(case.primary_segment().time.nanos_since(s.time)),
    })
}

/// The set flags as Wireshark abbreviates them, in header order from the low bit.
pub(super) fn flag_letters(s: &Segment) -> String {
    let letters = [
        (tcp_flags::FIN, 'F'),
        (tcp_flags::SYN, 'S'),
        (tcp_flags::RST, 'R'),
        (tcp_flags::PSH, 'P'),
        (tcp_flags::ACK, 'A'),
        (tcp_flags::URG, 'U'),
        (tcp_flags::ECE, 'E'),
        (tcp_flags::CWR, 'C'),
    ];
    letters
        .iter()
        .filter(|(flag, _)| s.has(*flag))
        .map(|(_, letter)| letter)
        .collect()
}

fn evidence(case: &Case) -> Vec<schema::Evidence> {
    let statements = case.diagnosis.evidence.iter();
    statements
        .map(|s| schema::Evidence {
            text: s.text(),
            frames: s.frames.iter().map(|f| f.number.0).collect(),
        })
        .collect()
}

fn alternatives(case: &Case) -> Vec<schema::Alternative> {
    let others = case.diagnosis.alternatives.iter();
    others
        .map(|a| schema::Alternative {
            class: a.class,
            why_less_likely: a.why_less_likely.to_string(),
        })
        .collect()
}

fn checklist(case: &Case) -> schema::Checklist {
    let c = case.checklist();
    schema::Checklist {
        first_reset: c.first_reset,
        sender: c.sender,
        just_before: c.just_before,
        handshake: c.handshake,
        tls: c.tls,
        application_data: c.application_data,
        idle: c.idle,
        path_clues: c.path_clues,
        last_application_bytes: c.last_application_bytes,
        where_to_look: c.where_to_look,
    }
}

fn contrast(case: &Case) -> Vec<schema::Contrast> {
    let count = |(value, reset, not_reset): &(String, u64, u64)| schema::Count {
        value: value.clone(),
        reset: *reset,
        not_reset: *not_reset,
    };
    let contrasts = case.diagnosis.contrast.iter();
    contrasts
        .map(|c| schema::Contrast {
            property: c.property.clone(),
            text: c.text.clone(),
            counts: c.counts.iter().map(count).collect(),
            test: c.test.clone(),
        })
        .collect()
}

fn group(report: &Report<'_>, group: &Group) -> Option<schema::Group> {
    let members = || group.cases.iter().filter_map(|id| report.case(*id));
    let exemplar = members().next()?;
    let worst = members().map(|c| c.diagnosis.severity).max()?;
    let digits = report.digits(exemplar);
    Some(schema::Group {
        id: group.id,
        class: exemplar.diagnosis.class,
        severity: worst.id(),
        party: exemplar.diagnosis.party.id(),
        count: group.cases.len() as u64,
        not_examined: group.uncounted,
        first: time(group.first, digits),
        last: time(group.last, digits),
        period_s: group.period,
        discriminator: exemplar.diagnosis.discriminator.clone(),
        cases: group.cases.clone(),
    })
}

fn file(f: &FileStatus) -> schema::File {
    schema::File {
        path: f.label.clone(),
        timeline: f.timeline,
        format: f.format.clone(),
        bytes: f.bytes,
        packets: f.packets,
        first_time: f.first_time.map(|t| time(t, f.time_digits)),
        last_time: f.last_time.map(|t| time(t, f.time_digits)),
        error: f.error.clone(),
    }
}

fn anomalies(report: &Report<'_>) -> Vec<schema::Anomaly> {
    let all = report.anomalies.iter();
    all.map(|(id, kind, tally)| schema::Anomaly {
        file: report.file(id).map(|f| f.label.clone()).unwrap_or_default(),
        kind: kind.id(),
        count: tally.count,
        bytes: tally.bytes,
        first_offset: tally.first_offset,
        first_frame: tally.first_frame.map(|f| f.0),
        detail: tally.detail.clone(),
    })
    .collect()
}

fn totals(report: &Report<'_>) -> schema::Totals {
    let t = report.totals;
    schema::Totals {
        files: t.files,
        bytes: t.bytes,
        packets: t.packets,
        connections: t.connections,
        resets: t.resets,
        cases: t.cases,
        groups: t.groups,
        shown: report.cases.len() as u64,
        anomalies: t.anomalies,
        dns_names: t.dns_names,
        written: report.written.len() as u64,
        not_written: report.not_written.max_cases + report.not_written.per_group,
    }
}

#[cfg(test)]
mod tests;
