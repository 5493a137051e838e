//! `normal-close-by-reset`: everything was said; the reset only took the place of FIN.

use super::common::{answers, companions, fin, made, meets_goodbye, request};
use crate::diagnosis::confidence::payload_cut;
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
    /// - All requests are answered by their framing (or, in an unknown protocol, the last data came from the other side and are acknowledged); nothing is outstanding; then RST+ACK.
    ///
    /// ## Meaning
    ///
    /// Browsers, connection pools, proxies towards their servers, and many Windows services close this way, to save a round trip or TIME-WAIT. Nothing was lost.
    ///
    /// ## Easily confused with
    ///
    /// - `client-abort-mid-response`: the answer was not complete.
    /// - `idle-timeout-reset`: the connection had been silent before.
    /// - `close-with-unread-data`: something was left unread.
    ///
    /// ## What to do
    ///
    /// - Nothing.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.5; RFC 1122 4.2.2.13
    "normal-close-by-reset", "everything was said; the reset only took the place of FIN", by "either", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if meets_goodbye(c) && c.fin(c.sender).is_none() {
        return Some(
            Finding::new(0.8, Basis::Inferred, Severity::Harmless)
                .with([Evidence::of(Fact::CleanQuit, c.fin(c.sender.peer()))])
                .with(fin(c, c.sender.peer()))
                .with(answers(c))
                .with([made(c)])
                .with(companions(c)),
        );
    }
    if let Some(finding) = answer_not_seen(c) {
        return Some(finding);
    }
    let handshaking = c.tls().is_some_and(|t| {
        t.handshake_complete != Some(true) && t.app_records[0] == 0 && t.client_hello.is_some()
    });
    // what the capture lacks may be an error message
    let missed = c.missed(c.sender).is_some_and(|bytes| bytes > 1);
    if !c.is_abort() || !c.established() || c.forged || handshaking || missed {
        return None;
    }
    let quit = c.story.clean_quit;
    let received =
        c.by_server() || c.unacknowledged(Side::Server) <= u32::from(c.fin(Side::Server).is_some());
    let framed = c.response_complete() == Some(true) && !c.outstanding() && received;
    let cause = likelihood(c, quit, framed)?;
    let fact = if quit {
        Fact::CleanQuit
    } else {
        Fact::ResponseComplete {
            text: c.story.last_response.clone().filter(|_| framed),
        }
    };
    Some(
        Finding::new(cause, Basis::Observed, Severity::Harmless)
            .with([Evidence::of(
                fact,
                c.last_data(Side::Server)
                    .or(c.last_data(Side::Client))
                    .into_iter()
                    .chain([c.rst()]),
            )])
            .with(request(c))
            .with(fin(c, c.sender.peer()))
            .with([made(c)])
            .with(companions(c)),
    )
}

/// How likely it is that nothing was left to say: by the protocol's goodbye or framing, else
/// by who spoke last and what was acknowledged.
fn likelihood(c: &ResetContext, quit: bool, framed: bool) -> Option<f64> {
    let peer = c.sender.peer();
    let unacked = c.unacknowledged(peer) > u32::from(c.fin(peer).is_some());
    let said_something = c.bytes(Side::Client) + c.bytes(Side::Server) > 0 || c.is_mid_flow();
    let peer_spoke_last = c.peer().last_data > c.own().last_data;
    let peer_closed = c.fin(peer).is_some();
    // with nothing known of the protocol: the peer had the last word and it was taken, or the
    // peer has closed and what was sent to it is acknowledged
    // (a readable protocol whose framing does not say whether the answer is whole is neither)
    let heuristic = c.story.response == ResponseState::None
        || peer_closed
        || (c.response_complete().is_none()
            && (c.story.encrypted || c.story.protocol.is_none() || payload_cut(c)));
    let own_delivered = c.unacknowledged(c.sender) == 0;
    let settled = heuristic
        && said_something
        && !unacked
        && own_delivered
        && (peer_spoke_last && c.by_client() || peer_closed);
    if c.response_cut() || c.outstanding() && !quit {
        return None;
    }
    // a server that has said all says close_notify, or keeps the connection for a while
    let silent = c.by_server() && c.story.encrypted && c.idle_before().is_some_and(|s| s < 1.0);
    if silent && !quit && !framed && !peer_closed {
        return None;
    }
    // (a server's last word is no sign that it had said all, unless a protocol tells)
    if quit || framed {
        Some(0.88)
    } else {
        (settled && !unacked).then_some(0.66)
    }
}

/// An answer of this many bytes at most is whole when the client aborts right behind it.
const SMALL: u64 = 16_384;
/// At rest for this long (seconds), the client was not in the middle of an answer.
const AT_REST: f64 = 0.2;

/// Only the client was captured: its acknowledgments tell that it had got something after its
/// last message, and nothing came after its abort.
fn answer_not_seen(c: &ResetContext) -> Option<Finding> {
    let unseen = c.unseen().filter(|u| u.bytes > 0 && u.after_all)?;
    let last = unseen.last?;
    let rested = c.rst().time.seconds_since(last.time) >= AT_REST;
    let asked = c.bytes(Side::Client) > 0 && c.story.tls.is_none();
    let alone = c.episode.resets.len() == 1;
    // what came sooner than the path allows was no answer to the last message
    let round_trip = c.final_ack()?.time.seconds_since(c.syn()?.time);
    let answer = last.time.seconds_since(c.last_data(Side::Client)?.time);
    let answered = answer >= round_trip * 0.5;
    if !c.by_client() || !c.is_abort() || c.forged || !asked || !alone || !answered {
        return None;
    }
    let taken = Fact::UnseenTaken {
        side: Side::Server,
        bytes: unseen.bytes,
    };
    (rested || unseen.bytes <= SMALL).then(|| {
        Finding::new(0.66, Basis::Inferred, Severity::Harmless)
            .with([Evidence::of(taken, [last])])
            .with(request(c))
            .with([made(c)])
    })
}
