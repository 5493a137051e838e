//! Compressed files: one thread decompresses, another walks and reduces.

use super::chunk::Walked;
use super::collector::Collector;
use super::plan::Plan;
use super::reducer::Reducer;
use super::retained::{Budget, Forecast, Retained};
use super::source::FileJob;
use super::wave::Scratch;
use crate::capture::{Compression, Ending, MAX_RECORD_LEN, platform, walk};
use crate::error::Result;
use memmap2::MmapMut;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

/// Room in a block for the beginning of a record that the block before cuts; longer ones are
/// put together elsewhere.
const HEADROOM: usize = 64 << 10;
/// Bytes of decompressed data handed over at a time: few enough to stay in a cache, and with the
/// room before them no more than an allocator gives without waste.
const BLOCK: usize = (1 << 20) - HEADROOM;
/// Bytes of a block that takes the place of one that is kept: a huge page.
const LARGE: usize = 2 << 20;
/// Blocks that may wait between the two threads.
const AHEAD: usize = 8;
/// Decompressed bytes whose facts are reduced together.
const WAVE: u64 = 4 << 20;
/// The part of what may be kept that a file gets which is fast to decompress.
const FAST_SHARE: u64 = 4;
/// Bytes of a page: memory comes by these.
const PAGE: usize = 4096;

/// Memory for a block.
#[derive(Debug)]
enum Room {
    Usual(Vec<u8>),
    Large(MmapMut),
}

impl Room {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Usual(bytes) => bytes,
            Self::Large(bytes) => bytes,
        }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Usual(bytes) => bytes,
            Self::Large(bytes) => bytes,
        }
    }
}

/// Decompressed bytes.
#[derive(Debug)]
pub struct Block {
    room: Room,
    from: usize,
    to: usize,
}

impl Block {
    /// Nothing yet.
    pub fn empty() -> Self {
        Self {
            room: Room::Usual(vec![0; HEADROOM + BLOCK]),
            from: HEADROOM,
            to: HEADROOM,
        }
    }

    // With its memory there: the kernel takes its time for that, and the thread that will fill
    // the block is the slower one.
    fn present() -> Self {
        let mut block = Self::empty();
        if let Some(memory) = platform::large_pages(LARGE) {
            block.room = Room::Large(memory);
        }
        let pages = block.room.bytes_mut().iter_mut().step_by(PAGE);
        pages.for_each(|byte| *byte = 1);
        block
    }

    // Of these bytes.
    fn of(bytes: Vec<u8>) -> Self {
        Self {
            from: 0,
            to: bytes.len(),
            room: Room::Usual(bytes),
        }
    }

    /// What it holds.
    pub fn bytes(&self) -> &[u8] {
        self.room
            .bytes()
            .get(self.from..self.to)
            .unwrap_or_default()
    }

    /// Bytes of memory that count against a budget.
    pub fn footprint(&self) -> usize {
        self.room.bytes().len()
    }

    // Fills it anew; how many bytes came.
    fn read(&mut self, stream: &mut dyn Read) -> std::io::Result<usize> {
        if self.footprint() < HEADROOM + BLOCK {
            *self = Self::empty();
        }
        let room = self.room.bytes_mut();
        let n = fill(stream, room.get_mut(HEADROOM..).unwrap_or_default())?;
        (self.from, self.to) = (HEADROOM, HEADROOM + n);
        Ok(n)
    }

    // Puts what the block before left in front; false if there is no room.
    fn prepend(&mut self, left: &[u8]) -> bool {
        let Some(from) = self.from.checked_sub(left.len()) else {
            return false;
        };
        if let Some(room) = self.room.bytes_mut().get_mut(from..self.from) {
            room.copy_from_slice(left);
        }
        self.from = from;
        true
    }
}

/// Reads a stream ahead on another thread and calls `each` with its bytes in order: their
/// offset, themselves, and whether they are the last. It returns how many it has done with; the
/// others come again, with more behind them. With `None`, it ends. Blocks go to `retained`, cut
/// such that what `each` met whole is whole in one of them.
///
/// # Errors
/// What reading the stream said.
pub fn blocks(
    mut stream: Box<dyn Read + Send>,
    retained: &mut Retained<'_>,
    mut each: impl FnMut(u64, &[u8], bool) -> Option<usize>,
) -> std::io::Result<()> {
    let at_end = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (full, filled) = mpsc::sync_channel::<Block>(AHEAD);
        let (empty, emptied) = mpsc::channel::<Block>();
        let reader = scope.spawn(move || {
            let read = read_ahead(&mut stream, &full, &emptied);
            at_end.store(true, Ordering::Relaxed);
            read
        });
        let mut chain = Chain {
            retained,
            empty,
            at_end,
            before: None,
        };
        let mut ended = true;
        for block in &filled {
            let (at, block) = chain.join(block);
            let used = each(at, block.bytes(), false);
            chain.before = Some((at, block, used.unwrap_or(0)));
            if used.is_none() {
                ended = false;
                break;
            }
        }
        drop(filled);
        let read = reader.join();
        if let Some((at, block, used)) = chain.before.take() {
            if ended {
                let left = block.bytes().get(used..).unwrap_or_default();
                each(at + used as u64, left, true);
            }
            chain.done(at, block);
        }
        read.unwrap_or_else(|_| Err(std::io::Error::other("the decompressor failed")))
    })
}

fn read_ahead(
    stream: &mut dyn Read,
    full: &mpsc::SyncSender<Block>,
    emptied: &mpsc::Receiver<Block>,
) -> std::io::Result<()> {
    loop {
        let mut block = emptied.try_recv().unwrap_or_else(|_| Block::empty());
        if block.read(stream)? == 0 || full.send(block).is_err() {
            return Ok(());
        }
    }
}

/// The way of the blocks: from the reader, over the one before, back to it or to who keeps them.
struct Chain<'r, 'b> {
    retained: &'r mut Retained<'b>,
    empty: mpsc::Sender<Block>,
    /// The reader needs no blocks any more.
    at_end: &'r AtomicBool,
    /// With its offset and how much of it is done with.
    before: Option<(u64, Block, usize)>,
}

impl Chain<'_, '_> {
    // Puts what the block before left in front of the next one; the offset where that begins.
    fn join(&mut self, mut block: Block) -> (u64, Block) {
        let Some((at, old, used)) = self.before.take() else {
            return (0, block);
        };
        let start = at + used as u64;
        let left = old.bytes().get(used..).unwrap_or_default();
        if block.prepend(left) {
            self.done(at, old);
        } else {
            let both = Block::of([left, block.bytes()].concat());
            self.recycle(std::mem::replace(&mut block, both));
            if used == 0 {
                self.recycle(old);
            } else {
                self.done(at, old);
            }
        }
        (start, block)
    }

    fn done(&mut self, at: u64, block: Block) {
        match self.retained.offer(at, block) {
            Some(spare) => self.recycle(spare),
            None if self.at_end.load(Ordering::Relaxed) => {}
            None => self.recycle(Block::present()),
        }
    }

    fn recycle(&self, block: Block) {
        let _ = self.empty.send(block); // the reader may be gone: then no one needs it
    }
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

/// Scans one compressed file of a timeline, and returns what was kept of its bytes.
///
/// # Errors
/// The decompressor cannot be set up or the file not be read.
pub fn scan<'b>(
    plan: &Plan<'_>,
    files: &mut [FileJob],
    index: usize,
    scratch: &Scratch,
    reducer: &mut Reducer<'_>,
    budget: &'b Budget,
) -> Result<Retained<'b>> {
    let opened = files[index].handle.open()?;
    let (stream, ending) = opened.stream_with_ending()?;
    let most = most_retained(opened.compression(), plan);
    let forecast = forecast(files[index].len, ending.clone());
    let mut retained = Retained::within(budget, most).expecting(forecast);
    let mut wave = Wave::new(scratch, files[index].next);
    let mut told = 0;
    let mut tell = |read: u64| {
        plan.progress.bytes(read.saturating_sub(told));
        told = told.max(read);
    };
    let read = blocks(stream, &mut retained, |at, bytes, last| {
        let used = wave.walk(&mut files[index], at, bytes, last);
        if last || wave.len(at + used as u64) >= WAVE {
            wave.reduce(files, index, reducer);
            tell(ending.bytes_read());
        }
        let stuck = used == 0 && bytes.len() >= 2 * MAX_RECORD_LEN;
        (!stuck && !plan.stop.load(Ordering::Relaxed)).then_some(used)
    });
    wave.reduce(files, index, reducer);
    tell(ending.bytes_read());
    let file = &mut files[index];
    ending
        .anomalies()
        .into_iter()
        .for_each(|a| reducer.anomalies.add(file.id, a));
    if let Err(e) = read {
        file.error = Some((file.next, e.to_string()));
    }
    if opened.is_once() {
        file.len = ending.bytes_read();
        file.original_len = file.len;
    }
    file.done = true;
    plan.progress.file_done(&file.label);
    Ok(retained)
}

// To decompress again is no slower than to come by much new memory, but for gzip.
fn most_retained(compression: Option<Compression>, plan: &Plan<'_>) -> u64 {
    match compression {
        Some(Compression::Gzip) => plan.max_decompressed,
        _ => plan.max_decompressed / FAST_SHARE,
    }
}

// The rest of the file is as compressible as what was read of it.
fn forecast(len: u64, ending: Ending) -> Forecast {
    Box::new(move |met| {
        let read = u128::from(ending.bytes_read().max(1));
        let all = u128::from(met) * u128::from(len) / read;
        u64::try_from(all).unwrap_or(u64::MAX)
    })
}

/// The facts of some blocks, until they are reduced together.
struct Wave<'s> {
    scratch: &'s Scratch,
    found: Option<Collector>,
    start: u64,
}

impl<'s> Wave<'s> {
    fn new(scratch: &'s Scratch, start: u64) -> Self {
        Self {
            scratch,
            found: None,
            start,
        }
    }

    fn len(&self, end: u64) -> u64 {
        end.saturating_sub(self.start)
    }

    fn walk(&mut self, file: &mut FileJob, at: u64, bytes: &[u8], last: bool) -> usize {
        let found = self.found.get_or_insert_with(|| {
            let mut found = self.scratch.collector();
            found.reset(self.start);
            found
        });
        let used = walk(&mut file.state, at, bytes, last, u64::MAX, found);
        file.next = at + used as u64;
        used
    }

    fn reduce(&mut self, files: &mut [FileJob], index: usize, reducer: &mut Reducer<'_>) {
        let Some(found) = self.found.take() else {
            return;
        };
        let file = &files[index];
        let walked = Walked {
            start: Some(self.start),
            end: file.next,
            state: file.state.clone(),
            found,
            error: None,
        };
        self.start = file.next;
        let mut wave = [(index, walked)];
        reducer.wave(files, &mut wave);
        let [(_, walked)] = wave;
        self.scratch.recycle(walked.found);
    }
}
