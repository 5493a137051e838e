//! `probe-close`: the client connected and reset at once.

use super::common::{made, reset_after};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - The handshake is complete; no payload either way (or only the server's banner); the client resets within a few seconds.
    ///
    /// ## Meaning
    ///
    /// A check whether the port is open: a monitor, a load balancer's health check, a scanner that completes connections. Nothing was lost.
    ///
    /// ## Easily confused with
    ///
    /// - `health-check`: several of them at regular intervals.
    /// - `preconnect-abandoned`: it is dropped only after some seconds.
    /// - `middlebox-injection`: a forged reset right after the handshake.
    ///
    /// ## What to do
    ///
    /// - *sibling-won*: nothing; the client took the other connection.
    /// - *else*: nothing; to silence it, let the check close with FIN or speak the protocol.
    ///
    /// ## References
    ///
    /// - HAProxy configuration manual, "option tcp-check"
    "probe-close", "the client connected and reset at once", by "client-host", since "0.1.0", Some(check)
}

/// Reset within this time of the handshake.
const SOON: f64 = 3.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let ack = c.final_ack()?;
    let open = c.rst().time.seconds_since(ack.time);
    let banner_only = c.bytes(Side::Server) == 0
        || (c.story.banner_first && c.story.banner_seen && c.story.requests == 0);
    if !c.by_client()
        || c.forged
        || !c.is_silent(Side::Client)
        || !banner_only
        || open > SOON
        || c.fin(Side::Server).is_some()
        || !(c.is_abort() || c.is_stateless())
    {
        return None;
    }
    Some(
        Finding::new(0.8, Basis::Observed, Severity::Harmless).with([
            reset_after(c, "the handshake", ack),
            Evidence::of(
                Fact::NothingSaid {
                    side: Some(Side::Client),
                },
                [ack, c.rst()],
            ),
            made(c),
        ]),
    )
}
