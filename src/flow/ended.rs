//! What a connection that has ended says of its hosts and its service.

use super::attempts::Attempts;
use super::baseline::{PARTS, Wanted, part_of};
use super::key::Key;
use super::loc::{Arena, Kept, Loc};
use super::resets::Finished;
use super::sample::{Fingerprint, scramble};
use super::state::{Flow, seen};
use super::{Endpoint, ServiceOutcome};
use crate::packet::TunnelId;
use std::net::IpAddr;

/// Records kept of a healthy connection: the handshake, the ClientHello or request, the start
/// of the answer.
const HEALTHY_RECORDS: usize = 8;

impl Fingerprint for IpAddr {
    fn fingerprint(&self) -> u64 {
        Endpoint { ip: *self, port: 0 }.fingerprint()
    }
}

impl Fingerprint for Endpoint {
    fn fingerprint(&self) -> u64 {
        let ip = match self.ip {
            IpAddr::V4(ip) => u128::from(u32::from(ip)),
            IpAddr::V6(ip) => u128::from(ip),
        };
        let low = scramble(ip as u64 ^ u64::from(self.port) << 32);
        scramble(low ^ (ip >> 64) as u64 ^ u64::from(self.port))
    }
}

/// One side of it.
#[derive(Clone, Copy, Debug)]
pub struct EndedSide {
    /// Address and port.
    pub endpoint: Endpoint,
    /// Fingerprint of the address.
    pub host: u64,
    /// It sent something.
    pub sent: bool,
    /// TTL of its first packet that is no RST.
    pub ttl: Option<u8>,
    /// TTL of its first RST.
    pub reset_ttl: Option<u8>,
    /// Handshake round trip to it in nanoseconds, 0 when not measured.
    pub rtt: u32,
}

/// How a connection to a service went.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// Index of the client.
    pub client: usize,
    /// The client was seen to send a SYN.
    pub syn: bool,
    /// Fingerprint of the server's endpoint.
    pub service: u64,
    /// How it went, if that can be told.
    pub outcome: Option<ServiceOutcome>,
    /// Time of the first and the latest segment in nanoseconds.
    pub times: (i64, i64),
    /// Its first frame in the timeline.
    pub frame: u64,
    /// Which of the healthy connections it is, or in which slot its flow still lives, if it is
    /// one.
    pub healthy: Option<u32>,
}

/// A connection that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// In the key's order.
    pub sides: [EndedSide; 2],
    /// Absent when it is not known who opened it.
    pub visit: Option<Visit>,
}

/// A connection that was established and saw no reset.
#[derive(Clone, Debug)]
pub struct Healthy {
    /// Both sides sent payload.
    pub talked: bool,
    endpoints: [Endpoint; 2],
    tunnel: TunnelId,
    client: usize,
    syn: bool,
    incarnation: u16,
    segments: [u32; 2],
    bytes: [u64; 2],
    next: [u32; 2],
    times: (i64, i64),
    records: u8,
    first: [Loc; HEALTHY_RECORDS],
}

/// What one part of the baselines learns from a connection that ended.
#[derive(Clone, Copy, Debug)]
pub enum Lesson {
    /// Something about the host on one side.
    Host {
        /// Which connection.
        ended: u32,
        /// Which side.
        side: u8,
    },
    /// Something about its service.
    Service {
        /// Which connection.
        ended: u32,
    },
}

/// What each part of the baselines learns, in order.
pub type Lessons = [Vec<Lesson>; PARTS];

/// What ended since it was emptied last.
#[derive(Debug, Default)]
pub struct Ends {
    /// All of it.
    pub ended: Vec<Ended>,
    /// The healthy ones among it.
    pub healthy: Vec<Healthy>,
    /// What is learnt of it.
    pub lessons: Lessons,
}

impl Ends {
    /// Adds a flow.
    pub fn push<K: Key>(&mut self, flow: &Flow<K>, arena: &Arena) {
        let mut ended = Ended::of(flow, arena);
        let at = self.ended.len() as u32;
        for side in 0..2_u8 {
            let host = &ended.sides[usize::from(side)];
            if host.sent {
                self.lessons[part_of(host.host)].push(Lesson::Host { ended: at, side });
            }
        }
        if let Some(visit) = &mut ended.visit {
            if visit.outcome == Some(ServiceOutcome::Worked) {
                visit.healthy = Some(self.healthy.len() as u32);
                self.healthy.push(Healthy::of(flow, arena, visit));
            }
            self.lessons[part_of(visit.service)].push(Lesson::Service { ended: at });
        }
        self.ended.push(ended);
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.ended.clear();
        self.healthy.clear();
        self.lessons.iter_mut().for_each(Vec::clear);
    }
}

/// What is still to be learnt from a flow that is left at the end of the capture, in slot `at`.
pub fn teach<K: Key>(at: u32, flow: &Flow<K>, arena: &Arena, wanted: &Wanted, ends: &mut Ends) {
    let sides = flow.key.endpoints();
    let hosts = sides.map(|side| wanted.hosts.contains(&side.ip));
    let asked_for = |client: &usize| {
        let [client, server] = [sides[*client], sides[1 - client]];
        // the samples of all services share their memory: none is for others
        wanted.services.contains(&server) || wanted.shows(client, server, flow.first_time)
    };
    let client = flow.opener().filter(asked_for);
    if hosts == [false; 2] && client.is_none() {
        return;
    }
    let mut ended = Ended::of(flow, arena);
    let number = ends.ended.len() as u32;
    for side in 0..2_u8 {
        let host = &ended.sides[usize::from(side)];
        if hosts[usize::from(side)] && host.sent {
            let lesson = Lesson::Host {
                ended: number,
                side,
            };
            ends.lessons[part_of(host.host)].push(lesson);
        }
    }
    if let (Some(visit), Some(_)) = (&mut ended.visit, client) {
        let worked = visit.outcome == Some(ServiceOutcome::Worked);
        visit.healthy = worked.then_some(at);
        ends.lessons[part_of(visit.service)].push(Lesson::Service { ended: number });
    }
    ends.ended.push(ended);
}

impl Ended {
    /// What a flow comes to.
    pub fn of<K: Key>(flow: &Flow<K>, arena: &Arena) -> Self {
        let ends = flow.key.endpoints();
        let segments = flow.segments();
        let reset_ttl = flow.detail.as_ref().map_or([None; 2], |d| d.reset_ttl);
        let visit = |client: usize, first: Loc| Visit {
            client,
            syn: flow.seen[client] & seen::SYN != 0,
            service: ends[1 - client].fingerprint(),
            outcome: outcome(flow, client),
            times: (flow.first_time, flow.latest()),
            frame: first.frame(),
            healthy: None,
        };
        Self {
            sides: [0, 1].map(|i| EndedSide {
                endpoint: ends[i],
                host: ends[i].ip.fingerprint(),
                sent: segments[i] > 0,
                ttl: (flow.seen[i] & seen::ALIVE != 0).then_some(flow.ttl[i]),
                reset_ttl: reset_ttl[i],
                rtt: flow.rtt[i],
            }),
            visit: flow
                .opener()
                .zip(flow.trail.first(arena))
                .map(|(client, first)| visit(client, first)),
        }
    }
}

fn outcome<K: Key>(flow: &Flow<K>, opener: usize) -> Option<ServiceOutcome> {
    let reset = flow.either_saw(seen::RST);
    let answered = flow.seen[1 - opener] & seen::SYN_ACK != 0;
    Some(match (answered, reset) {
        (true, true) => ServiceOutcome::Reset,
        (true, false) if flow.established() => ServiceOutcome::Worked,
        (true, false) => return None,
        (false, true) if flow.seen[1 - opener] & seen::RST != 0 => ServiceOutcome::Refused,
        (false, true) => return None,
        (false, false) => ServiceOutcome::Unanswered,
    })
}

impl Healthy {
    /// A flow that worked.
    pub fn of<K: Key>(flow: &Flow<K>, arena: &Arena, visit: &Visit) -> Self {
        let mut first = [Loc::new(0, 0); HEALTHY_RECORDS];
        let records = flow.trail.first_into(arena, &mut first) as u8;
        Self {
            talked: Self::talked(flow),
            endpoints: flow.key.endpoints(),
            tunnel: flow.key.tunnel(),
            client: visit.client,
            syn: visit.syn,
            incarnation: flow.incarnation,
            segments: flow.segments(),
            bytes: flow.bytes(),
            next: flow.next,
            times: visit.times,
            records,
            first,
        }
    }

    /// Whether both sides of a flow sent payload.
    pub fn talked<K>(flow: &Flow<K>) -> bool {
        flow.seen[0] & flow.seen[1] & seen::DATA != 0
    }

    /// It began beside an attempt of its client that came to nothing.
    #[must_use]
    pub fn raced(&self, attempts: &Attempts) -> bool {
        attempts.raced(self.endpoints[self.client].ip, self.times.0)
    }

    /// Who opened it.
    #[must_use]
    pub fn client(&self) -> super::Endpoint {
        self.endpoints[self.client]
    }

    /// Its first frame.
    #[must_use]
    pub fn order(&self) -> u64 {
        self.first[0].frame()
    }

    /// As a finished connection, in the order of first frames.
    #[must_use]
    pub fn into_finished(self) -> Finished {
        let first = self.first.into_iter().take(self.records.into());
        Finished {
            endpoints: self.endpoints,
            tunnel: self.tunnel,
            opener: Some(self.client as u8),
            saw_syn: self.syn,
            stream: super::conversation::Stream::NONE,
            incarnation: self.incarnation,
            order: self.order(),
            kept: first.zip(0..).map(|(loc, nth)| Kept { loc, nth }).collect(),
            icmp: Vec::new(),
            segments: self.segments.map(u64::from),
            bytes: self.bytes,
            // it was established, so both sides sent something
            next: self.next.map(Some),
            resets: [0; 2],
            times: self.times,
            past_lost: false,
        }
    }
}
