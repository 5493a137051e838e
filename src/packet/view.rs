//! The view of one frame.

use std::net::IpAddr;

/// TCP header flags as they stand in bytes 12-13 of the header, low 12 bits (RFC 9293 3.1;
/// the upper four are reserved bits and AE/NS).
#[allow(missing_docs)] // the flags' names say it
pub mod tcp_flags {
    pub const FIN: u16 = 0x001;
    pub const SYN: u16 = 0x002;
    pub const RST: u16 = 0x004;
    pub const PSH: u16 = 0x008;
    pub const ACK: u16 = 0x010;
    pub const URG: u16 = 0x020;
    pub const ECE: u16 = 0x040;
    pub const CWR: u16 = 0x080;
    /// AE (RFC 9768), formerly NS, and the three reserved bits.
    pub const AE: u16 = 0x100;
    pub const RESERVED: u16 = 0xe00;
}

/// Source and destination of an IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Addresses {
    V4 { src: [u8; 4], dst: [u8; 4] },
    V6 { src: [u8; 16], dst: [u8; 16] },
}

impl Addresses {
    /// Source address.
    #[must_use]
    pub fn src(&self) -> IpAddr {
        match *self {
            Self::V4 { src, .. } => src.into(),
            Self::V6 { src, .. } => src.into(),
        }
    }

    /// Destination address.
    #[must_use]
    pub fn dst(&self) -> IpAddr {
        match *self {
            Self::V4 { dst, .. } => dst.into(),
            Self::V6 { dst, .. } => dst.into(),
        }
    }
}

/// What keeps two connections with the same addresses and ports apart: a hash of the network
/// identifiers around the IP header that both directions share (VNI of VXLAN and Geneve, GRE
/// key, subnet of NVGRE, tunnel id of EoIP, I-SID of backbone bridging). Not part of it is what
/// differs between the directions or belongs to a mirror: outer addresses, TEIDs, session, call
/// and path ids, MPLS labels, VLAN tags. 0 when there is none, also inside tunnels without one:
/// the two directions need not take the same tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TunnelId(pub u32);

/// The link layer, as far as it is evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkView {
    /// Source MAC of the frame that holds the innermost IP header.
    pub src_mac: Option<[u8; 6]>,
    /// Destination MAC, absent on cooked captures.
    pub dst_mac: Option<[u8; 6]>,
    /// Innermost VLAN id (12 bits).
    pub vlan: Option<u16>,
    /// The cooked header says this host sent the packet (true) or received it (false).
    pub outbound: Option<bool>,
}

/// Fragmentation state of the IP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification (16 bits in IPv4, 32 in IPv6).
    pub id: u32,
    /// Offset in bytes; 0 in the first fragment.
    pub offset: u32,
    /// More fragments follow.
    pub more: bool,
}

/// The innermost IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpView {
    /// Addresses (the last hop of a source route is not followed).
    pub addresses: Addresses,
    /// Protocol of the payload after extension headers.
    pub protocol: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub id: Option<u16>,
    /// IPv4 Don't Fragment.
    pub dont_fragment: bool,
    /// Traffic class octet: DSCP and ECN.
    pub tos: u8,
    /// IPv6 flow label.
    pub flow_label: Option<u32>,
    /// Set when the datagram is a fragment.
    pub fragment: Option<Fragment>,
    /// A source route or routing header has hops left: the destination is not the final one.
    pub source_routed: bool,
}

/// A TCP header and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpView<'a> {
    #[allow(missing_docs)]
    pub src_port: u16,
    #[allow(missing_docs)]
    pub dst_port: u16,
    /// SEG.SEQ.
    pub seq: u32,
    /// The acknowledgment field, whatever the ACK flag says.
    pub ack: u32,
    /// See [`tcp_flags`].
    pub flags: u16,
    /// The window field, unscaled.
    pub window: u16,
    /// The checksum field.
    pub checksum: u16,
    /// Option bytes that were captured.
    pub options: &'a [u8],
    /// Payload bytes that were captured, without link-layer padding.
    pub payload: &'a [u8],
    /// Payload length in bytes on the wire, from the IP length (from the captured length when
    /// offload left the IP length 0). SEG.LEN without SYN and FIN.
    pub payload_len: u32,
    /// Header bytes that were captured (at most the data offset says). Wireshark 4.4 gives a
    /// stream number only from 16 on (pcapng-fidelity 6.1).
    pub header_captured: u8,
    /// Header length by the data offset field in bytes (20 to 60 when sound).
    pub header_len: u8,
    /// Header and payload, what was captured of them: what the checksum covers.
    pub segment: &'a [u8],
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct UdpView<'a> {
    pub src_port: u16,
    pub dst_port: u16,
    /// Payload bytes that were captured.
    pub payload: &'a [u8],
    /// Payload length on the wire in bytes.
    pub payload_len: u32,
}

/// The start of a datagram that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Addresses of the quoted datagram.
    pub addresses: Addresses,
    /// Its protocol.
    pub protocol: u8,
    /// Its source port.
    pub src_port: u16,
    /// Its destination port.
    pub dst_port: u16,
    /// Its sequence number, when TCP.
    pub seq: u32,
    /// Its acknowledgment number, when at least 12 bytes of TCP are quoted.
    pub ack: Option<u32>,
    /// Its flags, when at least 14 bytes of TCP are quoted.
    pub flags: Option<u16>,
    /// Octets of the quoted transport header that are there.
    pub transport_len: u32,
}

/// An ICMP or ICMPv6 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpView {
    /// ICMPv6 rather than ICMP.
    pub v6: bool,
    /// Type.
    pub icmp_type: u8,
    /// Code.
    pub code: u8,
    /// Next-hop MTU of fragmentation needed / packet too big.
    pub mtu: Option<u32>,
    /// What an error message quotes.
    pub quote: Option<Quote>,
}

/// The outermost IP datagram of a frame that is a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentView<'a> {
    /// Addresses of the datagram.
    pub addresses: Addresses,
    /// Tunnel around it.
    pub tunnel: TunnelId,
    /// Its protocol, after the extension headers that every fragment has.
    pub protocol: u8,
    /// Which part of it this is.
    pub fragment: Fragment,
    /// Bytes of its payload that were captured.
    pub payload: &'a [u8],
    /// Length of its payload on the wire in bytes.
    pub payload_len: u32,
}

/// What the innermost IP header carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport<'a> {
    /// TCP; also the first fragment of a datagram when it holds the ports and flags.
    Tcp(TcpView<'a>),
    /// UDP that is no tunnel rstcap looks into.
    Udp(UdpView<'a>),
    /// ICMP or ICMPv6.
    Icmp(IcmpView),
    /// Anything else, a later fragment, or headers that end too early (see [`PacketView::stop`]).
    None,
}

/// Why a dissection ended before the transport payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The captured bytes end here but the packet went on: the snaplen's doing.
    Snaplen,
    /// The lengths or versions contradict each other.
    Malformed,
    /// The link type or protocol is not one rstcap reads. Not a defect.
    NotRead,
    /// Nested deeper than rstcap follows.
    TooDeep,
}

/// Where and why a dissection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Layer at which it ended, e.g. `"ipv4"`, `"tcp options"`.
    pub layer: &'static str,
    /// Offset of that layer in the frame in bytes.
    pub offset: u32,
    /// Bytes it needed there.
    pub needed: u32,
    /// Bytes there were.
    pub had: u32,
    /// Why.
    pub reason: StopReason,
}

/// What one frame's bytes say: the innermost IP packet, and where it lies.
#[derive(Clone, Copy, Debug)]
pub struct PacketView<'a> {
    /// Link layer of the innermost IP packet.
    pub link: LinkView,
    /// Tunnel identifiers around it.
    pub tunnel: TunnelId,
    /// How many tunnels deep it lies.
    pub depth: u8,
    /// The innermost IP header.
    pub ip: Option<IpView>,
    /// Offset of that IP header in the frame in bytes.
    pub ip_offset: u32,
    /// What it carries.
    pub transport: Transport<'a>,
    /// An IP header on the way to it says that its datagram is a fragment (see
    /// [`super::fragment`]).
    pub fragmented: bool,
    /// Set when the dissection ended early.
    pub stop: Option<Stop>,
}
