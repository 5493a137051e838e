//! One range of a plain file, walked by one thread.

use super::collector::Collector;
use crate::capture::{MAX_RECORD_LEN, Opened, State, find_boundary, walk};
use std::io;
use std::sync::Arc;

/// Bytes read at a time: large enough to amortise the call, small enough to stay in a core's
/// cache (dependencies 4.2).
const READ: usize = 128 << 10;
/// Bytes searched for a record boundary at the start of a chunk, at first and at most.
const FIRST_SEARCH: usize = 32 << 10;
const SEARCH: usize = 1 << 20;

/// A range to walk.
#[derive(Clone, Debug)]
pub struct Task {
    /// Index of the file in the timeline.
    pub file: usize,
    /// The file.
    pub opened: Arc<Opened>,
    /// First byte. A record boundary if `exact`, else somewhere in a record.
    pub start: u64,
    /// Records that start at or after this are the next task's.
    pub limit: u64,
    /// Whether `start` is known to be a boundary.
    pub exact: bool,
    /// State believed to hold at the start.
    pub state: State,
}

/// What a walk left behind.
pub struct Walked {
    /// Where its first record began; `None` when no boundary was found.
    pub start: Option<u64>,
    /// First boundary at or after the limit, or the end of the file.
    pub end: u64,
    /// State at the end.
    pub state: State,
    /// What it found.
    pub found: Collector,
    /// Reading failed at this offset.
    pub error: Option<(u64, io::Error)>,
}

/// Walks a task's range. `buf` is scratch memory.
pub fn run(task: &Task, buf: &mut Vec<u8>, mut found: Collector) -> Walked {
    let file = &task.opened;
    let (start, read) = if task.exact {
        (Some(task.start), 0)
    } else {
        boundary(task, file, buf)
    };
    let begin = start.filter(|&s| s < task.limit);
    found.reset(begin.unwrap_or(task.start));
    let mut walked = Walked {
        start,
        end: task.start,
        state: task.state.clone(),
        found,
        error: None,
    };
    let Some(begin) = begin else {
        walked.end = start.unwrap_or(task.start);
        return walked;
    };
    // what was searched need not be read again
    let skip = (begin - task.start) as usize;
    buf.copy_within(skip.min(read)..read, 0);
    let have = read.saturating_sub(skip);
    walk_range(begin, task.limit, file, buf, have, &mut walked);
    walked
}

// Nearly always the first few packets hold one; a stretch of jumbo frames or of payload that
// looks like records needs more. With how many bytes from the start of the task are in `buf`.
fn boundary(task: &Task, file: &Opened, buf: &mut Vec<u8>) -> (Option<u64>, usize) {
    let span = (task.limit - task.start).min(SEARCH as u64) as usize;
    let mut len = FIRST_SEARCH;
    loop {
        if buf.len() < len {
            buf.resize(len, 0);
        }
        let Ok(n) = file.read_at(task.start, &mut buf[..len]) else {
            return (None, 0);
        };
        let found = find_boundary(&task.state, task.start, &buf[..n]);
        if let Some(at) = found {
            return (Some(task.start + at as u64), n);
        }
        // the chain that verifies a boundary may reach a little further than the chunk
        if n < len || len >= span + READ {
            return (None, n);
        }
        len = (len * 8).min(span + READ);
    }
}

// `have` bytes of `buf` lie at file offset `begin`.
fn walk_range(
    begin: u64,
    limit: u64,
    file: &Opened,
    buf: &mut Vec<u8>,
    mut have: usize,
    walked: &mut Walked,
) {
    // `have` bytes of `buf` lie at `at`
    let (mut at, mut want) = (begin, READ.max(have + READ / 2));
    walked.end = begin;
    loop {
        buf.resize(want.max(buf.len()), 0);
        let got = match file.read_at(at + have as u64, &mut buf[have..want]) {
            Ok(n) => n,
            Err(e) => {
                walked.error = Some((at + have as u64, e));
                0
            }
        };
        let last = have + got < want;
        have += got;
        let used = walk(
            &mut walked.state,
            at,
            &buf[..have],
            last,
            limit,
            &mut walked.found,
        );
        at += used as u64;
        walked.end = at;
        if last || at >= limit {
            return;
        }
        buf.copy_within(used..have, 0);
        have -= used;
        // a record longer than the buffer: read more at once, then come back
        want = if used == 0 {
            (want * 2).min(2 * MAX_RECORD_LEN)
        } else {
            READ.max(have + READ / 2)
        };
        if used == 0 && have >= 2 * MAX_RECORD_LEN {
            return; // the walker goes on with any buffer that long
        }
    }
}
