//! `crossing-aborts`: both ends reset the connection on their own.

use super::common::{companions, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::reset::{Form, Role};

rule! {
    /// ## Signature
    ///
    /// - Resets in both directions, each an abort in its sender's own state, so close together that neither can have been caused by the other.
    ///
    /// ## Meaning
    ///
    /// Both applications closed abruptly at about the same time. The reset that the capture point saw first is called the primary one.
    ///
    /// ## Easily confused with
    ///
    /// - `middlebox-injection`: the resets do not go on with each side's time stamps, IP IDs and TTL.
    /// - `idle-timeout-reset`: both resets after a long silence, made by a device.
    ///
    /// ## What to do
    ///
    /// - Look for one event that made both ends close: a shutdown, a job's end, a timeout configured to the same value on both sides.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.5
    "crossing-aborts", "both ends reset the connection on their own", by "both endpoints", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if c.forged || c.form() != Form::Abort {
        return None;
    }
    let other = c
        .resets_with(Role::Crossing)
        .find(|r| r.form == Form::Abort)?;
    let other = c.segment(other.segment)?;
    let delay = other.time.seconds_since(c.rst().time).abs();
    Some(
        Finding::new(0.85, Basis::Observed, Severity::Info)
            .with([
                Evidence::of(Fact::BothWays { delay }, [c.rst(), other]),
                made(c),
            ])
            .with(companions(c)),
    )
}
