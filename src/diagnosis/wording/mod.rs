//! The only place with sentences: facts, blame, advice and alternatives in words. Plain text
//! without frame numbers; numbers with units; nothing from packets that was not cleaned.

mod checklist;
mod facts;
mod manual;
mod path;

pub use checklist::checklist;
pub use facts::fact;
pub use manual::{Place, advice_for, confusable, gave_way};

use super::evidence::{Blame, Evidence};
use super::model::Party;
use crate::flow::{IcmpError, Side};
use crate::packet::app::AppStory;
use crate::reset::VantagePoint;

/// Longest summary in characters.
const SUMMARY_LIMIT: usize = 160;

/// "0.4 ms", "21 ms", "1.5 s", "63 s", "5 min 50 s".
#[must_use]
pub fn duration(seconds: f64) -> String {
    let s = seconds.abs();
    match s {
        s if s < 0.000_095 => format!("{:.0} us", s * 1e6),
        s if s < 0.009_95 => format!("{:.1} ms", s * 1e3),
        s if s < 0.999_5 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.2} s"),
        s if s < 99.5 => format!("{s:.1} s"),
        s if s < 600.0 => format!("{s:.0} s"),
        s => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
    }
}

/// One line that leads with what decided.
#[must_use]
pub fn summary(lead: &[Evidence]) -> String {
    let mut line = String::new();
    for evidence in lead {
        let text = fact(&evidence.fact);
        if line.is_empty() {
            line = cut(&text, SUMMARY_LIMIT);
        } else if line.chars().count() + 2 + text.chars().count() <= SUMMARY_LIMIT {
            line.push_str("; ");
            line.push_str(&text);
        }
    }
    line
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit - 3).collect();
    short.push_str("...");
    short
}

/// The server name the client asked for in TLS.
#[must_use]
pub fn asked_for(story: &AppStory) -> Option<&str> {
    story.tls.as_ref()?.client_hello.as_ref()?.sni.as_deref()
}

/// Who or what ought to change.
#[must_use]
pub fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::SlowServer => "the server (or what it waits for) was too slow",
        Blame::SlowClient => "the client did not send what was due",
        Blame::Path => "the network path or the silent side",
        Blame::ReceiverNotReading(Side::Client) => "the client's application did not read",
        Blame::ReceiverNotReading(Side::Server) => "the server's application did not read",
        Blame::ClientConfiguration => "the client's configuration (address, port, protocol)",
        Blame::ServerConfiguration => "the server's configuration",
        Blame::ServerCertificate => "the server's certificate or the client's trust store",
        Blame::ClientCertificate => "the client's certificate",
        Blame::Versions => "TLS versions, ciphers or extensions that do not match",
        Blame::ServerName => "the server name asked for",
        Blame::Timers => "idle timers that do not match",
        Blame::ClientPool => "the client's connection pool, which ignored the FIN",
        Blame::PeerApplication(Side::Client) => "the client's application",
        Blame::PeerApplication(Side::Server) => "the server's application",
        Blame::ClientRequest => "the client's request",
        Blame::ServerState => "the server's own state",
        Blame::Device => "the device that sent the ICMP error",
    }
}

/// An ICMP error in words.
#[must_use]
pub fn icmp_text(icmp: &IcmpError) -> String {
    let what = match (icmp.v6, icmp.icmp_type, icmp.code) {
        (false, 3, 0 | 6) => "network unreachable",
        (false, 3, 1 | 7) => "host unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) => "fragmentation needed",
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
        (false, 11, _) | (true, 3, _) => "time exceeded",
        (true, 1, 0) => "no route",
        (true, 1, 3) => "address unreachable",
        (true, 2, _) => "packet too big",
        _ => "error",
    };
    let version = if icmp.v6 { "ICMPv6" } else { "ICMP" };
    match icmp.mtu {
        Some(mtu) => format!("{version} {what} (MTU {mtu}) from {}", icmp.source),
        None => format!("{version} {what} from {}", icmp.source),
    }
}

/// Bytes that are not the protocol others speak on the port.
#[must_use]
pub fn unlike(expected: &str, first_bytes: &str) -> String {
    format!(
        "the client's bytes are no {expected} ({first_bytes}), other connections to the port work"
    )
}

/// What another capture point would settle.
#[must_use]
pub fn other_vantage(party: Party, point: VantagePoint, stateless: bool) -> Option<&'static str> {
    let text = match (party, point) {
        (Party::MiddleboxAsServer, _) => {
            "a capture at the server would show that it did not send this reset"
        }
        (Party::MiddleboxAsClient, _) => {
            "a capture at the client would show that it did not send this reset"
        }
        (Party::MiddleboxBoth, _) => "a capture at either end would show resets it did not send",
        (Party::Unknown, VantagePoint::Server) => {
            "a capture at the client would show whether it sent this reset, and what it was sent before"
        }
        (Party::Unknown, VantagePoint::Client) => {
            "a capture at the server would show whether it sent this reset"
        }
        (Party::Unknown, _) => "captures at both ends would show who sent this reset",
        (Party::ClientHost, VantagePoint::Server | VantagePoint::Middle) if stateless => {
            "a capture at the client would show whether it was sent a reset before"
        }
        (Party::ServerHost, VantagePoint::Client | VantagePoint::Middle) if stateless => {
            "a capture at the server would show whether the segment arrived and who answered"
        }
        _ => return None,
    };
    Some(text)
}

/// Why a class that holds for the single connection gave way to a pattern.
#[must_use]
pub fn alone() -> &'static str {
    "what this connection alone shows; others of the same kind tell more"
}

/// A summary with something put before it, cut to its limit.
#[must_use]
pub fn lead_with(lead: &str, rest: &str) -> String {
    let mut line = cut(lead, SUMMARY_LIMIT);
    let room = SUMMARY_LIMIT.saturating_sub(line.chars().count() + 2);
    if room >= 20 && !rest.is_empty() {
        line.push_str("; ");
        line.push_str(&cut(rest, room));
    }
    line
}

/// What several connections show, in words.
pub mod pattern {
    use super::duration;
    use crate::flow::Endpoint;
    use std::collections::BTreeSet;

    /// Refusals of one client by one service.
    #[must_use]
    pub fn refused_every_time(times: usize, spacing: f64, accepted: usize) -> String {
        let else_where = match accepted {
            0 => "none accepted".to_owned(),
            1 => "although the port accepted 1 other connection".to_owned(),
            n => format!("although the port accepted {n} other connections"),
        };
        format!(
            "{times} attempts refused, about {} apart, {else_where}",
            duration(spacing)
        )
    }

    /// A service that accepts and refuses.
    #[must_use]
    pub fn on_and_off(accepted: usize, refused: usize) -> String {
        format!("the same port accepted {accepted} and refused {refused} connections, mixed")
    }

    /// A service that was down for a time.
    #[must_use]
    pub fn down(refused: usize, seconds: f64, before: bool, after: bool) -> String {
        let edges = match (before, after) {
            (true, true) => "it worked before and after",
            (true, false) => "it worked before",
            _ => "it worked afterwards",
        };
        format!(
            "{refused} attempts refused within {}; {edges}",
            duration(seconds)
        )
    }

    /// A process that died.
    #[must_use]
    pub fn died(ended: usize, open: usize, seconds: f64, refused: usize) -> String {
        let then = match refused {
            0 => String::new(),
            n => format!(
                ", then {n} new attempt{} refused",
                if n == 1 { "" } else { "s" }
            ),
        };
        format!(
            "{ended} of {open} open connections ended by the server within {}{then}",
            duration(seconds)
        )
    }

    /// A host that lost everything.
    #[must_use]
    pub fn lost_everywhere(ports: usize, seconds: f64) -> String {
        format!(
            "the host answers on {ports} ports within {} that it knows no connection",
            duration(seconds)
        )
    }

    /// A scanner: the closed ports it tried, all of one host or one port of all hosts included.
    #[must_use]
    pub fn scanned(targets: &BTreeSet<Endpoint>, seconds: f64) -> String {
        let hosts: BTreeSet<_> = targets.iter().map(|t| t.ip).collect();
        let ports: BTreeSet<_> = targets.iter().map(|t| t.port).collect();
        let within = duration(seconds);
        match (hosts.len(), ports.first()) {
            (1, _) => format!(
                "the client tried {} closed ports of this host within {within}",
                targets.len()
            ),
            (n, Some(port)) if ports.len() == 1 => {
                format!("the client tried port {port} of {n} hosts within {within}: closed on all")
            }
            (n, _) => format!(
                "the client tried {} closed ports of {n} hosts within {within}",
                targets.len()
            ),
        }
    }

    /// Periodic probes.
    #[must_use]
    pub fn periodic(times: usize, period: f64) -> String {
        format!("{times} of these, one every {}", duration(period))
    }

    /// No server behind a load balancer.
    #[must_use]
    pub fn none_behind(times: usize) -> String {
        format!("{times} connections to this port ended like this and none worked meanwhile")
    }

    /// Why a single connection is not called so.
    #[must_use]
    pub fn too_few_for_none_behind() -> &'static str {
        "closed at once, without a byte and without taking the request: so does a balancer without a server, but one or two connections, or a service that drops strangers itself, do not tell"
    }

    /// A filter that keeps on.
    #[must_use]
    pub fn residual(others: usize, seconds: f64) -> String {
        format!(
            "after a device's reset, all {others} connections of this client to this service were reset for {}",
            duration(seconds)
        )
    }

    /// A segment of a connection under another address than the connection's.
    #[must_use]
    pub fn left_translation(address: &str) -> String {
        format!(
            "it acknowledges data of the connection with {address}: a segment of that one, not translated"
        )
    }

    /// A leaked translation.
    #[must_use]
    pub fn leaked(address: &str) -> String {
        format!("the same sequence numbers appear as {address}: the translation is gone")
    }

    /// What the run said that wrote a case file.
    #[must_use]
    pub fn told(title: &str, reason: &str) -> String {
        let reason = if reason.is_empty() { title } else { reason };
        format!("the run that cut this case file out of its capture found: {reason}")
    }

    /// A SYN whose options were refused.
    #[must_use]
    pub fn option_refused(what: &str, seconds: f64) -> String {
        format!(
            "a SYN without {what} was accepted {} later",
            duration(seconds)
        )
    }

    /// One property against the outcome.
    #[must_use]
    pub fn contrast(property: &str, value: &str, hit: (u64, u64), others: (u64, u64)) -> String {
        format!(
            "{} of {} with {property} {value} reset, {} of {} with another",
            hit.0,
            hit.0 + hit.1,
            others.0,
            others.0 + others.1
        )
    }

    /// The test that carries a contrast.
    #[must_use]
    pub fn fisher(p: f64) -> String {
        format!("Fisher's exact test, p = {p:.1e}")
    }
}
