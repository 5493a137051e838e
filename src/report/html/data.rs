//! What the script needs to show, sort and filter the table and to draw the timeline.

use super::{embed, words};
use crate::diagnosis::{Case, Party};
use crate::report::figures::time;
use crate::report::hostile::plain;
use crate::report::rows::confidence;
use crate::report::{Report, in_order, server_names};
use crate::units::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

#[derive(Serialize)]
struct Data<'a> {
    /// Nanoseconds since 1970 of the time that the cases count from, as text: too long for a number of the script.
    base_ns: String,
    /// First and last packet of the capture, seconds from the base.
    span: (f64, f64),
    /// `[id, title]`.
    classes: Vec<(&'a str, &'a str)>,
    /// `[id, word, colour]`.
    parties: Vec<(&'a str, &'a str, &'a str)>,
    /// A [`Row`] of each case, written one by one into the empty list at the end.
    cases: [(); 0],
}

/// One case; keys are short because there may be thousands.
#[derive(Serialize)]
struct Row {
    i: u32,
    /// Seconds from the base.
    t: f64,
    /// The time in words.
    w: String,
    /// Class and party, as indexes.
    k: usize,
    p: usize,
    /// Severity, 0 to 3.
    s: u8,
    /// Confidence of who and why, 0 to 2, and in words.
    cp: u8,
    ck: u8,
    c: String,
    /// Client and server as shown.
    a: String,
    b: String,
    /// Addresses and ports for filters.
    h: (String, String),
    o: (u16, u16),
    /// Names of the server.
    n: String,
    /// The summary.
    y: String,
    g: u32,
}

pub(super) fn write(report: &Report<'_>, out: &mut (impl io::Write + Send)) -> io::Result<()> {
    let (base, end) = span(report);
    let mut classes: BTreeMap<&str, &str> = BTreeMap::new();
    for case in report.cases {
        classes.insert(case.diagnosis.class, case.diagnosis.title);
    }
    let ids: Vec<&str> = classes.keys().copied().collect();
    let data = Data {
        base_ns: base.0.to_string(),
        span: (0.0, seconds(end, base)),
        classes: classes.into_iter().collect(),
        parties: Party::ALL
            .map(|p| (p.id(), p.word(), words::colour(p)))
            .to_vec(),
        cases: [],
    };
    let head = embed::json(&serde_json::to_string(&data)?);
    let head = head.strip_suffix("]}").unwrap_or(&head);
    write!(out, "<script type=\"application/json\" id=\"data\">{head}")?;
    let text = |c: &Case| {
        let text = serde_json::to_string(&row(report, c, base, &ids))?;
        Ok::<_, serde_json::Error>(embed::json(&text))
    };
    let mut comma = "";
    in_order(report.cases, text, |text| {
        write!(out, "{comma}{}", text?)?;
        comma = ",";
        Ok(())
    })?;
    out.write_all(b"]}</script>\n")
}

/// First and last time of the input and the cases.
pub(super) fn span(report: &Report<'_>) -> (Timestamp, Timestamp) {
    let cases = || report.cases.iter().map(|c| c.primary_segment().time);
    let first = report
        .files
        .iter()
        .filter_map(|f| f.first_time)
        .chain(cases());
    let last = report
        .files
        .iter()
        .filter_map(|f| f.last_time)
        .chain(cases());
    (
        first.min().unwrap_or_default(),
        last.max().unwrap_or_default(),
    )
}

/// Whole microseconds: more would be noise in a drawing.
fn seconds(at: Timestamp, base: Timestamp) -> f64 {
    (at.nanos_since(base) / 1000) as f64 / 1e6
}

fn row(report: &Report<'_>, case: &Case, base: Timestamp, classes: &[&str]) -> Row {
    let d = &case.diagnosis;
    let at = case.primary_segment().time;
    let c = &case.connection;
    let names: Vec<String> = server_names(case).iter().map(|n| plain(n)).collect();
    Row {
        i: case.id,
        t: seconds(at, base),
        w: time(at, report.digits(case))
            .replace('T', " ")
            .replace('Z', ""),
        k: classes.binary_search(&d.class).unwrap_or(0),
        p: Party::ALL.iter().position(|p| *p == d.party).unwrap_or(0),
        s: words::severity_rank(d.severity),
        cp: words::confidence_rank(d.party_confidence),
        ck: words::confidence_rank(d.cause_confidence),
        c: confidence(case),
        a: c.client.to_string(),
        b: c.server.to_string(),
        h: (c.client.ip.to_string(), c.server.ip.to_string()),
        o: (c.client.port, c.server.port),
        n: names.join(", "),
        y: plain(&d.summary()),
        g: case.group,
    }
}
