//! `client-gave-up-waiting`: the client gave up waiting for the answer.

use super::common::{answers, companions, fin, made, request, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::diagnosis::timers;
use crate::flow::Side;
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - A complete request is outstanding, the server's stack acknowledged it at most, no byte of an answer for 0.9 s or more; then the client aborts or closes.
    ///
    /// ## Meaning
    ///
    /// A timeout of the client, or a person's patience. The slow part is the server or what it waits for.
    ///
    /// ## Easily confused with
    ///
    /// - `client-abort-mid-response`: the answer had begun.
    /// - `dead-peer-abort`: the server's stack did not answer either.
    ///
    /// ## What to do
    ///
    /// - Look into the server's log for this request: how long did it take, on what did it wait?
    /// - Find the client's timeout setting; if the wait equals it in several cases, that is it.
    /// - If the server never acknowledged the request, look at the network instead.
    ///
    /// ## References
    ///
    /// - RFC 9110 15.6.5 (504), 15.5.9 (408)
    "client-gave-up-waiting", "the client gave up waiting for the answer", by "client-host; the server was slow", since "0.1.0", Some(check)
}

/// Shorter waits are no timeouts.
const PATIENCE: f64 = 0.9;

fn check(c: &ResetContext) -> Option<Finding> {
    let own_fin = c.fin(Side::Client);
    let ended = c.is_abort() || (own_fin.is_some() && c.is_stateless());
    if !c.by_client() || !ended || c.forged || !c.outstanding() || c.story.clean_quit {
        return None;
    }
    let incomplete = c
        .story
        .last_request
        .as_ref()
        .is_some_and(|r| r.complete == Some(false));
    let handshaking = c
        .tls()
        .is_some_and(|t| t.handshake_complete != Some(true) && t.app_records[0] == 0);
    if incomplete || handshaking {
        return None;
    }
    let last = c.last_data(Side::Client)?;
    let end = own_fin.map_or(c.rst().time, |f| f.time);
    let waited = end.seconds_since(last.time);
    if waited < PATIENCE || (c.form() == Form::Stateless && own_fin.is_none()) {
        return None;
    }
    let round = timers::client_timeout(waited);
    let known = c.story.protocol.is_some();
    let cause = match (round.is_some(), known) {
        (true, true) => 0.87,
        (true, false) => 0.8,
        (false, true) => 0.7,
        (false, false) => 0.62,
    };
    let timer = round.map(|seconds| {
        let products = "a time-out the client was given".to_owned();
        Evidence::of(Fact::Timer { seconds, products }, [last, c.rst()])
    });
    Some(
        Finding::new(cause, Basis::Observed, Severity::Error)
            .with([Evidence::of(
                Fact::NoAnswer { silence: waited },
                [last, c.rst()],
            )])
            .with(request(c).or_else(|| sni(c)))
            .with(timer)
            .with(own_fin.and_then(|_| fin(c, Side::Client)))
            .with(answers(c).filter(|_| c.is_stateless()))
            .with([made(c)])
            .with(companions(c))
            .blaming(Blame::SlowServer)
            .timed(),
    )
}
