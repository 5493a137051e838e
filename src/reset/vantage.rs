//! Where on the path the capture was taken (diagnosis 2.5): what the capture itself says
//! decides; else independent votes, and conflicting votes are `Unknown`.

use super::model::{Vantage, VantagePoint, Vote};
use super::rtt::Rtt;
use crate::capture::Direction;
use crate::flow::{Connection, Segment, Side};

/// Below this both ends are on the same LAN and time cannot tell them apart.
const SAME_LAN_NS: i64 = 300_000;
/// A side whose share of the whole path's RTT is below this is the capture's own.
const NEAR_SHARE: f64 = 0.1;
/// Shortest Ethernet frame on a wire without FCS; a host sees its own frames before padding.
const UNPADDED_BELOW: u32 = 60;
/// Ethernet frames above this never were on a wire: segmentation or receive offload.
const OVERSIZED_ABOVE: u32 = 1_600;
/// Frames needed before a frame property counts as a habit.
const HABIT: usize = 2;

/// Estimates the vantage point.
#[must_use]
pub fn locate(conn: &Connection, rtt: &[Rtt; 2]) -> Vantage {
    if let Some(point) = by_direction(conn) {
        return Vantage {
            point,
            decisive: true,
            votes: vec![Vote::Marked(side_of(point))],
        };
    }
    let mut votes: Vec<(VantagePoint, Vote)> = Vec::new();
    votes.extend(by_time(rtt));
    votes.extend(by_ttl(conn));
    votes.extend(by_frame(conn, "shorter than Ethernet's minimum", |s| {
        s.frame_len < UNPADDED_BELOW && s.src_mac.is_some()
    }));
    votes.extend(by_frame(conn, "larger than any Ethernet frame", |s| {
        s.frame_len > OVERSIZED_ABOVE
    }));
    votes.extend(by_frame(conn, "with unfinished checksums", |s| {
        s.checksum_ok == Some(false) && !s.is_rst()
    }));
    let mut points: Vec<VantagePoint> = votes.iter().map(|(p, _)| *p).collect();
    points.sort_unstable();
    points.dedup();
    let point = match points[..] {
        [one] => one,
        _ => majority(&votes),
    };
    Vantage {
        point,
        decisive: false,
        votes: votes.into_iter().map(|(_, vote)| vote).collect(),
    }
}

fn majority(votes: &[(VantagePoint, Vote)]) -> VantagePoint {
    let count = |p| votes.iter().filter(|(v, _)| *v == p).count();
    let (client, server) = (count(VantagePoint::Client), count(VantagePoint::Server));
    if client > 0 && server > 0 {
        return VantagePoint::Unknown;
    }
    // an end's vote beats "in the middle" by time alone only when two say so
    match (client, server, count(VantagePoint::Middle)) {
        (c, _, m) if c > m => VantagePoint::Client,
        (_, s, m) if s > m => VantagePoint::Server,
        (_, _, m) if m > 0 => VantagePoint::Middle,
        _ => VantagePoint::Unknown,
    }
}

fn side_of(point: VantagePoint) -> Side {
    if point == VantagePoint::Server {
        Side::Server
    } else {
        Side::Client
    }
}

fn by_direction(conn: &Connection) -> Option<VantagePoint> {
    let outbound = |side: Side| {
        conn.segments
            .iter()
            .any(|s| s.from == side && !s.is_rst() && s.direction == Some(Direction::Outbound))
    };
    let inbound = |side: Side| {
        conn.segments
            .iter()
            .any(|s| s.from == side && !s.is_rst() && s.direction == Some(Direction::Inbound))
    };
    // a router's capture has every packet both ways and proves nothing
    match (
        outbound(Side::Client) && !inbound(Side::Client),
        outbound(Side::Server) && !inbound(Side::Server),
    ) {
        (true, false) => Some(VantagePoint::Client),
        (false, true) => Some(VantagePoint::Server),
        _ => None,
    }
}

fn by_time(rtt: &[Rtt; 2]) -> Option<(VantagePoint, Vote)> {
    let client = rtt[Side::Client.index()].min?;
    let server = rtt[Side::Server.index()].min?;
    if client < SAME_LAN_NS && server < SAME_LAN_NS {
        return None;
    }
    let share = client as f64 / (client.saturating_add(server)).max(1) as f64;
    let point = if share < NEAR_SHARE {
        VantagePoint::Client
    } else if share > 1.0 - NEAR_SHARE {
        VantagePoint::Server
    } else {
        VantagePoint::Middle
    };
    Some((point, Vote::Times { client, server }))
}

fn by_ttl(conn: &Connection) -> Option<(VantagePoint, Vote)> {
    let initial = |side: Side| {
        let mut ttls = conn
            .segments
            .iter()
            .filter(|s| s.from == side && !s.is_rst() && s.duplicate_of.is_none())
            .map(|s| s.ttl)
            .peekable();
        ttls.peek()?;
        Some(ttls.all(|t| matches!(t, 64 | 128 | 255)))
    };
    let side = match (initial(Side::Client)?, initial(Side::Server)?) {
        (true, false) => Side::Client,
        (false, true) => Side::Server,
        _ => return None,
    };
    Some((end_point(side), Vote::InitialTtl(side)))
}

fn end_point(side: Side) -> VantagePoint {
    match side {
        Side::Client => VantagePoint::Client,
        Side::Server => VantagePoint::Server,
    }
}

fn by_frame(
    conn: &Connection,
    what: &'static str,
    habit: impl Fn(&Segment) -> bool,
) -> Option<(VantagePoint, Vote)> {
    let count = |side: Side| {
        conn.segments
            .iter()
            .filter(|s| s.from == side && habit(s))
            .count()
    };
    let side = match (count(Side::Client), count(Side::Server)) {
        (c, 0) if c >= HABIT => Side::Client,
        (0, s) if s >= HABIT => Side::Server,
        _ => return None,
    };
    Some((end_point(side), Vote::Frames(side, what)))
}
