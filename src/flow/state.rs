//! What the table holds of one live connection.

use super::conversation::Conversation;
use super::fact::{Fact, mark};
use super::key::{Key, Key4, Key6};
use super::loc::{Arena, Kept, Loc, Trail};
use super::resets::ResetDetail;
use crate::packet::tcp_flags::{ACK, FIN, RST, SYN};
use crate::units::Seq;

/// Events seen from one side of an incarnation.
pub mod seen {
    /// Anything but a RST.
    pub const ALIVE: u8 = 0x01;
    /// A SYN without ACK; the ISN is known.
    pub const SYN: u8 = 0x02;
    /// A SYN with ACK; the ISN is known.
    pub const SYN_ACK: u8 = 0x04;
    /// A FIN.
    pub const FIN: u8 = 0x08;
    /// A RST.
    pub const RST: u8 = 0x10;
    /// Payload.
    pub const DATA: u8 = 0x20;
    /// An acknowledgment of the other side's SYN.
    pub const ACKED_SYN: u8 = 0x40;
}

/// One connection in one incarnation, while it lives. Arrays are indexed by the key's
/// endpoint. Times are nanoseconds since the epoch.
///
/// In the order of use: what every segment of an IPv4 flow touches is in the first 96 bytes,
/// and these lie in two cache lines, as a flow's size is a multiple of its alignment.
#[derive(Debug)]
#[repr(C, align(32))]
pub struct Flow<K> {
    /// Addresses, ports, tunnel.
    pub key: K,
    /// Set once it has seen a RST, an ICMP error or a doubtful SYN.
    pub detail: Option<Box<ResetDetail>>,
    /// Time of the latest segment of each side.
    pub last_time: [i64; 2],
    /// Its first and latest records.
    pub trail: Trail,
    /// Wireshark's state.
    pub conversation: Conversation,
    /// SND.NXT.
    pub next: [u32; 2],
    // payload bytes up to 2^48, in halves that keep the flow small
    bytes_low: [u32; 2],
    segments_of_first: u32,
    /// See [`seen`].
    pub seen: [u8; 2],
    /// 0 for the first connection of this key, then 1, 2 ...
    pub incarnation: u16,
    talking: Talking,
    /// TTL of the first packet that is no RST.
    pub ttl: [u8; 2],
    // whether `goes_on` may be true
    steady: bool,
    bytes_high: [u16; 2],
    /// Seeded hash of the key.
    pub hash: u32,
    /// Initial sequence number, where the SYN was seen.
    pub isn: [u32; 2],
    /// Time from the other side's SYN (or SYN-ACK) until this side answered it, in nanoseconds,
    /// 0 when not measured: RTT from the capture point to this side and back.
    pub rtt: [u32; 2],
    /// Time of its first segment.
    pub first_time: i64,
    turn: [Turn; 2],
}

// 3 million live flows must stay below 1.2 GB with their trails
const _: () = assert!(size_of::<Option<Flow<Key4>>>() <= 160);
const _: () = assert!(size_of::<Option<Flow<Key6>>>() <= 192);
const _: () = assert!(std::mem::offset_of!(Flow<Key4>, talking) < 96);

/// Whose payload came last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talking {
    Nobody,
    First,
    Second,
}

/// Where the latest run of payload of one side began.
#[derive(Clone, Copy, Debug)]
struct Turn {
    loc: Loc,
    // NEVER: there was none
    nth: u32,
}

impl Turn {
    const NEVER: u32 = u32::MAX;
    const NONE: Self = Self {
        loc: Loc::new(0, 0),
        nth: Self::NEVER,
    };
}

/// An idle time after which a SYN with another ISN opens a new incarnation, in nanoseconds
/// (diagnosis 2.1).
const REOPEN_IDLE: i64 = 60_000_000_000;

impl<K: Key> Flow<K> {
    /// A flow before its first segment.
    pub fn new(f: &Fact<K>, incarnation: u16, conversation: Conversation) -> Self {
        Self {
            key: f.key,
            hash: f.hash,
            first_time: f.time,
            last_time: [f.time; 2],
            isn: [0; 2],
            next: [0; 2],
            bytes_low: [0; 2],
            bytes_high: [0; 2],
            segments_of_first: 0,
            rtt: [0; 2],
            conversation,
            seen: [0; 2],
            ttl: [0; 2],
            talking: Talking::Nobody,
            steady: false,
            incarnation,
            trail: Trail::default(),
            turn: [Turn::NONE; 2],
            detail: None,
        }
    }

    /// Payload bytes each side sent, retransmissions included.
    pub fn bytes(&self) -> [u64; 2] {
        [0, 1].map(|i| u64::from(self.bytes_high[i]) << 32 | u64::from(self.bytes_low[i]))
    }

    /// Segments each side sent.
    pub fn segments(&self) -> [u32; 2] {
        let first = self.segments_of_first;
        [first, self.trail.pushed().saturating_sub(first)]
    }

    /// Takes the latest record back, which `side` sent: it belongs to the next incarnation.
    pub fn take_back(&mut self, side: usize, arena: &mut Arena) {
        if self.trail.pop(arena) {
            self.segments_of_first = self.segments_of_first.saturating_sub(1 - side as u32);
        }
    }

    /// First record of the latest run of payload of each side.
    pub fn turns(&self) -> impl Iterator<Item = Kept> {
        let begun = self.turn.into_iter().filter(|t| t.nth != Turn::NEVER);
        begun.map(|t| Kept {
            loc: t.loc,
            nth: t.nth,
        })
    }

    /// Time of the latest segment.
    pub fn latest(&self) -> i64 {
        self.last_time[0].max(self.last_time[1])
    }

    /// Whether a side, or both together, saw an event.
    pub fn either_saw(&self, event: u8) -> bool {
        (self.seen[0] | self.seen[1]) & event != 0
    }

    /// The connection has ended: a RST, or both FINs.
    pub fn finished(&self) -> bool {
        self.either_saw(seen::RST) || self.seen[0] & self.seen[1] & seen::FIN != 0
    }

    /// Whether a segment begins a new incarnation (diagnosis 2.1): a SYN or SYN-ACK with
    /// another ISN after the end of the old one or after a long silence.
    #[inline]
    pub fn reopened_by(&self, f: &Fact<K>) -> bool {
        if !f.has(SYN) || f.has(RST) {
            return false;
        }
        let me = f.sender();
        let kind = if f.has(ACK) { seen::SYN_ACK } else { seen::SYN };
        if self.seen[me] & kind != 0 && self.isn[me] == f.seq {
            return false; // a retransmission
        }
        let known = self.seen[me] & seen::ALIVE != 0 || self.seen[1 - me] & seen::ALIVE != 0;
        if f.has(ACK)
            && self.seen[1 - me] & seen::SYN != 0
            && f.ack == self.isn[1 - me].wrapping_add(1)
        {
            return false; // answers the SYN that opened this incarnation
        }
        known
            && (self.either_saw(seen::RST | seen::FIN)
                || f.time.saturating_sub(self.latest()) > REOPEN_IDLE)
    }

    /// Whether a SYN on this living connection may belong to the next one: its ISN is another,
    /// or it answers such a SYN (diagnosis 2.1).
    #[inline]
    pub fn doubts(&self, f: &Fact<K>) -> bool {
        let both_alive = self.seen[0] & self.seen[1] & seen::ALIVE != 0;
        both_alive && !f.has(RST) && {
            if f.has(ACK) {
                let pending = |d: &ResetDetail| d.doubtful_syn.is_some();
                self.detail.as_deref().is_some_and(pending)
            } else {
                self.isn[f.sender()] != f.seq
            }
        }
    }

    /// Whether a segment only moves numbers and times on, as nearly all do: it has no flag or
    /// mark that changes a state, and nothing about the connection is open.
    #[inline]
    pub fn goes_on(&self, f: &Fact<K>) -> bool {
        self.steady && f.flags & (SYN | FIN | RST | mark::ALL_BUT_SENDER) == 0
    }

    /// Takes such a segment in.
    #[inline]
    pub fn go_on(&mut self, f: &Fact<K>, loc: Loc, arena: &mut Arena) {
        let me = f.sender();
        self.conversation.go_on(f);
        self.segments_of_first = self.segments_of_first.saturating_add(1 - me as u32);
        self.trail.push(arena, loc);
        self.reach(me, f.seq.wrapping_add(f.len));
        if f.len > 0 {
            self.account_payload(f.len, me, loc);
        }
        self.last_time[me] = f.time;
    }

    /// To be called after anything else than [`Flow::go_on`] happened to it.
    #[inline]
    pub fn settle(&mut self) {
        let handshake_over = |me: usize| {
            self.seen[1 - me] & seen::SYN_ACK == 0 || self.seen[me] & seen::ACKED_SYN != 0
        };
        self.steady = self.detail.is_none()
            && self.incarnation == 0
            && self.conversation.is_steady()
            && self.seen[0] & self.seen[1] & seen::ALIVE != 0
            && !self.finished()
            && handshake_over(0)
            && handshake_over(1);
    }

    /// Takes a segment's numbers and times in.
    #[inline]
    pub fn account(&mut self, f: &Fact<K>, loc: Loc, arena: &mut Arena) {
        let me = f.sender();
        self.segments_of_first = self.segments_of_first.saturating_add(1 - me as u32);
        self.trail.push(arena, loc);
        if f.has(RST) {
            self.seen[me] |= seen::RST;
        } else {
            self.account_live(f, me, loc);
        }
        self.last_time[me] = f.time;
    }

    #[inline]
    fn account_live(&mut self, f: &Fact<K>, me: usize, loc: Loc) {
        let end = f.seq.wrapping_add(f.space());
        if self.seen[me] & seen::ALIVE == 0 {
            self.ttl[me] = f.ttl;
            self.next[me] = end;
        } else {
            self.reach(me, end);
        }
        self.seen[me] |= seen::ALIVE;
        if f.has(SYN) {
            self.account_syn(f, me);
        } else if self.seen[1 - me] & seen::SYN_ACK != 0
            && self.seen[me] & seen::ACKED_SYN == 0
            && f.has(ACK)
            && f.ack == self.isn[1 - me].wrapping_add(1)
        {
            self.seen[me] |= seen::ACKED_SYN;
            self.rtt[me] = span_to_u32(f.time.saturating_sub(self.last_time[1 - me]));
        }
        if f.has(FIN) {
            self.seen[me] |= seen::FIN;
        }
        if f.len > 0 {
            self.account_payload(f.len, me, loc);
        }
    }

    #[inline]
    fn reach(&mut self, me: usize, end: u32) {
        if Seq(end).after(Seq(self.next[me])) {
            self.next[me] = end;
        }
    }

    #[inline]
    fn account_payload(&mut self, len: u32, me: usize, loc: Loc) {
        let (low, carry) = self.bytes_low[me].overflowing_add(len);
        self.bytes_low[me] = low;
        if carry {
            self.bytes_high[me] = self.bytes_high[me].saturating_add(1);
        }
        self.seen[me] |= seen::DATA;
        let talking = [Talking::First, Talking::Second][me];
        if self.talking != talking {
            self.talking = talking;
            self.turn[me] = Turn {
                loc,
                nth: self.trail.pushed() - 1,
            };
        }
    }

    fn account_syn(&mut self, f: &Fact<K>, me: usize) {
        let kind = if f.has(ACK) { seen::SYN_ACK } else { seen::SYN };
        if self.seen[me] & kind == 0 {
            self.isn[me] = f.seq;
            if kind == seen::SYN_ACK && self.seen[1 - me] & seen::SYN != 0 {
                self.rtt[me] = span_to_u32(f.time.saturating_sub(self.last_time[1 - me]));
            }
        }
        self.seen[me] |= kind;
    }

    /// Index of the endpoint that opened the connection, if the handshake shows it.
    pub fn opener(&self) -> Option<usize> {
        let syn = |i: usize| self.seen[i] & seen::SYN != 0;
        let syn_ack = |i: usize| self.seen[i] & seen::SYN_ACK != 0;
        match (syn(0), syn(1)) {
            (true, false) => Some(0),
            (false, true) => Some(1),
            (true, true) => None,
            (false, false) => match (syn_ack(0), syn_ack(1)) {
                (true, false) => Some(1),
                (false, true) => Some(0),
                _ => None,
            },
        }
    }

    /// SYN, SYN-ACK and an acknowledgment of it were seen.
    pub fn established(&self) -> bool {
        self.opener()
            .is_some_and(|c| self.seen[c] & seen::ACKED_SYN != 0)
    }
}

// 0 means "not measured", so a measured 0 becomes 1 ns
fn span_to_u32(nanos: i64) -> u32 {
    u32::try_from(nanos.max(1)).unwrap_or(u32::MAX)
}
