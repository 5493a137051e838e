//! `half-open-recovery`: a new connection met a forgotten old one on the same ports.

use super::common::{answers, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::tcp_flags;
use crate::reset::Kind;

rule! {
    /// ## Signature
    ///
    /// - A SYN with a new sequence number on an address and port pair that the server still holds.
    /// - The server answers with an acknowledgment of the old connection (challenge ACK).
    /// - The client resets that old connection, bare RST at the number the challenge acknowledges, and sends its SYN again.
    ///
    /// ## Meaning
    ///
    /// The client lost the first connection without closing it (crash, reboot, a NAT that reused the port too early). The reset clears the server's leftover and is how TCP recovers.
    ///
    /// ## Easily confused with
    ///
    /// - `synack-unexpected`: the answer is a SYN-ACK with a wrong number, not an acknowledgment.
    /// - `no-such-connection`: no new SYN came before.
    ///
    /// ## What to do
    ///
    /// - Find out why the first connection ended without FIN: client crash, or a NAT that reuses ports sooner than the server forgets them.
    /// - Nothing to repair in this exchange; the retried SYN decides what follows.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.5.1 (figure 9); RFC 5961 4.2
    "half-open-recovery", "a new connection met a forgotten old one on the same ports", by "client-host", since "0.1.0", Some(check)
}

/// The new SYN comes at most this long before the challenge is refused.
const WINDOW_NS: i64 = 5_000_000_000;

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.by_client() || !c.is_stateless() {
        return None;
    }
    let challenge = c.trigger()?;
    if challenge.has(tcp_flags::SYN) || challenge.is_fin() || challenge.len > 0 {
        return None;
    }
    let (_, syn) = c.conn.segments[..c.at]
        .iter()
        .enumerate()
        .rev()
        .find(|(i, s)| {
            s.from == Side::Client
                && s.is_syn()
                && is_new(c, *i)
                && s.time <= challenge.time
                && challenge.time.nanos_since(s.time) < WINDOW_NS
                && challenge.ack != s.seq.plus(1)
                && !went_on(c, *i)
        })?;
    Some(
        Finding::new(0.95, Basis::Observed, Severity::Info)
            .with([
                Evidence::of(Fact::NewSyn, [syn]),
                Evidence::of(Fact::ChallengeAck, [challenge]),
            ])
            .with(answers(c))
            .with([made(c)]),
    )
}

/// The client went on after its SYN: it had the SYN-ACK, which the capture lacks.
fn went_on(c: &ResetContext, syn: usize) -> bool {
    let later = c.conn.segments[syn..c.at].iter();
    let mut own = later.filter(|s| s.from == Side::Client && s.duplicate_of.is_none());
    own.any(|s| !s.is_syn() && !s.is_rst())
}

/// The SYN opens a connection that is not the one the server holds.
fn is_new(c: &ResetContext, index: usize) -> bool {
    c.replay.kind(index) == Kind::Stray || c.final_ack().is_none()
}
