//! Inputs into timelines: the files of one ring buffer are one capture (pcapng-fidelity 4).

use super::source::FileJob;
use crate::anomaly::{Anomaly, AnomalyKind};
use crate::capture::ring::{self, RingCandidate, Seam, SeamKind};
use crate::capture::{Record, Sink, State, Structure, find_boundary, walk};
use crate::units::Timestamp;
use rayon::prelude::*;
use std::io::Read;

/// Bytes read of a file's beginning and of its end to see its first and last time.
const PEEK: usize = 256 << 10;
/// Shortest time without packets between two files that is worth a word, in nanoseconds.
const GAP: i64 = 1_000_000_000;
/// How many times the usual gap between the files of a series it must be besides.
const UNUSUAL: i64 = 10;

/// Times of the first and the last record in some bytes.
#[derive(Default)]
struct Times {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Sink for Times {
    fn record(&mut self, record: &Record<'_>) {
        if let Some(time) = record.time {
            self.first.get_or_insert(time);
            self.last = Some(time);
        }
    }
    fn structure(&mut self, _: Structure) {}
    fn anomaly(&mut self, _: Anomaly) {}
}

/// Indexes of the files of each timeline, in order, and what is to be said of some of them.
/// With `separate`, every file is its own.
pub fn timelines(jobs: &[FileJob], separate: bool) -> (Vec<Vec<usize>>, Vec<(usize, Anomaly)>) {
    if separate || jobs.len() < 2 {
        return ((0..jobs.len()).map(|i| vec![i]).collect(), Vec::new());
    }
    let candidates: Vec<RingCandidate> = jobs.par_iter().map(candidate).collect();
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    for group in ring::group(&candidates) {
        let members: Vec<_> = group.iter().map(|&i| candidates[i].clone()).collect();
        let order: Vec<usize> = (0..members.len()).collect();
        // files captured side by side are not one after the other
        let parallel = |s: &Seam| matches!(s.kind, SeamKind::Overlap { parallel: true, .. });
        let seams = ring::seams(&members, &order);
        if let Some(seam) = seams.into_iter().find(parallel) {
            let [before, after] = [seam.before, seam.after].map(|i| group[i]);
            let detail = format!(
                "{} and {} were captured side by side: the {} files of this series are taken one by one",
                jobs[before].label,
                jobs[after].label,
                group.len()
            );
            notes.push((
                after,
                Anomaly::of_file(AnomalyKind::TimelineOverlap, detail),
            ));
            out.extend(group.into_iter().map(|i| vec![i]));
        } else {
            out.push(group);
        }
    }
    (out, notes)
}

fn candidate(job: &FileJob) -> RingCandidate {
    let (first_time, last_time) = ends(job).unwrap_or_default();
    RingCandidate {
        name: job.label.clone(),
        first_time,
        last_time,
        size: job.len,
    }
}

// What cannot be read here is reported by the scan.
fn ends(job: &FileJob) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    let opened = job.handle.open().ok()?;
    if opened.is_once() {
        return None; // and belongs to no series
    }
    let mut buf = vec![0; PEEK];
    let mut state = State::start(job.format.clone());
    let mut times = Times::default();
    if job.compressed {
        let mut stream = opened.stream().ok()?.take(PEEK as u64);
        buf.clear();
        stream.read_to_end(&mut buf).ok()?;
        walk(&mut state, 0, &buf, false, u64::MAX, &mut times);
        return Some((times.first, None));
    }
    let n = opened.read_at(0, &mut buf).ok()?;
    let whole = n < buf.len();
    walk(&mut state, 0, buf.get(..n)?, whole, u64::MAX, &mut times);
    if whole {
        return Some((times.first, times.last));
    }
    let from = job.len.saturating_sub(PEEK as u64);
    let n = opened.read_at(from, &mut buf).ok()?;
    let tail = buf.get(..n)?;
    let mut end = Times::default();
    if let Some(at) = find_boundary(&state, from, tail) {
        walk(
            &mut state,
            from + at as u64,
            tail.get(at..)?,
            true,
            u64::MAX,
            &mut end,
        );
    }
    Some((times.first, end.last))
}

/// What is remarkable about the series of a scanned timeline: the file's index and what.
pub fn seams(jobs: &[FileJob]) -> Vec<(usize, Anomaly)> {
    let candidates: Vec<RingCandidate> = jobs
        .iter()
        .map(|j| RingCandidate {
            name: j.label.clone(),
            first_time: j.times.map(|t| t.0),
            last_time: j.times.map(|t| t.1),
            size: j.len,
        })
        .collect();
    let order: Vec<usize> = (0..jobs.len()).collect();
    let seams = ring::seams(&candidates, &order);
    let mut gaps: Vec<i64> = seams
        .iter()
        .filter_map(|s| {
            if let SeamKind::Gap { nanos } = s.kind {
                Some(nanos)
            } else {
                None
            }
        })
        .collect();
    gaps.sort_unstable();
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0);
    let unusual = if gaps.len() > 2 {
        GAP.max(usual.saturating_mul(UNUSUAL))
    } else {
        GAP
    };
    seams
        .iter()
        .filter_map(|s| Some((s.after, anomaly(jobs, s, unusual)?)))
        .collect()
}

fn anomaly(jobs: &[FileJob], seam: &Seam, unusual: i64) -> Option<Anomaly> {
    let names = (&jobs.get(seam.before)?.label, &jobs.get(seam.after)?.label);
    let (kind, detail) = match seam.kind {
        SeamKind::WrapAround => return None,
        SeamKind::MissingFiles { count } => (
            AnomalyKind::MissingFile,
            format!("{count} missing between {} and {}", names.0, names.1),
        ),
        SeamKind::Overlap { nanos, .. } => {
            let seconds = nanos as f64 / 1e9;
            (
                AnomalyKind::TimelineOverlap,
                format!("{} begins {seconds:.6} s before {} ends", names.1, names.0),
            )
        }
        SeamKind::Gap { nanos } if nanos > unusual => {
            let seconds = nanos as f64 / 1e9;
            (
                AnomalyKind::TimelineGap,
                format!(
                    "no packets for {seconds:.3} s between {} and {}",
                    names.0, names.1
                ),
            )
        }
        SeamKind::Gap { .. } => return None,
    };
    Some(Anomaly::of_file(kind, detail))
}
