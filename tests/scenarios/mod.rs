//! Every class has a page of packet scripts in `testdata/diagnosis`, with the report that is
//! expected of each. The notation is explained in [`script`].

mod payload;
mod script;
mod world;

use rstcap::diagnosis::{self, Case};
use rstcap::flow::{Connection, Segment};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/diagnosis")
}

/// A heading, the script under it, and the expected lines.
struct Scenario {
    name: String,
    script: String,
    expected: Vec<String>,
}

fn scenarios(text: &str) -> Vec<Scenario> {
    let mut list: Vec<Scenario> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            list.push(Scenario {
                name: name.to_owned(),
                script: String::new(),
                expected: Vec::new(),
            });
        } else if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            let last = list.last_mut().expect("a heading before the script");
            match line.strip_prefix("=> ") {
                Some(expected) => last.expected.push(expected.trim().to_owned()),
                None => {
                    last.script.push_str(line);
                    last.script.push('\n');
                }
            }
        }
    }
    list
}

/// The cases of a script, after both passes.
fn diagnose(script: &str) -> Vec<Case> {
    let mut connections: Vec<Connection> = script::connections(script);
    for (i, conn) in connections.iter_mut().enumerate() {
        conn.stream = i as u64;
    }
    let world = world::of(&connections);
    let mut reset: Vec<Connection> = connections
        .into_iter()
        .filter(|c| c.segments.iter().any(Segment::is_rst))
        .collect();
    reset.sort_by_key(|c| {
        c.segments
            .iter()
            .find(|s| s.is_rst())
            .map(|s| s.frame.number)
    });
    let mut cases: Vec<Case> = (1..)
        .zip(reset)
        .map(|(id, conn)| diagnosis::diagnose(conn, id, &world))
        .collect();
    let groups = diagnosis::aggregate(&mut cases, &world);
    let grouped: usize = groups.iter().map(|g| g.cases.len()).sum();
    assert_eq!(grouped, cases.len(), "every case is in one group");
    cases
}

/// `class party party-confidence/cause-confidence`; an expected line may leave the end away.
fn report(case: &Case) -> String {
    let d = &case.diagnosis;
    format!(
        "{} {} {}/{}",
        d.class,
        d.party.id(),
        d.party_confidence.id(),
        d.cause_confidence.id()
    )
}

fn in_full(case: &Case) -> String {
    let texts: Vec<String> = case.diagnosis.evidence.iter().map(|e| e.text()).collect();
    let severity = case.diagnosis.severity.id();
    format!("{} {severity}: {}", report(case), texts.join("; "))
}

/// Whether a case is what a line expects: a prefix of [`report`], then any number of ` :: `
/// with a severity, words of the evidence or summary, `or` and an alternative class, or `not`
/// and what must not occur.
fn fits(case: &Case, expected: &str) -> bool {
    let mut parts = expected.split(" :: ");
    let verdict = parts.next().unwrap_or_default();
    let d = &case.diagnosis;
    let says = |words: &str| {
        d.summary().contains(words) || d.evidence.iter().any(|e| e.text().contains(words))
    };
    let says_part = |part: &str| match (part, part.strip_prefix("not ")) {
        ("harmless" | "info" | "warning" | "error", _) => d.severity.id() == part,
        (_, Some(words)) => !says(words),
        (words, None) => says(words),
    };
    report(case).starts_with(verdict)
        && parts.all(|part| {
            match part
                .strip_prefix("not ")
                .unwrap_or(part)
                .strip_prefix("or ")
            {
                Some(class) => {
                    d.alternatives.iter().any(|a| a.class == class) != part.starts_with("not ")
                }
                None => says_part(part),
            }
        })
}

fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> = std::fs::read_dir(directory())
        .expect("testdata/diagnosis")
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "md"))
        .map(|p| {
            let name = p
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read_to_string(&p).expect("a readable page"))
        })
        .collect();
    pages.sort();
    pages
}

#[test]
fn every_script_is_diagnosed_as_written() {
    let mut wrong = Vec::new();
    for (page, text) in pages() {
        for scenario in scenarios(&text) {
            let got = diagnose(&scenario.script);
            let all = got.len() == scenario.expected.len()
                && got.iter().zip(&scenario.expected).all(|(g, e)| fits(g, e));
            if !all || scenario.expected.is_empty() {
                let got: Vec<String> = got.iter().map(in_full).collect();
                wrong.push(format!(
                    "{page}: {}\n  expected {:?}\n  got      {:#?}",
                    scenario.name, scenario.expected, got
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A tool that kills connections, on a fast download: of some hundred forged RSTs, each behind
/// the number, a late one hits.
#[test]
fn the_last_of_six_hundred_forged_resets_is_the_one_that_hits() {
    let mut script = "handshake
0.050 C > P. get www.example /
0.071 S > P. ok 90000 sent 1000
0.0711 S > P. fill 1000
0.0712 C > .
"
    .to_owned();
    for n in 0..600 {
        let (time, seq) = (0.080 + f64::from(n) * 5e-6, 2002 + n);
        script += &format!("{time:.6} S > R {seq}:{seq}(0) win 0 ttl 64 id 700 nots\n");
    }
    script += "0.083010 S > R win 0 ttl 64 id 300 nots
0.0920 S > P. fill 1000
0.0921 C > R stateless
";
    let cases = diagnose(&script);
    let told: Vec<_> = cases.iter().map(|c| c.diagnosis.class).collect();
    assert_eq!(told, ["middlebox-injection"]);
}

#[test]
fn every_class_has_a_page_with_a_match_and_a_near_miss() {
    let pages = pages();
    let mut missing = Vec::new();
    for rule in diagnosis::registry() {
        let Some((_, text)) = pages.iter().find(|(name, _)| name == rule.id) else {
            missing.push(format!("{}: no page", rule.id));
            continue;
        };
        let list = scenarios(text);
        let names = |s: &Scenario| {
            let alternative = format!(" :: or {}", rule.id);
            s.expected
                .iter()
                .any(|e| e.split(' ').next() == Some(rule.id) || e.ends_with(&alternative))
        };
        if !list.iter().any(names) {
            missing.push(format!("{}: no match", rule.id));
        }
        if list.iter().all(names) {
            missing.push(format!("{}: no near miss", rule.id));
        }
    }
    for (name, _) in &pages {
        if diagnosis::rule(name).is_none() {
            missing.push(format!("{name}: no such class"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_registry_is_sound() {
    const HEADINGS: [&str; 5] = [
        "## Signature",
        "## Meaning",
        "## Easily confused with",
        "## What to do",
        "## References",
    ];
    let ids: BTreeSet<&str> = diagnosis::registry().iter().map(|r| r.id).collect();
    assert_eq!(ids.len(), diagnosis::registry().len(), "ids are unique");
    for rule in diagnosis::registry() {
        let words = rule.id.split('-').all(|w| {
            !w.is_empty()
                && w.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        assert!(words, "{} is not kebab-case", rule.id);
        assert!(
            !rule.title.is_empty() && !rule.title.ends_with('.'),
            "{}",
            rule.id
        );
        assert!(
            rule.title
                .starts_with(|c: char| c.is_lowercase() || c == 'M' || c == 'T'),
            "{}",
            rule.id
        );
        let at: Vec<usize> = HEADINGS
            .iter()
            .map(|h| {
                rule.doc
                    .find(h)
                    .unwrap_or_else(|| panic!("{}: no {h}", rule.id))
            })
            .collect();
        assert!(
            at.windows(2).all(|w| w[0] < w[1]),
            "{}: headings out of order",
            rule.id
        );
        for named in rule.doc.split('`').skip(1).step_by(2) {
            let is_class = named.contains('-')
                && named.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
                && !named.starts_with('-');
            assert!(
                !is_class || ids.contains(named),
                "{} names {named}",
                rule.id
            );
        }
    }
}

#[test]
fn neither_place_nor_time_nor_numbers_matter() {
    for (page, text) in pages() {
        for scenario in scenarios(&text) {
            let before: Vec<String> = diagnose(&scenario.script).iter().map(report).collect();
            let world_of = |shift: u32, later: i64| {
                let mut connections = script::connections(&scenario.script);
                for (i, c) in connections.iter_mut().enumerate() {
                    c.stream = i as u64;
                    moved(c, shift, later);
                }
                let world = world::of(&connections);
                let mut reset: Vec<Connection> = connections
                    .into_iter()
                    .filter(|c| c.segments.iter().any(Segment::is_rst))
                    .collect();
                reset.sort_by_key(|c| {
                    c.segments
                        .iter()
                        .find(|s| s.is_rst())
                        .map(|s| s.frame.number)
                });
                let mut cases: Vec<Case> = (1..)
                    .zip(reset)
                    .map(|(id, c)| diagnosis::diagnose(c, id, &world))
                    .collect();
                diagnosis::aggregate(&mut cases, &world);
                cases.iter().map(report).collect::<Vec<_>>()
            };
            assert_eq!(
                world_of(0, 86_400_000_000_000),
                before,
                "{page}: {}, a day later",
                scenario.name
            );
            if !scenario.script.contains(" 0:0(0)") {
                let wrapped = world_of(u32::MAX - 5020, 0);
                assert_eq!(
                    wrapped, before,
                    "{page}: {}, numbers across the wrap",
                    scenario.name
                );
            }
        }
    }
}

/// Shifts all sequence numbers and times of a connection.
fn moved(conn: &mut Connection, shift: u32, later: i64) {
    for s in &mut conn.segments {
        s.seq = s.seq.plus(shift);
        if s.has(rstcap::packet::tcp_flags::ACK) {
            s.ack = s.ack.plus(shift);
        }
        s.time.0 += later;
    }
    for icmp in &mut conn.icmp {
        icmp.time.0 += later;
        icmp.seq = icmp.seq.plus(shift);
    }
    conn.totals.first_time.0 += later;
    conn.totals.last_time.0 += later;
    for next in conn.totals.next.iter_mut().flatten() {
        *next = next.plus(shift);
    }
}
