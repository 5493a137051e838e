//! `zero-window-abort`: the receiver had stopped reading.

use super::common::{companions, made, request};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - One side advertised a window of 0 for a second or more (or window probes went on) up to the reset.
    /// - A reset that answers data counts too, where its sender still had data that did not fit into the window: it had closed, and its FIN was not sent.
    ///
    /// ## Meaning
    ///
    /// The application on that side did not read. Either it closed with the data unread, or the sender lost patience.
    ///
    /// ## Easily confused with
    ///
    /// - `client-abort-mid-response`: the client's window was open.
    /// - `dead-peer-abort`: nothing came back at all, not even a closed window.
    ///
    /// ## What to do
    ///
    /// - Look at the application whose window was closed: blocked, overloaded, stopped in a debugger?
    /// - Compare its receive buffer with what is sent.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.8.6
    "zero-window-abort", "the receiver had stopped reading", by "either", since "0.1.0", Some(check)
}

/// Windows closed for a shorter time are everyday flow control.
const CLOSED: f64 = 1.0;

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.established() || (c.is_stateless() && !closed_behind_its_data(c)) {
        return None;
    }
    let (side, seconds) = Side::BOTH.into_iter().find_map(|side| {
        let since = c.side(side).zero_window_since?;
        let seconds = c.rst().time.seconds_since(since);
        (seconds >= CLOSED).then_some((side, seconds))
    })?;
    let closing = (0..c.at)
        .rev()
        .map(|i| &c.conn.segments[i])
        .find(|s| s.from == side && s.window == 0 && !s.is_rst());
    Some(
        Finding::new(0.87, Basis::Observed, Severity::Error)
            .with([Evidence::of(
                Fact::ZeroWindow { side, seconds },
                closing.into_iter().chain([c.rst()]),
            )])
            .with(request(c))
            .with([made(c)])
            .with(companions(c))
            .blaming(Blame::ReceiverNotReading(side)),
    )
}

/// The sender's application had closed, and neither its FIN nor its last data fitted into the
/// peer's window; what the peer then says meets a socket without an owner. A host that crashed
/// looks the same, but leaves its data unacknowledged only by chance.
fn closed_behind_its_data(c: &ResetContext) -> bool {
    let news = c.trigger().is_some_and(|t| t.len > 0 && t.window == 0);
    news && !c.forged && c.fin(c.sender).is_none() && c.unacknowledged(c.sender) > 0
}
