//! `upload-rejected`: the server answered early and reset the upload.

use super::common::{companions, made, request};
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
    if !c.by_server() || !unfinished || !refused || c.bytes(Side::Server) == 0 {
        return None;
    }
    let text = error.map_or_else(
        || response.unwrap_or_default(),
        |e| format!("{} {}", e.code, e.text),
    );
    let about = error.map_or_else(|| text.clone(), |e| e.code.clone());
    let body = Fact::BodyUnsent {
        seen: request_told.body_seen,
        expected: request_told.body_expected.unwrap_or(0),
    };
    Some(
        Finding::new(0.93, Basis::Stated, Severity::Error)
            .with([
                Evidence::of(
                    Fact::AppError {
                        text,
                        from: Side::Server,
                    },
                    c.last_data(Side::Server),
                ),
                Evidence::of(body, c.last_data(Side::Client)),
            ])
            .with(request(c))
            .with([made(c)])
            .with(companions(c))
            .blaming(Blame::ClientRequest)
            .read()
            .about(about),
    )
}
