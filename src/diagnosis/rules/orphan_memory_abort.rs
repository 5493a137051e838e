//! `orphan-memory-abort`: the system gave up a closed socket that could not get rid of its data.

use super::common::{fin, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - The reset's sender had sent FIN (or closed) with data still unacknowledged or the peer's window closed; some time later it resets, without anything new from the peer.
    /// - Only ever an alternative: the packet does not tell it from an application's own abort.
    ///
    /// ## Meaning
    ///
    /// The application had closed, the system kept the socket (an orphan) to deliver what was left, and dropped it when orphans became too many or memory short.
    ///
    /// ## Easily confused with
    ///
    /// - `dead-peer-abort`: the peer was silent and retransmissions went unanswered.
    /// - `abortive-close`: the application itself aborted.
    ///
    /// ## What to do
    ///
    /// - On the sender: `nstat -az TcpExtTCPAbortOnMemory`, `dmesg` for "too many orphaned sockets", `net.ipv4.tcp_max_orphans`, `tcp_orphan_retries`.
    ///
    /// ## References
    ///
    /// - Linux ip-sysctl, tcp_max_orphans; RFC 9293 3.6
    "orphan-memory-abort", "the system dropped a closed socket that still held data", by "the sender", since "0.1.0", Some(check)
}

/// FIN and RST further apart than this did not leave in one call.
const LATER: f64 = 0.2;

fn check(c: &ResetContext) -> Option<Finding> {
    let closed = c.fin(c.sender)?;
    let waited = c.rst().time.seconds_since(closed.time);
    let stuck = c.unacknowledged(c.sender) > 1 || c.peer().window == Some(0);
    if !c.is_abort() || c.forged || waited < LATER || !stuck || c.fin(c.sender.peer()).is_some() {
        return None;
    }
    let bytes = u64::from(c.unacknowledged(c.sender));
    Some(
        Finding::new(0.3, Basis::Inferred, Severity::Warning)
            .with(fin(c, c.sender))
            .with([Evidence::of(Fact::InFlight { bytes }, [closed, c.rst()])])
            .with([made(c)]),
    )
}
