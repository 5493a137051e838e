//! Frames that the capture holds twice: mirror ports, the "any" interface, two interfaces of a
//! router (diagnosis 2.5, 9).

use super::{Connection, Segment};

/// Copies come within this, in nanoseconds.
const WITHIN: i64 = 10_000_000;
/// Two RSTs without an IP ID of their own are copies only this close together, unless data
/// segments are duplicated too (diagnosis 9), in nanoseconds.
const RST_WITHIN: i64 = 20_000;
/// Segments back that a copy may be behind its original.
const REACH: usize = 64;
/// Share of data segments that must be doubled before bare RSTs count as doubled too.
const DOUBLED_SHARE: usize = 3;

/// Marks copies in `duplicate_of`, and returns how many there are.
pub fn mark(connection: &mut Connection) -> usize {
    let segments = &connection.segments;
    let find = |i: usize, trust_rst: bool| -> Option<usize> {
        (i.saturating_sub(REACH)..i).rev().find(|&j| {
            // a stateless reset with a segment of its own to answer is no copy of the one before
            let answers = || segments[j..i].iter().any(|s| s.from != segments[i].from);
            is_copy(&segments[j], &segments[i], trust_rst && !answers())
        })
    };
    // what is no reset does not depend on whether resets are trusted
    let mut originals: Vec<Option<usize>> = (0..segments.len()).map(|i| find(i, false)).collect();
    let data = || (0..segments.len()).filter(|&i| segments[i].len > 0 && !segments[i].is_rst());
    let doubled = data().filter(|&i| originals[i].is_some()).count();
    if doubled > 0 && doubled * DOUBLED_SHARE >= data().count() {
        for i in (0..segments.len()).filter(|&i| segments[i].is_rst()) {
            originals[i] = find(i, true);
        }
    }
    for i in 0..originals.len() {
        // a copy of a copy points to the original
        originals[i] = originals[i].map(|j| originals[j].unwrap_or(j));
    }
    let count = originals.iter().flatten().count();
    for (segment, original) in connection.segments.iter_mut().zip(originals) {
        segment.duplicate_of = original;
    }
    count
}

fn is_copy(a: &Segment, b: &Segment, trust_rst: bool) -> bool {
    let same = a.seq == b.seq
        && a.from == b.from
        && a.ack == b.ack
        && a.flags == b.flags
        && a.len == b.len
        && a.window == b.window
        && a.ip_id == b.ip_id
        && a.options.timestamps == b.options.timestamps
        && a.payload == b.payload;
    if !same {
        return false;
    }
    let apart = b.time.nanos_since(a.time).abs();
    let routed =
        a.ttl != b.ttl || a.vlan != b.vlan || a.interface != b.interface || a.src_mac != b.src_mac;
    let counted = a.ip_id.is_some_and(|id| id != 0);
    if counted || routed {
        return apart <= WITHIN && a.ttl.abs_diff(b.ttl) <= 4;
    }
    // the same bytes again without an IP ID: a retransmission takes longer than this
    apart
        <= if trust_rst && b.is_rst() {
            WITHIN
        } else {
            RST_WITHIN
        }
}
