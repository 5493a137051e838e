//! Many captures in one, as a router between all their hosts would have taken it: what is said of
//! a reset does not depend on strangers whose packets come with the same two MAC addresses, nor
//! on other users of the client's address.

use crate::support::capture::{Capture, Frame, Shape};
use crate::support::{fields, run, scenarios};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Scenarios that rest on what the crowd hides: a host's own network card, a clock of one's own.
const ALONE: [&str; 2] = ["happy-eyeballs-sibling", "clock-step"];

/// Captures begin this long after each other, in nanoseconds.
const APART: u64 = 7_000_000;

/// Class, party and severity of the cases of each connection.
type Claims = BTreeMap<String, Vec<[String; 3]>>;

fn claims(bytes: &[u8]) -> Claims {
    let mut claims = Claims::new();
    for case in &run::list_bytes(bytes, &["-j1"]).cases {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let end = |side: &str| format!("{}:{}", text(&case[side]["ip"]), case[side]["port"]);
        let claim = ["class", "party", "severity"].map(|name| text(&case[name]));
        let key = format!("{} > {}", end("client"), end("server"));
        claims.entry(key).or_default().push(claim);
    }
    claims
}

/// The capture with hosts of its own behind two routers, the one that spoke first here.
fn among_others(capture: &Capture, number: u8, client: Option<[u8; 4]>) -> Capture {
    let capture = fields::number(capture, number, client);
    let begin = capture.frames.first().map_or(0, |f| f.ns);
    let first = |f: &Frame| f.data.get(6..12).map(<[u8]>::to_vec);
    let first = capture.frames.first().and_then(first);
    let frames = capture.frames.iter().filter_map(|frame| {
        fields::place(capture.link_type, &frame.data)?;
        let mut frame = frame.clone();
        let (dst, src) = frame.data.split_at_mut_checked(6)?;
        let mut routers = [[2, 0, 0, 0, 0, 0xaa], [2, 0, 0, 0, 0, 0xbb]];
        if src.get(..6) != first.as_deref() {
            routers.reverse();
        }
        src.get_mut(..6)?.copy_from_slice(&routers[0]);
        dst.copy_from_slice(&routers[1]);
        frame.ns = frame.ns - begin + 1_790_000_000_000_000_000 + u64::from(number) * APART;
        Some(frame)
    });
    capture.with(frames.collect())
}

fn is_of(path: &Path, vantage: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(vantage) && !ALONE.iter().any(|alone| name.starts_with(alone))
}

fn does_not_matter(client: Option<[u8; 4]>) {
    let (mut frames, mut alone, mut wrong) = (Vec::new(), Claims::new(), Vec::new());
    let paths = scenarios(60_000, 1);
    let at_server = paths.iter().filter(|path| is_of(path, ".S.pcap"));
    for (path, number) in at_server.zip(0..=u8::MAX) {
        let capture = Capture::read(path);
        if capture.link_type == 1 {
            let mut capture = among_others(&capture, number, client);
            alone.extend(claims(&capture.bytes(Shape::PLAIN)));
            frames.append(&mut capture.frames);
        }
    }
    frames.sort_by_key(|f| f.ns);
    let all = Capture {
        link_type: 1,
        snaplen: 262_144,
        frames,
    };
    let together = claims(&all.bytes(Shape::PLAIN));
    for (connection, claims) in &alone {
        if together.get(connection) != Some(claims) {
            wrong.push(format!(
                "{connection}\n  {claims:?}\n  {:?}",
                together.get(connection)
            ));
        }
    }
    assert!(alone.len() > 100, "{} connections", alone.len());
    assert!(wrong.is_empty(), "strangers matter:\n{}", wrong.join("\n"));
}

#[test]
fn a_crowd_behind_one_router_does_not_matter() {
    does_not_matter(None);
}

#[test]
fn a_crowd_behind_the_address_of_the_client_does_not_matter() {
    does_not_matter(Some([100, 64, 0, 1]));
}
