//! From a rule's likelihood and the quality of the capture to high, medium or low
//! (diagnosis 3.0).

use super::context::ResetContext;
use super::model::Confidence;
use super::rule::Finding;
use crate::flow::{RoleBasis, Side};

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
pub fn of_cause(c: &ResetContext, finding: &Finding, one_sample: bool) -> f64 {
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
    factor(finding.by_payload && payload_cut(c), CUT_PAYLOAD);
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

fn payload_cut(c: &ResetContext) -> bool {
    Side::BOTH.into_iter().any(|side| {
        c.last_data(side)
            .is_some_and(|s| s.payload.len() < s.len as usize)
    })
}
