//! Which segments are drawn one by one and which ones together.

use crate::flow::{Segment, Side};
use crate::packet::tcp_flags;
use crate::report::figures::{count, counted};

/// Most arrows of a diagram. More do not fit on a page.
pub(super) const MAX_ARROWS: usize = 60;
/// Fewer segments than this in a row are drawn one by one.
const SHORTEST_RUN: usize = 4;

/// A segment that may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Index of the segment.
    pub index: usize,
    /// How much it matters: 0 plain, 1 context, 2 cited or named, 3 never left out.
    pub weight: u8,
    /// Something is missing before it: a run must not reach across.
    pub after_break: bool,
}

/// What is drawn in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    One(Item),
    Many(Vec<Item>),
}

/// Groups items so that at most [`MAX_ARROWS`] rows come out: first runs of plain ones, then,
/// as long as there are too many, shorter runs and weightier items.
pub(super) fn collapse(items: &[Item]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (weight, shortest) in [(0, SHORTEST_RUN), (1, 2), (2, 2), (3, 3)] {
        pieces = runs(items, weight, shortest);
        if pieces.len() <= MAX_ARROWS {
            break;
        }
    }
    if pieces.len() > MAX_ARROWS {
        squeeze(&mut pieces);
    }
    pieces
}

fn runs(items: &[Item], weight: u8, shortest: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut run: Vec<Item> = Vec::new();
    for item in items {
        let joins = item.weight <= weight;
        if !joins || item.after_break {
            flush(&mut pieces, &mut run, shortest);
        }
        if joins {
            run.push(*item);
        } else {
            pieces.push(Piece::One(*item));
        }
    }
    flush(&mut pieces, &mut run, shortest);
    pieces
}

fn flush(pieces: &mut Vec<Piece>, run: &mut Vec<Item>, shortest: usize) {
    if run.len() >= shortest {
        pieces.push(Piece::Many(std::mem::take(run)));
    } else {
        pieces.extend(run.drain(..).map(Piece::One));
    }
}

/// Joins the middle: the beginning and the end tell most.
fn squeeze(pieces: &mut Vec<Piece>) {
    const HEAD: usize = 20;
    let tail = pieces.len().saturating_sub(MAX_ARROWS - HEAD - 1).max(HEAD);
    let middle: Vec<Item> = pieces
        .drain(HEAD..tail)
        .flat_map(|p| match p {
            Piece::One(item) => vec![item],
            Piece::Many(items) => items,
        })
        .collect();
    pieces.insert(HEAD, Piece::Many(middle));
}

/// What a run holds, per side (index by [`Side::index`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub data: [u64; 2],
    pub bytes: [u64; 2],
    pub acks: [u64; 2],
    pub resets: [u64; 2],
    pub fins: u64,
}

impl Sum {
    pub(super) fn of<'a>(segments: impl Iterator<Item = &'a Segment>) -> Self {
        let mut sum = Self::default();
        for s in segments {
            let side = s.from.index();
            sum.fins += u64::from(s.is_fin());
            if s.is_rst() {
                sum.resets[side] += 1;
            } else if s.len > 0 {
                sum.data[side] += 1;
                sum.bytes[side] += u64::from(s.len);
            } else if s.has(tcp_flags::ACK) {
                sum.acks[side] += 1;
            }
        }
        sum
    }

    /// Side that sends what matters; `None` when both do.
    pub(super) fn direction(&self) -> Option<Side> {
        let resets = (self.resets != [0, 0]).then(|| {
            // RSTs in answer to data: the data goes one way and the RSTs the other
            [self.resets[0] + self.data[0], self.resets[1] + self.data[1]]
        });
        for amounts in [resets.unwrap_or_default(), self.data, self.acks] {
            match amounts {
                [0, 0] => {}
                [_, 0] => return Some(Side::Client),
                [0, _] => return Some(Side::Server),
                _ => return None,
            }
        }
        None
    }

    /// `12 data segments, 17,280 bytes, 6 ACKs`.
    pub(super) fn words(&self) -> String {
        let mut parts = Vec::new();
        match self.data {
            [0, 0] => {}
            [0, n] | [n, 0] => parts.push(format!(
                "{}, {}",
                counted(n, "data segment"),
                counted(self.bytes[0] + self.bytes[1], "byte")
            )),
            [c, s] => parts.push(format!(
                "{}: {} bytes up, {} bytes down",
                counted(c + s, "data segment"),
                count(self.bytes[0]),
                count(self.bytes[1])
            )),
        }
        for (n, what) in [
            (self.acks[0] + self.acks[1], "ACK"),
            (self.fins, "FIN"),
            (self.resets[0] + self.resets[1], "RST"),
        ] {
            if n > 0 {
                parts.push(counted(n, what));
            }
        }
        parts.join(", ")
    }
}
