//! Where bytes of a direction's stream lie: segments by sequence offset, never by their
//! order of arrival, and the TLS hellos in them.

use crate::flow::{Connection, Segment, Side};
use crate::units::Seq;
use std::ops::Range;

/// A hello is at most this long; more is no hello.
const MAX_HELLO: u32 = 64 * 1024;
/// TLS record type of handshake messages (RFC 8446 5.1).
const HANDSHAKE: u8 = 22;
/// Offset of a hello's random in its first record: record header, message header, version.
const RANDOM_AT: usize = 11;
/// TLS handshake types (RFC 8446 4).
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;

/// One direction's payload.
pub(super) struct Stream<'a> {
    connection: &'a Connection,
    side: Side,
    /// Sequence number of its first byte.
    base: Seq,
}

impl<'a> Stream<'a> {
    /// `None` when the side sent no payload that was captured.
    pub fn new(connection: &'a Connection, side: Side) -> Option<Self> {
        let mut own = connection
            .segments
            .iter()
            .filter(|s| s.from == side && !s.is_rst());
        let base = match own.clone().find(|s| s.is_syn() || s.is_syn_ack()) {
            Some(opening) => opening.seq.plus(1),
            None => own.find(|s| s.len > 0)?.seq,
        };
        Some(Self {
            connection,
            side,
            base,
        })
    }

    /// Offsets of a segment's payload in the stream; `None` for what lies before its start,
    /// carries nothing, or is a copy.
    pub fn range(&self, segment: &Segment) -> Option<Range<u32>> {
        if segment.from != self.side || segment.len == 0 || segment.is_rst() {
            return None;
        }
        let syn = u32::from(segment.is_syn() || segment.is_syn_ack());
        let start = u32::try_from(segment.seq.plus(syn).since(self.base)).ok()?;
        Some(start..start.checked_add(segment.len)?)
    }

    /// Indexes of the segments, copies left out, that carry a part of `wanted`, in capture order.
    pub fn covering(&self, wanted: &Range<u32>) -> Vec<usize> {
        let overlaps = |segment: &Segment| {
            segment.duplicate_of.is_none()
                && self
                    .range(segment)
                    .is_some_and(|r| r.start < wanted.end && wanted.start < r.end)
        };
        let segments = self.connection.segments.iter().enumerate();
        segments
            .filter(|(_, segment)| overlaps(segment))
            .map(|(index, _)| index)
            .collect()
    }

    /// The first bytes of the stream as far as they were captured without a hole.
    pub fn bytes(&self, limit: usize) -> Vec<u8> {
        let mut pieces: Vec<(u32, &[u8])> = self
            .connection
            .segments
            .iter()
            .filter_map(|s| Some((self.range(s)?.start, &s.payload[..])))
            .collect();
        pieces.sort_by_key(|(start, _)| *start);
        let mut out = Vec::new();
        for (start, payload) in pieces {
            let Some(skip) = out.len().checked_sub(start as usize) else {
                break;
            };
            out.extend_from_slice(payload.get(skip..).unwrap_or_default());
            if out.len() >= limit {
                out.truncate(limit);
                break;
            }
        }
        out
    }

    /// Offsets of the records that carry a hello of type `kind`: at the start of the stream,
    /// or, after STARTTLS and the like, where `random` (its bytes 6 to 37) says.
    pub fn hello(&self, kind: u8, random: Option<&[u8; 32]>) -> Option<Range<u32>> {
        let bytes = self.bytes(MAX_HELLO as usize);
        if let Some(end) = hello_end(&bytes, kind) {
            return Some(0..end);
        }
        let at = memchr::memmem::find(&bytes, random?)?.checked_sub(RANDOM_AT)?;
        let end = hello_end(bytes.get(at..)?, kind)?;
        let start = u32::try_from(at).ok()?;
        Some(start..start.checked_add(end)?)
    }

    /// Indexes of the segments, copies left out, that carry the byte at an offset.
    pub fn carrying(&self, offset: u64) -> Vec<usize> {
        match u32::try_from(offset) {
            Ok(start) if start < u32::MAX => self.covering(&(start..start + 1)),
            _ => Vec::new(),
        }
    }

    /// Whether the bytes of `wanted` arrived complete, and whether each segment continued
    /// what was there before it.
    pub fn arrival(&self, wanted: &Range<u32>) -> Arrival {
        let mut have = wanted.start;
        let mut in_order = true;
        let mut waiting: Vec<Range<u32>> = Vec::new();
        for index in self.covering(wanted) {
            let Some(range) = self
                .connection
                .segments
                .get(index)
                .and_then(|s| self.range(s))
            else {
                continue;
            };
            if range.start > have {
                in_order = false;
                waiting.push(range);
                continue;
            }
            have = have.max(range.end);
            waiting.sort_by_key(|r| r.start);
            for later in &waiting {
                if later.start <= have {
                    have = have.max(later.end);
                }
            }
        }
        Arrival {
            complete: have >= wanted.end,
            in_order,
        }
    }
}

/// How a range of a stream came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub complete: bool,
    pub in_order: bool,
}

/// End of the TLS records at the start of `bytes` that carry one handshake message of type
/// `kind`. Record headers that were not captured are taken for one last record.
fn hello_end(bytes: &[u8], kind: u8) -> Option<u32> {
    let head = bytes.first_chunk::<9>()?;
    if head[0] != HANDSHAKE || head[1] != 3 || head[5] != kind {
        return None;
    }
    let length = u32::from_be_bytes([0, head[6], head[7], head[8]]);
    if length > MAX_HELLO {
        return None;
    }
    let mut missing = length + 4;
    let mut at = 0_u32;
    while missing > 0 {
        let header = bytes
            .get(at as usize..)
            .and_then(|rest| rest.first_chunk::<5>());
        let record = match header {
            Some(h) if h[0] == HANDSHAKE => u32::from(u16::from_be_bytes([h[3], h[4]])),
            Some(_) => break,
            None => missing,
        };
        if record == 0 {
            break;
        }
        // the record may hold more than the hello; its first bytes are what counts
        at += 5 + record.min(missing);
        missing = missing.saturating_sub(record);
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_ends_with_its_last_record() {
        let mut bytes = vec![22, 3, 1, 0, 10, 1, 0, 0, 16];
        assert_eq!(hello_end(&bytes, CLIENT_HELLO), Some(30));
        bytes.extend([0; 6]);
        bytes.extend([22, 3, 1, 0, 10]);
        // 20 bytes of message in two records of 10
        assert_eq!(hello_end(&bytes, CLIENT_HELLO), Some(30));
        assert_eq!(hello_end(&bytes, SERVER_HELLO), None);
        assert_eq!(hello_end(b"GET / HTTP/1.1", CLIENT_HELLO), None);
    }
}
