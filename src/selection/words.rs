//! What packets and verdicts are called in comments.

use super::pick::{self, Picked};
use super::text::{count, duration};
use crate::diagnosis::{Case, Party};
use crate::flow::{Connection, IcmpError, Segment, Side};
use crate::packet::app::{ClientHello, TlsAlert, version_name};
use crate::reset::{Effect, Reset, Role};

/// Who and why in one line: `reset by the server 0.4 ms after the ClientHello:
/// reset-after-client-hello, who high / why medium`.
pub(super) fn primary(case: &Case, picked: &Picked<'_>) -> String {
    let diagnosis = &case.diagnosis;
    format!(
        "{}{}: {}, who {} / why {}",
        by(case),
        after(case, picked),
        diagnosis.class,
        diagnosis.party_confidence.id(),
        diagnosis.cause_confidence.id()
    )
}

fn by(case: &Case) -> String {
    let from = case
        .episode
        .resets
        .get(case.episode.primary)
        .map_or("one side", |reset| reset.from.word());
    match case.diagnosis.party {
        Party::ClientHost => "reset by the client".into(),
        Party::ServerHost => "reset by the server".into(),
        Party::MiddleboxAsServer => "reset by a device on the path in the server's name".into(),
        Party::MiddleboxAsClient => "reset by a device on the path in the client's name".into(),
        Party::MiddleboxBoth => "reset by a device on the path in both names".into(),
        Party::ServerSideIntermediary => "reset by a load balancer or proxy of the server".into(),
        Party::ClientSideIntermediary => "reset by a NAT or proxy of the client".into(),
        Party::Unknown => format!("reset in the {from}'s name, by whom is unknown"),
    }
}

/// ` 0.4 ms after the ClientHello`: what provoked the RST, else the last thing before it that
/// was more than an acknowledgment.
fn after(case: &Case, picked: &Picked<'_>) -> String {
    let segments = &picked.connection.segments;
    let index = pick::primary(case);
    let reset = case.episode.resets.get(case.episode.primary);
    let says_something = |(at, s): (usize, &Segment)| {
        s.duplicate_of.is_none()
            && !s.is_rst()
            && (s.space() > 0 || picked.handshake.ack == Some(at))
    };
    let before = || {
        let earlier = segments.get(..index).unwrap_or_default().iter().enumerate();
        earlier
            .rev()
            .find(|(at, s)| says_something((*at, s)))
            .map(|(at, _)| at)
    };
    let Some(cause) = reset.and_then(pick::trigger).or_else(before) else {
        return String::new();
    };
    match (segments.get(cause), segments.get(index)) {
        (Some(earlier), Some(rst)) => {
            let delay = duration(rst.time.nanos_since(earlier.time));
            format!(" {delay} after {}", segment(cause, earlier, picked))
        }
        _ => String::new(),
    }
}

/// A segment with its article: `the ClientHello`, `a FIN of the client`.
pub(super) fn segment(index: usize, segment: &Segment, picked: &Picked<'_>) -> String {
    let side = segment.from.word();
    let hello = picked.client_hello.as_ref();
    if segment.is_rst() {
        format!("a RST in the {side}'s name")
    } else if segment.is_syn() {
        "the SYN".into()
    } else if segment.is_syn_ack() {
        "the SYN-ACK".into()
    } else if picked.handshake.ack == Some(index) && segment.len == 0 {
        "the ACK of the handshake".into()
    } else if hello.is_some_and(|(_, segments)| segments.contains(&index)) {
        "the ClientHello".into()
    } else if picked.server_hello.contains(&index) {
        "the ServerHello".into()
    } else if picked.alerts.iter().any(|(at, _)| *at == index) {
        format!("a TLS alert of the {side}")
    } else if segment.is_fin() && segment.len == 0 {
        format!("the {side}'s FIN")
    } else if segment.len > 0 {
        format!("{} of the {side}", count(u64::from(segment.len), "byte"))
    } else {
        format!("an ACK of the {side}")
    }
}

/// A RST that is not the primary one.
pub(super) fn other_reset(reset: &Reset) -> String {
    let from = reset.from.word();
    let part = match reset.role {
        Role::Primary => "the RST the diagnosis is about".to_string(),
        Role::InFlightEcho => format!("the {from} had closed; this answers data under way"),
        Role::VictimReply => format!("the {from}, reset before, answers what its peer really sent"),
        Role::Strafe => "one of several RSTs that nothing provoked".to_string(),
        Role::Duplicate => "the same RST captured again".to_string(),
        Role::Crossing => "sent before its sender could know of the other RST".to_string(),
        Role::Later => "a later RST".to_string(),
    };
    let effect = match reset.effect {
        Effect::Ineffective => "; it had no effect",
        Effect::Effective | Effect::Unknown => "",
    };
    format!(
        "further RST in the {from}'s name ({}): {part}{effect}",
        reset.form.id()
    )
}

/// The commonest ICMP errors by name (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1, RFC 4443).
pub(super) fn icmp(error: &IcmpError, connection: &Connection) -> String {
    let name = match (error.v6, error.icmp_type, error.code) {
        (false, 3, 0) => "network unreachable",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) => "fragmentation needed",
        (false, 3, 9..=10 | 13) | (true, 1, 1) => "administratively prohibited",
        (false, 11, 0) | (true, 3, 0) => "TTL exceeded",
        (true, 1, 0) => "no route",
        (true, 2, _) => "packet too big",
        _ => "error",
    };
    let version = if error.v6 { "ICMPv6" } else { "ICMP" };
    let mtu = error
        .mtu
        .map(|mtu| format!(", MTU {mtu}"))
        .unwrap_or_default();
    let about = match error.about {
        Side::Client => connection.client,
        Side::Server => connection.server,
    };
    format!(
        "{version} {name} (type {} code {}) from {} about a segment of {about}{mtu}",
        error.icmp_type, error.code, error.source
    )
}

/// `SNI www.example.net, ALPN h2 http/1.1, TLS 1.3, `; empty when nothing is known.
pub(super) fn client_hello(hello: Option<&ClientHello>) -> String {
    let Some(hello) = hello else {
        return String::new();
    };
    let mut text = match &hello.sni {
        Some(sni) => format!("SNI {sni}, "),
        None if hello.complete => "no SNI, ".to_string(),
        None => String::new(),
    };
    if !hello.alpn.is_empty() {
        text.push_str(&format!("ALPN {}, ", hello.alpn.join(" ")));
    }
    let versions = hello.versions.iter().map(|v| version_name(*v));
    for version in versions {
        text.push_str(&format!("{version}, "));
    }
    text
}

/// `TLS alert from the server: 40 handshake_failure, fatal`, or that it cannot be read. It begins
/// with the words of the evidence, which is then not said again.
pub(super) fn alert(alert: &TlsAlert, from: Side) -> String {
    let side = from.word();
    match alert.code {
        Some(code) => {
            let fatal = if alert.is_fatal() { ", fatal" } else { "" };
            format!("TLS alert from the {side}: {code} {}{fatal}", alert.name)
        }
        None if alert.encrypted_guess => format!("probably an encrypted TLS alert of the {side}"),
        None => format!("TLS alert of the {side} that cannot be read"),
    }
}
