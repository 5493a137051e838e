//! `close-with-unread-data`: an application closed with received data unread.

use super::common::{companions, made, request};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - RST+ACK from a side whose stack had acknowledged data of its peer that the application did not consume: by framing, bytes follow the last answered message, or the answer was sent before the request was complete.
    ///
    /// ## Meaning
    ///
    /// The kernel turns `close()` into a reset when the receive buffer is not empty. On the wire this equals SO_LINGER 0 and a killed process; the unread data make it the likeliest.
    ///
    /// ## Easily confused with
    ///
    /// - `abortive-close`: nothing was left unread.
    /// - `reset-after-request`: the whole request was unanswered.
    ///
    /// ## What to do
    ///
    /// - Let the application read to the end (or `shutdown(SHUT_WR)` and drain) before it closes.
    /// - Check what the peer sent that nobody read: a pipelined request, trailing bytes, a body.
    ///
    /// ## References
    ///
    /// - RFC 1122 4.2.2.13; RFC 2525 2.17; RFC 9112 9.6
    "close-with-unread-data", "an application closed with received data unread", by "the sender", since "0.1.0", Some(check)
}

/// A message that follows an answer within this time (seconds) was sent before the server's
/// close could be known.
const RIGHT_BEHIND: f64 = 0.05;
/// A server that is closing resets this soon (seconds) after its last answer; later it had the
/// next request before it.
const AT_ONCE: f64 = 0.3;

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.is_abort() || c.forged || !c.by_server() {
        return None;
    }
    // last words with a FIN right behind them ask for nothing
    if c.fin(c.sender.peer()).is_some() && c.story.outstanding != Some(true) {
        return None;
    }
    let (mine, peers) = (c.own(), c.peer());
    let peer_spoke_last = peers.last_data > mine.last_data && peers.last_data.is_some();
    let spoken = mine.bytes > 0;
    let acked = c.unacknowledged(c.sender.peer()) == 0;
    // the last whole answer was to an earlier message, and this one came right behind it: the
    // server was closing, not judging the request
    let gap = match (c.last_data(c.sender), c.last_data(c.sender.peer())) {
        (Some(answer), Some(next)) => next.time.seconds_since(answer.time),
        _ => f64::MAX,
    };
    // its kernel took the message without its application answering
    let taken = match (c.last(c.sender), c.last_data(c.sender.peer())) {
        (Some(ack), Some(next)) => ack.time > next.time && ack.len == 0,
        _ => false,
    };
    let at_once = c
        .last_data(c.sender)
        .is_some_and(|answer| c.rst().time.seconds_since(answer.time) <= c.path_rtt() + AT_ONCE);
    let pipelined = c.story.responses > 0 && taken && at_once && gap <= c.path_rtt() + RIGHT_BEHIND;
    let answered = c.response_complete() == Some(true) || pipelined;
    if !(peer_spoke_last && spoken && acked && answered) || c.story.clean_quit {
        return None;
    }
    let unread = mine
        .last_data
        .map(|last| {
            let before = c.replay.state(last, c.sender.peer()).bytes;
            peers.bytes.saturating_sub(before)
        })
        .filter(|n| *n > 0)?;
    Some(
        Finding::new(0.65, Basis::Inferred, Severity::Warning)
            .with([Evidence::of(
                Fact::Unread { bytes: unread },
                c.last_data(c.sender.peer()).into_iter().chain([c.rst()]),
            )])
            .with(request(c))
            .with([made(c)])
            .with(companions(c))
            .blaming(Blame::PeerApplication(c.sender)),
    )
}
