//! The same reset in the words of others: Cloudflare's stage, Zeek's `conn_state`,
//! Wireshark's `tcp.completeness`.

use super::context::ResetContext;
use super::model::Stage;
use crate::flow::Side;
use crate::packet::tcp_flags;
use crate::reset::Kind;

/// Client packets that Cloudflare's taxonomy looks at.
const FIRST_PACKETS: usize = 10;

/// Stage of the connection at the primary reset (diagnosis 4.3).
#[must_use]
pub fn stage(c: &ResetContext) -> Stage {
    if c.syn().is_none() {
        return Stage::NoMatch;
    }
    if c.final_ack().is_none() {
        return Stage::PostSyn;
    }
    let segments = c.side(Side::Client).data_segments;
    let client_packets = (0..c.at)
        .filter(|i| c.conn.segments[*i].from == Side::Client && c.replay.kind(*i) != Kind::Copy)
        .count();
    match segments {
        0 => Stage::PostAck,
        1 => Stage::PostPsh,
        _ if client_packets <= FIRST_PACKETS => Stage::LaterInFlow,
        _ => Stage::NoMatch,
    }
}

/// Zeek's `conn_state` (scripts/base/protocols/conn/main.zeek).
#[must_use]
pub fn zeek_conn_state(c: &ResetContext) -> &'static str {
    let (syn, syn_ack) = (c.syn().is_some(), c.syn_ack().is_some());
    let established = c.final_ack().is_some();
    match (syn, syn_ack, established, c.sender) {
        (true, false, _, Side::Server) => "REJ",
        (true, false, _, Side::Client) => "RSTOS0",
        (true, true, false, Side::Client) => "RSTO",
        (true, true, false, Side::Server) => "RSTR",
        (false, true, _, Side::Server) => "RSTRH",
        (true, true, true, Side::Client) => "RSTO",
        (true, true, true, Side::Server) => "RSTR",
        _ => "OTH",
    }
}

/// Wireshark's completeness bits after its second pass (pcapng-fidelity 6.1).
#[must_use]
pub fn completeness(c: &ResetContext) -> u8 {
    let mut bits = 0;
    for (index, s) in c.conn.segments.iter().enumerate() {
        let ack = s.has(tcp_flags::ACK);
        if s.has(tcp_flags::SYN) {
            bits |= if ack { 2 } else { 1 };
            if index == 0 && !ack && s.len > 0 {
                bits |= 8;
            }
        } else if ack {
            bits |= if s.len > 0 { 8 } else { 4 };
            if s.has(tcp_flags::FIN) {
                bits |= 16;
            }
        }
        if s.is_rst() {
            bits |= 32;
        }
    }
    bits
}
