//! Ordinary traffic: a constant number of live conversations, each a small state machine.

use std::io;

use crate::content::{self, App, Content};
use crate::flow::{Ending, Flow, Mix, Phase, Plan, START, client_host, network, new_flow, ports};
use crate::frame::{self, Host, Ip, Options, Role, Tcp, flag};
use crate::output::Output;
use crate::random::Random;
use crate::wheel::Wheel;

/// The generator's whole state.
pub struct Traffic {
    plan: Plan,
    random: Random,
    content: Content,
    flows: Vec<Flow>,
    wheel: Wheel,
    payload: Vec<u8>,
    packet: Vec<u8>,
}

impl Traffic {
    /// `plan.flows` conversations that start within the first second.
    pub fn new(plan: Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let content = Content::new(&mut random);
        let mut wheel = Wheel::new(plan.flows as usize, START);
        let mut flows = Vec::with_capacity(plan.flows as usize);
        for slot in 0..plan.flows {
            flows.push(new_flow(&plan, &mut random, slot, 0));
            wheel.schedule(slot, u64::from(random.below(1_000_000_000)));
        }
        Self {
            plan,
            random,
            content,
            flows,
            wheel,
            payload: Vec::new(),
            packet: Vec::new(),
        }
    }

    /// Writes packets until the output is full.
    pub fn run(&mut self, output: &mut Output) -> io::Result<()> {
        while !output.is_full() {
            let Some((slot, now)) = self.wheel.pop() else {
                break;
            };
            let mut flow = self.flows[slot as usize];
            let delay = match self.step(slot, &mut flow, now) {
                Some(delay) => delay,
                None => {
                    flow = new_flow(&self.plan, &mut self.random, slot, flow.generation + 1);
                    u64::from(self.random.between(1, 20_000_000))
                }
            };
            output.packet(now, &self.packet)?;
            self.flows[slot as usize] = flow;
            self.wheel.schedule(slot, delay);
        }
        Ok(())
    }

    /// Builds the flow's next packet; the delay until the one after it, `None` at the end.
    fn step(&mut self, slot: u32, flow: &mut Flow, now: u64) -> Option<u64> {
        self.payload.clear();
        let one_way = u64::from(flow.rtt) / 2;
        let (phase, delay) = match flow.phase {
            Phase::DnsQuery => {
                self.dns(slot, flow, false);
                (Phase::DnsAnswer, 2 * one_way)
            }
            Phase::DnsAnswer => {
                self.dns(slot, flow, true);
                (Phase::Syn, 200_000)
            }
            Phase::Datagram => return self.datagram(slot, flow),
            Phase::Syn | Phase::SynAck | Phase::HandshakeAck | Phase::Refusal => {
                return self.handshake(slot, flow, now);
            }
            Phase::Request => {
                self.request(slot, flow);
                self.client(slot, flow, now, flag::PSH | flag::ACK);
                flow.segments = self.response_segments(flow);
                flow.head_due = true;
                match flow.ending {
                    Ending::ServerAbort => (Phase::ServerAbort, 2 * one_way + 300_000),
                    _ => (Phase::Response, 2 * one_way + 500_000),
                }
            }
            Phase::Response => {
                self.response(flow);
                self.server(
                    slot,
                    flow,
                    now,
                    flag::ACK | if flow.segments == 1 { flag::PSH } else { 0 },
                );
                flow.segments -= 1;
                flow.unacked += 1;
                if flow.ending == Ending::MidResponse && flow.exchanges == 1 && flow.segments <= 2 {
                    (Phase::ClientAbort, 2 * one_way)
                } else if flow.unacked == 2 || flow.segments == 0 {
                    (Phase::ResponseAck, one_way / 2)
                } else {
                    (Phase::Response, 12_000)
                }
            }
            Phase::ResponseAck => {
                self.client(slot, flow, now, flag::ACK);
                flow.unacked = 0;
                self.after_response(flow)
            }
            _ => return self.closing(slot, flow, now),
        };
        flow.phase = phase;
        Some(delay)
    }

    fn after_response(&mut self, flow: &mut Flow) -> (Phase, u64) {
        if flow.segments > 0 {
            return (Phase::Response, 20_000);
        }
        flow.exchanges -= 1;
        if flow.exchanges > 0 {
            // A quarter of the pauses is a person thinking.
            let pause = if self.random.percent(25) {
                2_000_000_000
            } else {
                30_000_000
            };
            return (
                Phase::Request,
                u64::from(self.random.between(1_000_000, pause)),
            );
        }
        let phase = match flow.ending {
            Ending::ClientAbort | Ending::MidResponse => Phase::ClientAbort,
            Ending::LateData => Phase::LateFin,
            _ => Phase::FirstFin,
        };
        (phase, 3_000_000)
    }

    fn handshake(&mut self, slot: u32, flow: &mut Flow, now: u64) -> Option<u64> {
        let rtt = u64::from(flow.rtt);
        match flow.phase {
            Phase::Syn => {
                self.client(slot, flow, now, flag::SYN);
                flow.phase = if flow.ending == Ending::Refused {
                    Phase::Refusal
                } else {
                    Phase::SynAck
                };
                Some(rtt)
            }
            Phase::SynAck => {
                self.server(slot, flow, now, flag::SYN | flag::ACK);
                flow.phase = Phase::HandshakeAck;
                Some(rtt / 8)
            }
            Phase::HandshakeAck => {
                self.client(slot, flow, now, flag::ACK);
                flow.phase = Phase::Request;
                Some(150_000)
            }
            _ => {
                let stateless = Stateless {
                    seq: 0,
                    ack: flow.client.seq,
                    flags: flag::RST | flag::ACK,
                };
                self.stateless(slot, flow, true, stateless);
                None
            }
        }
    }

    fn closing(&mut self, slot: u32, flow: &mut Flow, now: u64) -> Option<u64> {
        let rtt = u64::from(flow.rtt);
        let (phase, delay) = match flow.phase {
            Phase::ServerAbort => {
                self.server(slot, flow, now, flag::RST | flag::ACK);
                return None;
            }
            Phase::ClientAbort => {
                self.client(slot, flow, now, flag::RST | flag::ACK);
                if flow.segments == 0 || flow.ending != Ending::MidResponse {
                    return None;
                }
                (Phase::InFlight, rtt / 8)
            }
            Phase::InFlight => {
                self.response(flow);
                self.server(slot, flow, now, flag::ACK);
                flow.segments -= 1;
                (Phase::Echo, rtt / 4)
            }
            Phase::Echo => {
                // The server's ACK field of every segment in flight is what the client had sent.
                let stateless = Stateless {
                    seq: flow.client.seq,
                    ack: 0,
                    flags: flag::RST,
                };
                self.stateless(slot, flow, false, stateless);
                if flow.segments == 0 {
                    return None;
                }
                (Phase::InFlight, 12_000)
            }
            Phase::FirstFin => {
                self.client(slot, flow, now, flag::FIN | flag::ACK);
                (Phase::SecondFin, rtt)
            }
            Phase::SecondFin => {
                self.server(slot, flow, now, flag::FIN | flag::ACK);
                (Phase::LastAck, rtt / 8)
            }
            Phase::LateFin => {
                self.server(slot, flow, now, flag::FIN | flag::ACK);
                (Phase::LateFinAck, rtt / 8)
            }
            Phase::LateFinAck => {
                self.client(slot, flow, now, flag::ACK);
                (Phase::LateData, 40_000_000)
            }
            Phase::LateData => {
                self.request(slot, flow);
                self.client(slot, flow, now, flag::PSH | flag::ACK);
                (Phase::LateReset, rtt)
            }
            Phase::LateReset => {
                let stateless = Stateless {
                    seq: flow.server.seq,
                    ack: 0,
                    flags: flag::RST,
                };
                self.stateless(slot, flow, true, stateless);
                return None;
            }
            _ => {
                self.client(slot, flow, now, flag::ACK);
                return None;
            }
        };
        flow.phase = phase;
        Some(delay)
    }

    /// Number of segments of the next answer.
    fn response_segments(&mut self, flow: &Flow) -> u8 {
        let most = match (self.plan.mix, flow.ending) {
            (Mix::Mixed, Ending::MidResponse) => return self.random.between(5, 9) as u8,
            (Mix::Small, Ending::MidResponse) => return 4,
            (Mix::Mixed, _) => 9,
            (Mix::Small, _) => 2,
        };
        self.random.between(1, most) as u8
    }

    fn request(&mut self, slot: u32, flow: &mut Flow) {
        let Self {
            payload,
            random,
            content,
            ..
        } = self;
        let name = || content::host_name(flow.server_index);
        match flow.app {
            App::Tls if flow.first_answer => content::client_hello(payload, random, &name()),
            App::Tls => {
                let length = if self.plan.mix == Mix::Small {
                    40
                } else {
                    random.between(90, 700)
                };
                content.tls_record(payload, random, length as usize);
            }
            App::Http => content::http_request(payload, &name(), slot % 1000),
            App::Lines => {
                let length = if self.plan.mix == Mix::Small {
                    random.between(4, 40)
                } else {
                    random.between(40, 400)
                };
                content.line(payload, random, length as usize);
            }
        }
    }

    fn response(&mut self, flow: &mut Flow) {
        const FULL: u32 = 1448;
        let Self {
            payload,
            random,
            content,
            ..
        } = self;
        let small = self.plan.mix == Mix::Small;
        let first = std::mem::replace(&mut flow.first_answer, false);
        let length = match (small, random.percent(75)) {
            (true, _) => random.between(8, 90),
            (false, true) => FULL,
            (false, false) => random.between(60, FULL - 200),
        } as usize;
        match flow.app {
            App::Tls if first => {
                content::server_hello(payload, random);
                if !small {
                    content.tls_record(payload, random, 600);
                }
            }
            App::Tls => content.tls_record(payload, random, length),
            App::Http => {
                let body = if small { 40 } else { 1_300 };
                if std::mem::replace(&mut flow.head_due, false) {
                    content::http_response(payload, body * usize::from(flow.segments));
                }
                content.fill(payload, random, body);
            }
            App::Lines => content.line(payload, random, length),
        }
    }

    /// One TCP packet of the client, with the prepared payload.
    fn client(&mut self, slot: u32, flow: &mut Flow, now: u64, flags: u8) {
        self.segment(slot, flow, now, flags, false);
    }

    /// One TCP packet of the server, with the prepared payload.
    fn server(&mut self, slot: u32, flow: &mut Flow, now: u64, flags: u8) {
        self.segment(slot, flow, now, flags, true);
    }

    fn segment(&mut self, slot: u32, flow: &mut Flow, now: u64, flags: u8, from_server: bool) {
        flow.from_server = from_server;
        let milliseconds = (now / 1_000_000) as u32;
        let peer = if from_server {
            flow.client
        } else {
            flow.server
        };
        let end = if from_server {
            &mut flow.server
        } else {
            &mut flow.client
        };
        end.stamp = milliseconds
            .wrapping_add(slot.wrapping_mul(2_654_435_761))
            .wrapping_add(u32::from(from_server) << 20);
        let syn = flags & flag::SYN != 0;
        let has_ack = flags & flag::ACK != 0;
        let echo = if has_ack { peer.stamp } else { 0 };
        let options = if syn {
            Options::Syn {
                value: end.stamp,
                echo,
            }
        } else {
            Options::Timestamps {
                value: end.stamp,
                echo,
            }
        };
        let id = if syn && from_server { 0 } else { end.ip_id }; // as Linux does
        let (seq, ttl) = (end.seq, end.ttl);
        end.ip_id = end.ip_id.wrapping_add(1);
        end.seq = seq.wrapping_add(self.payload.len() as u32);
        if flags & (flag::SYN | flag::FIN) != 0 {
            end.seq = end.seq.wrapping_add(1);
        }
        let (source_port, destination_port) = ports(flow, from_server);
        let tcp = Tcp {
            source_port,
            destination_port,
            seq,
            ack: if has_ack { peer.seq } else { 0 },
            flags,
            window: if syn { 64_240 } else { 502 },
            options,
        };
        frame::tcp(
            &mut self.packet,
            &network(slot, flow, from_server, ttl, id),
            &tcp,
            &self.payload,
        );
    }

    /// A RST of a stack that has no socket: no options, window 0, IP ID 0.
    fn stateless(&mut self, slot: u32, flow: &Flow, from_server: bool, reset: Stateless) {
        let (source_port, destination_port) = ports(flow, from_server);
        let tcp = Tcp {
            source_port,
            destination_port,
            seq: reset.seq,
            ack: reset.ack,
            flags: reset.flags,
            window: 0,
            options: Options::None,
        };
        let ttl = if from_server {
            flow.server.ttl
        } else {
            flow.client.ttl
        };
        frame::tcp(
            &mut self.packet,
            &network(slot, flow, from_server, ttl, 0),
            &tcp,
            &[],
        );
    }

    fn dns(&mut self, slot: u32, flow: &mut Flow, answer: bool) {
        let server = Host {
            role: Role::Server,
            index: flow.server_index,
        };
        let (v4, v6) = (server.v4(), server.v6());
        let address: &[u8] = if flow.v6 { &v6 } else { &v4 };
        let id = (flow.client.seq >> 16) as u16;
        content::dns(
            &mut self.payload,
            id,
            &content::host_name(flow.server_index),
            flow.v6,
            answer.then_some(address),
        );
        let client = client_host(slot);
        let resolver = Host {
            role: Role::Resolver,
            index: 0,
        };
        let port = 20_000 + (flow.client.seq % 12_000) as u16;
        let (source, destination, ports) = if answer {
            (resolver, client, (53, port))
        } else {
            (client, resolver, (port, 53))
        };
        let ip = Ip {
            v6: flow.v6,
            source,
            destination,
            ttl: if answer { 61 } else { 63 },
            id: flow.client.ip_id,
        };
        frame::udp(&mut self.packet, &ip, ports, &self.payload);
    }

    fn datagram(&mut self, slot: u32, flow: &mut Flow) -> Option<u64> {
        let length = if self.plan.mix == Mix::Small {
            self.random.between(8, 60)
        } else {
            self.random.between(40, 1200)
        };
        self.content
            .fill(&mut self.payload, &mut self.random, length as usize);
        let id = flow.client.ip_id.wrapping_add(u16::from(flow.segments));
        let ip = network(slot, flow, flow.from_server, 60, id);
        let port = flow.client_port;
        let ports = if flow.from_server {
            (40_000, port)
        } else {
            (port, 40_000)
        };
        frame::udp(&mut self.packet, &ip, ports, &self.payload);
        flow.from_server = !flow.from_server;
        flow.segments -= 1;
        (flow.segments > 0).then_some(u64::from(flow.rtt))
    }
}

/// The fields of a stateless RST that differ between its uses.
struct Stateless {
    seq: u32,
    ack: u32,
    flags: u8,
}
