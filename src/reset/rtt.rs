//! Round-trip times from the capture point to each side and back (diagnosis 2.5): from a
//! segment that goes towards a side to that side's acknowledgment of it. Minima, because
//! delayed acknowledgments and think time only lengthen a sample.

use super::replay::{Kind, Replay};
use crate::flow::{Connection, Side};
use crate::packet::tcp_flags;
use crate::units::Seq;
use smallvec::SmallVec;

/// Longer than any path, satellites and bloated queues included: somebody was thinking.
const LONGEST_PATH_NS: i64 = 3_000_000_000;

/// A lone segment's acknowledgment may wait for company this long or longer: 40 ms in Linux, up to
/// 500 ms elsewhere (RFC 1122 4.2.3.2).
const DELAYED_ACK_NS: i64 = 35_000_000;

/// Unacknowledged segments remembered: more are in flight on no path, or the capture lacks the
/// acknowledgments.
const MOST_OPEN: usize = 256;

/// Samples of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rtt {
    /// The smallest in nanoseconds.
    pub min: Option<i64>,
    /// The second smallest; with `min` a measure of the spread.
    pub second: Option<i64>,
    /// How many samples.
    pub samples: u32,
    /// At least one sample is a stack's own answer (a SYN-ACK, a pure ACK that cannot have been a
    /// delayed one), which waits for no application.
    pub prompt: bool,
}

/// Measures both sides, by [`Side::index`].
#[must_use]
pub fn measure(conn: &Connection, replay: &Replay) -> [Rtt; 2] {
    Side::BOTH.map(|side| measure_side(conn, replay, side))
}

fn measure_side(conn: &Connection, replay: &Replay, side: Side) -> Rtt {
    let mut rtt = Rtt::default();
    // segments towards `side` that are not acknowledged yet: (end, time, ambiguous)
    let mut open: SmallVec<[(Seq, i64, bool); 8]> = SmallVec::new();
    // what the last step of the handshake acknowledges
    let mut shaken = None;
    for (index, segment) in conn.segments.iter().enumerate() {
        let kind = replay.kind(index);
        if segment.from == side {
            if matches!(kind, Kind::Reset | Kind::Copy | Kind::Stray)
                || !segment.has(tcp_flags::ACK)
            {
                continue;
            }
            let acked = |end: &Seq| segment.ack.at_or_after(*end);
            // only the last segment an acknowledgment covers was certainly just received, and
            // only if nothing that the capture lacks came after it
            let last = open.iter().rfind(|(end, ..)| acked(end));
            if let Some((_, sent, false)) = last.filter(|(end, ..)| *end == segment.ack) {
                let nanos = segment.time.0.saturating_sub(*sent);
                let several = open.iter().filter(|(end, ..)| acked(end)).count() >= 2;
                let at_once = several || nanos < DELAYED_ACK_NS || shaken == Some(segment.ack);
                let taken = rtt.add(nanos);
                rtt.prompt |= taken && (kind == Kind::SynAck || kind == Kind::PureAck && at_once);
            }
            open.retain(|(end, ..)| !acked(end));
        } else {
            match kind {
                Kind::Syn | Kind::SynAck | Kind::Data | Kind::Fin => {
                    let end = segment.end();
                    if kind == Kind::SynAck {
                        shaken = Some(end);
                    }
                    // Karn: a segment sent twice gives no sample
                    if let Some(again) = open.iter_mut().find(|(e, ..)| *e == end) {
                        again.2 = true;
                    } else {
                        if open.len() == MOST_OPEN {
                            open.remove(0);
                        }
                        open.push((end, segment.time.0, false));
                    }
                }
                Kind::Retransmission => {
                    for entry in &mut open {
                        if entry.0.after(segment.seq) {
                            entry.2 = true;
                        }
                    }
                }
                _ => {}
            }
        }
    }
    rtt
}

impl Rtt {
    fn add(&mut self, nanos: i64) -> bool {
        if !(0..=LONGEST_PATH_NS).contains(&nanos) {
            return false;
        }
        self.samples += 1;
        match self.min {
            Some(min) if nanos >= min => {
                self.second = Some(self.second.map_or(nanos, |s| s.min(nanos)));
            }
            _ => {
                self.second = self.min;
                self.min = Some(nanos);
            }
        }
        true
    }
}
