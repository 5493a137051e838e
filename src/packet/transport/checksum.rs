//! The TCP checksum (RFC 9293 3.1, RFC 1071).

use crate::packet::ip::protocol;
use crate::packet::{Addresses, PacketView, Transport};

/// Bytes of a TCP header up to and with the checksum field.
const UP_TO_CHECKSUM: usize = 18;

/// What a TCP checksum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TcpChecksum {
    /// Right.
    Good,
    /// Wrong.
    Bad,
    /// Only the pseudo-header was summed: the sending host left the rest to its network card,
    /// so the capture was made on that host (or of a segment its receive offload put together).
    Partial,
}

/// Checks the TCP checksum. `None` when there is no TCP, or when it cannot be told: the
/// segment is cut, a fragment, source-routed, or of unknown length. A partial sum is
/// recognised in cut segments too.
#[must_use]
pub fn tcp_checksum(view: &PacketView<'_>) -> Option<TcpChecksum> {
    let (Some(ip), Transport::Tcp(tcp)) = (&view.ip, &view.transport) else {
        return None;
    };
    if ip.fragment.is_some() || ip.source_routed || tcp.segment.len() < UP_TO_CHECKSUM {
        return None;
    }
    let len = u32::from(tcp.header_len).checked_add(tcp.payload_len)?;
    let addresses = match &ip.addresses {
        Addresses::V4 { src, dst } => sum(src) + sum(dst),
        Addresses::V6 { src, dst } => sum(src) + sum(dst),
    };
    let pseudo = addresses + u64::from(protocol::TCP) + u64::from(len);
    let whole = tcp.segment.len() == len as usize;
    if whole && fold(pseudo + sum(tcp.segment)) == 0xffff {
        return Some(TcpChecksum::Good);
    }
    // segmentation offload leaves the length out, for it is not known yet
    let without_len = addresses + u64::from(protocol::TCP);
    if [pseudo, without_len].map(fold).contains(&tcp.checksum) {
        return Some(TcpChecksum::Partial);
    }
    whole.then_some(TcpChecksum::Bad)
}

/// Sum of big-endian 16-bit words in 16 bits, an odd last byte padded with zero.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(4);
    let mut tail = [0; 4];
    for (to, from) in tail.iter_mut().zip(words.remainder()) {
        *to = *from;
    }
    // 2^16 is 1 modulo 2^16 - 1: 32 bits at a time give the same sum once folded. Cannot
    // overflow: 2^32 of them would be needed.
    let mut total = u64::from(u32::from_ne_bytes(tail));
    for word in words {
        let word = word.first_chunk().map_or(0, |w| u32::from_ne_bytes(*w));
        total += u64::from(word);
    }
    // the sum of swapped words is the swapped sum (RFC 1071 2 B)
    u64::from(u16::from_be(fold(total)))
}

/// One's complement sum in 16 bits.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
