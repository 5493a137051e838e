//! The walk over a capture's bytes.

use super::boundary::{Found, search};
use super::format::Container;
use super::record::Sink;
use super::state::{Skip, State};
use super::window::{Stop, Window};
use super::{erf, pcap, pcapng, snoop};
use crate::anomaly::{Anomaly, AnomalyKind};

/// A buffer of this many bytes always lets [`walk`] go on: the longest record (16 MiB) with
/// its header and the next one's.
pub const MAX_RECORD_LEN: usize = (16 << 20) + 4096;

/// Walks `buf`, whose first byte is at file offset `base` and is a record boundary (or where
/// an earlier call stopped), and returns how many bytes it used.
///
/// Unless `last` (the file ends with `buf`), it stops before the first record that is not
/// whole in `buf`; when it returns 0, give it more bytes, up to [`MAX_RECORD_LEN`]. If
/// `last`, all is used unless `limit` comes first, and a record cut by the end is an anomaly.
/// It stops at the first record boundary at or after the file offset `limit`; records that
/// start before it are delivered. What is delivered depends on the bytes of the file alone,
/// not on how they are split into buffers.
pub fn walk(
    state: &mut State,
    base: u64,
    buf: &[u8],
    last: bool,
    limit: u64,
    sink: &mut impl Sink,
) -> usize {
    let window = Window { base, buf, last };
    let mut pos = 0;
    loop {
        if let Some(skip) = state.skip {
            let after_start = skip.start.saturating_add(1).saturating_sub(base) as usize;
            match search(state, &window, pos.max(after_start)) {
                Found::More(found) => return found.min(buf.len()),
                Found::At(found) => {
                    let bytes = window.offset(found).saturating_sub(skip.start);
                    sink.anomaly(skipped(AnomalyKind::SkippedBytes, skip.start, bytes));
                    pos = found;
                    state.skip = None;
                }
                Found::Nowhere => {
                    let kind = if skip.cut {
                        AnomalyKind::CutShort
                    } else {
                        AnomalyKind::SkippedBytes
                    };
                    let bytes = window.offset(buf.len()).saturating_sub(skip.start);
                    sink.anomaly(skipped(kind, skip.start, bytes));
                    state.skip = None;
                    return buf.len();
                }
            }
        }
        if pos >= buf.len() || window.offset(pos) >= limit {
            return pos;
        }
        match run(state, &window, &mut pos, limit, sink) {
            Stop::Boundary => return pos,
            Stop::Incomplete if !last => return pos,
            Stop::Incomplete => {
                let (start, left) = (window.offset(pos), window.left(pos) as u64);
                sink.anomaly(skipped(AnomalyKind::CutShort, start, left));
                return buf.len();
            }
            Stop::Appended(format) => *state = State::start(format),
            Stop::Damage { cut } => {
                state.skip = Some(Skip {
                    start: window.offset(pos),
                    cut,
                });
            }
        }
    }
}

fn skipped(kind: AnomalyKind, start: u64, bytes: u64) -> Anomaly {
    Anomaly::at(kind, start, bytes, "")
}

/// Runs over records in the state's format.
fn run(
    state: &mut State,
    window: &Window<'_>,
    pos: &mut usize,
    limit: u64,
    sink: &mut impl Sink,
) -> Stop {
    if !state.begun {
        let header = match state.format.0 {
            Container::Pcap(shape) => pcap::read_file_header(state, shape, window, *pos, sink),
            Container::Snoop => snoop::read_file_header(state, window, *pos, sink),
            Container::Erf => {
                erf::begin(state, window, *pos, sink);
                Ok(0)
            }
            Container::Pcapng => Ok(0),
        };
        match header {
            Ok(len) => *pos += len,
            Err(stop) => return stop,
        }
    }
    match state.format.0 {
        Container::Pcap(shape) => pcap::run(state, shape, window, pos, limit, sink),
        Container::Snoop => snoop::run(state, window, pos, limit, sink),
        Container::Erf => erf::run(window, pos, limit, sink),
        Container::Pcapng => pcapng::run(state, window, pos, limit, sink),
    }
}
