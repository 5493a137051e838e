//! Both directions of a connection in order by sequence number, for the recognisers. Copies
//! and retransmissions are passed over; a hole ends the contiguous part. Bounded: the head of
//! a direction and its last bytes are kept, the middle is only counted.

use super::{Connection, Segment, Side};
use crate::packet::app::{Dialogue, Stream, Turn};
use crate::units::Seq;

/// Bytes kept from the start of each direction.
const HEAD_LIMIT: usize = 256 * 1024;
/// Bytes kept from the end of each direction when the head does not reach it.
const TAIL_LIMIT: usize = 16 * 1024;
/// Payload further than this from what is known belongs to no stream (a quarter of the space).
const STRAY_DISTANCE: u32 = 1 << 30;

/// One direction, owned.
#[derive(Clone, Debug, Default)]
struct Direction {
    /// Sequence number of the first byte.
    origin: Option<Seq>,
    /// The origin follows a SYN.
    from_start: bool,
    /// Contiguous bytes from the origin.
    head: Vec<u8>,
    /// Highest offset seen, whether its bytes were captured or not.
    end: u64,
    /// Offset and bytes of the last contiguous run, once the head does not hold all of it.
    tail: Option<(u64, Vec<u8>)>,
    /// Runs beyond the head that wait for a hole to be filled: offset and bytes.
    waiting: Vec<(u64, Vec<u8>)>,
}

/// Everything a connection's two sides said, as far as it was captured.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    directions: [Direction; 2],
    turns: Vec<Turn>,
    ports: [u16; 2],
}

impl Transcript {
    /// Puts the payload of a connection in order.
    #[must_use]
    pub fn of(conn: &Connection) -> Self {
        Self::until(conn, conn.segments.len())
    }

    /// Only what the first `end` segments carry.
    #[must_use]
    pub fn until(conn: &Connection, end: usize) -> Self {
        let mut transcript = Self {
            ports: [conn.client.port, conn.server.port],
            ..Self::default()
        };
        let told = || {
            let before = conn.segments.iter().take(end);
            before.filter(|s| s.duplicate_of.is_none() && !s.is_rst() && s.len > 0)
        };
        for side in Side::BOTH {
            let of_side = told().filter(|s| s.from == side);
            let bytes: usize = of_side.map(|s| s.payload.len()).sum();
            let direction = &mut transcript.directions[side.index()];
            if bytes > 0 {
                direction.head.reserve_exact(bytes.min(HEAD_LIMIT));
            }
            direction.find_origin(conn, side);
        }
        told().for_each(|segment| transcript.add(segment));
        transcript
    }

    fn add(&mut self, segment: &Segment) {
        let direction = &mut self.directions[segment.from.index()];
        let before = direction.end;
        direction.add(segment);
        let fresh = direction.end - before;
        if fresh == 0 {
            return;
        }
        let from_client = segment.from == Side::Client;
        match self.turns.last_mut() {
            Some(turn) if turn.from_client == from_client => turn.len += fresh,
            _ => self.turns.push(Turn {
                from_client,
                offset: before,
                len: fresh,
            }),
        }
    }

    /// The view the recognisers take.
    #[must_use]
    pub fn dialogue(&self) -> Dialogue<'_> {
        Dialogue {
            client: self.directions[0].stream(),
            server: self.directions[1].stream(),
            turns: &self.turns,
            client_port: self.ports[0],
            server_port: self.ports[1],
        }
    }

    /// Bytes a side is known to have sent.
    #[must_use]
    pub fn sent(&self, side: Side) -> u64 {
        self.directions[side.index()].end
    }
}

impl Direction {
    /// The stream begins after the SYN, else at the lowest sequence number that carries data.
    fn find_origin(&mut self, conn: &Connection, side: Side) {
        let mine = || {
            conn.segments
                .iter()
                .filter(move |s| s.from == side && !s.is_rst() && s.duplicate_of.is_none())
        };
        if let Some(syn) = mine().find(|s| s.is_syn() || s.is_syn_ack()) {
            self.origin = Some(syn.seq.plus(1));
            self.from_start = true;
            return;
        }
        self.origin = mine()
            .filter(|s| s.len > 1)
            .map(|s| s.seq)
            .reduce(|low, seq| {
                let distance = seq.since(low);
                if distance < 0 && distance.unsigned_abs() < STRAY_DISTANCE {
                    seq
                } else {
                    low
                }
            });
    }

    fn add(&mut self, segment: &Segment) {
        let Some(origin) = self.origin else { return };
        let start_seq = if segment.is_syn() || segment.is_syn_ack() {
            segment.seq.plus(1)
        } else {
            segment.seq
        };
        let Some(start) = offset(origin, start_seq, self.end) else {
            return;
        };
        let wire_end = start + u64::from(segment.len);
        self.place(start, &segment.payload);
        self.end = self.end.max(wire_end);
    }

    fn place(&mut self, start: u64, bytes: &[u8]) {
        let head_end = self.head.len() as u64;
        let in_head = start <= head_end && start + bytes.len() as u64 <= HEAD_LIMIT as u64;
        if self.tail.is_some() || !in_head {
            self.append_tail(start, bytes);
        }
        if start > head_end {
            if self.waiting.len() < 64 && start < HEAD_LIMIT as u64 {
                self.waiting.push((start, bytes.to_vec()));
            }
            return;
        }
        self.append_head(start, bytes);
        // what waited may fit now
        while let Some(at) = self.waiting.iter().position(|(s, b)| {
            *s <= self.head.len() as u64 && s + b.len() as u64 > self.head.len() as u64
        }) {
            let (s, b) = self.waiting.swap_remove(at);
            let before = self.head.len();
            self.append_head(s, &b);
            if self.head.len() == before {
                break;
            }
        }
    }

    fn append_head(&mut self, start: u64, bytes: &[u8]) {
        let skip = usize::try_from(self.head.len() as u64 - start).unwrap_or(usize::MAX);
        let fresh = bytes.get(skip..).unwrap_or_default();
        let room = HEAD_LIMIT.saturating_sub(self.head.len());
        self.head.extend_from_slice(&fresh[..fresh.len().min(room)]);
    }

    fn append_tail(&mut self, start: u64, bytes: &[u8]) {
        // so far, the head held the last run
        let (tail_start, tail) = self.tail.get_or_insert_with(|| {
            let cut = self.head.len().saturating_sub(TAIL_LIMIT);
            (cut as u64, self.head[cut..].to_vec())
        });
        let tail_end = *tail_start + tail.len() as u64;
        if start + bytes.len() as u64 <= tail_end {
            return;
        }
        if start > tail_end {
            tail.clear();
            *tail_start = start;
            tail.extend_from_slice(bytes);
        } else {
            let skip = usize::try_from(tail_end - start).unwrap_or(usize::MAX);
            tail.extend_from_slice(bytes.get(skip..).unwrap_or_default());
        }
        // trimmed in large steps, so that a long stream is not copied at every segment
        if tail.len() > 4 * TAIL_LIMIT {
            let cut = tail.len() - TAIL_LIMIT;
            tail.drain(..cut);
            *tail_start += cut as u64;
        }
    }

    fn stream(&self) -> Stream<'_> {
        let missing_after = self.end.saturating_sub(self.head.len() as u64);
        let last = |(start, tail): &(u64, Vec<u8>)| *start + tail.len() as u64 == self.end;
        let tail = self
            .tail
            .as_ref()
            .filter(|run| missing_after > 0 && last(run));
        let tail = tail.map_or(&[][..], |(_, tail)| tail);
        Stream {
            bytes: &self.head,
            starts_at_zero: self.from_start,
            missing_after,
            tail: &tail[tail.len().saturating_sub(TAIL_LIMIT)..],
        }
    }
}

/// Offset of `seq` in a stream that begins at `origin` and whose end is known; `None` for what
/// lies before the origin or too far away.
fn offset(origin: Seq, seq: Seq, end: u64) -> Option<u64> {
    // the stream may be longer than 2^31: measure from its known end
    let near = origin.plus(end as u32);
    let distance = i64::from(seq.since(near));
    if distance.unsigned_abs() > u64::from(STRAY_DISTANCE) {
        return None;
    }
    u64::try_from(i64::try_from(end).ok()? + distance).ok()
}

#[cfg(test)]
mod tests {
    use super::{HEAD_LIMIT, TAIL_LIMIT, Transcript};
    use crate::flow::{
        Connection, Endpoint, FlowTotals, FrameRef, RoleBasis, Segment, Side, TcpOptions,
    };
    use crate::packet::{TunnelId, tcp_flags};
    use crate::units::{Seq, Timestamp};

    fn segment(from: Side, seq: u32, flags: u16, payload: &[u8]) -> Segment {
        Segment {
            frame: FrameRef::default(),
            time: Timestamp::default(),
            from,
            seq: Seq(seq),
            ack: Seq(0),
            flags,
            len: payload.len() as u32,
            window: 0,
            ttl: 64,
            ip_id: None,
            dont_fragment: true,
            tos: 0,
            flow_label: None,
            src_mac: None,
            vlan: None,
            tunnel: TunnelId::default(),
            direction: None,
            interface: 0,
            frame_len: 0,
            checksum_ok: None,
            checksum_partial: false,
            options: TcpOptions::default(),
            payload: payload.to_vec(),
            duplicate_of: None,
        }
    }

    fn connection(segments: Vec<Segment>) -> Connection {
        let end = |port| Endpoint {
            ip: "192.0.2.1".parse().expect("an address"),
            port,
        };
        Connection {
            client: end(1),
            server: end(2),
            role_basis: RoleBasis::Syn,
            stream: 0,
            incarnation: 0,
            tunnel: TunnelId::default(),
            segments,
            left_out: Vec::new(),
            totals: FlowTotals::default(),
            icmp: Vec::new(),
            fragments: Vec::new(),
            name: None,
            past_lost: false,
        }
    }

    const DATA: u16 = tcp_flags::ACK | tcp_flags::PSH;

    #[test]
    fn order_overlap_and_the_wrap() {
        let isn = u32::MAX - 4;
        let conn = connection(vec![
            segment(Side::Client, isn, tcp_flags::SYN, b""),
            segment(Side::Client, isn.wrapping_add(7), DATA, b"world"),
            segment(Side::Client, isn.wrapping_add(1), DATA, b"hello "),
            // a retransmission that reaches further
            segment(Side::Client, isn.wrapping_add(4), DATA, b"lo world!"),
        ]);
        let transcript = Transcript::of(&conn);
        let client = transcript.dialogue().client;
        assert_eq!(client.bytes, b"hello world!");
        assert!(client.starts_at_zero);
        assert_eq!((client.missing_after, client.tail), (0, &b""[..]));
    }

    #[test]
    fn a_hole_ends_the_head_and_leaves_a_tail() {
        let conn = connection(vec![
            segment(Side::Server, 99, tcp_flags::SYN | tcp_flags::ACK, b""),
            segment(Side::Server, 100, DATA, b"begin"),
            segment(Side::Server, 110, DATA, b"end"),
        ]);
        let transcript = Transcript::of(&conn);
        let server = transcript.dialogue().server;
        assert_eq!(server.bytes, b"begin");
        assert_eq!(server.missing_after, 8);
        assert_eq!(server.tail, b"end");
    }

    #[test]
    fn turns_follow_the_conversation() {
        let conn = connection(vec![
            segment(Side::Client, 0, tcp_flags::SYN, b""),
            segment(Side::Server, 50, tcp_flags::SYN | tcp_flags::ACK, b""),
            segment(Side::Client, 1, DATA, b"ask"),
            segment(Side::Server, 51, DATA, b"answer"),
            segment(Side::Server, 51, DATA, b"answer"),
            segment(Side::Client, 4, DATA, b"more"),
        ]);
        let transcript = Transcript::of(&conn);
        let turns: Vec<_> = transcript
            .dialogue()
            .turns
            .iter()
            .map(|t| (t.from_client, t.offset, t.len))
            .collect();
        assert_eq!(turns, [(true, 0, 3), (false, 0, 6), (true, 3, 4)]);
    }

    #[test]
    fn long_streams_keep_head_and_tail_only() {
        let mut segments = vec![segment(Side::Client, 0, tcp_flags::SYN, b"")];
        let chunk = [7; 1000];
        for i in 0..400 {
            segments.push(segment(Side::Client, 1 + i * 1000, DATA, &chunk));
        }
        let transcript = Transcript::of(&connection(segments));
        let client = transcript.dialogue().client;
        assert_eq!(client.bytes.len(), HEAD_LIMIT);
        assert_eq!(client.total(), 400_000);
        assert_eq!(client.tail.len(), TAIL_LIMIT);
    }

    #[test]
    fn resets_and_strays_carry_nothing() {
        let mut conn = connection(vec![
            segment(Side::Client, 0, tcp_flags::SYN, b""),
            segment(Side::Client, 1, DATA, b"ab"),
            segment(Side::Client, 3, tcp_flags::RST, b"why"),
            segment(Side::Client, 2_000_000_000, DATA, b"stray"),
        ]);
        conn.segments.push(Segment {
            duplicate_of: Some(1),
            ..conn.segments[1].clone()
        });
        assert_eq!(Transcript::of(&conn).sent(Side::Client), 2);
    }
}
