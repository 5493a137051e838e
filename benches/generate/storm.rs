//! Captures that hold almost nothing but resets: the worst cases of a reset finder.

use std::io;

use crate::flow::START;
use crate::frame::{self, Host, Ip, Options, Role, Tcp, flag};
use crate::output::Output;
use crate::random::Random;

/// Which storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Storm {
    /// one million refused SYNs of one port scanner
    Scan,
    /// 100,000 connections to one service, each reset by the server
    Service,
    /// one connection in which the client resets one million segments
    Onestream,
}

struct Writer<'a> {
    output: &'a mut Output,
    random: Random,
    packet: Vec<u8>,
    now: u64,
}

impl Writer<'_> {
    fn send(&mut self, gap: u64, ip: &Ip, tcp: &Tcp, payload: &[u8]) -> io::Result<()> {
        self.now += gap;
        frame::tcp(&mut self.packet, ip, tcp, payload);
        self.output.packet(self.now, &self.packet)
    }
}

/// Two ends and what both sides have sent.
struct Pair {
    client: Host,
    server: Host,
    ports: (u16, u16),
    client_seq: u32,
    server_seq: u32,
    id: u16,
}

impl Pair {
    fn client_packet(&mut self, flags: u8, window: u16) -> (Ip, Tcp) {
        self.id = self.id.wrapping_add(1);
        let ip = Ip {
            v6: false,
            source: self.client,
            destination: self.server,
            ttl: 63,
            id: self.id,
        };
        let tcp = Tcp {
            source_port: self.ports.0,
            destination_port: self.ports.1,
            seq: self.client_seq,
            ack: if flags & flag::ACK == 0 {
                0
            } else {
                self.server_seq
            },
            flags,
            window,
            options: Options::None,
        };
        (ip, tcp)
    }

    fn server_packet(&mut self, flags: u8, window: u16) -> (Ip, Tcp) {
        self.id = self.id.wrapping_add(1);
        let ip = Ip {
            v6: false,
            source: self.server,
            destination: self.client,
            ttl: 57,
            id: self.id,
        };
        let tcp = Tcp {
            source_port: self.ports.1,
            destination_port: self.ports.0,
            seq: self.server_seq,
            ack: if flags & flag::ACK == 0 {
                0
            } else {
                self.client_seq
            },
            flags,
            window,
            options: Options::None,
        };
        (ip, tcp)
    }
}

/// Writes the whole storm; `--bytes` does not apply.
pub fn run(storm: Storm, seed: u64, output: &mut Output) -> io::Result<()> {
    let mut writer = Writer {
        output,
        random: Random::new(seed),
        packet: Vec::new(),
        now: START,
    };
    match storm {
        Storm::Scan => scan(&mut writer),
        Storm::Service => service(&mut writer),
        Storm::Onestream => one_stream(&mut writer),
    }
}

fn pair(writer: &mut Writer<'_>, client: u32, server: u32, ports: (u16, u16)) -> Pair {
    Pair {
        client: Host {
            role: Role::Client,
            index: client,
        },
        server: Host {
            role: Role::Server,
            index: server,
        },
        ports,
        client_seq: writer.random.bits() as u32,
        server_seq: writer.random.bits() as u32,
        id: writer.random.bits() as u16,
    }
}

fn scan(writer: &mut Writer<'_>) -> io::Result<()> {
    for n in 0..1_000_000u32 {
        let (host, port) = (n / 65_535, (n % 65_535 + 1) as u16);
        let mut pair = pair(writer, 0, host, (40_000 + (n % 20_000) as u16, port));
        let (ip, tcp) = pair.client_packet(flag::SYN, 1024);
        writer.send(8_000, &ip, &tcp, &[])?;
        (pair.client_seq, pair.server_seq) = (pair.client_seq.wrapping_add(1), 0);
        let (ip, tcp) = pair.server_packet(flag::RST | flag::ACK, 0);
        writer.send(2_000, &Ip { id: 0, ..ip }, &tcp, &[])?;
    }
    Ok(())
}

fn service(writer: &mut Writer<'_>) -> io::Result<()> {
    for n in 0..100_000u32 {
        let mut pair = pair(writer, n / 500, 0, (10_000 + (n % 50_000) as u16, 8_080));
        handshake(writer, &mut pair)?;
        let request = format!("GET /{n} HTTP/1.1\r\nHost: service.example\r\n\r\n");
        let (ip, tcp) = pair.client_packet(flag::PSH | flag::ACK, 64_240);
        writer.send(20_000, &ip, &tcp, request.as_bytes())?;
        pair.client_seq = pair.client_seq.wrapping_add(request.len() as u32);
        let (ip, tcp) = pair.server_packet(flag::RST | flag::ACK, 64_000);
        writer.send(900_000, &ip, &tcp, &[])?;
    }
    Ok(())
}

fn one_stream(writer: &mut Writer<'_>) -> io::Result<()> {
    let mut pair = pair(writer, 0, 0, (50_000, 5_001));
    handshake(writer, &mut pair)?;
    let (ip, tcp) = pair.client_packet(flag::RST | flag::ACK, 64_000);
    writer.send(50_000, &ip, &tcp, &[])?;
    let payload = [b'x'; 64];
    for _ in 0..999_999u32 {
        let (ip, tcp) = pair.server_packet(flag::PSH | flag::ACK, 64_000);
        writer.send(6_000, &ip, &tcp, &payload)?;
        pair.server_seq = pair.server_seq.wrapping_add(payload.len() as u32);
        let (ip, tcp) = pair.client_packet(flag::RST, 0);
        writer.send(1_000, &Ip { id: 0, ..ip }, &tcp, &[])?;
    }
    Ok(())
}

fn handshake(writer: &mut Writer<'_>, pair: &mut Pair) -> io::Result<()> {
    let (ip, tcp) = pair.client_packet(flag::SYN, 64_240);
    writer.send(100_000, &ip, &tcp, &[])?;
    pair.client_seq = pair.client_seq.wrapping_add(1);
    let (ip, tcp) = pair.server_packet(flag::SYN | flag::ACK, 65_160);
    writer.send(800_000, &Ip { id: 0, ..ip }, &tcp, &[])?;
    pair.server_seq = pair.server_seq.wrapping_add(1);
    let (ip, tcp) = pair.client_packet(flag::ACK, 64_240);
    writer.send(100_000, &ip, &tcp, &[])
}
