//! From a rule's likelihood and the quality of the capture to high, medium or low
//! (diagnosis 3.0).

use super::context::ResetContext;
use super::model::Confidence;
use super::rule::Finding;
use crate::flow::RoleBasis;

/// From here on "high": right in 95 of 100.
const HIGH: f64 = 0.85;
/// From here on "medium": right in 75 of 100.
const MEDIUM: f64 = 0.6;
/// Never more certain than this.
const CEILING: f64 = 0.97;
/// Why an application aborted cannot be told from the packet (SO_LINGER 0, unread data, a
/// killed process look alike): classes that guess at it stay below.
const HANDSHAKE_MISSING: f64 = 0.85;
const DIRECTION_MISSING: f64 = 0.6;
const ROLES_INFERRED: f64 = 0.9;
const GAP_NEAR_END: f64 = 0.8;
const CUT_PAYLOAD: f64 = 0.85;
const ONE_RTT_SAMPLE: f64 = 0.9;
const TRIGGER_MISSING: f64 = 0.8;

/// Classes that are told from TCP's own state, whatever was said.
const STATE_CLASSES: [&str; 16] = [
    "ineffective-reset",
    "orphan-reset",
    "mptcp-reset",
    "half-open-recovery",
    "old-incarnation-segment",
    "syn-refused",
    "syn-rejected-by-middlebox",
    "handshake-ack-rejected",
    "reset-after-handshake",
    "crossing-aborts",
    "reset-after-close",
    "keepalive-probe-rejected",
    "dead-peer-abort",
    "zero-window-abort",
    "stale-connection-reuse",
    "no-such-connection",
];

/// The word for a likelihood.
#[must_use]
pub fn word(likelihood: f64) -> Confidence {
    if likelihood >= HIGH {
        Confidence::High
    } else if likelihood >= MEDIUM {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

/// The cause's likelihood after what the capture lacks is taken off.
#[must_use]
pub fn of_cause(c: &ResetContext, class: &str, finding: &Finding, one_sample: bool) -> f64 {
    let mut likelihood = finding.cause;
    let mut factor = |applies: bool, by: f64| {
        if applies {
            likelihood *= by;
        }
    };
    factor(c.is_mid_flow(), HANDSHAKE_MISSING);
    factor(c.one_direction_missing(), DIRECTION_MISSING);
    factor(roles_inferred(c), ROLES_INFERRED);
    factor(
        (c.own().gap || c.peer().gap) && !c.one_direction_missing(),
        GAP_NEAR_END,
    );
    let content = finding.by_payload || !STATE_CLASSES.contains(&class);
    factor(content && payload_cut(c), CUT_PAYLOAD);
    factor(finding.by_timing && c.forged && one_sample, ONE_RTT_SAMPLE);
    factor(
        c.is_stateless() && c.primary().trigger.is_none(),
        TRIGGER_MISSING,
    );
    factor(finding.by_timing && !c.clock_ok(), TRIGGER_MISSING);
    likelihood.min(CEILING)
}

/// Who is client and who is server was guessed from ports.
#[must_use]
pub fn roles_inferred(c: &ResetContext) -> bool {
    matches!(
        c.conn.role_basis,
        RoleBasis::WellKnownPort | RoleBasis::SharedPort | RoleBasis::LowerPort
    )
}

/// Less than half of some segment's payload was captured.
pub(super) fn payload_cut(c: &ResetContext) -> bool {
    c.conn.segments.iter().take(c.at).any(|s| {
        s.len > 0 && !s.is_rst() && s.duplicate_of.is_none() && s.payload.len() * 2 < s.len as usize
    })
}
