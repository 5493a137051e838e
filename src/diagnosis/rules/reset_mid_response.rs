//! `reset-mid-response`: the server reset while its answer was incomplete.

use super::common::{companions, made, request, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::app::ResponseState;

rule! {
    /// ## Signature
    ///
    /// - The server had begun to answer; by the protocol's framing the answer is not whole; the server resets.
    ///
    /// ## Meaning
    ///
    /// A worker crashed, a proxy lost its server or ran into its timeout, a quota or content filter cut the answer, a write timed out.
    ///
    /// ## Easily confused with
    ///
    /// - `reset-after-request`: no byte of an answer.
    /// - `client-abort-mid-response`: the client reset.
    ///
    /// ## What to do
    ///
    /// - Server or proxy log at this time; core dumps; the proxy's upstream errors.
    /// - If answers break at the same size or time, look for a limit or timeout of that value.
    ///
    /// ## References
    ///
    /// - RFC 9112 8 (incomplete messages)
    "reset-mid-response", "the server reset while its answer was incomplete", by "server-host", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let partial_record = c
        .tls()
        .is_some_and(|t| t.last_record_partial[1] && t.app_records[1] > 0);
    let (seen, expected) = match c.story.response {
        ResponseState::Partial { expected, seen } => (seen, expected),
        _ if partial_record => (c.bytes(Side::Server), None),
        _ => return None,
    };
    if !c.by_server() || !c.is_abort() || c.client_spoke_last() && !partial_record {
        return None;
    }
    Some(
        Finding::new(0.68, Basis::Observed, Severity::Error)
            .with([Evidence::of(
                Fact::ResponseCut { seen, expected },
                c.last_data(Side::Server).into_iter().chain([c.rst()]),
            )])
            .with(request(c).or_else(|| sni(c)))
            .with([made(c)])
            .with(companions(c)),
    )
}
