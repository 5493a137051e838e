//! Cases made by hand for the tests of this module and of the command line.

use super::{Earlier, FileStatus, NotWritten, Report, Totals, Written};
use crate::anomaly::Anomalies;
use crate::diagnosis::{
    Alternative, Basis, Blame, Case, Confidence, Contrast, Diagnosis, Evidence, Fact, Group, Party,
    Severity, Stage,
};
use crate::flow::{
    Connection, Endpoint, FlowTotals, FrameRef, NameLookup, RoleBasis, Segment, Side, TcpOptions,
};
use crate::packet::app::AppStory;
use crate::packet::{TunnelId, tcp_flags};
use crate::reset::{Effect, Episode, Form, Reset, Role, Vantage, VantagePoint, Vote};
use crate::units::{FileId, FrameNumber, Seq, Span, Timestamp};
use smallvec::smallvec;
use std::collections::BTreeMap;

/// 2024-07-14T12:01:17.08Z.
pub const START: i64 = 1_720_958_477_080_000_000;

/// A frame of file 0 with this number.
pub fn frame(number: u64) -> FrameRef {
    FrameRef {
        number: FrameNumber(number),
        in_file: FrameNumber(number),
        file: FileId(0),
        span: Span {
            offset: 1000 + number * 100,
            len: 100,
        },
    }
}

/// A segment `nanos` after [`START`].
pub fn segment(number: u64, nanos: i64, from: Side, flags: u16, payload: &[u8]) -> Segment {
    Segment {
        frame: frame(number),
        time: Timestamp(START + nanos),
        from,
        seq: Seq(1000),
        ack: Seq(2000),
        flags,
        len: payload.len() as u32,
        window: 0,
        ttl: 61,
        ip_id: Some(7),
        dont_fragment: true,
        tos: 0,
        flow_label: None,
        src_mac: None,
        vlan: None,
        tunnel: TunnelId(0),
        direction: None,
        interface: 0,
        frame_len: 54,
        checksum_ok: Some(true),
        checksum_partial: false,
        options: TcpOptions::default(),
        payload: payload.to_vec(),
        duplicate_of: None,
    }
}

fn connection() -> Connection {
    let hello = b"\x16\x03\x01";
    Connection {
        client: Endpoint {
            ip: "10.0.0.1".parse().unwrap(),
            port: 40000,
        },
        server: Endpoint {
            ip: "192.0.2.7".parse().unwrap(),
            port: 443,
        },
        role_basis: RoleBasis::Syn,
        stream: 4,
        incarnation: 0,
        tunnel: TunnelId(0),
        segments: vec![
            segment(8, 0, Side::Client, tcp_flags::SYN, b""),
            segment(
                9,
                21_000_000,
                Side::Server,
                tcp_flags::SYN | tcp_flags::ACK,
                b"",
            ),
            segment(
                10,
                43_000_000,
                Side::Client,
                tcp_flags::ACK | tcp_flags::PSH,
                hello,
            ),
            segment(
                12,
                43_400_000,
                Side::Server,
                tcp_flags::RST | tcp_flags::ACK,
                b"blocked",
            ),
        ],
        left_out: Vec::new(),
        totals: FlowTotals {
            segments: [2, 2],
            bytes: [3, 0],
            next: [Some(Seq(1003)), Some(Seq(2001))],
            resets: [0, 1],
            first_time: Timestamp(START),
            last_time: Timestamp(START + 43_400_000),
        },
        icmp: Vec::new(),
        fragments: Vec::new(),
        name: Some(Box::new(NameLookup {
            name: "www.example.net".into(),
            cname_chain: vec!["edge.example.org".into()],
            query: Some(frame(5)),
            answer: frame(6),
            answer_time: Timestamp(START - 2_000_000),
            resolver: "10.0.0.53".parse().unwrap(),
            related: Vec::new(),
        })),
        past_lost: false,
    }
}

fn episode() -> Episode {
    Episode {
        resets: vec![Reset {
            segment: 3,
            from: Side::Server,
            form: Form::Abort,
            role: Role::Primary,
            effect: Effect::Effective,
            trigger_first: Some(2),
            trigger: Some(2),
        }],
        primary: 0,
        rtt: [Some(50_000), Some(21_000_000)],
        rtt_samples: [1, 1],
        handshake_complete: true,
        continues: false,
        vantage: Vantage {
            point: VantagePoint::Client,
            decisive: false,
            votes: vec![Vote::InitialTtl(Side::Client)],
        },
    }
}

/// Evidence of these words, shown by frames 10 and 12.
pub fn told(text: &str) -> Evidence {
    Evidence::framed(
        Fact::OthersToo { text: text.into() },
        [frame(10), frame(12)],
    )
}

fn diagnosis() -> Diagnosis {
    Diagnosis {
        class: "reset-after-client-hello",
        title: "Reset right after the ClientHello",
        party: Party::MiddleboxAsServer,
        party_confidence: Confidence::High,
        cause_confidence: Confidence::Medium,
        basis: Basis::Observed,
        severity: Severity::Error,
        blame: Some(Blame::ServerName),
        discriminator: Some("www.example.net".into()),
        evidence: vec![
            told(
                "RST 0.4 ms after the ClientHello on a 21 ms path, 7 hops away from the server's packets",
            ),
            told("the RST came 0.4 ms after the ClientHello"),
        ],
        party_evidence: Some(0),
        leads: smallvec![1],
        alternatives: smallvec![Alternative {
            class: "abortive-close",
            why_less_likely: "the server is 21 ms away".into(),
        }],
        other_vantage: Some("a capture at the server shows whether it sent the RST"),
        stage: Stage::PostPsh,
        zeek_conn_state: "RSTR",
        completeness: 47,
        idle_before: Some(0.0004),
        contrast: vec![Contrast {
            property: "SNI".into(),
            text: "12 of 12 with SNI www.example.net reset, 0 of 40 with another".into(),
            counts: vec![("www.example.net".into(), 12, 0), ("other".into(), 0, 40)],
            test: "Fisher's exact test, p = 2e-9".into(),
        }],
        listed: None,
        middlebox_score: 23,
    }
}

/// A whole case: a ClientHello answered by a forged reset.
pub fn case(id: u32) -> Case {
    Case {
        id,
        connection: connection(),
        episode: episode(),
        story: AppStory::default(),
        diagnosis: diagnosis(),
        group: 1,
    }
}

/// A case of another class and severity in another group, `seconds` later.
pub fn harmless(id: u32, group: u32, seconds: i64) -> Case {
    let mut c = case(id);
    c.group = group;
    c.diagnosis.class = "reset-after-close";
    c.diagnosis.title = "Reset after both sides closed";
    c.diagnosis.party = Party::ClientHost;
    c.diagnosis.severity = Severity::Harmless;
    c.diagnosis.evidence[0] = told("RST after both FINs; nothing was lost");
    c.diagnosis.discriminator = None;
    for s in &mut c.connection.segments {
        s.time = Timestamp(s.time.0 + seconds * 1_000_000_000);
    }
    c
}

/// Everything a [`Report`] borrows.
pub struct Findings {
    pub cases: Vec<Case>,
    pub groups: Vec<Group>,
    pub totals: Totals,
    pub files: Vec<FileStatus>,
    pub anomalies: Anomalies,
    pub written: BTreeMap<u32, Written>,
    pub earlier: Earlier,
}

impl Findings {
    /// Findings with these cases, grouped by their group ids, from one file.
    pub fn of(cases: Vec<Case>) -> Self {
        let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
        for c in &cases {
            let at = c.primary_segment().time;
            let group = groups.entry(c.group).or_insert(Group {
                id: c.group,
                cases: Vec::new(),
                uncounted: 0,
                first: at,
                last: at,
                period: None,
            });
            group.cases.push(c.id);
            group.last = at;
        }
        let totals = Totals {
            files: 1,
            bytes: 93_100_000_000,
            packets: 1_234_567,
            connections: 8411,
            resets: cases.len() as u64,
            cases: cases.len() as u64,
            groups: groups.len() as u64,
            ..Totals::default()
        };
        Self {
            cases,
            groups: groups.into_values().collect(),
            totals,
            files: vec![file(0, "ring/a.pcapng")],
            anomalies: Anomalies::default(),
            written: BTreeMap::new(),
            earlier: Earlier::default(),
        }
    }

    /// The report over them.
    pub fn report(&self) -> Report<'_> {
        Report {
            cases: &self.cases,
            groups: &self.groups,
            totals: &self.totals,
            files: &self.files,
            anomalies: &self.anomalies,
            written: &self.written,
            not_written: NotWritten::default(),
            directory: None,
            earlier: &self.earlier,
        }
    }
}

/// A file of timeline 0 with microseconds.
pub fn file(id: u32, label: &str) -> FileStatus {
    FileStatus {
        id: FileId(id),
        label: label.into(),
        timeline: 0,
        format: "pcapng".into(),
        bytes: 5000,
        packets: 40,
        first_time: Some(Timestamp(START)),
        last_time: Some(Timestamp(START + 1_000_000_000)),
        time_digits: 6,
        error: None,
        earlier: false,
    }
}
