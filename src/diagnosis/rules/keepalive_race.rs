//! `keepalive-race`: a request met the server's close.

use super::common::{answers, companions, fin, made, request};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::app::Protocol;
use crate::reset::Kind;

rule! {
    /// ## Signature
    ///
    /// - The connection had been used and was idle; the server sends FIN; a new request of the client arrives after it and is answered by a bare RST.
    /// - *crossed*: the request left before the FIN could reach the client. *ignored*: the client had the FIN and used the connection nevertheless.
    ///
    /// ## Meaning
    ///
    /// The server's keep-alive timeout and the client's connection pool disagree. The request was not processed; whether it is repeated is the client's business, and clients do not repeat what is not idempotent.
    ///
    /// ## Easily confused with
    ///
    /// - `stale-connection-reuse`: no FIN; the state was lost silently.
    /// - `late-data-after-fin`: the data are not a new request on a used, idle connection.
    ///
    /// ## What to do
    ///
    /// - Make the client's idle timeout shorter than the server's (nginx 75 s, Apache 5 s, Node.js 5 s, ALB 60 s by default).
    /// - *ignored*: the client's pool does not notice the FIN; check it before use or lower its idle time.
    /// - Retry idempotent requests once.
    ///
    /// ## References
    ///
    /// - RFC 9112 9.3.1, 9.5
    "keepalive-race", "a request met the server's close", by "server-host", since "0.1.0", Some(check)
}

/// The connection was idle this long before the server closed it, or ten path round trips.
const IDLE: f64 = 0.2;

/// Protocols in which the client's data are no requests.
const TYPED: [Protocol; 5] = [
    Protocol::Telnet,
    Protocol::Ssh,
    Protocol::Vnc,
    Protocol::Rdp,
    Protocol::WebSocket,
];

fn check(c: &ResetContext) -> Option<Finding> {
    if c.is_stateless() && c.trigger().is_none() {
        return request_unseen(c);
    }
    let (server_fin, mark) = (c.fin(Side::Server)?, c.side(Side::Server).fin?);
    let request_segment = c.trigger().filter(|_| c.is_stateless())?;
    // what had been said before the two crossed
    let crossing = mark.index.min(c.primary().trigger?);
    let at_fin = c.replay.state(crossing, Side::Client);
    let server_at_fin = c.replay.state(crossing, Side::Server);
    let new_request = matches!(c.trigger_kind()?, Kind::Data | Kind::Retransmission)
        && c.fin(Side::Client)
            .is_none_or(|f| f.time >= request_segment.time);
    // an exchange before the capture began is not seen
    let before = c.is_mid_flow() && at_fin.last_data.is_none();
    let used = before || server_at_fin.bytes > 0 && at_fin.bytes > 0;
    let answered = before || server_at_fin.last_data > at_fin.last_data;
    if c.story.protocol.is_some_and(|p| TYPED.contains(&p)) {
        return None;
    }
    if !c.by_server() || !new_request || !used || !answered || request_segment.len < 2 {
        return None;
    }
    let first_seen = before.then_some(0).filter(|i| *i < crossing);
    let last_data = server_at_fin.last_data.or(first_seen);
    let last_data = last_data.and_then(|i| c.segment(i))?;
    let idle = server_fin
        .time
        .min(request_segment.time)
        .seconds_since(last_data.time);
    if idle < IDLE || c.tls().is_some_and(|_| request_segment.len <= 31) {
        return None;
    }
    // the FIN needs half a round trip to the client, the request half of one to the server
    let lead = request_segment.time.seconds_since(server_fin.time);
    let acked_fin = request_segment.ack.after(mark.seq);
    let fact = if acked_fin {
        Fact::RequestIgnoredFin
    } else {
        Fact::RequestCrossedFin
    };
    if !acked_fin && lead < -c.path_rtt() {
        return None;
    }
    Some(
        Finding::new(0.92, Basis::Observed, Severity::Warning)
            .with([
                Evidence::of(fact, [server_fin, request_segment]),
                Evidence::of(Fact::Idle { silence: idle }, [last_data, server_fin]),
            ])
            .with(request(c))
            .with(fin(c, Side::Server))
            .with(answers(c))
            .with([made(c)])
            .with(companions(c))
            .blaming(if acked_fin {
                Blame::ClientPool
            } else {
                Blame::Timers
            })
            .about(if acked_fin { "ignored" } else { "crossed" }),
    )
}

/// At rest for this long before the FIN, the connection had nothing open.
const AT_REST: f64 = 1.0;
/// Where a half-closed connection is given up, a later FIN is answered by RST as well.
const HALF_CLOSED: f64 = 30.0;

/// Only the server was captured: it had answered, rested, closed, and then refused something,
/// which can only be new data.
fn request_unseen(c: &ResetContext) -> Option<Finding> {
    let unseen = c.unseen().filter(|u| u.bytes > 0 && !u.after_all)?;
    let fin_segment = c.fin(Side::Server)?;
    let answer = c.last_data(Side::Server)?;
    let idle = fin_segment.time.seconds_since(answer.time);
    let typed = c.story.protocol.is_some_and(|p| TYPED.contains(&p));
    let since = c.rst().time.seconds_since(fin_segment.time);
    if !c.by_server() || c.tls().is_some() || typed || idle < AT_REST || since > HALF_CLOSED {
        return None;
    }
    let taken = Fact::UnseenTaken {
        side: Side::Client,
        bytes: unseen.bytes,
    };
    Some(
        Finding::new(0.8, Basis::Inferred, Severity::Warning)
            .with([Evidence::of(
                Fact::Idle { silence: idle },
                [answer, fin_segment],
            )])
            .with(fin(c, Side::Server))
            .with([made(c), Evidence::of(taken, unseen.last)])
            .with(companions(c))
            .blaming(Blame::Timers),
    )
}
