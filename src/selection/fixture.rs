//! Cases made for tests, here and in `trim`.

use crate::diagnosis::{
    Basis, Case, Confidence, Diagnosis, Evidence, Fact, Party, Severity, Stage,
};
use crate::flow::{
    Connection, Endpoint, FlowTotals, FrameRef, RoleBasis, Segment, Side, TcpOptions,
};
use crate::packet::app::AppStory;
use crate::packet::{TunnelId, tcp_flags};
use crate::reset::{Effect, Episode, Form, Reset, Role, Vantage, VantagePoint};
use crate::units::{FileId, FrameNumber, Seq, Span, Timestamp};
use smallvec::{SmallVec, smallvec};

/// 2023-11-14T22:13:20Z in microseconds.
pub(crate) const START: u64 = 1_700_000_000_000_000;

/// A frame that lies nowhere.
pub(crate) fn frame(number: u64) -> FrameRef {
    FrameRef {
        number: FrameNumber(number),
        in_file: FrameNumber(number),
        file: FileId(0),
        span: Span::default(),
    }
}

/// A segment `micros` after [`START`]; `numbers` are sequence and acknowledgment number.
pub(crate) fn segment(
    frame: FrameRef,
    micros: i64,
    from: Side,
    (seq, ack): (u32, u32),
    flags: u16,
    payload: &[u8],
) -> Segment {
    Segment {
        frame,
        time: Timestamp((START as i64 + micros) * 1000),
        from,
        seq: Seq(seq),
        ack: Seq(ack),
        flags,
        len: payload.len() as u32,
        window: 64240,
        ttl: 64,
        ip_id: Some(1),
        dont_fragment: true,
        tos: 0,
        flow_label: None,
        src_mac: Some([2, 0, 0, 0, 0, 1]),
        vlan: None,
        tunnel: TunnelId(0),
        direction: None,
        interface: 0,
        frame_len: 54 + payload.len() as u32,
        checksum_ok: None,
        checksum_partial: false,
        options: TcpOptions::default(),
        payload: payload.to_vec(),
        duplicate_of: None,
    }
}

/// A connection of these segments.
pub(crate) fn connection(segments: Vec<Segment>) -> Connection {
    let resets = segments.iter().filter(|s| s.is_rst()).count() as u64;
    Connection {
        client: Endpoint {
            ip: [10, 0, 0, 1].into(),
            port: 40000,
        },
        server: Endpoint {
            ip: [192, 0, 2, 7].into(),
            port: 443,
        },
        role_basis: RoleBasis::Syn,
        stream: 5,
        incarnation: 0,
        tunnel: TunnelId(0),
        segments,
        left_out: Vec::new(),
        totals: FlowTotals {
            resets: [0, resets],
            ..FlowTotals::default()
        },
        icmp: Vec::new(),
        fragments: Vec::new(),
        name: None,
        past_lost: false,
    }
}

/// A case: its RSTs are those of the connection, the first of them the primary one.
pub(crate) fn case(connection: Connection) -> Case {
    let reset = |(segment, s): (usize, &Segment)| Reset {
        segment,
        from: s.from,
        form: Form::Abort,
        role: Role::Later,
        effect: Effect::Effective,
        trigger_first: None,
        trigger: None,
    };
    let segments = connection.segments.iter().enumerate();
    let mut resets: Vec<Reset> = segments.filter(|(_, s)| s.is_rst()).map(reset).collect();
    if let Some(first) = resets.first_mut() {
        first.role = Role::Primary;
    }
    let cited = resets.first().map(|r| connection.segments[r.segment].frame);
    Case {
        id: 3,
        episode: Episode {
            resets,
            primary: 0,
            rtt: [None; 2],
            rtt_samples: [0; 2],
            handshake_complete: true,
            continues: false,
            vantage: Vantage {
                point: VantagePoint::Client,
                decisive: false,
                votes: Vec::new(),
            },
        },
        connection,
        story: AppStory::default(),
        diagnosis: diagnosis(cited.into_iter().collect()),
        group: 1,
    }
}

/// Evidence of these words.
pub(crate) fn told(text: &str, frames: impl IntoIterator<Item = FrameRef>) -> Evidence {
    Evidence::framed(Fact::OthersToo { text: text.into() }, frames)
}

fn diagnosis(frames: Vec<FrameRef>) -> Diagnosis {
    Diagnosis {
        class: "reset-after-client-hello",
        title: "Reset after the ClientHello",
        party: Party::ServerHost,
        party_confidence: Confidence::High,
        cause_confidence: Confidence::Medium,
        basis: Basis::Observed,
        severity: Severity::Error,
        blame: None,
        discriminator: None,
        evidence: vec![
            told("SNI www.example.net; RST 0.4 ms after the ClientHello", []),
            told("TTL 64 as in the SYN-ACK", frames),
        ],
        party_evidence: None,
        leads: smallvec![1],
        alternatives: SmallVec::new(),
        other_vantage: None,
        stage: Stage::PostPsh,
        zeek_conn_state: "RSTR",
        completeness: 47,
        idle_before: None,
        contrast: Vec::new(),
        listed: None,
        middlebox_score: 0,
    }
}

/// Flags, side, sequence and acknowledgment numbers and payload of a connection that is reset
/// after 5 bytes of request.
pub(crate) const TALK: [(Side, u32, u32, u16, &[u8]); 5] = [
    (Side::Client, 1000, 0, tcp_flags::SYN, b""),
    (
        Side::Server,
        5000,
        1001,
        tcp_flags::SYN | tcp_flags::ACK,
        b"",
    ),
    (Side::Client, 1001, 5001, tcp_flags::ACK, b""),
    (
        Side::Client,
        1001,
        5001,
        tcp_flags::ACK | tcp_flags::PSH,
        b"hello",
    ),
    (
        Side::Server,
        5001,
        1006,
        tcp_flags::RST | tcp_flags::ACK,
        b"",
    ),
];

/// The case of [`TALK`] in these frames, 100 us apart.
pub(crate) fn talk_case(frames: &[FrameRef]) -> Case {
    let segments = TALK.iter().zip(frames).enumerate();
    let segments = segments.map(|(index, ((side, seq, ack, flags, payload), frame))| {
        segment(
            *frame,
            index as i64 * 100,
            *side,
            (*seq, *ack),
            *flags,
            payload,
        )
    });
    case(connection(segments.collect()))
}
