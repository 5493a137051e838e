//! `idle-timeout-reset`: a timer closed an idle connection with a reset.

use super::common::{companions, made, timer, timer_confidence, timer_silence};
use super::preconnect_abandoned;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::reset::{Form, Role};

rule! {
    /// ## Signature
    ///
    /// - No payload either way for a second or more (and ten times what the connection's own rhythm explains), nobody owes an answer, then a reset that answers nothing; or resets in both directions at once.
    ///
    /// ## Meaning
    ///
    /// An endpoint, proxy or device dropped the connection because of its idle timer. With one direction and everything consistent it is that endpoint; both directions at the same moment are a device between (Azure load balancer with TCP reset, FortiGate with timeout-send-rst).
    ///
    /// ## Easily confused with
    ///
    /// - `stale-connection-reuse`: the reset answers data after the silence.
    /// - `client-gave-up-waiting`: a request was outstanding.
    /// - `normal-close-by-reset`: the silence is short.
    ///
    /// ## What to do
    ///
    /// - Compare the silence with the timers listed in the evidence, and with other cases: equal silences are one timer.
    /// - Make the client's idle time shorter than that of every hop, or send keepalives.
    ///
    /// ## References
    ///
    /// - RFC 5382 REQ-5
    "idle-timeout-reset", "a timer closed an idle connection with a reset", by "either or a device on the path", since "0.1.0", Some(check)
}

/// A silence of this length is a timer's, whatever was before.
const CERTAIN: f64 = 10.0;
/// Resets both ways within this time are one event.
const BOTH_WAYS: f64 = 0.05;
/// Idle times from here on are a device's if both sides are reset at once, or if a device made
/// the reset.
const DEVICE_IDLE: f64 = 5.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let silence = timer_silence(c).or_else(|| since_capture_began(c))?;
    if outlived(c, silence) {
        return None;
    }
    let closing = c.fin(Side::Client).is_some() || c.fin(Side::Server).is_some();
    if closing || !c.established() || c.is_stateless() || c.form() == Form::Refusal {
        return None;
    }
    // a device counts the silence, whoever is to speak next
    let device = c.forged && silence >= DEVICE_IDLE;
    if !device && (c.outstanding() || c.response_cut() || c.story.clean_quit) {
        return None;
    }
    if preconnect_abandoned::unused(c) && both_ways(c).is_none() {
        return None;
    }
    // what was never delivered is no silence by choice
    if Side::BOTH
        .into_iter()
        .any(|side| c.unacknowledged(side) > 0)
    {
        return None;
    }
    let said = c.bytes(Side::Client) + c.bytes(Side::Server);
    if said == 0 && !c.is_mid_flow() {
        return None;
    }
    let last = (0..c.at)
        .rev()
        .find_map(|i| (c.replay.kind(i) == crate::reset::Kind::Data).then(|| &c.conn.segments[i]));
    // a client that drops what it keeps for later use, with nothing open, loses nothing
    let severity = match c.response_complete() {
        Some(true) if c.by_client() && !c.forged => Severity::Harmless,
        None if c.by_client() && !c.forged && (c.server_spoke_last() || said == 0) => {
            Severity::Info
        }
        _ if c.by_client() && c.unseen().is_some_and(|u| u.after_all) => Severity::Info,
        _ if device && c.outstanding() => Severity::Error,
        _ => Severity::Warning,
    };
    let mut finding = Finding::new(timer_confidence(silence), Basis::Inferred, severity)
        .with([Evidence::of(
            Fact::Idle { silence },
            last.into_iter().chain([c.rst()]),
        )])
        .with(timer(c, silence));
    if let Some(delay) = both_ways(c).filter(|_| silence >= DEVICE_IDLE) {
        finding = finding.with([Evidence::of(Fact::BothWays { delay }, [c.rst()])]);
        finding.cause = finding.cause.max(0.86);
        finding = finding.party(Party::MiddleboxBoth, Confidence::High);
    }
    Some(finding.with([made(c)]).with(companions(c)).timed())
}

/// Nothing was said since the capture began, and nobody asked whether the other is there.
fn since_capture_began(c: &ResetContext) -> Option<f64> {
    let quiet = |side: Side| {
        let state = c.side(side);
        state.bytes == 0 && state.keepalive_tail == 0 && state.retransmission_tail == 0
    };
    let silent = c.is_mid_flow() && Side::BOTH.into_iter().all(quiet);
    c.idle_packets()
        .filter(|s| silent && c.form() == Form::Abort && *s >= CERTAIN)
}

/// The connection was at rest for longer before, and no timer ended it.
fn outlived(c: &ResetContext, silence: f64) -> bool {
    const LONGER: f64 = 1.05;
    let mut answered = None;
    (0..c.at).any(|i| {
        let segment = &c.conn.segments[i];
        if c.replay.kind(i) != crate::reset::Kind::Data {
            return false;
        }
        let rest = answered
            .map(|time| segment.time.seconds_since(time))
            .filter(|rest| segment.from == Side::Client && *rest >= silence * LONGER);
        answered = (segment.from == Side::Server).then_some(segment.time);
        rest.is_some()
    })
}

/// The other direction was reset at the same moment, and not in answer to anything.
fn both_ways(c: &ResetContext) -> Option<f64> {
    c.episode
        .resets
        .iter()
        .filter(|r| r.from != c.sender && matches!(r.role, Role::Crossing | Role::Later))
        .map(|r| {
            c.conn.segments[r.segment]
                .time
                .seconds_since(c.rst().time)
                .abs()
        })
        .find(|delay| *delay <= BOTH_WAYS.max(c.path_rtt()))
}
