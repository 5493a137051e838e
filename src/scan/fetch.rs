//! Fetching the kept records of connections again, by their places.

use super::source::{FileJob, Files};
use crate::anomaly::Anomaly;
use crate::capture::{MAX_RECORD_LEN, Record, RecordKind, Sink, Structure, walk};
use rayon::prelude::*;

/// Bytes read for a wanted record; most are smaller.
const WINDOW: usize = 2 << 10;
/// Wanted records no further apart than this are read together...
const NEAR: u64 = 24 << 10;
/// ... as far as they lie within so many bytes.
const MOST: u64 = 256 << 10;
/// Bytes read for a record that is longer than most.
const LONG: usize = 1 << 20;
/// Files held open while their records are fetched.
const MOST_HELD: usize = 64;
/// Wanted records handed to a worker at a time.
const BATCH: usize = 256;

/// A wanted record and who wants it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Index of its file in the timeline.
    pub file: usize,
    /// Offset in that file.
    pub offset: u64,
    /// The caller's own number for it.
    pub ticket: usize,
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

/// Fetches all wanted records and makes something of each; results come in no special order,
/// with their tickets. Records that cannot be read any more are missing, as are those of
/// compressed files that were not taken out of them ([`super::again`]).
pub fn all<T: Send>(
    files: &Files,
    mut wanted: Vec<Wanted>,
    make: impl Fn(&Wanted, &Record<'_>) -> Option<T> + Sync,
) -> Vec<(usize, T)> {
    wanted.par_sort_unstable_by_key(|w| (w.file, w.offset));
    let (compressed, plain): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|w| files.jobs()[w.file].compressed);
    let jobs = files.jobs();
    // held open over all batches, unless there are very many
    let held: Vec<_> = match plain.chunk_by(|a, b| a.file == b.file).count() {
        n if n <= MOST_HELD => plain
            .chunk_by(|a, b| a.file == b.file)
            .map(|r| jobs[r[0].file].handle.open())
            .collect(),
        _ => Vec::new(),
    };
    let mut out: Vec<(usize, T)> = plain
        .par_chunks(BATCH)
        .flat_map_iter(|batch| {
            batch
                .chunk_by(|a, b| a.file == b.file)
                .flat_map(|run| plain_run(jobs, run, &make))
                .collect::<Vec<_>>()
        })
        .collect();
    drop(held);
    let spooled = compressed.par_chunks(BATCH).flat_map_iter(|batch| {
        batch
            .iter()
            .filter_map(|w| Some((w.ticket, spooled(files, w, &make)?)))
            .collect::<Vec<_>>()
    });
    out.par_extend(spooled);
    out
}

/// A record that was taken out of a compressed file before.
fn spooled<T>(
    files: &Files,
    wanted: &Wanted,
    make: &impl Fn(&Wanted, &Record<'_>) -> Option<T>,
) -> Option<T> {
    let job = files.jobs().get(wanted.file)?;
    let bytes = files.spool().read(job.id, wanted.offset).ok()?;
    one(job, wanted, &bytes, true, make)?
}

/// The length of the packet record at `offset`, where `bytes` begin; 0 if what is there is none,
/// `None` if it is not whole.
pub fn record_len(job: &FileJob, offset: u64, bytes: &[u8], last: bool) -> Option<usize> {
    let wanted = Wanted {
        file: 0,
        offset,
        ticket: 0,
    };
    let len = one(
        job,
        &wanted,
        bytes,
        last,
        &|_: &Wanted, record: &Record<'_>| Some(record.raw.len()),
    )?;
    Some(len.unwrap_or(0))
}

fn plain_run<T>(
    jobs: &[FileJob],
    run: &[Wanted],
    make: &impl Fn(&Wanted, &Record<'_>) -> Option<T>,
) -> Vec<(usize, T)> {
    let job = &jobs[run[0].file];
    let Ok(opened) = job.handle.open() else {
        return Vec::new();
    };
    let mut buf: Vec<u8> = Vec::new();
    let (mut at, mut have) = (0_u64, 0_usize);
    let mut out = Vec::with_capacity(run.len());
    for (i, wanted) in run.iter().enumerate() {
        let mut sizes = [reach(&run[i..]), LONG, 2 * MAX_RECORD_LEN].into_iter();
        let made = loop {
            let inside = wanted
                .offset
                .checked_sub(at)
                .map(|d| d as usize)
                .filter(|&d| d < have);
            if let Some(skip) = inside
                && let Some(done) = one(job, wanted, &buf[skip..have], false, make)
            {
                break done;
            }
            let Some(size) = sizes.next() else {
                break None;
            };
            if buf.len() < size {
                buf.resize(size, 0);
            }
            at = wanted.offset;
            have = opened.read_at(at, &mut buf[..size]).unwrap_or(0);
            if have < size {
                break one(job, wanted, &buf[..have], true, make).flatten();
            }
        };
        out.extend(made.map(|t| (wanted.ticket, t)));
    }
    out
}

/// Bytes to read for the first of some wanted records, and those that follow it closely.
fn reach(wanted: &[Wanted]) -> usize {
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

// None: the record is not whole in `bytes`.
fn one<T>(
    job: &FileJob,
    wanted: &Wanted,
    bytes: &[u8],
    last: bool,
    make: &impl Fn(&Wanted, &Record<'_>) -> Option<T>,
) -> Option<Option<T>> {
    let state = job.layout.state_at(wanted.offset);
    let mut made = None;
    let mut sink = One(Some(|record: &Record<'_>| made = make(wanted, record)));
    let used = walk(
        &mut state.clone(),
        wanted.offset,
        bytes,
        last,
        wanted.offset + 1,
        &mut sink,
    );
    (used > 0).then_some(made)
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
                ticket: 0,
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
