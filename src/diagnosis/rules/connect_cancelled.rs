//! `connect-cancelled`: the client had given up when the answer came.

use super::common::{answers, made};
use super::port_scan_syn::half_open;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::tcp_flags;
use crate::reset::Kind;

rule! {
    /// ## Signature
    ///
    /// - SYN, SYN-ACK, then RST from the client instead of an ACK.
    /// - The SYN-ACK was slow, or the SYN had to be repeated, or a sibling attempt to another address won (Happy Eyeballs).
    ///
    /// ## Meaning
    ///
    /// The client closed its socket while connecting: a connect timeout, a race between IPv6 and IPv4, a cancelled page. The late SYN-ACK finds no socket and is reset.
    ///
    /// ## Easily confused with
    ///
    /// - `port-scan-syn`: many targets or crafted SYNs.
    /// - `syn-rejected-by-middlebox`: a forged refusal reached the client first, and the client resets the real SYN-ACK; from the server's side the two look the same.
    ///
    /// ## What to do
    ///
    /// - *sibling-won*: nothing; the client took the other connection.
    /// - *slow-answer*: compare the client's connect timeout with the SYN-ACK's delay, and find out what delays or loses the SYN.
    /// - *no-socket*: the SYN-ACK was fast; capture at the client, for a forged refusal may have reached it first.
    /// - *taken-back*: look into the client's log for why it gave up before an answer.
    ///
    /// ## References
    ///
    /// - RFC 8305; RFC 9293 3.10.7.3
    "connect-cancelled", "the client had given up when the answer came", by "client-host", since "0.1.0", Some(check)
}

/// Discriminator: the answer came at once, and the client had no socket for it.
pub const NO_SOCKET: &str = "no-socket";

/// A SYN-ACK this late explains that a client gave up.
const SLOW: f64 = 0.25;

fn check(c: &ResetContext) -> Option<Finding> {
    if c.by_client() && c.syn_ack().is_none() && own_syn_withdrawn(c) {
        let unseen = c.rst().has(tcp_flags::ACK) && c.rst().ack.0 != 0;
        let fact = if unseen {
            Fact::SynAckUnseen
        } else {
            Fact::NothingSaid {
                side: Some(Side::Server),
            }
        };
        let finding = Finding::new(0.7, Basis::Observed, Severity::Info)
            .with([Evidence::of(fact, c.syn())])
            .with([made(c)])
            .about("taken-back");
        return Some(match c.syn() {
            // what comes another way than the SYN, from another distance, need not be the client's
            Some(syn) if syn.src_mac != c.rst().src_mac && syn.ttl != c.rst().ttl => {
                finding.party(Party::Unknown, Confidence::Medium)
            }
            _ => finding,
        });
    }
    if !half_open(c) {
        return None;
    }
    let (syn, syn_ack) = (c.syn()?, c.syn_ack()?);
    let delay = syn_ack.time.seconds_since(syn.time);
    let retransmissions = c.side(Side::Client).syn_retransmissions;
    let slow = delay >= SLOW || retransmissions > 0;
    let severity = if slow {
        Severity::Warning
    } else {
        Severity::Info
    };
    let fact = Fact::SynAckSlow {
        delay,
        retransmissions,
    };
    Some(
        Finding::new(if slow { 0.72 } else { 0.5 }, Basis::Inferred, severity)
            .with([Evidence::of(fact, [syn, syn_ack])])
            .with(answers(c))
            .with([made(c)])
            .about(if slow { "slow-answer" } else { NO_SOCKET }),
    )
}

/// The client took its SYN back before any answer.
fn own_syn_withdrawn(c: &ResetContext) -> bool {
    c.side(Side::Client).isn.is_some()
        && c.side(Side::Server).segments == 0
        && (0..c.at).all(|i| {
            matches!(
                c.replay.kind(i),
                Kind::Syn | Kind::Copy | Kind::Reset | Kind::Stray
            )
        })
}
