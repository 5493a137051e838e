//! Sums over a walk: what was reported must be the file.

use rstcap::anomaly::{Anomaly, AnomalyKind};
use rstcap::capture::{Identified, Record, RecordKind, Sink, State, Structure, identify, walk};

/// Adds up the bytes of everything a walk reports.
#[derive(Default)]
pub struct Sum {
    /// Bytes of records, headers and blocks.
    pub taken: u64,
    /// Bytes that were skipped or cut, as counted.
    pub left: u64,
    /// End of the last thing reported.
    end: u64,
    out_of_order: bool,
    pub packets: usize,
}

impl Sum {
    fn span(&mut self, offset: u64, len: u64) {
        self.out_of_order |= offset < self.end;
        self.end = offset + len;
    }
}

impl Sink for Sum {
    fn record(&mut self, record: &Record<'_>) {
        self.span(record.span.offset, u64::from(record.span.len));
        self.taken += u64::from(record.span.len);
        let _ = record.packet_options();
        self.packets += usize::from(record.kind == RecordKind::Packet);
    }

    fn structure(&mut self, structure: Structure) {
        let (Structure::Section { span, .. }
        | Structure::Interface { span, .. }
        | Structure::Block { span, .. }) = structure;
        // a pcap header is a section and an interface at once
        if span.offset + u64::from(span.len) > self.end || span.len == 0 {
            self.span(span.offset, u64::from(span.len));
            self.taken += u64::from(span.len);
        }
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        if matches!(
            anomaly.kind,
            AnomalyKind::SkippedBytes | AnomalyKind::CutShort
        ) {
            self.span(anomaly.offset.unwrap_or(0), anomaly.bytes);
            self.left += anomaly.bytes;
        }
    }
}

/// `None` if the bytes do not begin as a capture.
fn add_up(bytes: &[u8], buffer: usize) -> Option<Sum> {
    let Identified::Capture(format) = identify(&bytes[..bytes.len().min(65_536)]) else {
        return None;
    };
    let mut state = State::start(format);
    let mut sum = Sum::default();
    let (mut at, mut want) = (0, buffer);
    loop {
        let end = (at + want).min(bytes.len());
        let last = end == bytes.len();
        let piece = &bytes[at..end];
        let used = walk(&mut state, at as u64, piece, last, u64::MAX, &mut sum);
        at += used;
        if last {
            assert_eq!(at, bytes.len(), "the walk stopped before the end");
            return Some(sum);
        }
        want = if used == 0 { want * 2 } else { buffer };
    }
}

/// Checks that records and skipped bytes are the file, in whatever pieces it is read; `false`
/// if it is no capture.
pub fn sums_agree(bytes: &[u8], buffer: usize) -> bool {
    let Some(sum) = add_up(bytes, bytes.len().max(1)) else {
        return false;
    };
    assert!(!sum.out_of_order, "something was reported twice");
    assert_eq!(sum.taken + sum.left, bytes.len() as u64);
    if let Some(pieces) = add_up(bytes, buffer) {
        assert_eq!(
            (pieces.taken, pieces.left, pieces.packets),
            (sum.taken, sum.left, sum.packets),
            "read in pieces of {buffer} bytes"
        );
    }
    true
}
