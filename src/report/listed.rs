//! Lines of a list of cases, read back: what an earlier run said of a case whose capture may be
//! gone. Whoever edits a list by hand may write anything into it, so nothing is taken on trust.

use crate::diagnosis::{
    Alternative, Basis, Case, Checklist, Confidence, Contrast, Diagnosis, Evidence, Fact, Listed,
    Party, Severity, Stage, registry,
};
use crate::flow::{
    Connection, Endpoint, FlowTotals, FrameRef, NameLookup, RoleBasis, Segment, Side, TcpOptions,
};
use crate::packet::app::{AppStory, Request};
use crate::packet::{TunnelId, tcp_flags};
use crate::reset::{Effect, Episode, Form, Reset, Role, Vantage, VantagePoint, Vote};
use crate::units::{FileId, FrameNumber, Seq, Span, Timestamp};
use serde_json::Value;
use smallvec::SmallVec;
use std::net::IpAddr;

/// Zeek's states that a case can have.
const ZEEK: [&str; 6] = ["REJ", "RSTOS0", "RSTO", "RSTR", "RSTRH", "OTH"];

/// What a later run has to know of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCase {
    /// Its id.
    pub id: u32,
    /// Its group.
    pub group: u32,
    /// Keys of its RSTs, see [`super::reset_key`].
    pub keys: Vec<String>,
    /// Name of its case file: a bare name.
    pub file: Option<String>,
    /// Frame of the primary RST in it.
    pub frame: Option<u64>,
    /// Packets in it.
    pub packets: u64,
    /// Class, party and how sure they are.
    pub verdict: String,
}

impl ListedCase {
    /// Reads a line; `None` when it is none of ours, or was changed so that it cannot be used.
    #[must_use]
    pub fn read(line: &Value) -> Option<Self> {
        if number(line, "schema")? != u64::from(super::schema_case::SCHEMA) {
            return None;
        }
        let keys = array(line, "rsts").map(|r| text(r, "key").map(str::to_owned));
        let keys = keys.collect::<Option<Vec<String>>>()?;
        let file = line.get("case_file")?;
        let name = file.as_str().map(str::to_owned);
        let usable = match &name {
            Some(name) => is_bare(name),
            None => file.is_null(),
        };
        let id = small(line, "id").filter(|id| *id > 0)?;
        // a line that cannot be shown again cannot be kept either
        let case = listed_case(line, FileId(0))?;
        (usable && !keys.is_empty()).then_some(Self {
            id,
            group: small(line, "group")?,
            keys,
            file: name,
            frame: number(line, "case_file_frame"),
            packets: number(line, "case_file_packets").unwrap_or(0),
            verdict: verdict(&case),
        })
    }
}

/// What of a case is compared with its line.
#[must_use]
pub fn verdict(case: &Case) -> String {
    let d = &case.diagnosis;
    let sure = (d.party_confidence.id(), d.cause_confidence.id());
    format!("{} {} {}/{}", d.class, d.party.id(), sure.0, sure.1)
}

/// A name as case files have it, without any directory.
fn is_bare(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_digit())
        && name.ends_with(".pcapng")
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key)?.as_u64()
}

fn small(value: &Value, key: &str) -> Option<u32> {
    u32::try_from(number(value, key)?).ok()
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn owned(value: &Value, key: &str) -> String {
    text(value, key).unwrap_or_default().to_owned()
}

fn strings(value: &Value, key: &str) -> Vec<String> {
    let all = array(value, key).filter_map(Value::as_str);
    all.map(str::to_owned).collect()
}

/// One of `all` by its id.
fn one_of<T: Copy>(all: &[T], id: fn(T) -> &'static str, wanted: Option<&str>) -> Option<T> {
    all.iter().copied().find(|t| Some(id(*t)) == wanted)
}

fn confidence(value: &Value, key: &str) -> Option<Confidence> {
    let all = [Confidence::Low, Confidence::Medium, Confidence::High];
    one_of(&all, Confidence::id, text(value, key))
}

/// Puts what a line says in the place of a case's own diagnosis. `None` when the line does not
/// say enough; the case is as it was then.
pub fn judge(case: &mut Case, line: &Value) -> Option<()> {
    case.diagnosis = diagnosis(line)?;
    case.id = small(line, "id")?;
    case.group = small(line, "group")?;
    Some(())
}

fn diagnosis(line: &Value) -> Option<Diagnosis> {
    let class = text(line, "class");
    let rule = registry().iter().find(|r| Some(r.id) == class)?;
    let bases = [Basis::Stated, Basis::Observed, Basis::Inferred];
    let severities = [
        Severity::Harmless,
        Severity::Info,
        Severity::Warning,
        Severity::Error,
    ];
    let stages = [
        Stage::PostSyn,
        Stage::PostAck,
        Stage::PostPsh,
        Stage::LaterInFlow,
        Stage::NoMatch,
    ];
    let zeek = text(line, "zeek_conn_state");
    Some(Diagnosis {
        class: rule.id,
        title: rule.title,
        party: one_of(&Party::ALL, Party::id, text(line, "party"))?,
        party_confidence: confidence(line, "party_confidence")?,
        cause_confidence: confidence(line, "cause_confidence")?,
        basis: one_of(&bases, Basis::id, text(line, "basis"))?,
        severity: one_of(&severities, Severity::id, text(line, "severity"))?,
        blame: None,
        discriminator: None,
        evidence: array(line, "evidence").map(statement).collect(),
        alternatives: array(line, "alternatives")
            .filter_map(alternative)
            .collect(),
        party_evidence: None,
        leads: SmallVec::new(),
        other_vantage: None,
        stage: one_of(&stages, Stage::id, text(line, "stage")).unwrap_or(Stage::NoMatch),
        zeek_conn_state: ZEEK.into_iter().find(|z| Some(*z) == zeek).unwrap_or("OTH"),
        completeness: number(line, "tcp_completeness")
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(0),
        idle_before: line.get("idle_before_s").and_then(Value::as_f64),
        listed: Some(Box::new(Listed {
            summary: owned(line, "summary"),
            blame: text(line, "blame").map(str::to_owned),
            advice: strings(line, "advice"),
            other_vantage: text(line, "other_vantage").map(str::to_owned),
            checklist: line.get("checklist").map(checklist).unwrap_or_default(),
        })),
        contrast: array(line, "contrast").map(contrast).collect(),
        middlebox_score: line
            .get("middlebox_score_db")
            .and_then(Value::as_i64)
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or(0),
    })
}

/// The frames are those of the capture, which may be gone: they stay with the words.
fn statement(value: &Value) -> Evidence {
    let frames: Vec<String> = array(value, "frames").map(Value::to_string).collect();
    let said = owned(value, "text");
    let text = match frames.as_slice() {
        [] => said,
        [only] => format!("{said} (frame {only} of the capture)"),
        many => format!("{said} (frames {} of the capture)", many.join(", ")),
    };
    Evidence::framed(Fact::OthersToo { text }, [])
}

fn alternative(value: &Value) -> Option<Alternative> {
    let class = text(value, "class");
    let rule = registry().iter().find(|r| Some(r.id) == class)?;
    Some(Alternative {
        class: rule.id,
        why_less_likely: owned(value, "why_less_likely").into(),
    })
}

fn checklist(value: &Value) -> Checklist {
    Checklist {
        first_reset: owned(value, "first_reset"),
        sender: owned(value, "sender"),
        just_before: owned(value, "just_before"),
        handshake: owned(value, "handshake"),
        tls: owned(value, "tls"),
        application_data: owned(value, "application_data"),
        idle: owned(value, "idle"),
        path_clues: owned(value, "path_clues"),
        last_application_bytes: owned(value, "last_application_bytes"),
        where_to_look: owned(value, "where_to_look"),
    }
}

fn contrast(value: &Value) -> Contrast {
    let count = |c: &Value| {
        (
            owned(c, "value"),
            number(c, "reset").unwrap_or(0),
            number(c, "not_reset").unwrap_or(0),
        )
    };
    Contrast {
        property: owned(value, "property"),
        text: owned(value, "text"),
        counts: array(value, "counts").map(count).collect(),
        test: owned(value, "test"),
    }
}

/// The case that a line tells of, as far as it does: its RSTs are the only segments. They are
/// said to lie in `file`.
#[must_use]
pub fn listed_case(line: &Value, file: FileId) -> Option<Case> {
    let (segments, resets): (Vec<Segment>, Vec<Reset>) = array(line, "rsts")
        .enumerate()
        .map(|(i, rst)| Some((segment(rst, file)?, reset(rst, i)?)))
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .unzip();
    let primary = resets.iter().position(|r| r.role == Role::Primary)?;
    let request = owned(line, "last_request");
    let mut case = Case {
        id: 0,
        connection: connection(line, segments)?,
        episode: episode(line, resets, primary),
        story: AppStory {
            last_request: (!request.is_empty()).then(|| Request {
                summary: request,
                ..Request::default()
            }),
            ..AppStory::default()
        },
        diagnosis: diagnosis(line)?,
        group: 0,
    };
    judge(&mut case, line)?;
    Some(case)
}

fn segment(rst: &Value, file: FileId) -> Option<Segment> {
    let ack = small(rst, "ack");
    let in_file = FrameNumber(number(rst, "frame_in_file")?);
    let flags = tcp_flags::RST | ack.map_or(0, |_| tcp_flags::ACK);
    let payload = owned(rst, "payload").into_bytes();
    Some(Segment {
        frame: FrameRef {
            number: FrameNumber(number(rst, "frame")?),
            in_file,
            file,
            span: Span::default(),
        },
        time: timestamp(text(rst, "time")?)?,
        from: one_of(&Side::BOTH, Side::word, text(rst, "from"))?,
        seq: Seq(small(rst, "seq")?),
        ack: Seq(ack.unwrap_or(0)),
        flags,
        len: payload.len() as u32,
        window: u16::try_from(number(rst, "window")?).ok()?,
        ttl: u8::try_from(number(rst, "ttl")?).ok()?,
        ip_id: number(rst, "ip_id").and_then(|n| u16::try_from(n).ok()),
        dont_fragment: false,
        tos: 0,
        flow_label: None,
        src_mac: None,
        vlan: None,
        tunnel: TunnelId(0),
        direction: None,
        interface: 0,
        frame_len: 0,
        checksum_ok: None,
        checksum_partial: false,
        options: TcpOptions::default(),
        payload,
        duplicate_of: None,
    })
}

fn reset(rst: &Value, segment: usize) -> Option<Reset> {
    let forms = [
        Form::Refusal,
        Form::Stateless,
        Form::StatelessAck,
        Form::Abort,
        Form::BareAbort,
        Form::Behind,
        Form::Beyond,
        Form::Orphan,
    ];
    let roles = [
        Role::Primary,
        Role::InFlightEcho,
        Role::VictimReply,
        Role::Strafe,
        Role::Duplicate,
        Role::Crossing,
        Role::Later,
    ];
    let effects = [Effect::Effective, Effect::Ineffective, Effect::Unknown];
    Some(Reset {
        segment,
        from: one_of(&Side::BOTH, Side::word, text(rst, "from"))?,
        form: one_of(&forms, Form::id, text(rst, "form"))?,
        role: one_of(&roles, Role::id, text(rst, "role"))?,
        effect: one_of(&effects, Effect::id, text(rst, "effect"))?,
        trigger_first: None,
        trigger: None,
    })
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(at.as_nanosecond()).ok().map(Timestamp)
}

fn connection(line: &Value, segments: Vec<Segment>) -> Option<Connection> {
    let (client, server) = (line.get("client")?, line.get("server")?);
    let (first, last) = (segments.first()?.time, segments.last()?.time);
    let each = |key: &str| [client, server].map(|end| number(end, key).unwrap_or(0));
    let bases = [
        RoleBasis::Syn,
        RoleBasis::SynAck,
        RoleBasis::Protocol,
        RoleBasis::WellKnownPort,
        RoleBasis::SharedPort,
        RoleBasis::LowerPort,
    ];
    let server_end = endpoint(server)?;
    Some(Connection {
        client: endpoint(client)?,
        server: server_end,
        role_basis: one_of(&bases, super::json::role_basis, text(line, "role_basis"))?,
        stream: number(line, "tcp_stream")?,
        incarnation: small(line, "incarnation").unwrap_or(0),
        tunnel: TunnelId(0),
        segments,
        left_out: Vec::new(),
        totals: FlowTotals {
            segments: each("segments"),
            bytes: each("bytes"),
            resets: [0, number(line, "rst_count").unwrap_or(0)],
            first_time: first,
            last_time: last,
            ..FlowTotals::default()
        },
        icmp: Vec::new(),
        fragments: Vec::new(),
        name: strings(server, "names").into_iter().next().map(|name| {
            Box::new(NameLookup {
                name,
                cname_chain: Vec::new(),
                query: None,
                answer: FrameRef::default(),
                answer_time: first,
                resolver: server_end.ip,
                related: Vec::new(),
            })
        }),
        past_lost: false,
    })
}

fn endpoint(value: &Value) -> Option<Endpoint> {
    let ip: IpAddr = text(value, "ip")?.parse().ok()?;
    let port = u16::try_from(number(value, "port")?).ok()?;
    Some(Endpoint { ip, port })
}

fn episode(line: &Value, resets: Vec<Reset>, primary: usize) -> Episode {
    let vantage = line.get("vantage").unwrap_or(&Value::Null);
    let points = [
        VantagePoint::Client,
        VantagePoint::Middle,
        VantagePoint::Server,
        VantagePoint::Unknown,
    ];
    let point = one_of(&points, VantagePoint::id, text(vantage, "point"));
    let complete = line.pointer("/handshake/complete").and_then(Value::as_bool);
    Episode {
        resets,
        primary,
        rtt: [None, None],
        rtt_samples: [0, 0],
        handshake_complete: complete.unwrap_or(false),
        continues: false,
        vantage: Vantage {
            point: point.unwrap_or(VantagePoint::Unknown),
            decisive: false,
            votes: strings(vantage, "votes")
                .into_iter()
                .map(Vote::Listed)
                .collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{Findings, case};
    use crate::report::{Written, line, reset_key};

    fn listed() -> Value {
        let mut findings = Findings::of(vec![case(7)]);
        let written = Written {
            path: "0007_a.pcapng".into(),
            packets: 12,
            reset: Some(9),
            ..Written::default()
        };
        findings.written.insert(7, written);
        let text = line(&findings.report(), &findings.cases[0]);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_line_gives_its_case_back() {
        let value = listed();
        let read = ListedCase::read(&value).unwrap();
        assert_eq!((read.id, read.group, read.packets), (7, 1, 12));
        assert_eq!(read.file.as_deref(), Some("0007_a.pcapng"));
        assert_eq!(read.frame, Some(9));
        let before = case(7);
        assert_eq!(read.keys, [reset_key(&before, before.primary_segment())]);
        let again = listed_case(&value, FileId(3)).unwrap();
        assert_eq!(again.primary_segment().time, before.primary_segment().time);
        assert_eq!(again.primary_segment().frame.file, FileId(3));
        let (mut a, mut b) = (before.diagnosis, again.diagnosis.clone());
        assert_eq!(
            b.evidence[1].text(),
            "the RST came 0.4 ms after the ClientHello (frames 10, 12 of the capture)"
        );
        let words = |d: &Diagnosis| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            (d.summary(), owned(d.to_change()), owned(d.elsewhere()))
        };
        assert_eq!(words(&a), words(&b));
        assert_eq!(case(7).advice(), again.advice());
        assert_eq!(case(7).checklist(), again.checklist());
        // the words were data before
        b = Diagnosis {
            listed: None,
            blame: a.blame,
            other_vantage: a.other_vantage,
            leads: a.leads.clone(),
            party_evidence: a.party_evidence,
            ..b
        };
        a.evidence.clear();
        b.evidence.clear();
        a.discriminator = None;
        // the title is that of the class, whatever the line says
        a.title = b.title;
        assert_eq!(a, b);
        assert_eq!(
            crate::report::server_names(&again)[0],
            "www.example.net".to_owned()
        );
    }

    #[test]
    fn lines_that_were_changed_are_not_taken() {
        for (pointer, value) in [
            ("/schema", Value::from(2)),
            ("/id", Value::from(0)),
            ("/id", Value::from("7")),
            ("/class", Value::from("no-such-class")),
            ("/client/ip", Value::from("nowhere")),
            ("/rsts", Value::Array(Vec::new())),
            ("/rsts/0/key", Value::Null),
            ("/rsts/0/time", Value::from("soon")),
            ("/rsts/0/role", Value::from("later")),
            ("/case_file", Value::from("../../../etc/passwd.pcapng")),
            ("/case_file", Value::from("/etc/1.pcapng")),
            ("/case_file", Value::from(5)),
        ] {
            let mut line = listed();
            *line.pointer_mut(pointer).unwrap() = value;
            assert_eq!(ListedCase::read(&line), None, "{pointer}");
        }
        assert_eq!(ListedCase::read(&Value::Null), None);
        assert_eq!(ListedCase::read(&serde_json::json!([1])), None);
    }
}
