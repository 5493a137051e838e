//! `tcp.stream` numbers by the rule of Wireshark 4.4 (pcapng-fidelity 6.1).

use super::fact::{Fact, mark};
use crate::packet::tcp_flags::{ACK, FIN, RST, SYN};

/// Number of a stream, or, until the numbers of its wave are dealt out, the frame it began in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(u64);

// numbers and frames have 40 bits, as in a place: so a stream fits 48
const PENDING: u64 = 1 << 47;

impl Stream {
    /// No segment has had a number yet.
    pub const NONE: Self = Self(PENDING);

    /// A stream that begins in this frame of the timeline.
    #[must_use]
    pub fn begins_at(frame: u64) -> Self {
        Self(frame | PENDING)
    }

    /// A numbered stream.
    #[must_use]
    pub fn numbered(n: u64) -> Self {
        Self(n)
    }

    /// The number, once there is one.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        (self.0 & PENDING == 0).then_some(self.0)
    }

    /// The frame it began in, as long as there is no number.
    #[must_use]
    pub fn pending(self) -> Option<u64> {
        (self.0 & PENDING != 0 && self != Self::NONE).then_some(self.0 & !PENDING)
    }
}

/// Wireshark's state of the latest conversation of one address and port pair.
#[derive(Clone, Copy, Debug)]
pub struct Conversation {
    // in two parts: there is one in every live flow, and 64-bit alignment would cost room
    stream_low: u32,
    base: [u32; 2],
    stream_high: u16,
    base_set: u8,
    completeness: u8,
}

const _: () = assert!(size_of::<Conversation>() == 16);

/// Bits of `tcp.completeness`.
mod complete {
    pub const SYN: u8 = 1;
    pub const SYN_ACK: u8 = 2;
    pub const ACK: u8 = 4;
    pub const DATA: u8 = 8;
    pub const FIN: u8 = 16;
    pub const RST: u8 = 32;
}

impl Conversation {
    /// Before its first segment.
    pub const NEW: Self = Self {
        stream_low: Stream::NONE.0 as u32,
        base: [0; 2],
        stream_high: (Stream::NONE.0 >> 32) as u16,
        base_set: 0,
        completeness: 0,
    };

    /// Its stream number.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream(u64::from(self.stream_high) << 32 | u64::from(self.stream_low))
    }

    /// Gives it its number.
    pub fn set_stream(&mut self, stream: Stream) {
        self.stream_low = stream.0 as u32;
        self.stream_high = (stream.0 >> 32) as u16;
    }

    #[inline]
    fn has_base(&self, side: usize) -> bool {
        self.base_set & 1 << side != 0
    }

    #[inline]
    fn set_base(&mut self, side: usize, base: u32) {
        self.base[side] = base;
        self.base_set |= 1 << side;
    }

    /// `tcp.completeness` as Wireshark's second pass shows it.
    #[must_use]
    pub fn completeness(&self) -> u8 {
        self.completeness
    }

    /// Takes a segment in; true when it begins a new stream (in `frame`).
    #[inline]
    pub fn segment<K>(&mut self, f: &Fact<K>, frame: u64) -> bool {
        if f.has(mark::SHORT) {
            return false;
        }
        let me = f.sender();
        let ended = self.completeness & (complete::RST | complete::FIN) != 0;
        let reused = f.has(SYN) && self.has_base(me) && (f.seq != self.base[me] || ended);
        let begins = self.stream() == Stream::NONE || reused;
        if begins {
            *self = Self::NEW;
            self.set_stream(Stream::begins_at(frame));
        }
        // a first SYN of the other side (simultaneous open) starts the bits afresh too
        let fresh = begins || (f.flags & (SYN | ACK) == SYN && !self.has_base(me));
        let quoted = f.has(mark::QUOTED);
        if !quoted {
            self.set_bases(f, me);
        }
        if !f.has(mark::BAD_OFFSET) {
            let before = if fresh { 0 } else { self.completeness };
            self.completeness = before | completeness_of(f, fresh, if quoted { 0 } else { f.len });
        }
        begins
    }

    /// Whether it has begun and both sides' first numbers are known: then a segment without
    /// SYN, FIN and RST is for [`Conversation::go_on`].
    #[inline]
    pub fn is_steady(&self) -> bool {
        self.base_set == 0b11
    }

    /// Takes such a segment in.
    #[inline]
    pub fn go_on<K>(&mut self, f: &Fact<K>) {
        self.completeness |= completeness_of(f, false, f.len);
    }

    #[inline]
    fn set_bases<K>(&mut self, f: &Fact<K>, me: usize) {
        if !self.has_base(me) {
            let before = u32::from(!f.has(SYN));
            self.set_base(me, f.seq.wrapping_sub(before));
        }
        if !self.has_base(1 - me) && f.has(ACK) {
            self.set_base(1 - me, f.ack.wrapping_sub(1));
        }
    }
}

#[inline]
fn completeness_of<K>(f: &Fact<K>, fresh: bool, len: u32) -> u8 {
    let data = if len > 0 { complete::DATA } else { 0 };
    let mut bits = match f.flags & (SYN | ACK) {
        SYN if fresh => complete::SYN | data,
        x if x == SYN | ACK => complete::SYN_ACK,
        ACK if data != 0 => complete::DATA,
        ACK => complete::ACK,
        _ => 0,
    };
    if f.has(FIN | ACK) {
        bits |= complete::FIN;
    }
    if f.has(RST) {
        bits |= complete::RST;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(c: &mut Conversation, flags: u16, seq: u32, ack: u32, frame: u64) -> bool {
        let f = Fact {
            key: (),
            hash: 0,
            time: 0,
            offset: 0,
            frame: 0,
            seq,
            ack,
            len: 0,
            flags,
            ttl: 64,
            shard: 0,
        };
        c.segment(&f, frame)
    }

    #[test]
    fn a_refused_syn_tried_again_with_the_same_isn_is_a_new_stream() {
        let mut c = Conversation::NEW;
        assert!(segment(&mut c, SYN, 100, 0, 1));
        assert!(!segment(&mut c, RST | ACK | mark::FROM_SECOND, 0, 101, 2));
        assert_eq!(c.completeness(), 37);
        assert!(segment(&mut c, SYN, 100, 0, 3));
        assert_eq!(c.stream().pending(), Some(3));
    }

    #[test]
    fn a_repeated_syn_is_not() {
        let mut c = Conversation::NEW;
        assert!(segment(&mut c, SYN, 100, 0, 1));
        assert!(!segment(&mut c, SYN, 100, 0, 2));
        assert!(segment(&mut c, SYN, 900, 0, 3));
    }

    #[test]
    fn simultaneous_open_is_one_stream() {
        let mut c = Conversation::NEW;
        assert!(segment(&mut c, SYN, 100, 0, 1));
        assert!(!segment(&mut c, SYN | mark::FROM_SECOND, 500, 0, 2));
    }
}
