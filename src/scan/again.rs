//! What is needed of compressed files once their scan is over: taken from what was kept of
//! their bytes, or, where that was too much, from a second decompression.

use super::plan::Plan;
use super::retained::Retained;
use super::source::{FileJob, Files};
use super::spool::Spool;
use super::stream::{self, Block};
use super::{connections, dns_fragments, fetch};
use crate::capture::Structure;
use crate::error::Result;
use crate::flow::loc::Loc;
use crate::flow::names::Names;
use crate::flow::resets::Finished;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;

/// Decompressed bytes that are still read again after an interrupt: it is to end within a second.
const AFTER_INTERRUPT: u64 = 128 << 20;

/// What was kept of the files of a timeline, by their index; nothing of plain ones.
pub type Kept<'b> = Vec<Option<Retained<'b>>>;

/// Takes all that connections will be made of out of the compressed files of a timeline, and
/// completes the names by the fragmented answers. Whether all was there, which it is not after
/// an interrupt, and how many answers were too many to be completed.
///
/// # Errors
/// As for [`take`].
pub fn all(
    plan: &Plan<'_>,
    files: &mut Files,
    kept: &Kept<'_>,
    names: &mut Names,
    parts: &BTreeMap<u64, Vec<Loc>>,
    finished: [&[Finished]; 2],
) -> Result<(bool, u64)> {
    if !files.jobs().iter().any(|job| job.compressed) {
        return Ok((true, dns_fragments::complete(files, names, parts)));
    }
    let needed = |files: &Files, names: &Names| {
        let of = |finished| connections::places(files, finished, names, parts);
        finished.into_iter().flat_map(of).collect::<Vec<_>>()
    };
    let answers = dns_fragments::places(files, names, parts);
    let fragmented = !answers.is_empty();
    let mut places = needed(files, names);
    places.extend(answers);
    let whole = take(plan, files, kept, places)?;
    let unread = dns_fragments::complete(files, names, parts);
    if !whole || !fragmented {
        return Ok((whole, unread));
    }
    // an answer that is complete may be the one a connection followed
    let places = needed(files, names);
    Ok((take(plan, files, kept, places)?, unread))
}

/// Takes the records at these places (index of the file, offset), where the file is compressed,
/// and what describes them, into the spool of `files`. False if it was interrupted.
///
/// # Errors
/// A file cannot be read again, or the spool not be written.
fn take(
    plan: &Plan<'_>,
    files: &mut Files,
    kept: &Kept<'_>,
    mut places: Vec<(usize, u64)>,
) -> Result<bool> {
    let mut spool = files.take_spool();
    let new = |&(index, offset): &(usize, u64)| {
        let job = files.jobs().get(index);
        job.is_some_and(|job| job.compressed && !spool.has(job.id, offset))
    };
    places.retain(new);
    places.sort_unstable();
    places.dedup();
    spool.expect(places.len());
    let mut whole = Ok(true);
    let mut after_interrupt = AFTER_INTERRUPT;
    for run in places.chunk_by(|a, b| a.0 == b.0) {
        let Some((job, index)) = run
            .first()
            .and_then(|(i, _)| Some((files.jobs().get(*i)?, *i)))
        else {
            continue;
        };
        let retained = kept.get(index).and_then(Option::as_ref);
        let taker = Taker::new(job, run, &mut spool);
        whole = match retained.and_then(Retained::blocks) {
            Some(blocks) => from_memory(blocks, taker),
            None => from_file(plan, job, taker, &mut after_interrupt),
        };
        if !matches!(whole, Ok(true)) {
            break;
        }
    }
    files.set_spool(spool);
    whole
}

fn from_memory(blocks: &[(u64, Block)], mut taker: Taker<'_>) -> Result<bool> {
    for (i, (at, block)) in blocks.iter().enumerate() {
        taker.feed(*at, block.bytes(), i + 1 == blocks.len());
    }
    taker.end()?;
    Ok(true)
}

fn from_file(
    plan: &Plan<'_>,
    job: &FileJob,
    mut taker: Taker<'_>,
    after_interrupt: &mut u64,
) -> Result<bool> {
    plan.progress.again(&job.label, job.len);
    let opened = job.handle.open()?;
    let (stream, ending) = opened.stream_with_ending()?;
    let mut told = 0;
    let mut cut = false;
    let read = stream::blocks(stream, &mut Retained::nothing(), |at, bytes, last| {
        let read = ending.bytes_read();
        plan.progress.bytes(read - told);
        told = read;
        let used = taker.feed(at, bytes, last);
        if plan.stop.load(Ordering::Relaxed) {
            *after_interrupt = after_interrupt.saturating_sub(bytes.len() as u64);
            cut = *after_interrupt == 0 && used.is_some();
        }
        used.filter(|_| !cut)
    });
    let _ = read; // the scan reported where the stream ends
    plan.progress.bytes(job.len.saturating_sub(told));
    taker.end()?;
    Ok(!cut)
}

/// Keeps, after an interrupt, the connections whose records were all taken.
pub fn keep_whole(
    files: &Files,
    finished: &mut Vec<Finished>,
    names: &Names,
    parts: &BTreeMap<u64, Vec<Loc>>,
) {
    let here = |(index, offset): (usize, u64)| {
        let job = files.jobs().get(index);
        job.is_none_or(|job| !job.compressed || files.spool().has(job.id, offset))
    };
    finished.retain(|f| {
        let places = connections::places(files, std::slice::from_ref(f), names, parts);
        places.into_iter().all(here)
    });
}

/// Takes places of one file from its bytes, as they come.
struct Taker<'a> {
    job: &'a FileJob,
    /// In order; with their lengths, where known: then it need not be a record.
    places: Vec<(u64, Option<u32>)>,
    next: usize,
    spool: &'a mut Spool,
    error: Option<io::Error>,
}

impl<'a> Taker<'a> {
    fn new(job: &'a FileJob, run: &[(usize, u64)], spool: &'a mut Spool) -> Self {
        let blocks = job.layout.sections().chain(job.layout.blocks());
        let spans = blocks.filter_map(|structure| match structure {
            Structure::Section { span, .. } | Structure::Block { span, .. } => Some(*span),
            Structure::Interface { .. } => None,
        });
        let described = spans.chain(job.layout.interfaces());
        let described = described.filter(|span| !spool.has(job.id, span.offset));
        let mut places: Vec<_> = described
            .map(|span| (span.offset, Some(span.len)))
            .chain(run.iter().map(|&(_, offset)| (offset, None)))
            .collect();
        places.sort_unstable();
        Self {
            job,
            places,
            next: 0,
            spool,
            error: None,
        }
    }

    /// Takes what lies whole in `bytes`, which begin at offset `at`; how many of them are not
    /// needed any more, or `None` when nothing is.
    fn feed(&mut self, at: u64, bytes: &[u8], last: bool) -> Option<usize> {
        while let Some(&(offset, len)) = self.places.get(self.next) {
            let skip = offset.saturating_sub(at);
            let Some(rest) = usize::try_from(skip).ok().and_then(|n| bytes.get(n..)) else {
                return Some(bytes.len());
            };
            let len = match len {
                Some(len) => Some(len as usize).filter(|&n| n <= rest.len()),
                None => fetch::record_len(self.job, offset, rest, last),
            };
            match len.and_then(|len| rest.get(..len)) {
                Some(raw) if offset >= at && !raw.is_empty() => {
                    if let Err(e) = self.spool.add(self.job.id, offset, raw) {
                        self.error = Some(e);
                        return None;
                    }
                }
                None if !last => return Some(skip as usize),
                _ => {} // the file has changed
            }
            self.next += 1;
        }
        None
    }

    fn end(self) -> Result<()> {
        match self.error {
            Some(e) => Err(e.into()),
            None => Ok(()),
        }
    }
}
