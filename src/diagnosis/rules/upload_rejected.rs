//! `upload-rejected`: the server answered early and reset the upload.

use super::common::{companions, made, request};
use crate::diagnosis::confidence::payload_cut;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::app::ResponseState;

rule! {
    /// ## Signature
    ///
    /// - A final HTTP status (413, 401, 403, 407, 408, 417, 429, 5xx) is sent while the request body is still incomplete, then a reset from the server.
    ///
    /// ## Meaning
    ///
    /// The server had decided before it read the body, and closed with the rest unread. The client may never see the status: the reset can destroy it in its receive buffer.
    ///
    /// ## Easily confused with
    ///
    /// - `error-response-then-reset`: the request was complete.
    /// - `reset-mid-response`: the answer, not the request, is incomplete.
    ///
    /// ## What to do
    ///
    /// - Act on the status: raise the body limit (413), authenticate first (401, 407), slow down (429).
    /// - Let the client send `Expect: 100-continue`, and the server use a lingering close.
    ///
    /// ## References
    ///
    /// - RFC 9112 9.6; RFC 9110 10.1.1, 15.5
    "upload-rejected", "the server answered early and reset the upload", by "server-host", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let request_told = c.story.last_request.as_ref()?;
    let error = c.story.error.as_ref().filter(|e| e.from_server);
    let response = c.story.last_response.clone();
    let unfinished = request_told.complete == Some(false) && request_told.body_expected.is_some();
    // what came before this request answered another one
    let refused =
        (error.is_some() || response.is_some()) && c.story.response != ResponseState::NotStarted;
    if !c.by_server() || !(unfinished || unaware(c)) || !refused || c.bytes(Side::Server) == 0 {
        return None;
    }
    let text = error.map_or_else(
        || response.unwrap_or_default(),
        |e| format!("{} {}", e.code, e.text),
    );
    let about = error.map_or_else(|| text.clone(), |e| e.code.clone());
    let body = match (request_told.body_expected, c.unacknowledged(Side::Client)) {
        (Some(expected), _) => Some(Fact::BodyUnsent {
            seen: request_told.body_seen,
            expected,
        }),
        (None, 0) => None,
        (None, bytes) => Some(Fact::InFlight {
            bytes: u64::from(bytes),
        }),
    };
    Some(
        Finding::new(0.93, Basis::Stated, Severity::Error)
            .with([Evidence::of(
                Fact::AppError {
                    text,
                    from: Side::Server,
                },
                c.last_data(Side::Server),
            )])
            .with(body.map(|body| Evidence::of(body, c.last_data(Side::Client))))
            .with(request(c))
            .with([made(c)])
            .with(companions(c))
            .blaming(Blame::ClientRequest)
            .read()
            .about(about),
    )
}

/// How long the request is was cut off, but the client was still sending: when the error had
/// not reached it, or (by an abort's acknowledgment) behind the answer to this very request.
fn unaware(c: &ResetContext) -> bool {
    let request = c.story.last_request.as_ref();
    let length_unknown = request.is_some_and(|r| r.complete.is_none() && r.body_expected.is_none());
    let stated = c.story.error.as_ref().is_some_and(|e| e.from_server);
    let went_on = if c.is_stateless() {
        let late = c.trigger().filter(|t| t.len > 0);
        let error = c.last_data(Side::Server);
        error.zip(late).is_some_and(|(e, t)| !t.ack.after(e.seq))
    } else {
        c.is_abort() && c.client_spoke_last()
    };
    length_unknown && stated && went_on && payload_cut(c)
}
