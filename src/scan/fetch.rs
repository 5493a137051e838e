//! Fetching the kept records of connections again, by their places.

use super::source::{FileJob, Files};
use crate::anomaly::Anomaly;
use crate::capture::{MAX_RECORD_LEN, Record, RecordKind, Sink, State, Structure, walk};
use rayon::prelude::*;

/// Bytes read for a wanted record; most are smaller.
const WINDOW: usize = 2 << 10;
/// Wanted records no further apart than this are read together...
const NEAR: u64 = 12 << 10;
/// ... as far as they lie within so many bytes.
const MOST: u64 = 256 << 10;
/// Bytes read for a record that is longer than most.
const LONG: usize = 1 << 20;
/// Files held open while their records are fetched.
const MOST_HELD: usize = 64;
/// Wanted records handed to a worker at a time.
const BATCH: usize = 256;

/// A wanted record and what it is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<P> {
    /// Index of its file in the timeline.
    pub file: usize,
    /// Offset in that file.
    pub offset: u64,
    /// The caller's own.
    pub purpose: P,
}

struct One<F>(Option<F>);

impl<F: FnOnce(&Record<'_>)> Sink for One<F> {
    fn record(&mut self, record: &Record<'_>) {
        if let Some(f) = self.0.take()
            && record.kind == RecordKind::Packet
        {
            f(record);
        }
    }
    fn structure(&mut self, _: Structure) {}
    fn anomaly(&mut self, _: Anomaly) {}
}

/// Fetches all wanted records and gives them to `each`, from several threads and in no special
/// order. Records that cannot be read any more are missing, as are those of compressed files
/// that were not taken out of them ([`super::again`]).
pub fn all<P: Send + Sync>(
    files: &Files,
    mut wanted: Vec<Wanted<P>>,
    each: impl Fn(&Wanted<P>, &Record<'_>) + Sync,
) {
    let jobs = files.jobs();
    wanted.par_sort_unstable_by_key(|w| (w.file, w.offset));
    // held open over all batches, unless there are very many
    let runs = || wanted.chunk_by(|a, b| a.file == b.file);
    let plain = || {
        runs()
            .map(|run| &jobs[run[0].file])
            .filter(|job| !job.compressed)
    };
    let held: Vec<_> = match plain().count() {
        n if n <= MOST_HELD => plain().map(|job| job.handle.open()).collect(),
        _ => Vec::new(),
    };
    wanted
        .par_chunks(BATCH)
        .for_each_init(Vec::new, |buf, batch| {
            for run in batch.chunk_by(|a, b| a.file == b.file) {
                let job = &jobs[run[0].file];
                if job.compressed {
                    packed_run(files, job, run, &each);
                } else {
                    plain_run(job, run, buf, &each);
                }
            }
        });
    drop(held);
}

fn packed_run<P>(
    files: &Files,
    job: &FileJob,
    run: &[Wanted<P>],
    each: &impl Fn(&Wanted<P>, &Record<'_>),
) {
    for wanted in run {
        if let Ok(bytes) = files.spool().read(job.id, wanted.offset) {
            let state = job.layout.state_at(wanted.offset);
            one(state, wanted.offset, &bytes, true, |r| each(wanted, r));
        }
    }
}

/// The length of the packet record at `offset`, where `bytes` begin; 0 if what is there is none,
/// `None` if it is not whole.
pub fn record_len(job: &FileJob, offset: u64, bytes: &[u8], last: bool) -> Option<usize> {
    let state = job.layout.state_at(offset);
    let mut len = 0;
    one(state, offset, bytes, last, |r| len = r.raw.len()).then_some(len)
}

fn plain_run<P>(
    job: &FileJob,
    run: &[Wanted<P>],
    buf: &mut Vec<u8>,
    each: &impl Fn(&Wanted<P>, &Record<'_>),
) {
    let Ok(opened) = job.handle.open() else {
        return;
    };
    let (mut state, mut until) = job.layout.state_until(run.first().map_or(0, |w| w.offset));
    let (mut at, mut have) = (0_u64, 0_usize);
    for (i, wanted) in run.iter().enumerate() {
        if wanted.offset > until {
            (state, until) = job.layout.state_until(wanted.offset);
        }
        let given = |bytes: &[u8], last: bool| {
            one(state.clone(), wanted.offset, bytes, last, |r| {
                each(wanted, r);
            })
        };
        let mut sizes = [reach(&run[i..]), LONG, 2 * MAX_RECORD_LEN].into_iter();
        loop {
            let inside = wanted
                .offset
                .checked_sub(at)
                .map(|d| d as usize)
                .filter(|&d| d < have);
            if inside.is_some_and(|skip| given(&buf[skip..have], false)) {
                break;
            }
            let Some(size) = sizes.next() else {
                break;
            };
            if buf.len() < size {
                buf.resize(size, 0);
            }
            at = wanted.offset;
            have = opened.read_at(at, &mut buf[..size]).unwrap_or(0);
            if have < size {
                given(&buf[..have], true);
                break;
            }
        }
    }
}

/// Bytes to read for the first of some wanted records, and those that follow it closely.
fn reach<P>(wanted: &[Wanted<P>]) -> usize {
    let mut offsets = wanted.iter().map(|w| w.offset);
    let first = offsets.next().unwrap_or(0);
    let last = offsets
        .try_fold(first, |last, next| {
            let close = next - last <= NEAR && next - first <= MOST;
            if close { Ok(next) } else { Err(last) }
        })
        .unwrap_or_else(|last| last);
    (last - first) as usize + WINDOW
}

// Gives the record at `offset`, where `bytes` begin; false: it is not whole in `bytes`.
fn one(
    mut state: State,
    offset: u64,
    bytes: &[u8],
    last: bool,
    each: impl FnOnce(&Record<'_>),
) -> bool {
    let mut sink = One(Some(each));
    walk(&mut state, offset, bytes, last, offset + 1, &mut sink) > 0
}

#[cfg(test)]
mod tests {
    use super::{MOST, NEAR, WINDOW, Wanted, reach};

    #[test]
    fn records_near_each_other_are_read_together() {
        let wanted = |offsets: &[u64]| {
            let one = |&offset: &u64| Wanted {
                file: 0,
                offset,
                purpose: (),
            };
            offsets.iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(reach(&wanted(&[500])), WINDOW);
        assert_eq!(reach(&wanted(&[500, 600, 700])), 200 + WINDOW);
        assert_eq!(
            reach(&wanted(&[0, NEAR, 2 * NEAR + 1])),
            NEAR as usize + WINDOW
        );
        let many: Vec<u64> = (0..1000).map(|i| i * NEAR / 3).collect();
        assert_eq!(reach(&wanted(&many)), MOST as usize + WINDOW);
    }
}
