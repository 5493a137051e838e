//! A connection under examination: one that was reset, or a healthy one kept for contrast.

use super::{FrameRef, Segment, Side};
use crate::packet::TunnelId;
use crate::units::{FrameNumber, Seq, Timestamp};
use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;

/// Address and port of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    #[allow(missing_docs)]
    pub ip: IpAddr,
    #[allow(missing_docs)]
    pub port: u16,
}

impl Endpoint {
    fn rank(self) -> (bool, u128, u16) {
        let address = match self.ip {
            IpAddr::V4(ip) => u32::from(ip).into(),
            IpAddr::V6(ip) => ip.into(),
        };
        (self.ip.is_ipv6(), address, self.port)
    }
}

impl Ord for Endpoint {
    /// By address, IPv4 first, then by port; as numbers, for maps ask often.
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Endpoint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Endpoint {
    /// `10.0.0.1:80`, `[2001:db8::1]:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::SocketAddr::new(self.ip, self.port).fmt(f)
    }
}

/// How it is known which side is the client (diagnosis 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleBasis {
    /// It sent the SYN.
    Syn,
    /// The other side sent the SYN-ACK.
    SynAck,
    /// A protocol recogniser tells the requests from the responses.
    Protocol,
    /// The other side's port is a well-known one.
    WellKnownPort,
    /// The other side's port is shared by more connections of the capture.
    SharedPort,
    /// The other side has the lower port; a guess.
    LowerPort,
}

/// Sums over a whole incarnation, also of what was not kept in detail. Per-side arrays are
/// indexed by [`Side::index`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowTotals {
    /// Segments seen, resets included, per sender.
    pub segments: [u64; 2],
    /// Payload bytes seen per sender, retransmissions included.
    pub bytes: [u64; 2],
    /// Highest SND.NXT seen per sender, if it sent anything but resets.
    pub next: [Option<Seq>; 2],
    /// RST segments seen per sender.
    pub resets: [u64; 2],
    /// Time of the first segment of the incarnation.
    pub first_time: Timestamp,
    /// Time of the last segment of the incarnation.
    pub last_time: Timestamp,
}

/// An ICMP error that quotes a segment of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct IcmpError {
    pub frame: FrameRef,
    pub time: Timestamp,
    /// Who sent the ICMP message.
    pub source: IpAddr,
    pub v6: bool,
    pub icmp_type: u8,
    pub code: u8,
    /// Next-hop MTU of "fragmentation needed" or "packet too big".
    pub mtu: Option<u32>,
    /// Side whose segment is quoted.
    pub about: Side,
    /// Sequence number of the quoted segment.
    pub seq: Seq,
}

/// The DNS lookup that gave a client the server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameLookup {
    /// The name that was asked for (not the end of its CNAME chain).
    pub name: String,
    /// CNAME chain from the name to the owner of the address record, without the name itself.
    pub cname_chain: Vec<String>,
    /// The query, when it was captured.
    pub query: Option<FrameRef>,
    /// The answer.
    pub answer: FrameRef,
    /// When the answer was captured.
    pub answer_time: Timestamp,
    /// Who was asked.
    pub resolver: IpAddr,
    /// Other frames of the same lookup (the A or AAAA twin, segments of DNS over TCP).
    pub related: Vec<FrameRef>,
}

/// One TCP connection in one incarnation, as far as its records were kept: the first ones,
/// those around its resets, and sums over the rest.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The end that opened it.
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// How that is known.
    pub role_basis: RoleBasis,
    /// Wireshark's `tcp.stream` by the rule of 4.4 (pcapng-fidelity 6.1).
    pub stream: u64,
    /// 0 for the first connection of this address and port pair in the capture, then 1, 2...
    pub incarnation: u32,
    /// Tunnel around it.
    pub tunnel: TunnelId,
    /// Kept segments in capture order, duplicates included and marked.
    pub segments: Vec<Segment>,
    /// Records that were not kept: `(index, count)` says that `count` records of this
    /// connection lie just before `segments[index]` (or at the end, for `segments.len()`).
    pub left_out: Vec<(usize, u64)>,
    /// Sums over everything.
    pub totals: FlowTotals,
    /// ICMP errors about it.
    pub icmp: Vec<IcmpError>,
    /// Fragments of datagrams whose first fragment is a segment of the connection or a part of
    /// its name lookup: the first one, and a later one.
    pub fragments: Vec<(FrameRef, FrameRef)>,
    /// How the client came to the server's address, if the capture shows it.
    pub name: Option<Box<NameLookup>>,
    /// The capture dropped the oldest connections for lack of memory, and this one's past
    /// may be among what was lost.
    pub past_lost: bool,
}

impl Connection {
    /// Address and port of a side.
    #[must_use]
    pub fn endpoint(&self, side: Side) -> Endpoint {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }
}

/// What the capture shows of one address, over all its connections. All fields are counted
/// over flows, so that one busy flow does not outvote the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostBaseline {
    /// `(TTL, flows in which it was the first non-RST packet's)`, most frequent first.
    pub ttls: Vec<(u8, u32)>,
    /// `(TTL, flows in which a RST of this address had it)`, most frequent first.
    pub reset_ttls: Vec<(u8, u32)>,
    /// `(MAC, kept flows)`, most frequent first, at most 8; from the connections whose packets
    /// were read (reset ones, and healthy ones for contrast).
    pub macs: Vec<([u8; 6], u32)>,
    /// IP IDs of its resets other than 0, from the same connections, at most 16.
    pub reset_ids: Vec<u16>,
    /// Smallest handshake RTT measured to this address in nanoseconds, and over how many flows.
    pub min_rtt: Option<(i64, u32)>,
    /// Flows in which this address sent anything.
    pub flows: u32,
    /// Flows this address opened.
    pub opened: u32,
    /// Distinct `(address, port)` it sent SYNs to, counted up to 64.
    pub targets: u32,
}

/// How one connection to a service went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceOutcome {
    /// Handshake completed, no reset.
    Worked,
    /// Refused: RST to the SYN.
    Refused,
    /// Handshake completed, reset later.
    Reset,
    /// SYN without an answer.
    Unanswered,
}

/// What the capture shows of one `server:port`, over all connections to it. When there are
/// more connections than are kept, the kept ones are a fair sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRecord {
    /// Connections whose handshake completed and that saw no reset.
    pub worked: u64,
    /// Connections refused at the SYN.
    pub refused: u64,
    /// Connections established and reset later.
    pub reset: u64,
    /// SYNs that got no answer at all.
    pub unanswered: u64,
    /// A sample of connections: start, end, first frame and outcome, by first frame.
    pub sample: Vec<(Timestamp, Timestamp, FrameNumber, ServiceOutcome)>,
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use std::net::IpAddr;

    #[test]
    fn endpoints_are_in_the_order_of_their_addresses() {
        let addresses = [
            "9.0.0.1",
            "10.0.0.0",
            "255.0.0.1",
            "::",
            "::1",
            "2001:db8::",
        ];
        let ends = addresses.iter().flat_map(|ip| {
            let ip: IpAddr = ip.parse().expect("an address");
            [0, 443, 8080].map(|port| Endpoint { ip, port })
        });
        let ends: Vec<_> = ends.collect();
        for a in &ends {
            for b in &ends {
                assert_eq!(a.cmp(b), (a.ip, a.port).cmp(&(b.ip, b.port)), "{a} {b}");
            }
        }
    }
}
