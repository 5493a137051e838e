//! One TCP segment of a connection under examination, with everything that is evidence.

use crate::capture::Direction;
use crate::packet::{TunnelId, tcp_flags};
use crate::units::{FileId, FrameNumber, Seq, Span, Timestamp};
use smallvec::SmallVec;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end that opened the connection (see [`super::RoleBasis`] for how that is known).
    Client,
    /// The other one.
    Server,
}

impl Side {
    /// Both, client first.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];

    /// The other end.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// 0 for the client, 1 for the server: index into `[T; 2]`.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// "client" or "server".
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// A frame and where to find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameRef {
    /// Number of the frame in the timeline, from 1, cumulative over its files; equals
    /// Wireshark's `frame.number` when the timeline has one file.
    pub number: FrameNumber,
    /// Number of the frame within its file, from 1: what Wireshark shows for that file.
    pub in_file: FrameNumber,
    /// The file.
    pub file: FileId,
    /// The record's bytes in the file.
    pub span: Span,
}

/// An MPTCP option that concerns resets (RFC 8684 3.5, 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MptcpOption {
    /// `MP_FASTCLOSE`: the whole connection is aborted.
    FastClose,
    /// `MP_TCPRST`: this subflow is reset, with flags and reason.
    TcpRst {
        /// The T flag: the condition is transient.
        transient: bool,
        /// Reason code, RFC 8684 3.6.
        reason: u8,
    },
    /// Any other subtype.
    Other(u8),
}

/// TCP options that are evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Maximum segment size in bytes.
    pub mss: Option<u16>,
    /// Window scale shift count.
    pub window_scale: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// TSval and TSecr (RFC 7323).
    pub timestamps: Option<(u32, u32)>,
    /// MPTCP options, in order.
    pub mptcp: Vec<MptcpOption>,
    /// TCP Fast Open cookie option present.
    pub fast_open: bool,
    /// TCP MD5 signature or TCP-AO present.
    pub signed: bool,
    /// The kinds in order, for fingerprints.
    pub kinds: SmallVec<[u8; 8]>,
    /// The list was cut or malformed.
    pub incomplete: bool,
}

/// A TCP segment as captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which frame.
    pub frame: FrameRef,
    /// Capture time.
    pub time: Timestamp,
    /// Sender.
    pub from: Side,
    /// SEG.SEQ.
    pub seq: Seq,
    /// The acknowledgment field; meaningful only with the ACK flag.
    pub ack: Seq,
    /// Flags, see [`tcp_flags`].
    pub flags: u16,
    /// Payload bytes on the wire (without SYN and FIN).
    pub len: u32,
    /// Window field, unscaled.
    pub window: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; `None` in IPv6.
    pub ip_id: Option<u16>,
    /// IPv4 Don't Fragment.
    pub dont_fragment: bool,
    /// Traffic class octet: DSCP and ECN.
    pub tos: u8,
    /// IPv6 flow label.
    pub flow_label: Option<u32>,
    /// Source MAC on the capture's link; `None` where the link layer has none or it is cooked.
    pub src_mac: Option<[u8; 6]>,
    /// Innermost VLAN id.
    pub vlan: Option<u16>,
    /// Tunnel around it.
    pub tunnel: TunnelId,
    /// Direction as the capture itself says.
    pub direction: Option<Direction>,
    /// Interface id within the record's section.
    pub interface: u32,
    /// Length of the frame on the wire in bytes.
    pub frame_len: u32,
    /// Whether the TCP checksum is right; `None` when it cannot be computed (cut, fragment).
    pub checksum_ok: Option<bool>,
    /// The checksum field holds the pseudo-header's sum only: its host left the rest to the
    /// network card, so the capture was taken there.
    pub checksum_partial: bool,
    /// TCP options.
    pub options: TcpOptions,
    /// Captured payload bytes; fewer than `len` when the snaplen cut it.
    pub payload: Vec<u8>,
    /// A copy of an earlier segment made by the capture (mirror port, several interfaces):
    /// index of the original in [`super::Connection::segments`].
    pub duplicate_of: Option<usize>,
}

impl Segment {
    /// All of `flags` are set.
    #[must_use]
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// RST is set, whatever else is.
    #[must_use]
    pub fn is_rst(&self) -> bool {
        self.has(tcp_flags::RST)
    }

    /// SYN without ACK and without RST.
    #[must_use]
    pub fn is_syn(&self) -> bool {
        self.flags & (tcp_flags::SYN | tcp_flags::ACK | tcp_flags::RST) == tcp_flags::SYN
    }

    /// SYN with ACK and without RST.
    #[must_use]
    pub fn is_syn_ack(&self) -> bool {
        self.flags & (tcp_flags::SYN | tcp_flags::ACK | tcp_flags::RST)
            == tcp_flags::SYN | tcp_flags::ACK
    }

    /// FIN is set and RST is not.
    #[must_use]
    pub fn is_fin(&self) -> bool {
        self.flags & (tcp_flags::FIN | tcp_flags::RST) == tcp_flags::FIN
    }

    /// Sequence space the segment takes: payload plus one each for SYN and FIN. A RST's
    /// payload takes none.
    #[must_use]
    pub fn space(&self) -> u32 {
        if self.is_rst() {
            return 0;
        }
        let controls = u32::from(self.has(tcp_flags::SYN)) + u32::from(self.has(tcp_flags::FIN));
        self.len.wrapping_add(controls)
    }

    /// First sequence number after the segment.
    #[must_use]
    pub fn end(&self) -> Seq {
        self.seq.plus(self.space())
    }
}
