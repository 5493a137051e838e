//! Records fetched again to segments.

use super::{FrameRef, MptcpOption, Segment, Side, TcpOptions};
use crate::capture::{Direction, Record};
use crate::packet::{
    IpView, PacketView, TcpChecksum, TcpView, Transport, tcp_checksum, tcp_options,
};
use crate::units::{Seq, Timestamp};

/// Option kinds (IANA TCP parameters).
mod kind {
    pub const MSS: u8 = 2;
    pub const WINDOW_SCALE: u8 = 3;
    pub const SACK_PERMITTED: u8 = 4;
    pub const TIMESTAMPS: u8 = 8;
    pub const MD5: u8 = 19;
    pub const AO: u8 = 29;
    pub const MPTCP: u8 = 30;
    pub const FAST_OPEN: u8 = 34;
}

/// MPTCP subtypes that concern resets (RFC 8684 8.4).
const MP_FASTCLOSE: u8 = 7;
const MP_TCPRST: u8 = 8;

/// What a record does not say of itself.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Which frame it is.
    pub frame: FrameRef,
    /// Sender.
    pub from: Side,
}

/// The segment of a record whose dissection is `view`; `None` if it holds no TCP segment.
#[must_use]
pub fn segment(record: &Record<'_>, view: &PacketView<'_>, place: Place) -> Option<Segment> {
    let (Some(ip), Transport::Tcp(tcp)) = (&view.ip, &view.transport) else {
        return None;
    };
    let checksum = tcp_checksum(view);
    let told = record.packet_options();
    Some(Segment {
        frame: place.frame,
        time: record.time.unwrap_or(Timestamp(0)),
        from: place.from,
        seq: Seq(tcp.seq),
        ack: Seq(tcp.ack),
        flags: tcp.flags & 0xfff,
        len: tcp.payload_len,
        window: tcp.window,
        ttl: ip.ttl,
        ip_id: ip.id,
        dont_fragment: ip.dont_fragment,
        tos: ip.tos,
        flow_label: ip.flow_label,
        src_mac: view.link.src_mac,
        vlan: view.link.vlan,
        tunnel: view.tunnel,
        direction: told.and_then(|o| o.direction).or(cooked(view)),
        interface: record.interface,
        frame_len: record.original_len,
        checksum_ok: match checksum {
            Some(TcpChecksum::Good) => Some(true),
            Some(TcpChecksum::Bad) => Some(false),
            Some(TcpChecksum::Partial) | None => None,
        },
        checksum_partial: checksum == Some(TcpChecksum::Partial),
        options: options(tcp),
        payload: tcp.payload.to_vec(),
        duplicate_of: None,
    })
}

/// Side of a packet, by the endpoint that is the client's.
#[must_use]
pub fn side_of(ip: &IpView, port: u16, client: super::Endpoint) -> Side {
    if ip.addresses.src() == client.ip && port == client.port {
        Side::Client
    } else {
        Side::Server
    }
}

fn cooked(view: &PacketView<'_>) -> Option<Direction> {
    view.link.outbound.map(|out| {
        if out {
            Direction::Outbound
        } else {
            Direction::Inbound
        }
    })
}

fn options(tcp: &TcpView<'_>) -> TcpOptions {
    let mut out = TcpOptions::default();
    let mut walk = tcp_options(tcp.options);
    for option in walk.by_ref() {
        out.kinds.push(option.kind);
        match (option.kind, option.data) {
            (kind::MSS, &[a, b]) => out.mss = Some(u16::from_be_bytes([a, b])),
            (kind::WINDOW_SCALE, &[shift]) => out.window_scale = Some(shift),
            (kind::SACK_PERMITTED, []) => out.sack_permitted = true,
            (kind::TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                out.timestamps = Some((
                    u32::from_be_bytes([a, b, c, d]),
                    u32::from_be_bytes([e, f, g, h]),
                ));
            }
            (kind::MD5 | kind::AO, _) => out.signed = true,
            (kind::MPTCP, data) => out.mptcp.extend(mptcp(data)),
            (kind::FAST_OPEN, _) => out.fast_open = true,
            _ => {}
        }
    }
    out.incomplete = walk.incomplete() || tcp.header_captured < tcp.header_len;
    out
}

fn mptcp(data: &[u8]) -> Option<MptcpOption> {
    let first = *data.first()?;
    Some(match first >> 4 {
        MP_FASTCLOSE => MptcpOption::FastClose,
        // RFC 8684 3.6: subtype, flags U V W T, then the reason
        MP_TCPRST => MptcpOption::TcpRst {
            transient: first & 1 != 0,
            reason: data.get(1).copied().unwrap_or(0),
        },
        other => MptcpOption::Other(other),
    })
}
