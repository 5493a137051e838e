//! `reset-after-request`: the server reset instead of answering.

use super::common::{aborted_on_request, companions, fin, made, request, reset_after, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - The client sent a request; the server sent nothing after it and resets (RST+ACK).
    ///
    /// ## Meaning
    ///
    /// At once: a policy or parse rejection, a firewall module in the server, `close()` with the request unread. After a while: a crashed or killed worker, a proxy whose server failed, a timeout. SO_LINGER 0, a killed process and close with unread data are the same packet.
    ///
    /// ## Easily confused with
    ///
    /// - `reset-mid-response`: the answer had begun.
    /// - `server-request-timeout`: the request was incomplete.
    /// - `stale-connection-reuse`, `keepalive-race`: the request met a connection that no longer existed.
    ///
    /// ## What to do
    ///
    /// - Server or application log at the time of the reset; core dumps; web application firewall log.
    /// - Reproduce with the same request (`curl -v`), and with a harmless one.
    /// - Linux 6.10 and later: the tracepoint `tcp:tcp_send_reset` prints the reason.
    ///
    /// ## References
    ///
    /// - RFC 1122 4.2.2.13; RFC 9293 3.10.5
    "reset-after-request", "the server reset instead of answering", by "server-host", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if let Some(finding) = request_not_seen(c) {
        return Some(finding);
    }
    let last = c.last_data(Side::Client)?;
    let aborted = c.is_abort() || aborted_on_request(c);
    // the server did not wait for the rest of it
    let unfinished = c.client_spoke_last()
        && c.bytes(Side::Server) == 0
        && c.story
            .last_request
            .as_ref()
            .is_some_and(|r| r.complete == Some(false));
    let pending = c.outstanding() || unfinished;
    if !c.by_server() || !aborted || !pending || c.story.clean_quit {
        return None;
    }
    if c.fin(Side::Server).is_some() || c.fin(Side::Client).is_some() && c.story.protocol.is_none()
    {
        return None;
    }
    let silence = c.rst().time.seconds_since(last.time);
    let mut finding = Finding::new(0.62, Basis::Observed, Severity::Error)
        .with(request(c).or_else(|| sni(c)))
        .with([reset_after(c, "the request", last)]);
    let unread = c.unacknowledged(Side::Client);
    if unread == 0 {
        finding = finding.with([Evidence::of(Fact::NoAnswer { silence }, [last, c.rst()])]);
    } else {
        let fact = Fact::InFlight {
            bytes: u64::from(unread),
        };
        finding = finding.with([Evidence::of(fact, [last])]);
    }
    Some(
        finding
            .with(fin(c, Side::Client))
            .with([made(c)])
            .with(companions(c)),
    )
}

/// Only the server was captured: it took a message, sent nothing back, and aborted.
fn request_not_seen(c: &ResetContext) -> Option<Finding> {
    let unseen = c.unseen_waits()?;
    if !c.is_abort() || c.fin(Side::Server).is_some() || c.response_cut() {
        return None;
    }
    let taken = Fact::UnseenTaken {
        side: Side::Client,
        bytes: unseen.bytes,
    };
    let last = unseen.last?;
    Some(
        Finding::new(0.62, Basis::Inferred, Severity::Error)
            .with([
                Evidence::of(taken, [last]),
                reset_after(c, "its last acknowledgment", last),
                made(c),
            ])
            .with(companions(c)),
    )
}
