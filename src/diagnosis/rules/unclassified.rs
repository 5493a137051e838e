//! `unclassified`: the capture does not tell why.

use super::common::{answers, companions, fin, made, request, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - No other class fits.
    ///
    /// ## Meaning
    ///
    /// The form of the reset, its sender and the stage of the connection are reported; more the frames do not show.
    ///
    /// ## Easily confused with
    ///
    /// - Everything: treat it as an open question.
    ///
    /// ## What to do
    ///
    /// - Capture at both ends, from before the connection opens, with full packets.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.5
    "unclassified", "the capture does not tell why", by "unknown", since "0.1.0", Some(check)
}

#[allow(clippy::unnecessary_wraps)] // the type of every check
fn check(c: &ResetContext) -> Option<Finding> {
    Some(
        Finding::new(0.3, Basis::Inferred, Severity::Warning)
            .with([made(c)])
            .with(answers(c))
            .with(sni(c).or_else(|| request(c)))
            .with(fin(c, Side::Client))
            .with(fin(c, Side::Server))
            .with(companions(c)),
    )
}
