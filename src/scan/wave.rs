//! Plain files by chunks, in waves: all threads walk the chunks of a wave, the seams are
//! checked, all threads reduce its facts while the next wave is walked.
//!
//! A chunk that begins in the middle of a file begins at a guess. The walk of the chunk before
//! decides: unless it ends exactly where the guess was, in the very state that was believed,
//! the chunk is walked again from the true place. Parallel equals serial by construction.

use super::chunk::{self, Task, Walked};
use super::collector::Collector;
use super::plan::Plan;
use super::reducer::Reducer;
use super::source::FileJob;
use crate::capture::{Opened, State};
use foldhash::fast::RandomState;
use rayon::prelude::*;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Chunks per thread and wave: enough to even out, few enough that their facts stay cached.
const PER_THREAD: usize = 4;
/// Lists of facts per thread.
const BUCKETS: usize = 8;
/// Bytes walked ahead to learn a file's interfaces before its first wave.
const PREFACE: u64 = 64 << 10;

/// Scratch memory of the workers, reused from wave to wave.
pub struct Scratch {
    hasher: RandomState,
    shards: usize,
    buckets: usize,
    collectors: Mutex<Vec<Collector>>,
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Scratch {
    /// For collectors that divide facts over `shards` shards, for so many threads.
    pub fn new(hasher: RandomState, shards: usize, threads: usize) -> Self {
        // a few lists to write to, and few flow tables per list to go through at a time
        let buckets = (BUCKETS * threads).next_power_of_two();
        Self {
            hasher,
            shards,
            buckets: buckets.min(shards),
            collectors: Mutex::default(),
            buffers: Mutex::default(),
        }
    }

    fn run(&self, task: &Task) -> Walked {
        let pop = |pool: &Mutex<Vec<Vec<u8>>>| {
            pool.lock()
                .ok()
                .and_then(|mut p| p.pop())
                .unwrap_or_default()
        };
        let mut buf = pop(&self.buffers);
        let walked = chunk::run(task, &mut buf, self.collector());
        if let Ok(mut pool) = self.buffers.lock() {
            pool.push(buf);
        }
        walked
    }

    /// An empty collector.
    pub fn collector(&self) -> Collector {
        let pooled = self.collectors.lock().ok().and_then(|mut p| p.pop());
        pooled.unwrap_or_else(|| Collector::new(self.hasher.clone(), self.shards, self.buckets))
    }

    /// Takes a collector back.
    pub fn recycle(&self, collector: Collector) {
        if let Ok(mut pool) = self.collectors.lock() {
            pool.push(collector);
        }
    }
}

/// Scans the plain files `from..to` of a timeline.
pub fn scan(
    plan: &Plan<'_>,
    files: &mut [FileJob],
    range: std::ops::Range<usize>,
    scratch: &Scratch,
    reducer: &mut Reducer<'_>,
) {
    let (from, to) = (range.start, range.end);
    let per_wave = PER_THREAD * rayon::current_num_threads();
    let mut current = from;
    let mut wave = Vec::new();
    loop {
        let tasks = if plan.stop.load(Ordering::Relaxed) {
            Vec::new()
        } else {
            cut(plan.chunk_size, files, current, to, per_wave)
        };
        // reduced first by a single thread, as long as its facts are in the cache
        let ((), walked) = rayon::join(
            || reducer.wave(files, &mut wave),
            || tasks.par_iter().map(|t| scratch.run(t)).collect::<Vec<_>>(),
        );
        for (_, walked) in wave.drain(..) {
            scratch.recycle(walked.found);
        }
        wave = stitch(plan, files, scratch, &tasks, walked);
        while current < to && files[current].done {
            files[current].active = None;
            plan.progress.file_done(&files[current].label);
            current += 1;
        }
        if tasks.is_empty() {
            return;
        }
    }
}

// The next tasks, from where each file stands.
fn cut(chunk_size: u64, files: &mut [FileJob], from: usize, to: usize, count: usize) -> Vec<Task> {
    let mut tasks = Vec::with_capacity(count);
    for (index, file) in files.iter_mut().enumerate().take(to).skip(from) {
        if file.done || file.compressed {
            continue;
        }
        let Some(opened) = file.activate() else {
            continue;
        };
        let len = opened.len();
        let (mut start, mut exact) = (file.next, true);
        if file.next == 0 && len > chunk_size {
            file.preface = Some(preface(&opened, &file.state));
        }
        while tasks.len() < count && (start < len || exact) {
            // the last task of a file takes whatever the file has grown by, and notices its end
            let limit = if start + chunk_size >= len {
                u64::MAX
            } else {
                start + chunk_size
            };
            let state = match &file.preface {
                Some(state) if !exact => state.clone(),
                _ => file.state.clone(),
            };
            tasks.push(Task {
                file: index,
                opened: Arc::clone(&opened),
                start,
                limit,
                exact,
                state,
            });
            start = limit.min(len);
            exact = false;
        }
        if tasks.len() == count {
            break;
        }
    }
    tasks
}

// The state after the first records: what the later chunks of the first wave believe.
fn preface(opened: &Arc<Opened>, state: &State) -> State {
    let task = Task {
        file: 0,
        opened: Arc::clone(opened),
        start: 0,
        limit: PREFACE,
        exact: true,
        state: state.clone(),
    };
    let collector = Collector::new(RandomState::default(), 1, 1);
    chunk::run(&task, &mut Vec::new(), collector).state
}

// Accepts each chunk in order, or walks it again from where the one before really ended.
fn stitch(
    plan: &Plan<'_>,
    files: &mut [FileJob],
    scratch: &Scratch,
    tasks: &[Task],
    walked: Vec<Walked>,
) -> Vec<(usize, Walked)> {
    let mut wave = Vec::with_capacity(walked.len());
    for (task, mut walked) in tasks.iter().zip(walked) {
        let file = &mut files[task.file];
        if file.done || file.next >= task.limit {
            scratch.recycle(walked.found); // a record reached across the whole chunk
            continue;
        }
        if walked.start != Some(file.next) || task.state != file.state {
            let again = Task {
                start: file.next,
                exact: true,
                state: file.state.clone(),
                ..task.clone()
            };
            scratch.recycle(walked.found);
            walked = scratch.run(&again);
        }
        plan.progress.bytes(walked.end.saturating_sub(file.next));
        file.next = walked.end;
        file.state = walked.state.clone();
        file.preface = None;
        if let Some((offset, error)) = walked.error.take() {
            file.error = Some((offset, error.to_string()));
            file.done = true;
        }
        file.done |= task.limit == u64::MAX;
        wave.push((task.file, walked));
    }
    wave
}
