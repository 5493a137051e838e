//! What must hold for every capture (design 8): how a capture is stored, when it was taken,
//! what its hosts are called and how the work is split changes nothing; knowing less never
//! lets the program claim more.

use crate::support::capture::{Capture, Frame, Shape};
use crate::support::{fields, run, scenarios, talk};
use serde_json::Value;
use std::path::Path;

/// Largest scenario that is run many times.
const SMALL: u64 = 12_000;

/// A stride for tests that run every capture several times; the whole set is run with
/// `cargo test -- --ignored`.
const SOME: usize = 7;

/// Who, why and how sure, of all cases of a run, by the time of the primary RST.
fn claims(ran: &run::Ran) -> Vec<Claim> {
    ran.cases.iter().map(Claim::of).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    class: String,
    party: String,
    party_confidence: usize,
    cause_confidence: usize,
    basis: String,
    severity: String,
    stage: String,
    evidence: usize,
    forms: Vec<String>,
}

impl Claim {
    fn of(case: &Value) -> Self {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_string();
        let rank = |name: &str| {
            let words = ["low", "medium", "high"];
            let word = case[name].as_str().unwrap();
            words.iter().position(|w| *w == word).unwrap()
        };
        let rsts = case["rsts"].as_array().unwrap();
        let form = |r: &Value| format!("{} {} {} {}", r["from"], r["form"], r["role"], r["effect"]);
        Self {
            class: text("class"),
            party: text("party"),
            party_confidence: rank("party_confidence"),
            cause_confidence: rank("cause_confidence"),
            basis: text("basis"),
            severity: text("severity"),
            stage: text("stage"),
            evidence: case["evidence"].as_array().unwrap().len(),
            forms: rsts.iter().map(form).collect(),
        }
    }
}

/// Compares every scenario with what becomes of it; names all that differ.
fn unchanged(what: &str, stride: usize, change: impl Fn(&Capture) -> Vec<u8>) {
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for path in scenarios(SMALL, stride) {
        let capture = Capture::read(&path);
        let before = claims(&run::list_bytes(&capture.bytes(Shape::PLAIN), &["-j1"]));
        cases += before.len();
        let after = claims(&run::list_bytes(&change(&capture), &["-j1"]));
        if before != after {
            wrong.push(format!("{}\n  {before:?}\n  {after:?}", name(&path)));
        }
    }
    assert!(cases > 0);
    assert!(wrong.is_empty(), "{what} matter:\n{}", wrong.join("\n"));
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn containers(stride: usize) {
    for shape in Shape::ALL {
        unchanged("container and byte order", stride, |c| c.bytes(shape));
    }
}

fn sequence_numbers(stride: usize) {
    for by in [[0x8000_0000, 1], [0xffff_0000, 0x1234_5678]] {
        unchanged("sequence numbers", stride, |c| {
            fields::shift_numbers(c, by).bytes(Shape::PLAIN)
        });
    }
}

fn times(stride: usize) {
    unchanged("times", stride, |c| {
        fields::later(c, 86_400_123_456_789).bytes(Shape::PLAIN)
    });
}

fn names(stride: usize) {
    unchanged("addresses and ports", stride, |c| {
        fields::rename(c).bytes(Shape::PLAIN)
    });
}

/// A healthy connection between hosts of their own.
fn strangers() -> Vec<Vec<u8>> {
    let ports = (51_000, 8443);
    let healthy = [
        (0, talk::segment(true, ports, (1, 0), "S", b"")),
        (900, talk::segment(false, ports, (7, 2), "SA", b"")),
        (1000, talk::segment(true, ports, (2, 8), "A", b"")),
        (1100, talk::segment(true, ports, (2, 8), "FA", b"")),
        (2000, talk::segment(false, ports, (8, 3), "FA", b"")),
        (2100, talk::segment(true, ports, (3, 9), "A", b"")),
    ];
    healthy.into_iter().map(|(_, data)| data).collect()
}

fn unrelated_connections(stride: usize) {
    unchanged("unrelated connections", stride, |c| {
        let mut frames = c.frames.clone();
        // from the end, so that the places of those before stay right
        for (i, data) in strangers().into_iter().enumerate().rev() {
            let at = frames.len() * (i + 1) / 8;
            let Some(before) = frames.get(at).filter(|_| c.link_type == 1) else {
                continue;
            };
            let frame = Frame {
                ns: before.ns,
                original_len: data.len() as u32,
                data,
            };
            frames.insert(at, frame);
        }
        c.with(frames).bytes(Shape::PLAIN)
    });
}

#[test]
fn containers_and_byte_orders_do_not_matter() {
    containers(3 * SOME);
}

#[test]
fn sequence_numbers_do_not_matter() {
    sequence_numbers(SOME);
}

#[test]
fn times_do_not_matter() {
    times(SOME);
}

#[test]
fn addresses_and_client_ports_do_not_matter() {
    names(SOME);
}

#[test]
fn unrelated_connections_do_not_matter() {
    unrelated_connections(SOME);
}

/// The endpoint that a case blames, or whose name a middlebox used; `None`: nobody is named.
fn blamed(case: &Value) -> Option<String> {
    let end = |side: &str| format!("{}:{}", case[side]["ip"], case[side]["port"]);
    match case["party"].as_str()? {
        "client-host" | "middlebox-as-client" | "client-side-intermediary" => Some(end("client")),
        "server-host" | "middlebox-as-server" | "server-side-intermediary" => Some(end("server")),
        _ => None,
    }
}

/// What a view that shows less claims beyond the full view of the same connection.
fn overclaims(full: &run::Ran, less: &run::Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    let key = |case: &Value| {
        let end = |side: &str| format!("{}:{}", case[side]["ip"], case[side]["port"]);
        let mut ends = [end("client"), end("server")];
        ends.sort();
        ends
    };
    for case in &less.cases {
        let time = |c: &Value| {
            c["rsts"][0]["time"]
                .as_str()
                .unwrap_or_default()
                .to_string()
        };
        let same = full
            .cases
            .iter()
            .find(|c| key(c) == key(case) && time(c) == time(case));
        let Some(same) = same else { continue };
        let (before, after) = (Claim::of(same), Claim::of(case));
        let story = format!(
            "{} {} -> {} {}",
            before.class, before.party, after.class, after.party
        );
        if let (Some(was), Some(is)) = (blamed(same), blamed(case))
            && was != is
        {
            wrong.push(format!("blames another host: {story}"));
        }
        // "unknown" names nobody, however sure
        let named = after.party != "unknown" && before.party == after.party;
        if named && after.party_confidence > before.party_confidence {
            wrong.push(format!("is surer of who: {story}"));
        }
        if before.class == after.class && after.cause_confidence > before.cause_confidence {
            wrong.push(format!("is surer of why: {story}"));
        }
    }
    wrong
}

fn never_claims_more(stride: usize, change: impl Fn(&Capture) -> Vec<Capture>) {
    let mut wrong = Vec::new();
    for path in scenarios(SMALL, stride) {
        let capture = Capture::read(&path);
        let full = run::list_bytes(&capture.bytes(Shape::PLAIN), &["-j1"]);
        for (i, less) in change(&capture).into_iter().enumerate() {
            let less = run::list_bytes(&less.bytes(Shape::PLAIN), &["-j1"]);
            let found = overclaims(&full, &less);
            wrong.extend(
                found
                    .into_iter()
                    .map(|w| format!("{} cut {i} {w}", name(&path))),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} claims too many:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn cut_payload(stride: usize) {
    never_claims_more(stride, |c| vec![fields::without_payload(c)]);
}

fn start_later(stride: usize) {
    never_claims_more(stride, |c| {
        let n = c.frames.len();
        let starts = [1, 2, 3, n / 2, n.saturating_sub(3)];
        let from = |&s: &usize| c.with(c.frames[s.min(n)..].to_vec());
        starts.iter().map(from).collect()
    });
}

fn one_direction(stride: usize) {
    never_claims_more(stride, |c| {
        let of = |lower: bool| {
            let mine = |f: &&Frame| {
                let place = fields::place(c.link_type, &f.data);
                let ends = place.and_then(|p| p.ends(&f.data));
                ends.is_none_or(|(from, to)| (from < to) == lower)
            };
            c.with(c.frames.iter().filter(mine).cloned().collect())
        };
        vec![of(true), of(false)]
    });
}

#[test]
fn cutting_payload_never_strengthens_a_claim() {
    cut_payload(SOME);
}

#[test]
fn a_late_start_never_strengthens_a_claim() {
    start_later(SOME);
}

#[test]
fn one_direction_never_strengthens_a_claim() {
    one_direction(SOME);
}

/// Everything above on every small scenario.
#[test]
#[ignore = "takes minutes"]
fn all_scenarios() {
    type Check = fn(usize);
    let checks: [(&str, Check); 8] = [
        ("containers", containers),
        ("numbers", sequence_numbers),
        ("times", times),
        ("names", names),
        ("strangers", unrelated_connections),
        ("payload", cut_payload),
        ("start", start_later),
        ("direction", one_direction),
    ];
    let mut failed = Vec::new();
    for (what, check) in checks {
        if std::panic::catch_unwind(|| check(1)).is_err() {
            failed.push(what);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
