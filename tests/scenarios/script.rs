//! Packet scripts to connections.
//!
//! ```text
//! connection 10.0.0.1:40000 > 192.0.2.7:80 vantage client rtt 20ms
//! handshake
//! 0.050 C > P. get www.example /
//! 0.071 S > .
//! 0.072 S > R. 5001:5001(0) ack 1040 win 0 ttl 60 id 7 nots
//! ```
//!
//! Flags as tcpdump writes them. Numbers that are left out are those the sender's own state
//! gives: SEG.SEQ = SND.NXT, SEG.ACK = the peer's SND.NXT as seen. The client's ISN is 1000,
//! the server's 5000. `stateless` makes a reset as a stack without the socket does: window 0,
//! IP ID 0, no time stamps, SEG.SEQ = the acknowledgment number of the peer's last segment.
//! `left-out 3`: the last three segments were counted, but not kept.

use super::payload;
use rstcap::flow::{
    Connection, Endpoint, FlowTotals, FrameRef, IcmpError, MptcpOption, RoleBasis, Segment, Side,
    TcpOptions,
};
use rstcap::packet::{TunnelId, tcp_flags};
use rstcap::units::{FileId, FrameNumber, Seq, Span, Timestamp};

const CLIENT_ISN: u32 = 1000;
const SERVER_ISN: u32 = 5000;
/// 2026-01-01.
const EPOCH: i64 = 1_767_225_600_000_000_000;

/// One connection being written down.
struct Writer {
    conn: Connection,
    /// SND.NXT, acknowledgment number sent last, IP ID, TTL per side.
    next: [u32; 2],
    ack: [u32; 2],
    id: [u16; 2],
    ttl: [u8; 2],
    tsval: [u32; 2],
    timestamps: bool,
    /// Round trip to the client and to the server in seconds.
    rtt: [f64; 2],
    /// Index and count of segments that are not kept.
    left_out: Option<(usize, usize)>,
}

/// Reads a block of script lines; frames are numbered in the order of the lines' times.
pub fn connections(block: &str) -> Vec<Connection> {
    let mut writers: Vec<Writer> = Vec::new();
    for line in block
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "connection" {
            writers.push(Writer::new(&words));
            continue;
        }
        if writers.is_empty() {
            writers.push(Writer::new(&[
                "connection",
                "10.0.0.1:40000",
                ">",
                "192.0.2.7:80",
            ]));
        }
        let writer = writers.last_mut().expect("a connection");
        match words[0] {
            "handshake" => writer.handshake(words.get(1).map_or(0.0, |w| seconds(w))),
            "copy" => writer.copy(),
            "left-out" => {
                let count = words[1].parse().expect("a count");
                writer.left_out = Some((writer.conn.segments.len() - count, count));
            }
            _ if words[1] == "icmp" => writer.icmp(&words),
            _ => writer.segment(&words),
        }
    }
    number(&mut writers);
    writers.into_iter().map(Writer::finish).collect()
}

fn number(writers: &mut [Writer]) {
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    for (w, writer) in writers.iter().enumerate() {
        for (s, segment) in writer.conn.segments.iter().enumerate() {
            order.push((segment.time.0, w, s));
        }
    }
    order.sort_unstable();
    for (n, (_, w, s)) in order.into_iter().enumerate() {
        let number = FrameNumber(n as u64 + 1);
        writers[w].conn.segments[s].frame = FrameRef {
            number,
            in_file: number,
            file: FileId(0),
            span: Span {
                offset: 24 + 100 * n as u64,
                len: 100,
            },
        };
    }
}

fn seconds(word: &str) -> f64 {
    word.strip_suffix("ms").map_or_else(
        || word.trim_end_matches('s').parse().expect("seconds"),
        |ms| ms.parse::<f64>().expect("milliseconds") / 1e3,
    )
}

fn endpoint(word: &str) -> Endpoint {
    let a: std::net::SocketAddr = word.parse().expect("address:port");
    Endpoint {
        ip: a.ip(),
        port: a.port(),
    }
}

fn after<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words
        .iter()
        .position(|w| *w == key)
        .and_then(|i| words.get(i + 1))
        .copied()
}

impl Writer {
    fn new(words: &[&str]) -> Self {
        let rtt = after(words, "rtt").map_or(0.02, seconds);
        let (rtt, ttl) = match after(words, "vantage").unwrap_or("client") {
            "client" => ([0.000_03, rtt], [64, 57]),
            "server" => ([rtt, 0.000_03], [57, 64]),
            _ => ([rtt / 2.0, rtt / 2.0], [60, 60]),
        };
        Self {
            conn: Connection {
                client: endpoint(words[1]),
                server: endpoint(words[3]),
                role_basis: RoleBasis::Syn,
                stream: 0,
                incarnation: 0,
                tunnel: TunnelId::default(),
                segments: Vec::new(),
                left_out: Vec::new(),
                totals: FlowTotals::default(),
                icmp: Vec::new(),
                fragments: Vec::new(),
                name: None,
                past_lost: false,
            },
            next: [CLIENT_ISN, SERVER_ISN],
            ack: [0, 0],
            id: [100, 9000],
            ttl,
            tsval: [0, 0],
            timestamps: !words.contains(&"nots"),
            rtt,
            left_out: None,
        }
    }

    fn handshake(&mut self, start: f64) {
        let syn_ack = start + self.rtt[1];
        let ack = syn_ack + self.rtt[0];
        for line in [
            format!("{start:.6} C > S mss"),
            format!("{syn_ack:.6} S > S. mss"),
            format!("{ack:.6} C > ."),
        ] {
            self.segment(&line.split_whitespace().collect::<Vec<_>>());
        }
    }

    fn segment(&mut self, words: &[&str]) {
        let from = if words[1] == "C" {
            Side::Client
        } else {
            Side::Server
        };
        let (me, peer) = (from.index(), 1 - from.index());
        let flags = flags(words[3]);
        let rest = &words[4..];
        let stateless = rest.contains(&"stateless");
        let rst = flags & tcp_flags::RST != 0;
        let syn = flags & tcp_flags::SYN != 0;
        let time = Timestamp(EPOCH + (seconds(words[0]) * 1e9).round() as i64);
        let body = payload_words(rest).map_or_else(Vec::new, payload::bytes);
        let (mut seq, mut len) = (self.next[me], body.len() as u32);
        if stateless && rst && flags & tcp_flags::ACK == 0 {
            seq = self.ack[peer];
        }
        if let Some((s, l)) = rest.first().and_then(|w| explicit(w)) {
            (seq, len) = (s, l.max(len));
        }
        let has_ack = flags & tcp_flags::ACK != 0;
        let ack = after(rest, "ack").map_or(if has_ack { self.next[peer] } else { 0 }, |w| {
            w.parse().expect("ack")
        });
        let timestamps = (self.timestamps && !stateless && !rest.contains(&"nots")).then(|| {
            let value = 1_000_000 * (me as u32 + 1) + (seconds(words[0]) * 1e3) as u32;
            (value, self.tsval[peer])
        });
        let counted = !(stateless || syn && has_ack);
        if counted {
            self.id[me] = self.id[me].wrapping_add(1);
        }
        let id = if counted { self.id[me] } else { 0 };
        let segment = Segment {
            frame: FrameRef::default(),
            time,
            from,
            seq: Seq(seq),
            ack: Seq(ack),
            flags,
            len,
            window: after(rest, "win")
                .map_or(if stateless { 0 } else { 502 }, |w| w.parse().expect("win")),
            ttl: after(rest, "ttl").map_or(self.ttl[me], |w| w.parse().expect("ttl")),
            ip_id: Some(after(rest, "id").map_or(id, |w| w.parse().expect("id"))),
            dont_fragment: !rest.contains(&"nodf"),
            tos: 0,
            flow_label: None,
            src_mac: Some(after(rest, "mac").map_or([2, 0, 0, 0, 0, me as u8], mac)),
            vlan: None,
            tunnel: TunnelId::default(),
            direction: None,
            interface: 0,
            frame_len: 66 + len,
            checksum_ok: Some(!rest.contains(&"badsum")),
            checksum_partial: false,
            options: options(rest, timestamps),
            payload: if rest.contains(&"cut") {
                Vec::new()
            } else {
                body
            },
            duplicate_of: None,
        };
        self.advance(me, &segment);
        self.conn.segments.push(segment);
    }

    fn advance(&mut self, me: usize, segment: &Segment) {
        if segment.is_rst() {
            return;
        }
        let end = segment.end().0;
        if Seq(end).after(Seq(self.next[me])) && end.wrapping_sub(self.next[me]) < 1 << 20 {
            self.next[me] = end;
        }
        self.ack[me] = segment.ack.0;
        if let Some((value, _)) = segment.options.timestamps {
            self.tsval[me] = value;
        }
    }

    /// `0.051 icmp 3 13`: a router's error about the client's last segment.
    fn icmp(&mut self, words: &[&str]) {
        self.conn.icmp.push(IcmpError {
            frame: FrameRef::default(),
            time: Timestamp(EPOCH + (seconds(words[0]) * 1e9).round() as i64),
            source: "10.0.0.254".parse().expect("an address"),
            v6: false,
            icmp_type: words[2].parse().expect("type"),
            code: words[3].parse().expect("code"),
            mtu: None,
            about: Side::Client,
            seq: Seq(self.next[0]),
        });
    }

    /// The capture shows the last segment twice.
    fn copy(&mut self) {
        let index = self.conn.segments.len() - 1;
        let mut copy = self.conn.segments[index].clone();
        copy.time.0 += 20_000;
        copy.duplicate_of = Some(index);
        self.conn.segments.push(copy);
    }

    fn finish(mut self) -> Connection {
        let conn = &mut self.conn;
        let segments = &conn.segments;
        for s in segments.iter().filter(|s| s.duplicate_of.is_none()) {
            let side = s.from.index();
            conn.totals.segments[side] += 1;
            conn.totals.bytes[side] += u64::from(s.len);
            conn.totals.resets[side] += u64::from(s.is_rst());
        }
        conn.totals.first_time = segments.iter().map(|s| s.time).min().unwrap_or_default();
        conn.totals.last_time = segments.iter().map(|s| s.time).max().unwrap_or_default();
        if !segments.iter().any(Segment::is_syn) {
            conn.role_basis = if segments.iter().any(Segment::is_syn_ack) {
                RoleBasis::SynAck
            } else {
                RoleBasis::WellKnownPort
            };
        }
        if let Some((at, count)) = self.left_out {
            self.conn.segments.drain(at..at + count);
            self.conn.left_out.push((at, count as u64));
            self.conn.totals.next = self.next.map(|next| Some(Seq(next)));
        }
        self.conn
    }
}

fn mac(word: &str) -> [u8; 6] {
    let bytes = word
        .split(':')
        .map(|b| u8::from_str_radix(b, 16).expect("a byte"));
    bytes
        .collect::<Vec<_>>()
        .try_into()
        .expect("six bytes of a MAC")
}

fn flags(word: &str) -> u16 {
    word.chars().fold(0, |f, c| {
        f | match c {
            'S' => tcp_flags::SYN,
            'F' => tcp_flags::FIN,
            'R' => tcp_flags::RST,
            'P' => tcp_flags::PSH,
            'E' => tcp_flags::ECE,
            'W' => tcp_flags::CWR,
            '.' => tcp_flags::ACK,
            other => panic!("unknown flag {other}"),
        }
    })
}

/// `1001:1101(100)`.
fn explicit(word: &str) -> Option<(u32, u32)> {
    let (start, rest) = word.split_once(':')?;
    let len = rest.split_once('(')?.1.trim_end_matches(')');
    Some((start.parse().ok()?, len.parse().ok()?))
}

fn payload_words<'a, 'b>(words: &'b [&'a str]) -> Option<&'b [&'a str]> {
    const WORDS: [&str; 11] = [
        "text",
        "fill",
        "hex",
        "get",
        "post",
        "ok",
        "status",
        "hello",
        "server-hello",
        "alert",
        "app",
    ];
    words
        .iter()
        .position(|w| WORDS.contains(w))
        .map(|i| &words[i..])
}

fn options(words: &[&str], timestamps: Option<(u32, u32)>) -> TcpOptions {
    let mut options = TcpOptions {
        timestamps,
        ..TcpOptions::default()
    };
    if words.contains(&"mss") {
        options.mss = Some(1460);
        options.kinds.push(2);
        options.kinds.push(4);
        options.sack_permitted = true;
    }
    if words.contains(&"mss-only") {
        options.mss = Some(1460);
        options.kinds.push(2);
    }
    if timestamps.is_some() {
        options.kinds.push(8);
    }
    match after(words, "mptcp") {
        Some("fastclose") => options.mptcp.push(MptcpOption::FastClose),
        Some(reason) => options.mptcp.push(MptcpOption::TcpRst {
            transient: false,
            reason: reason.parse().expect("reason"),
        }),
        None => {}
    }
    if words.contains(&"fastopen") {
        options.fast_open = true;
        options.kinds.push(34);
    }
    options
}
