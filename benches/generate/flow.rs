//! One conversation: what it is made of, how it will end, and where it stands.

use crate::content::App;
use crate::frame::{Host, Ip, Role};
use crate::random::Random;

/// Packet sizes of the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mix {
    /// about 650 bytes per packet
    Mixed,
    /// about 90 bytes per packet
    Small,
}

/// What the traffic looks like.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub mix: Mix,
    pub flows: u32,
    pub reset_percent: u32,
    pub seed: u64,
}

/// 2024-07-14 12:00:00 UTC, in nanoseconds.
pub const START: u64 = 1_720_958_400_000_000_000;

/// How a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// FIN both ways
    Fin,
    /// RST to the SYN
    Refused,
    /// the server aborts in place of its first answer
    ServerAbort,
    /// the client aborts after the last answer
    ClientAbort,
    /// the client aborts in the middle of an answer and resets what is in flight
    MidResponse,
    /// the server closes, the client sends once more and is reset
    LateData,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    DnsQuery,
    DnsAnswer,
    Syn,
    SynAck,
    Refusal,
    HandshakeAck,
    Request,
    ServerAbort,
    Response,
    ResponseAck,
    ClientAbort,
    InFlight,
    Echo,
    FirstFin,
    SecondFin,
    LastAck,
    LateFin,
    LateFinAck,
    LateData,
    LateReset,
    Datagram,
}

/// One end of a TCP connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct End {
    /// SND.NXT
    pub seq: u32,
    pub ip_id: u16,
    pub ttl: u8,
    /// last timestamp value sent
    pub stamp: u32,
}

#[derive(Debug, Clone, Copy)]
pub struct Flow {
    pub generation: u32,
    pub phase: Phase,
    pub ending: Ending,
    pub app: App,
    pub v6: bool,
    pub from_server: bool,
    pub first_answer: bool,
    pub head_due: bool,
    pub server_index: u32,
    pub client_port: u16,
    pub exchanges: u8,
    pub segments: u8,
    pub unacked: u8,
    pub rtt: u32,
    pub client: End,
    pub server: End,
}

/// Servers are few and popular ones much used, as in real captures.
const SERVERS: u32 = 2_000;

/// Sixteen slots share one client address; their port ranges keep them apart.
pub fn client_host(slot: u32) -> Host {
    Host {
        role: Role::Client,
        index: slot / 16,
    }
}

pub fn ports(flow: &Flow, from_server: bool) -> (u16, u16) {
    let (client, server) = (flow.client_port, flow.app.port());
    if from_server {
        (server, client)
    } else {
        (client, server)
    }
}

pub fn network(slot: u32, flow: &Flow, from_server: bool, ttl: u8, id: u16) -> Ip {
    let client = client_host(slot);
    let server = Host {
        role: Role::Server,
        index: flow.server_index,
    };
    let (source, destination) = if from_server {
        (server, client)
    } else {
        (client, server)
    };
    Ip {
        v6: flow.v6,
        source,
        destination,
        ttl,
        id,
    }
}

/// A fresh conversation in `slot`; its client port is new until 2,000 generations later.
pub fn new_flow(plan: &Plan, random: &mut Random, slot: u32, generation: u32) -> Flow {
    let ending = if random.percent(plan.reset_percent) {
        match random.below(100) {
            0..30 => Ending::Refused,
            30..55 => Ending::ServerAbort,
            55..75 => Ending::ClientAbort,
            75..90 => Ending::MidResponse,
            _ => Ending::LateData,
        }
    } else {
        Ending::Fin
    };
    let app = match (plan.mix, random.below(100)) {
        (Mix::Mixed, 0..60) | (Mix::Small, 0..4) => App::Tls,
        (Mix::Mixed, 60..80) | (Mix::Small, 4..6) => App::Http,
        _ => App::Lines,
    };
    let popular = random.below(SERVERS);
    let datagrams = random.percent(8);
    let resolves = random.percent(15);
    let phase = match (datagrams, resolves) {
        (true, _) => Phase::Datagram,
        (false, true) => Phase::DnsQuery,
        (false, false) => Phase::Syn,
    };
    let server_index = random.below(popular + 1);
    Flow {
        generation,
        phase,
        ending,
        app,
        v6: random.percent(5),
        from_server: false,
        first_answer: true,
        head_due: true,
        server_index,
        client_port: (32_768 + (slot % 16) * 2_000 + generation % 2_000) as u16,
        exchanges: random.between(1, 4) as u8,
        segments: random.between(3, 8) as u8,
        unacked: 0,
        rtt: random.between(2_000_000, 80_000_000),
        client: End {
            seq: random.bits() as u32,
            ip_id: random.bits() as u16,
            ttl: 63,
            stamp: 0,
        },
        server: End {
            seq: random.bits() as u32,
            ip_id: random.bits() as u16,
            ttl: 50 + (server_index % 12) as u8,
            stamp: 0,
        },
    }
}
