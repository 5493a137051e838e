//! `synack-unexpected`: the SYN-ACK was not the one the client waited for.

use super::common::{answers, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::tcp_flags;

rule! {
    /// ## Signature
    ///
    /// - The client answers a SYN-ACK with a bare RST because its acknowledgment number does not fit the client's SYN, or because the client sent no SYN at all in this capture.
    ///
    /// ## Meaning
    ///
    /// A firewall that rewrites sequence numbers on one leg only, a stale half-open connection, SYN cookies that got mixed up, or answers to SYNs that somebody else sent with the client's address (backscatter).
    ///
    /// ## Easily confused with
    ///
    /// - `connect-cancelled`: the SYN-ACK fits, but the client had given up.
    /// - `port-scan-syn`: the scanner's own kernel refuses answers to raw packets.
    ///
    /// ## What to do
    ///
    /// - Capture on both sides of the firewall and compare the sequence numbers of SYN and SYN-ACK.
    /// - Many of these without any SYN: somebody spoofs this client's address; nothing to repair here.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.3; RFC 4987
    "synack-unexpected", "the SYN-ACK was not the one the client waited for", by "unknown", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.by_client() || !c.is_stateless() && !c.is_abort() {
        return None;
    }
    if let Some(finding) = not_seen(c) {
        return Some(finding);
    }
    let syn_ack = c
        .trigger()
        .filter(|q| q.has(tcp_flags::SYN | tcp_flags::ACK))?;
    let fact = match c.side(Side::Client).isn {
        Some(isn) if syn_ack.ack != isn.plus(1) && syn_ack.ack.since(isn) != 1 => {
            // data on the SYN may be acknowledged with it
            let data = c.syn().map_or(0, |s| s.len);
            if syn_ack.ack == isn.plus(1).plus(data) {
                return None;
            }
            Fact::AckMismatch {
                bytes: i64::from(syn_ack.ack.since(isn.plus(1))),
            }
        }
        Some(_) => return None,
        None if c.own().segments == 0 => Fact::NoSyn,
        None => return None,
    };
    Some(
        Finding::new(0.7, Basis::Observed, Severity::Warning)
            .with([Evidence::of(fact, [syn_ack])])
            .with(answers(c))
            .with([made(c)])
            .party(Party::Unknown, Confidence::Medium),
    )
}

/// Only the client was captured: it had sent nothing but its SYN, and the number of its RST is
/// what a SYN-ACK acknowledged that was not for this SYN.
fn not_seen(c: &ResetContext) -> Option<Finding> {
    let client = c.side(Side::Client);
    let off = c.rst().seq.since(client.isn?.plus(1));
    let lone = c.unseen()?.bytes == 0 && client.bytes == 0 && client.max_ack.is_none();
    if !c.is_stateless() || c.trigger().is_some() || !lone || off == 0 {
        return None;
    }
    let fact = Fact::AckMismatchUnseen {
        bytes: i64::from(off),
    };
    Some(
        Finding::new(0.7, Basis::Inferred, Severity::Warning)
            .with([Evidence::of(fact, [c.rst()]), made(c)])
            .party(Party::Unknown, Confidence::Medium),
    )
}
