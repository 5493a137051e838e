//! What an arrow is called.

use super::relative::Place;
use crate::diagnosis::Case;
use crate::flow::{IcmpError, Segment, Side};
use crate::packet::tcp_flags;
use crate::report::figures::counted;
use crate::report::hostile::{cut, plain};
use crate::reset::{Effect, Reset, Role};
use crate::selection::Reason;

/// Longest label in columns: longer ones would run over the numbers beside the lanes.
const MAX_LABEL: usize = 64;

/// The name of a segment, without the name of its sender: the arrow shows that.
pub(super) fn segment(case: &Case, s: &Segment, place: Place, reasons: &[Reason]) -> String {
    let has = |r: Reason| reasons.contains(&r);
    let flags = flag_words(s);
    let head = if s.is_syn() || s.is_syn_ack() {
        flags
    } else if has(Reason::ClientHello) {
        client_hello(case, place)
    } else if has(Reason::Alert) {
        alert(case, s.from)
    } else if has(Reason::ServerHello) {
        "ServerHello".to_owned()
    } else if has(Reason::LastRequest) {
        request(case, s)
    } else if place.keep_alive {
        "keep-alive probe".to_owned()
    } else if place.window_probe {
        "window probe".to_owned()
    } else if s.len > 0 {
        payload(s)
    } else {
        flags
    };
    let mut label = head;
    if s.is_fin() && s.len > 0 {
        label.push_str(" + FIN");
    }
    if place.repeated {
        label.push_str(" (again)");
    }
    if s.window == 0 && !s.is_syn() && !s.is_syn_ack() {
        label.push_str(", window 0");
    }
    shorten(&label)
}

fn shorten(text: &str) -> String {
    cut(&plain(text), MAX_LABEL)
}

/// "SYN, ACK": the names in the order people say them.
pub(super) fn flag_words(s: &Segment) -> String {
    let names = [
        (tcp_flags::SYN, "SYN"),
        (tcp_flags::FIN, "FIN"),
        (tcp_flags::RST, "RST"),
        (tcp_flags::ACK, "ACK"),
    ];
    let set: Vec<&str> = names
        .iter()
        .filter(|(flag, _)| s.has(*flag))
        .map(|(_, name)| *name)
        .collect();
    if set.is_empty() {
        "no flags".to_owned()
    } else {
        set.join(", ")
    }
}

fn client_hello(case: &Case, place: Place) -> String {
    let hello = case
        .story
        .tls
        .as_ref()
        .and_then(|t| t.client_hello.as_ref());
    let sni = hello.and_then(|h| h.sni.as_deref());
    match sni {
        _ if place.seq > 1 => "ClientHello, continued".to_owned(),
        Some(sni) => format!("ClientHello {sni}"),
        None => "ClientHello".to_owned(),
    }
}

fn alert(case: &Case, from: Side) -> String {
    let alerts = case.story.tls.iter().flat_map(|t| &t.alerts);
    let mut own = alerts.filter(|a| a.from_client == (from == Side::Client));
    match own.next_back() {
        Some(a) => format!("TLS alert: {}", a.name),
        None => "TLS alert".to_owned(),
    }
}

fn request(case: &Case, s: &Segment) -> String {
    match &case.story.last_request {
        Some(r) if !r.summary.is_empty() && !case.story.encrypted => r.summary.clone(),
        _ => format!("request, {}", payload(s)),
    }
}

/// TLS records are told by their type (RFC 8446 5.1).
fn payload(s: &Segment) -> String {
    let what = match s.payload.get(..3) {
        Some([20, 3, 0..=4]) => "TLS change cipher, ",
        Some([22, 3, 0..=4]) => "TLS handshake, ",
        Some([23, 3, 0..=4]) => "TLS data, ",
        _ => "",
    };
    format!("{what}{}", counted(u64::from(s.len), "byte"))
}

/// A RST: what it is and what part it plays.
pub(super) fn reset(s: &Segment, reset: &Reset, forged: bool) -> String {
    let mut label = flag_words(s);
    if forged {
        label.insert_str(0, "forged ");
    }
    match reset.role {
        Role::Primary | Role::Later | Role::Strafe => {}
        Role::InFlightEcho => label.push_str(" answering data under way"),
        Role::VictimReply => label.push_str(" answering the real peer"),
        Role::Duplicate => label.push_str(", captured again"),
        Role::Crossing => label.push_str(", crossing"),
    }
    if reset.effect == Effect::Ineffective {
        label.push_str(", no effect");
    }
    shorten(&label)
}

/// An ICMP error by its numbers and meaning (RFC 792, RFC 4443).
pub(super) fn icmp(e: &IcmpError) -> String {
    let meaning = match (e.v6, e.icmp_type, e.code) {
        (false, 3, 0) => "network unreachable",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) => "fragmentation needed",
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
        (false, 11, 0) | (true, 3, 0) => "TTL exceeded",
        (true, 1, 0) => "no route",
        (true, 2, _) => "packet too big",
        _ => "error",
    };
    let version = if e.v6 { "ICMPv6" } else { "ICMP" };
    let mtu = e.mtu.map(|m| format!(", MTU {m}")).unwrap_or_default();
    format!("{version} {meaning}{mtu}, from {}", e.source)
}
