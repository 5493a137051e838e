//! `half-close-refused`: the server took the client's FIN for a hang-up.

use super::common::{companions, fin, made, request};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - The client sends its request and FIN (half-close); the server aborts without having answered.
    ///
    /// ## Meaning
    ///
    /// Some proxies and servers treat a FIN as "the client is gone" and drop the request (HAProxy `abortonclose`, nginx status 499).
    ///
    /// ## Easily confused with
    ///
    /// - `normal-close-by-reset`: everything was answered before the client's FIN.
    /// - `reset-after-request`: no FIN of the client.
    ///
    /// ## What to do
    ///
    /// - Let the client keep its sending side open until it has the answer.
    /// - Or switch off the server's abort-on-close.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.6 (half-close); HAProxy configuration manual, "option abortonclose"
    "half-close-refused", "the server took the client's FIN for a hang-up", by "server-host", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let client_fin = c.fin(Side::Client)?;
    let last = c.last_data(Side::Client)?;
    let unanswered = match c.response_complete() {
        Some(complete) => !complete,
        None => {
            !c.story.encrypted
                && c.client_spoke_last()
                && c.story.protocol.is_some()
                && c.outstanding()
        }
    };
    if !c.by_server()
        || !c.is_abort()
        || c.fin(Side::Server).is_some()
        || !unanswered
        || c.story.clean_quit
    {
        return None;
    }
    let silence = c.rst().time.seconds_since(last.time);
    Some(
        Finding::new(0.65, Basis::Observed, Severity::Error)
            .with(fin(c, Side::Client))
            .with([Evidence::of(
                Fact::NoAnswer { silence },
                [last, client_fin, c.rst()],
            )])
            .with(request(c))
            .with([made(c)])
            .with(companions(c))
            .blaming(Blame::ServerConfiguration),
    )
}
