//! `handshake-ack-rejected`: the server refused the last step of the handshake.

use super::common::{answers, made, or_load_balancer, reset_after, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::reset::{Form, Kind};

rule! {
    /// ## Signature
    ///
    /// - SYN, SYN-ACK, ACK; the server answers that ACK with a bare RST at the number it acknowledges; the server sent no data.
    /// - When the client sends data with or after the ACK, each segment is refused.
    ///
    /// ## Meaning
    ///
    /// The server had sent the SYN-ACK but keeps no connection: its accept queue overflowed (`tcp_abort_on_overflow`), a SYN cookie was too old, a SYN proxy lost its state, or the listener closed in between.
    ///
    /// ## Easily confused with
    ///
    /// - `reset-after-handshake`: the server's socket existed and was aborted (RST+ACK).
    /// - `no-such-connection`: the ACK was accepted, a later segment was refused.
    ///
    /// ## What to do
    ///
    /// - On the server: `nstat -az TcpExtListenOverflows TcpExtTCPReqQFullDoCookies`, `ss -ltn` (Recv-Q against Send-Q), `somaxconn`, the application's backlog.
    /// - With a firewall or SYN proxy in front: compare captures on both sides of it.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.4; Linux ip-sysctl, tcp_abort_on_overflow
    "handshake-ack-rejected", "the server refused the last step of the handshake", by "server-host", since "0.1.0", Some(check)
}

/// Where the client is not seen, its ACK or first data come this soon after the SYN-ACK.
const AT_ONCE: f64 = 1.0;
/// The refusal follows within two round trips or this.
const PROMPT: f64 = 0.05;

fn check(c: &ResetContext) -> Option<Finding> {
    if let Some(finding) = answer_to_nothing_seen(c) {
        return Some(finding);
    }
    let ack = c.final_ack()?;
    let server = c.side(Side::Server);
    if !c.by_server()
        || c.form() != Form::Stateless
        || server.bytes > 0
        || server.fin.is_some()
        || c.rst().seq != ack.ack
        || c.forged
    {
        return None;
    }
    let limit = (2.0 * round_trip(c)).max(PROMPT);
    let first = ack.time;
    let last = c.last(Side::Client)?.time;
    if c.rst().time.seconds_since(first) > limit && c.rst().time.seconds_since(last) > limit {
        return None;
    }
    if server_took_data(c) || refused_fewer_than_sent(c) {
        return None;
    }
    let finding = Finding::new(0.68, Basis::Observed, Severity::Error)
        .with(answers(c))
        .with([
            Evidence::of(
                Fact::NothingSaid {
                    side: Some(Side::Server),
                },
                [ack, c.rst()],
            ),
            made(c),
        ])
        .with(sni(c));
    Some(or_load_balancer(c, finding))
}

/// A reply without a socket, although nothing in the capture came just before: the ACK that it
/// answers was held up behind the capture point, or the capture lacks the client's packets. A
/// socket's own RST would have kept the connection's time stamps.
fn answer_to_nothing_seen(c: &ResetContext) -> Option<Finding> {
    let server = c.side(Side::Server);
    let unseen = c.unseen();
    let silent = c.bytes(Side::Client) == 0 && unseen.is_none_or(|u| u.bytes == 0);
    let held_up = c.form() == Form::BareAbort
        && c.rst().window == 0
        && server.timestamps
        && c.rst().options.timestamps.is_none();
    let made_without_socket =
        held_up || c.form() == Form::Stateless && unseen.is_some() && c.trigger().is_none();
    let open = c.final_ack().is_some() || unseen.is_some();
    if !c.by_server()
        || !made_without_socket
        || !open
        || !silent
        || c.forged
        || server.bytes > 0
        || server.fin.is_some()
        || server.syn_retransmissions > 0
    {
        return None;
    }
    let syn_ack = c.syn_ack()?;
    // much later it is data that met nobody
    if !held_up && c.rst().time.seconds_since(syn_ack.time) > AT_ONCE {
        return None;
    }
    Some(Finding::new(0.6, Basis::Inferred, Severity::Error).with([
        reset_after(c, "the SYN-ACK", syn_ack),
        Evidence::of(
            Fact::NothingSaid {
                side: Some(Side::Server),
            },
            [syn_ack, c.rst()],
        ),
        Evidence::of(Fact::NoSocketShape { held_up }, [c.rst()]),
    ]))
}

/// Seconds to the server and back; with nothing better, what the handshake took at most.
fn round_trip(c: &ResetContext) -> f64 {
    c.rtt(Side::Server).unwrap_or_else(|| {
        let (syn, syn_ack) = (c.syn(), c.syn_ack());
        syn.zip(syn_ack)
            .map_or(0.0, |(s, a)| a.time.seconds_since(s.time).max(0.0))
    })
}

/// The server acknowledged data before, so the handshake was complete at its end too.
fn server_took_data(c: &ResetContext) -> bool {
    let client = c.side(Side::Client);
    match (client.isn, c.side(Side::Server).max_ack) {
        (Some(isn), Some(ack)) => ack.since(isn) > 1,
        _ => false,
    }
}

/// A server without the connection refuses the ACK and the data that follows it; one refusal
/// for two segments means that the ACK was accepted.
fn refused_fewer_than_sent(c: &ResetContext) -> bool {
    let Some(ack) = c.final_ack() else {
        return false;
    };
    if ack.len > 0 {
        return false;
    }
    // what reached the server well before the (last) refusal came back
    let refusals: Vec<_> = c
        .episode
        .resets
        .iter()
        .filter(|r| r.from == Side::Server && c.conn.segments[r.segment].duplicate_of.is_none())
        .collect();
    let data = c
        .conn
        .segments
        .iter()
        .enumerate()
        .any(|(i, s)| i < c.at && s.from == Side::Client && c.replay.kind(i) == Kind::Data);
    data && refusals.len() == 1
}
