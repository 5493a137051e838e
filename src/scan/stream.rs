//! Compressed files: one thread decompresses, another walks and reduces.

use super::chunk::Walked;
use super::plan::Plan;
use super::reducer::Reducer;
use super::source::FileJob;
use super::wave::Scratch;
use crate::capture::{MAX_RECORD_LEN, walk};
use crate::error::Result;
use std::io::Read;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

/// Bytes of decompressed data handed over at a time.
const BLOCK: usize = 1 << 20;
/// Blocks that may wait between the two threads.
const AHEAD: usize = 8;
/// Progress is told in shares of the compressed file, at most this often.
const STEPS: u64 = 200;

/// Calls `each` with the blocks of a stream while another thread reads ahead; `each` returns
/// false to stop.
///
/// # Errors
/// What reading the stream said.
pub fn blocks(
    mut stream: Box<dyn Read + Send>,
    mut each: impl FnMut(&[u8]) -> bool,
) -> std::io::Result<()> {
    std::thread::scope(|scope| {
        let (full, filled) = mpsc::sync_channel::<Vec<u8>>(AHEAD);
        let (empty, emptied) = mpsc::channel::<Vec<u8>>();
        let reader = scope.spawn(move || -> std::io::Result<()> {
            loop {
                let mut block = emptied.try_recv().unwrap_or_default();
                block.resize(BLOCK, 0);
                let n = fill(&mut stream, &mut block)?;
                block.truncate(n);
                if n == 0 || full.send(block).is_err() {
                    return Ok(());
                }
            }
        });
        for block in &filled {
            if !each(&block) {
                break;
            }
            let _ = empty.send(block); // the reader may be gone: then no one needs it
        }
        drop(filled);
        reader
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("the decompressor failed")))
    })
}

fn fill(stream: &mut dyn Read, buf: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < buf.len() {
        match stream.read(&mut buf[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) if n > 0 => break, // hand over what is whole; the error comes again
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

/// Scans one compressed file of a timeline.
///
/// # Errors
/// The decompressor cannot be set up or the file not be read.
pub fn scan(
    plan: &Plan<'_>,
    files: &mut [FileJob],
    index: usize,
    scratch: &Scratch,
    reducer: &mut Reducer<'_>,
) -> Result<()> {
    let opened = files[index].handle.open()?;
    let (stream, ending) = opened.stream_with_ending()?;
    let mut pending: Vec<u8> = Vec::with_capacity(4 * BLOCK);
    let step = (files[index].len / STEPS).max(1);
    let read = blocks(stream, |block| {
        pending.extend_from_slice(block);
        if pending.len() >= 4 * BLOCK {
            let used = advance(files, index, scratch, reducer, &pending, false);
            pending.drain(..used);
            plan.progress.bytes(step.min(block.len() as u64));
        }
        pending.len() < 2 * MAX_RECORD_LEN && !plan.stop.load(Ordering::Relaxed)
    });
    advance(files, index, scratch, reducer, &pending, true);
    let file = &mut files[index];
    ending
        .anomalies()
        .into_iter()
        .for_each(|a| reducer.anomalies.add(file.id, a));
    if let Err(e) = read {
        file.error = Some((file.next, e.to_string()));
    }
    file.done = true;
    plan.progress.file_done(&file.label);
    Ok(())
}

fn advance(
    files: &mut [FileJob],
    index: usize,
    scratch: &Scratch,
    reducer: &mut Reducer<'_>,
    bytes: &[u8],
    last: bool,
) -> usize {
    let file = &mut files[index];
    let mut found = scratch.collector();
    found.reset(file.next);
    let used = walk(
        &mut file.state,
        file.next,
        bytes,
        last,
        u64::MAX,
        &mut found,
    );
    let start = Some(file.next);
    file.next += used as u64;
    let walked = Walked {
        start,
        end: file.next,
        state: file.state.clone(),
        found,
        error: None,
    };
    let mut wave = [(index, walked)];
    reducer.wave(files, &mut wave);
    let [(_, walked)] = wave;
    scratch.recycle(walked.found);
    used
}
