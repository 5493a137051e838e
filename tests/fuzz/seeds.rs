//! What is mutated: the files of `testdata/fuzz`, the scenario captures, and the frames and
//! streams in them.

use crate::support::capture::Capture;
use crate::support::{fields, scenarios, testdata};
use std::path::PathBuf;

/// Kinds of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole capture files.
    File,
    /// Single frames, link type 1.
    Frame,
    /// Payload of one direction of a connection; DNS messages.
    Stream,
}

/// Longest stream that is kept.
const LONGEST: usize = 4000;

/// All seeds of a kind, in a fixed order.
pub fn seeds(kind: Kind) -> Vec<Vec<u8>> {
    match kind {
        Kind::File => {
            let mut files = read(&fuzz("cap"));
            files.extend(read(&scenarios(2500, 5)));
            files
        }
        Kind::Frame => {
            let mut frames = read(&fuzz("frame"));
            for path in scenarios(20_000, 23) {
                let some = Capture::read(&path).frames.into_iter().step_by(5);
                frames.extend(some.map(|f| f.data));
            }
            frames
        }
        Kind::Stream => streams(),
    }
}

fn fuzz(extension: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(testdata("fuzz")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|f| f.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

fn read(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    paths.iter().map(|p| std::fs::read(p).unwrap()).collect()
}

fn streams() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for frame in read(&fuzz("frame")) {
        // the DNS messages: after Ethernet, IPv4 and UDP headers
        all.extend(
            frame
                .get(42..)
                .filter(|m| !m.is_empty())
                .map(<[u8]>::to_vec),
        );
    }
    for path in scenarios(20_000, 3) {
        let capture = Capture::read(&path);
        let mut sides: Vec<(fields::End, Vec<u8>)> = Vec::new();
        for frame in &capture.frames {
            let Some(place) = fields::place(capture.link_type, &frame.data) else {
                continue;
            };
            let payload = place
                .payload(&frame.data)
                .and_then(|at| frame.data.get(at..));
            let (Some((from, _)), Some(payload)) = (place.ends(&frame.data), payload) else {
                continue;
            };
            if payload.is_empty() || !place.is_own() {
                continue;
            }
            match sides.iter_mut().find(|(end, _)| *end == from) {
                Some((_, stream)) if stream.len() < LONGEST => stream.extend(payload),
                Some(_) => {}
                None => sides.push((from, payload.to_vec())),
            }
        }
        all.extend(sides.into_iter().map(|(_, stream)| stream));
    }
    all.sort();
    all.dedup();
    all
}
