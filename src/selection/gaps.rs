//! What of the connection is not in the case, and where it would lie.

use super::Gap;
use super::comments::{self, Role};
use super::pick::Picked;
use super::text::count;
use crate::diagnosis::Case;
use crate::units::FrameNumber;

/// Everything that is left out.
pub(super) struct Found {
    pub gaps: Vec<Gap>,
    pub copies: u64,
    pub resets: u64,
    pub evidence: u64,
}

/// Packets left out since the last kept packet of the connection.
#[derive(Default)]
struct Open {
    count: u64,
    first: Option<FrameNumber>,
    last: Option<FrameNumber>,
}

impl Open {
    fn add(&mut self, count: u64, first: u64, last: Option<u64>) {
        self.count = self.count.saturating_add(count);
        self.first.get_or_insert(FrameNumber(first));
        self.last = last.map(FrameNumber);
    }
}

/// Finds the gaps and notes each on the first packet of the connection after it.
pub(super) fn find(case: &Case, picked: &mut Picked<'_>) -> Found {
    let connection = picked.connection;
    let segments = &connection.segments;
    let mut left_out = connection.left_out.iter().peekable();
    let mut gaps = Vec::new();
    let mut notes = Vec::new();
    let mut copies = 0;
    let mut open = Open::default();
    let mut previous = 0_u64;
    for (index, segment) in segments.iter().enumerate() {
        let here = segment.frame.number;
        while let Some((_, count)) = left_out.next_if(|(before, _)| *before <= index) {
            open.add(*count, previous.saturating_add(1), here.0.checked_sub(1));
        }
        previous = here.0;
        if picked.has(segment.frame) {
            if let Some(gap) = close(&mut open, picked.position(here)) {
                gaps.push(gap);
                notes.push((segment.frame, gap));
            }
        } else if segment.duplicate_of.is_some() {
            copies += 1;
        } else {
            open.add(1, here.0, Some(here.0));
        }
    }
    for (_, count) in left_out {
        open.add(*count, previous.saturating_add(1), None);
    }
    gaps.extend(close(&mut open, picked.len()));
    for (frame, gap) in notes {
        comments::add(case, picked, frame, Role::Gap, &note(&gap));
    }
    Found {
        gaps,
        copies,
        resets: picked.resets_left_out,
        evidence: picked.evidence_left_out,
    }
}

fn close(open: &mut Open, before: usize) -> Option<Gap> {
    let open = std::mem::take(open);
    Some(Gap {
        before,
        count: open.count,
        first: open.first?,
        last: open.last,
    })
}

fn note(gap: &Gap) -> String {
    let what = count(gap.count, "packet");
    let place = match gap.last {
        Some(last) if last == gap.first => format!("source frame {last}"),
        Some(last) => format!("source frames {}-{last}", gap.first),
        None => format!("source frames from {} on", gap.first),
    };
    format!("{what} of this connection left out here ({place})")
}
