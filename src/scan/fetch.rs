//! Fetching the kept records of connections again, by their places.

use super::source::{FileJob, Files};
use super::stream;
use crate::anomaly::Anomaly;
use crate::capture::{MAX_RECORD_LEN, Record, RecordKind, Sink, State, Structure, walk};
use crate::error::Result;
use crate::units::{FileId, Span};
use rayon::prelude::*;
use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

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

/// Records of compressed files, kept in an unnamed temporary file: going back in a compressed
/// stream would mean decompressing it again.
#[derive(Debug, Default)]
pub struct Spool {
    file: Option<Mutex<std::fs::File>>,
    places: HashMap<(FileId, u64), Span>,
    end: u64,
}

impl Spool {
    fn add(&mut self, file: FileId, offset: u64, raw: &[u8]) -> io::Result<()> {
        if self.places.contains_key(&(file, offset)) {
            return Ok(());
        }
        let spool = match self.file.take() {
            Some(spool) => spool,
            None => Mutex::new(tempfile::tempfile()?),
        };
        {
            let mut out = spool.lock().unwrap_or_else(PoisonError::into_inner);
            out.seek(SeekFrom::Start(self.end))?;
            out.write_all(raw)?;
        }
        self.file = Some(spool);
        let len = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        self.places.insert(
            (file, offset),
            Span {
                offset: self.end,
                len,
            },
        );
        self.end += u64::from(len);
        Ok(())
    }

    /// The record of `file` at `offset`.
    ///
    /// # Errors
    /// It was never fetched, or the spool cannot be read.
    pub fn read(&self, file: FileId, offset: u64) -> io::Result<Vec<u8>> {
        let (Some(place), Some(spool)) = (self.places.get(&(file, offset)), &self.file) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
        spool.seek(SeekFrom::Start(place.offset))?;
        let mut bytes = vec![0; place.len as usize];
        spool.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

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

/// Fetches all wanted records and makes something of each; results come in lists of no special
/// order, with their tickets. Records that cannot be read any more are missing.
pub fn all<T: Send>(
    files: &mut Files,
    mut wanted: Vec<Wanted>,
    make: impl Fn(&Wanted, &Record<'_>) -> Option<T> + Sync,
) -> Result<Vec<Vec<(usize, T)>>> {
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
    let mut out: Vec<Vec<(usize, T)>> = plain
        .par_chunks(BATCH)
        .map(|batch| {
            let mut out = Vec::with_capacity(batch.len());
            for run in batch.chunk_by(|a, b| a.file == b.file) {
                plain_run(jobs, run, &make, &mut out);
            }
            out
        })
        .collect();
    drop(held);
    // what an earlier call fetched is still wanted
    let mut spool = files.take_spool();
    for run in compressed.chunk_by(|a, b| a.file == b.file) {
        out.push(compressed_run(
            &files.jobs()[run[0].file],
            run,
            &mut spool,
            &make,
        )?);
    }
    files.set_spool(spool);
    Ok(out)
}

fn plain_run<T>(
    jobs: &[FileJob],
    run: &[Wanted],
    make: &impl Fn(&Wanted, &Record<'_>) -> Option<T>,
    out: &mut Vec<(usize, T)>,
) {
    let job = &jobs[run[0].file];
    let Ok(opened) = job.handle.open() else {
        return;
    };
    let mut buf: Vec<u8> = Vec::new();
    let (mut at, mut have) = (0_u64, 0_usize);
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

struct Pick<'a, T, F> {
    job: &'a FileJob,
    run: &'a [Wanted],
    spool: &'a mut Spool,
    make: &'a F,
    out: Vec<(usize, T)>,
    /// Sections, interfaces and other blocks met, whose bytes a case file needs too.
    structures: Vec<Span>,
    error: Option<io::Error>,
}

impl<T, F: Fn(&Wanted, &Record<'_>) -> Option<T>> Sink for Pick<'_, T, F> {
    fn record(&mut self, record: &Record<'_>) {
        while let Some((wanted, rest)) = self.run.split_first() {
            if wanted.offset > record.span.offset {
                return;
            }
            self.run = rest;
            if wanted.offset < record.span.offset {
                continue;
            }
            if let Err(e) = self.spool.add(self.job.id, wanted.offset, record.raw) {
                self.error.get_or_insert(e);
            }
            let made = (self.make)(wanted, record);
            self.out.extend(made.map(|t| (wanted.ticket, t)));
        }
    }
    fn structure(&mut self, structure: Structure) {
        let (Structure::Section { span, .. }
        | Structure::Interface { span, .. }
        | Structure::Block { span, .. }) = structure;
        self.structures.push(span);
    }
    fn anomaly(&mut self, _: Anomaly) {}
}

impl<T, F: Fn(&Wanted, &Record<'_>) -> Option<T>> Pick<'_, T, F> {
    // Walks `bytes`, which lie at offset `at`; how many of them were used.
    fn advance(&mut self, state: &mut State, at: u64, bytes: &[u8], last: bool) -> usize {
        let used = walk(state, at, bytes, last, u64::MAX, self);
        for span in std::mem::take(&mut self.structures) {
            let from = span.offset.saturating_sub(at) as usize;
            let raw = bytes.get(from..).and_then(|b| b.get(..span.len as usize));
            if let Err(e) = raw.map_or(Ok(()), |raw| self.spool.add(self.job.id, span.offset, raw))
            {
                self.error.get_or_insert(e);
            }
        }
        used
    }
}

fn compressed_run<T, F: Fn(&Wanted, &Record<'_>) -> Option<T>>(
    job: &FileJob,
    run: &[Wanted],
    spool: &mut Spool,
    make: &F,
) -> Result<Vec<(usize, T)>> {
    let opened = job.handle.open()?;
    let mut pick = Pick {
        job,
        run,
        spool,
        make,
        out: Vec::new(),
        structures: Vec::new(),
        error: None,
    };
    let mut state = State::start(job.format.clone());
    let mut pending: Vec<u8> = Vec::new();
    let mut at = 0;
    // names and secrets may follow the packets in pcapng: read on to the end
    let all = state.is_pcapng();
    let read = stream::blocks(opened.stream()?, |block| {
        pending.extend_from_slice(block);
        let used = pick.advance(&mut state, at, &pending, false);
        at += used as u64;
        pending.drain(..used);
        (all || !pick.run.is_empty()) && pick.error.is_none() && pending.len() <= 2 * MAX_RECORD_LEN
    });
    if all || !pick.run.is_empty() {
        pick.advance(&mut state, at, &pending, true);
    }
    let _ = read; // the scan reported where the stream ends
    match pick.error {
        Some(e) => Err(e.into()),
        None => Ok(pick.out),
    }
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
