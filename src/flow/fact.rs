//! What a worker tells a reducer about one packet: fixed size, less than a cache line in IPv4.

use crate::packet::tcp_flags;

/// Marks in the upper bits of [`Fact::flags`], beside the twelve bits of the TCP header.
pub mod mark {
    /// The sender is the key's second endpoint.
    pub const FROM_SECOND: u16 = 0x8000;
    /// The fact is about a segment quoted in an ICMP error, not one that was captured.
    pub const QUOTED: u16 = 0x4000;
    /// Fewer than 16 octets of the TCP header were captured: Wireshark gives no stream number.
    pub const SHORT: u16 = 0x2000;
    /// The header's data offset is below 20 octets: Wireshark skips its completeness analysis.
    pub const BAD_OFFSET: u16 = 0x1000;
    /// Whatever makes a segment another one than a TCP header that was captured whole.
    pub const ALL_BUT_SENDER: u16 = QUOTED | SHORT | BAD_OFFSET;
}

/// One TCP segment (or one quoted in an ICMP error) as the flow table needs it.
#[derive(Clone, Copy, Debug)]
pub struct Fact<K> {
    /// Which flow.
    pub key: K,
    /// Seeded hash of the key.
    pub hash: u32,
    /// Capture time in nanoseconds since the epoch.
    pub time: i64,
    /// Offset of the record from the start of its chunk in bytes.
    pub offset: u32,
    /// Number of the frame from the start of its chunk, from 0.
    pub frame: u32,
    /// SEG.SEQ.
    pub seq: u32,
    /// The acknowledgment field.
    pub ack: u32,
    /// Payload bytes on the wire.
    pub len: u32,
    /// TCP flags and [`mark`]s.
    pub flags: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Which of the shards its flow belongs to.
    pub shard: u8,
}

const _: () = assert!(size_of::<Fact<super::key::Key4>>() <= 56);

impl<K> Fact<K> {
    /// Index of the sending endpoint in the key.
    #[inline]
    pub fn sender(&self) -> usize {
        usize::from(self.flags & mark::FROM_SECOND != 0)
    }

    /// Whether a flag or mark is set.
    #[inline]
    pub fn has(&self, bits: u16) -> bool {
        self.flags & bits == bits
    }

    /// Sequence space the segment takes: payload plus one each for SYN and FIN.
    #[inline]
    pub fn space(&self) -> u32 {
        let controls = u32::from(self.has(tcp_flags::SYN)) + u32::from(self.has(tcp_flags::FIN));
        self.len.wrapping_add(controls)
    }
}
