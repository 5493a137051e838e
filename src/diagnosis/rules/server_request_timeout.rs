//! `server-request-timeout`: the server's timer ended an incomplete request.

use super::common::{made, request, timer, timer_confidence, timer_silence};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - The client's message is incomplete by its framing (headers, body, login); a second or more of silence; then the server resets.
    ///
    /// ## Meaning
    ///
    /// The server waited for the rest. The client, or the network between, was too slow, or client and server disagree about the length.
    ///
    /// ## Easily confused with
    ///
    /// - `reset-after-request`: the request was complete.
    /// - `idle-timeout-reset`: nobody owed anything.
    ///
    /// ## What to do
    ///
    /// - See what the client did in the silence, and whether segments of the request are missing at the server.
    /// - Compare the silence with the server's header and body timeouts.
    ///
    /// ## References
    ///
    /// - RFC 9110 15.5.9 (408 Request Timeout)
    "server-request-timeout", "the server's timer ended an incomplete request", by "server-host", since "0.1.0", Some(check)
}

/// A client that sends its request line by line has a slow rhythm of its own; the timer of a
/// message counts all of it, and the last line is this old (seconds).
const SLOW: f64 = 1.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let incomplete = c
        .story
        .last_request
        .as_ref()
        .is_some_and(|r| r.complete == Some(false));
    // a server that greeted waits for the client to say something
    let login_due = c.story.banner_first && c.story.banner_seen && c.bytes(Side::Client) == 0;
    if !c.by_server() || !c.is_abort() || !(incomplete || login_due) {
        return None;
    }
    let silence =
        timer_silence(c).or_else(|| c.idle_before().filter(|s| incomplete && *s >= SLOW))?;
    let text = c.story.protocol.map_or("request", |p| p.name()).to_owned();
    let last = c.last_data(Side::Client).or(c.last_data(Side::Server));
    Some(
        Finding::new(
            timer_confidence(silence).max(0.72),
            Basis::Observed,
            Severity::Error,
        )
        .with([Evidence::of(
            Fact::RequestIncomplete { silence, text },
            last.into_iter().chain([c.rst()]),
        )])
        .with(request(c))
        .with(timer(c, silence))
        .with([made(c)])
        .blaming(Blame::SlowClient)
        .timed(),
    )
}
