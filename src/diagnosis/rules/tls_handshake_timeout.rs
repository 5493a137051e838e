//! `tls-handshake-timeout`: the TLS handshake stalled until a timer ended it.

use super::common::{made, sni, timer, timer_confidence};
use crate::diagnosis::confidence::payload_cut;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - A ClientHello was sent (perhaps not all of it), the handshake stalls for a second or more, then an untriggered reset.
    ///
    /// ## Meaning
    ///
    /// One side owed the next flight and did not send it: the server (overloaded, or blocked on something behind it), the client (waiting for a user or a smart card), or the network (large flights lost: MTU).
    ///
    /// ## Easily confused with
    ///
    /// - `reset-after-client-hello`: the reset comes at once.
    /// - `client-gave-up-waiting`: TLS was complete, a request was waiting.
    ///
    /// ## What to do
    ///
    /// - See who owed the next message and look there.
    /// - If large segments were sent and never acknowledged: test the path MTU (`ping -M do -s 1472`).
    ///
    /// ## References
    ///
    /// - RFC 8446 4
    "tls-handshake-timeout", "the TLS handshake stalled until a timer ended it", by "either", since "0.1.0", Some(check)
}

/// Shorter silences are no timer's.
const SHORTEST: f64 = 1.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let tls = c.tls()?;
    let hello = tls.client_hello.as_ref()?;
    let done = tls.handshake_complete == Some(true) || tls.app_records[0] > 0;
    let silence = c.idle_before()?;
    // with most of it cut off, more data after the hellos may well be its end
    let both = |side: Side| c.side(side).data_segments > 1;
    if payload_cut(c) && Side::BOTH.into_iter().all(both) {
        return None;
    }
    if done || silence < SHORTEST || !c.is_abort() || tls.alerts.iter().any(|a| a.is_fatal()) {
        return None;
    }
    let owed_by = if !hello.complete || c.server_spoke_last() {
        Side::Client
    } else {
        Side::Server
    };
    // a server that resets instead of answering a whole ClientHello did not wait for anybody
    if owed_by == c.sender && c.by_server() {
        return None;
    }
    let blame = match owed_by {
        Side::Server => Blame::SlowServer,
        Side::Client => Blame::SlowClient,
    };
    let last = c.last_data(owed_by.peer()).or(c.last_data(owed_by));
    Some(
        Finding::new(timer_confidence(silence), Basis::Observed, Severity::Error)
            .with([Evidence::of(
                Fact::TlsStalled { owed_by, silence },
                last.into_iter().chain([c.rst()]),
            )])
            .with(sni(c))
            .with(timer(c, silence))
            .with([made(c)])
            .blaming(blame)
            .timed(),
    )
}
