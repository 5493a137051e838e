//! Sequence numbers relative to the start of the connection, as Wireshark shows them
//! (pcapng-fidelity 6.3), and what repeats.

use crate::flow::{Connection, Segment};
use crate::packet::tcp_flags;
use crate::units::Seq;

/// What sequence numbers tell about a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Relative sequence number.
    pub seq: u32,
    /// Relative acknowledgment number.
    pub ack: Option<u32>,
    /// All of it was sent before.
    pub repeated: bool,
    /// A segment without news at SND.NXT - 1: a keep-alive (RFC 9293 3.8.4) ...
    pub keep_alive: bool,
    /// ... or, while the peer's window is closed, a probe of it (RFC 9293 3.8.6.1).
    pub window_probe: bool,
}

/// One entry per segment of the connection.
pub(super) fn places(connection: &Connection) -> Vec<Place> {
    let mut bases: [Option<Seq>; 2] = [None; 2];
    let mut next: [Option<Seq>; 2] = [None; 2];
    let mut closed = [false; 2];
    let mut places = Vec::with_capacity(connection.segments.len());
    for s in &connection.segments {
        let mut found = place(s, &mut bases, &mut next);
        if found.keep_alive && closed[s.from.peer().index()] {
            found.keep_alive = false;
            found.window_probe = true;
        }
        closed[s.from.index()] = s.window == 0 && !s.is_rst();
        places.push(found);
    }
    places
}

fn place(s: &Segment, bases: &mut [Option<Seq>; 2], next: &mut [Option<Seq>; 2]) -> Place {
    let (me, peer) = (s.from.index(), s.from.peer().index());
    let opens = s.has(tcp_flags::SYN);
    let acks = s.has(tcp_flags::ACK);
    if opens {
        // also when something came before it, such as a RST in its sender's name
        bases[me] = Some(s.seq);
    }
    let base = *bases[me].get_or_insert(s.seq.minus(1));
    if acks && bases[peer].is_none() {
        bases[peer] = Some(s.ack.minus(1));
    }
    let ack = bases[peer].filter(|_| acks).map(|b| distance(s.ack, b));
    let mut found = Place {
        seq: distance(s.seq, base),
        ack,
        ..Place::default()
    };
    if s.is_rst() || s.duplicate_of.is_some() {
        return found;
    }
    if let Some(next) = next[me] {
        let bare = !opens && !s.has(tcp_flags::FIN);
        found.keep_alive = bare && s.len <= 1 && s.seq == next.minus(1);
        found.repeated = !found.keep_alive && s.space() > 0 && next.at_or_after(s.end());
    }
    next[me] = Some(next[me].map_or(s.end(), |n| n.latest(s.end())));
    found
}

fn distance(at: Seq, base: Seq) -> u32 {
    at.0.wrapping_sub(base.0)
}

#[cfg(test)]
mod tests {
    use super::places;
    use crate::flow::Side;
    use crate::packet::tcp_flags::{ACK, RST, SYN};
    use crate::report::testing::{case, segment};
    use crate::units::Seq;

    /// As Wireshark shows `seq` and `ack` when a forged RST comes before the SYN-ACK.
    #[test]
    fn a_reset_before_the_syn_ack_is_no_base() {
        let mut c = case(1).connection;
        let at = |n, from, flags, seq, ack| crate::flow::Segment {
            seq: Seq(seq),
            ack: Seq(ack),
            ..segment(n, n as i64, from, flags, b"")
        };
        c.segments = vec![
            at(1, Side::Client, SYN, 1_569_339_004, 0),
            at(2, Side::Server, RST | ACK, 0, 1_569_339_004),
            at(3, Side::Server, SYN | ACK, 1_616_457_233, 1_569_339_005),
            at(4, Side::Client, ACK, 1_569_339_005, 1_616_457_234),
        ];
        let shown: Vec<_> = places(&c).iter().map(|p| (p.seq, p.ack)).collect();
        assert_eq!(shown, [(0, None), (1, Some(0)), (0, Some(1)), (1, Some(1))]);
    }
}
