//! `dead-peer-abort`: one side gave up because the other stopped answering.

use super::common::{made, request, timer};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::{Segment, Side};
use crate::reset::Kind;

rule! {
    /// ## Signature
    ///
    /// - The reset's sender had sent at least two keepalives, or retransmitted at least three times, the same segment more than once, and heard nothing meanwhile; then it aborted.
    ///
    /// ## Meaning
    ///
    /// The peer or the path is dead. Linux resets after keepalives; other systems, proxies and kernel-bypass stacks also after retransmissions.
    ///
    /// ## Easily confused with
    ///
    /// - `keepalive-probe-rejected`: the peer answered, with a reset.
    /// - `client-gave-up-waiting`: the peer's stack acknowledged, its application did not answer.
    ///
    /// ## What to do
    ///
    /// - Capture at the other side: did the probes arrive? If they did, look at the answers' way back.
    /// - If only large segments were lost, test the path MTU.
    /// - Look for a firewall that forgot the connection and drops silently.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.8.3, 3.8.4; RFC 1122 4.2.3.5
    "dead-peer-abort", "one side gave up because the other stopped answering", by "the sender", since "0.1.0", Some(check)
}

/// Unanswered keepalives from which the peer counts as silent.
const KEEPALIVES: u32 = 2;
/// Unanswered retransmissions from which the peer counts as silent.
const RETRANSMISSIONS: u32 = 3;

fn check(c: &ResetContext) -> Option<Finding> {
    let own = c.own();
    if let Some(finding) = handshake_given_up(c) {
        return Some(finding);
    }
    if !c.is_abort() || !c.established() {
        return None;
    }
    let (what, count, kinds): (_, _, &[Kind]) = if own.keepalive_tail >= KEEPALIVES {
        (
            "keepalives",
            own.keepalive_tail,
            &[Kind::KeepAlive, Kind::WindowProbe],
        )
    } else if own.retransmission_tail >= RETRANSMISSIONS {
        (
            "retransmissions",
            own.retransmission_tail,
            &[Kind::Retransmission],
        )
    } else {
        return None;
    };
    if what == "keepalives" && c.peer().window == Some(0) {
        return None;
    }
    let since = match (c.last(c.sender.peer()), c.unseen()) {
        (Some(heard), _) => heard,
        // the peer's packets are not in the capture (before the reset): whether keepalives were
        // answered is not seen, but what is repeated was not acknowledged
        (None, unseen) if what == "retransmissions" => {
            let taken = unseen.and_then(|u| u.last);
            taken.or(c.last_data(c.sender))?
        }
        _ => return None,
    };
    let silence = c.rst().time.seconds_since(since.time);
    let probes = (0..c.at).filter(|i| {
        c.conn.segments[*i].from == c.sender
            && c.conn.segments[*i].time >= since.time
            && kinds.contains(&c.replay.kind(*i))
    });
    let frames: Vec<_> = probes.map(|i| &c.conn.segments[i]).collect();
    if what == "retransmissions" && !by_timer(&frames) {
        return None;
    }
    let fact = Fact::Unanswered {
        side: c.sender.peer(),
        what,
        count,
        silence,
    };
    Some(
        Finding::new(0.88, Basis::Observed, Severity::Error)
            .with([Evidence::of(
                fact,
                [since].into_iter().chain(frames).chain([c.rst()]),
            )])
            .with(request(c))
            .with(timer(c, silence))
            .with([made(c)])
            .blaming(Blame::Path),
    )
}

/// A timer repeats the first segment that was not acknowledged, again and again; what is sent
/// again segment after segment repairs a loss, and the peer was heard a moment ago.
fn by_timer(repeated: &[&Segment]) -> bool {
    repeated
        .iter()
        .any(|s| repeated.iter().filter(|other| other.seq == s.seq).count() >= 2)
}

/// The server repeated its SYN-ACK, nobody acknowledged it, and its timer ended with a reset, as
/// Windows and some BSDs send it. The SYN may have been a forged one.
fn handshake_given_up(c: &ResetContext) -> Option<Finding> {
    let count = c.side(Side::Server).syn_retransmissions;
    let silent = c.final_ack().is_none() && c.bytes(Side::Server) == 0;
    if !c.by_server() || !c.is_abort() || c.forged || !silent || count == 0 {
        return None;
    }
    let (syn, syn_ack) = (c.syn()?, c.syn_ack()?);
    let fact = Fact::Unanswered {
        side: Side::Client,
        what: "repeated SYN-ACKs",
        count,
        silence: c.rst().time.seconds_since(syn.time),
    };
    Some(
        Finding::new(0.8, Basis::Observed, Severity::Warning)
            .with([Evidence::of(fact, [syn, syn_ack, c.rst()]), made(c)])
            .blaming(Blame::Path),
    )
}
