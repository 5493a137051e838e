//! `keepalive-probe-rejected`: a keepalive found that the peer had forgotten the connection.

use super::common::{answers, companions, made, timer};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::reset::Kind;

rule! {
    /// ## Signature
    ///
    /// - A TCP keepalive (no or one byte, one before the next sequence number, nothing outstanding) is answered by a bare RST.
    ///
    /// ## Meaning
    ///
    /// The peer crashed, rebooted, or a device on the way lost the connection. The keepalive did its work: the dead connection is found.
    ///
    /// ## Easily confused with
    ///
    /// - `stale-connection-reuse`: data, not a keepalive, met the lost state.
    /// - `dead-peer-abort`: the keepalives were not answered at all.
    ///
    /// ## What to do
    ///
    /// - Find out when and why the peer forgot: its uptime, its log, the idle timeouts of firewalls between.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.8.4
    "keepalive-probe-rejected", "a keepalive found that the peer had forgotten the connection", by "who answered", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.is_stateless() || c.trigger_kind() != Some(Kind::KeepAlive) {
        return None;
    }
    if c.fin(c.sender).is_some() {
        return None;
    }
    let silence = c.idle_before().unwrap_or(0.0);
    Some(
        Finding::new(0.93, Basis::Observed, Severity::Warning)
            .with(answers(c))
            .with([Evidence::of(Fact::Idle { silence }, c.trigger()), made(c)])
            .with(timer(c, silence))
            .with(companions(c)),
    )
}
