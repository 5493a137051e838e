//! `error-response-then-reset`: an error was stated, then the connection reset.

use super::common::{companions, made, request, reset_after};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::app::Blame as AppBlame;

rule! {
    /// ## Signature
    ///
    /// - The last message of the reset's sender is an error of the application protocol that ends the connection (HTTP 4xx or 5xx, SMTP 421, MySQL ERR, PostgreSQL FATAL, SSH disconnect, BGP NOTIFICATION, HTTP/2 GOAWAY ...), then its reset.
    ///
    /// ## Meaning
    ///
    /// The message is the cause; the reset is how it closed, usually with something unread. The reset may have destroyed the message before its receiver read it.
    ///
    /// ## Easily confused with
    ///
    /// - `upload-rejected`: the request was not complete.
    /// - `tls-alert-then-reset`: the error is TLS's own.
    ///
    /// ## What to do
    ///
    /// - Act on the message.
    /// - If clients report "connection reset" instead of the message: let the sender drain its input before closing (lingering close).
    ///
    /// ## References
    ///
    /// - RFC 9112 9.6
    "error-response-then-reset", "an error was stated, then the connection reset", by "who stated the error", since "0.1.0", Some(check)
}

/// An error explains a reset that comes this soon after it.
const SOON: f64 = 5.0;
/// An error that usually leaves the connection open explains one that comes this soon.
const AT_ONCE: f64 = 1.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let error = c.story.error.as_ref()?;
    let from = if error.from_server {
        Side::Server
    } else {
        Side::Client
    };
    let message = c.last_data(from)?;
    let soon = c.rst().time.seconds_since(message.time) <= SOON;
    // the forger of the reset has forged the page before it as well
    let forged_words = c.forged && c.two_voices;
    if forged_words || from != c.sender || !(c.is_abort() || c.is_stateless()) || !soon {
        return None;
    }
    // an error that need not end the connection did so when its sender aborts at once
    let closes = error.fatal || error.explains_close;
    let sudden = c.is_abort()
        && c.own().last_data > c.peer().last_data
        && c.rst().time.seconds_since(message.time) <= AT_ONCE;
    if !(closes || sudden) || c.peer().last_data > c.own().last_data && c.is_stateless() {
        return None;
    }
    let text = format!("{} {}", error.code, error.text).trim().to_owned();
    let cause = if closes { 0.9 } else { 0.75 };
    let finding = Finding::new(cause, Basis::Stated, Severity::Error)
        .with([
            Evidence::of(Fact::AppError { text, from }, [message]),
            reset_after(c, "the error", message),
        ])
        .with(request(c))
        .with([made(c)])
        .with(companions(c))
        .read()
        .about(error.code.clone());
    Some(match error.blame {
        AppBlame::Client => finding.blaming(Blame::ClientRequest),
        AppBlame::Server => finding.blaming(Blame::ServerState),
        _ => finding,
    })
}
