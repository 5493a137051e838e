//! `old-incarnation-segment`: a reset answered a segment of an earlier connection.

use super::common::{answers, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::packet::tcp_flags;
use crate::reset::Kind;

rule! {
    /// ## Signature
    ///
    /// - A bare RST answers a segment whose numbers lie far outside this connection: it belongs to an earlier one on the same ports.
    ///
    /// ## Meaning
    ///
    /// A late segment of the previous connection met the new one. The reset is addressed to the old one and normally does no harm.
    ///
    /// ## Easily confused with
    ///
    /// - `half-open-recovery`: the client's new SYN met the old connection at the server.
    /// - `ineffective-reset`: a reset without a segment to answer.
    ///
    /// ## What to do
    ///
    /// - Nothing, if the connection went on.
    /// - If it died, the ports were reused too early: look at the client's port range and at NAT timeouts.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.5.1; RFC 6191
    "old-incarnation-segment", "a reset answered a segment of an earlier connection", by "the sender", since "0.1.0", Some(check)
}

/// A segment that acknowledges this near to the present belongs to this connection.
const CURRENT_BYTES: u32 = 1 << 24;

fn check(c: &ResetContext) -> Option<Finding> {
    let stray = c.trigger_kind() == Some(Kind::Stray) && c.is_stateless();
    let trigger = c.trigger()?;
    let current = c.own().next.is_some_and(|n| {
        trigger.has(tcp_flags::ACK) && trigger.ack.since(n).unsigned_abs() < CURRENT_BYTES
    });
    if !stray || current || trigger.has(tcp_flags::SYN) || c.own().next.is_none() {
        return None;
    }
    let severity = if c.episode.continues {
        Severity::Harmless
    } else {
        Severity::Warning
    };
    Some(
        Finding::new(0.6, Basis::Observed, severity)
            .with(answers(c))
            .with([Evidence::of(Fact::NoSyn, [trigger]), made(c)]),
    )
}
