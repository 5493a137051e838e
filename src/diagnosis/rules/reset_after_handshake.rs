//! `reset-after-handshake`: the server accepted and reset before anything was said.

use super::common::{first_data, made, reset_after, server_took_nothing, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - The handshake is complete; the server sends no byte and then RST+ACK at its first sequence number.
    /// - The client sent nothing, or its first data crossed the reset: the reset acknowledges only the SYN.
    ///
    /// ## Meaning
    ///
    /// Within a round trip: a policy of the accepting process (HAProxy `tcp-request connection reject`, TCP wrappers, a connection limit), or a load balancer without a server behind it. Later: the listener closed with connections not yet accepted, or a login timeout.
    ///
    /// ## Easily confused with
    ///
    /// - `handshake-ack-rejected`: bare RST, the server had no socket.
    /// - `reset-after-client-hello`, `reset-after-request`: the reset acknowledges the client's data.
    /// - `no-backend-suspected`: several connections with the same end and none that works.
    ///
    /// ## What to do
    ///
    /// - Look into the log of the service or proxy for rejected connections from this client (ACL, rate limit, maximum of connections).
    /// - Check whether a load balancer has healthy servers behind this port.
    /// - If it happens to all connections at one moment: the service was stopped or restarted.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.5 (ABORT)
    "reset-after-handshake", "the server accepted and reset before anything was said", by "server-host", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if let Some(finding) = client_not_seen(c) {
        return Some(finding);
    }
    let ack = c.final_ack()?;
    let client_silent = c.is_silent(Side::Client);
    if !c.by_server()
        || !c.is_abort()
        || !c.is_silent(Side::Server)
        || c.side(Side::Server).fin.is_some()
        || !(client_silent || server_took_nothing(c))
    {
        return None;
    }
    let mut finding = Finding::new(0.62, Basis::Observed, Severity::Error).with([reset_after(
        c,
        "the handshake",
        ack,
    )]);
    if client_silent {
        finding = finding.with([Evidence::of(
            Fact::NothingSaid { side: None },
            [ack, c.rst()],
        )]);
    } else {
        let what = if c.tls().is_some_and(|t| t.client_hello.is_some()) {
            "ClientHello"
        } else {
            "request"
        };
        finding = finding
            .with([Evidence::of(
                Fact::NothingTaken { what },
                first_data(c, Side::Client).into_iter().chain([c.rst()]),
            )])
            .with(sni(c));
    }
    Some(finding.with([made(c)]))
}

/// Only the server was captured: it aborted, and neither said nor acknowledged a byte.
fn client_not_seen(c: &ResetContext) -> Option<Finding> {
    let unseen = c.unseen().filter(|u| u.bytes == 0)?;
    let syn_ack = c.syn_ack()?;
    let server = c.side(Side::Server);
    let accepted = c.by_server()
        && c.form() == Form::Abort
        && server.bytes == 0
        && server.fin.is_none()
        && server.syn_retransmissions == 0;
    accepted.then(|| {
        Finding::new(0.62, Basis::Inferred, Severity::Error).with([
            reset_after(c, "the SYN-ACK", syn_ack),
            Evidence::of(
                Fact::UnseenTaken {
                    side: Side::Client,
                    bytes: unseen.bytes,
                },
                [c.rst()],
            ),
            made(c),
        ])
    })
}
