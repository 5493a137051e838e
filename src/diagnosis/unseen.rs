//! What one side's acknowledgments tell of the other side, when the capture lacks the other
//! direction (asymmetric routing, a mirror of one direction, a filter on one source).

use super::context::ResetContext;
use crate::flow::{Segment, Side};
use crate::packet::tcp_flags;
use crate::reset::Kind;

/// What a side that is not in the capture must have sent.
#[derive(Clone, Copy, Debug)]
pub struct Unseen<'a> {
    /// Payload bytes of it that were acknowledged. A single byte is taken for a FIN, unless the
    /// visible side has said nothing yet and there is nothing to close.
    pub bytes: u64,
    /// The segment whose acknowledgment covers its last bytes first: they had arrived by then.
    pub last: Option<&'a Segment>,
    /// They came after all that the visible side said.
    pub after_all: bool,
}

impl<'a> ResetContext<'a> {
    /// What the side that the capture lacks must have sent before the reset, itself of the
    /// visible side; `None` if both directions were captured.
    #[must_use]
    pub fn unseen(&self) -> Option<Unseen<'a>> {
        if !self.one_direction_missing() || self.replay.end[self.sender.index()].segments == 0 {
            return None;
        }
        let spoke = self.side(self.sender).last_data;
        let mut known = None;
        let mut found = Unseen {
            bytes: 0,
            last: None,
            after_all: false,
        };
        for (index, segment) in self.conn.segments.iter().enumerate().take(self.at + 1) {
            let counts = match self.replay.kind(index) {
                Kind::Copy | Kind::Stray => false,
                Kind::Reset => index == self.at && self.is_abort(),
                _ => true,
            };
            if segment.from != self.sender || !counts || !segment.has(tcp_flags::ACK) {
                continue;
            }
            let advance = segment.ack.since(*known.get_or_insert(segment.ack));
            let message = advance > 1 || advance == 1 && spoke.is_none();
            if message {
                found.bytes += u64::from(advance.unsigned_abs());
                found.last = Some(segment);
                // an answer that acknowledges its request came after the request
                found.after_all = spoke.is_none_or(|own| index > own);
            }
            if advance > 0 {
                known = Some(segment.ack);
            }
        }
        Some(found)
    }

    /// A message of the side that the capture lacks had come in and nothing went back.
    #[must_use]
    pub fn unseen_waits(&self) -> Option<Unseen<'a>> {
        self.unseen()
            .filter(|u| u.bytes > 0 && u.after_all && self.sender == Side::Server)
    }
}
