//! `reset-cause-before-capture`: what the reset answers lies before the capture.

use super::common::{answers, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - Only answers are visible: bare resets to segments of a side that had been told before, while the connection's end itself is not in the capture.
    ///
    /// ## Meaning
    ///
    /// The connection ended before the capture (or the kept part of it) began. These resets are consequences.
    ///
    /// ## Easily confused with
    ///
    /// - `orphan-reset`: nothing but resets.
    ///
    /// ## What to do
    ///
    /// - Start the capture earlier.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.1
    "reset-cause-before-capture", "what the reset answers lies before the capture", by "unknown", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let bare = matches!(c.form(), Form::BareAbort | Form::Behind);
    let silent = c.own().bytes == 0 && c.peer().bytes == 0;
    if !c.is_mid_flow() || !silent || !bare || c.forged || c.primary().trigger.is_some() {
        return None;
    }
    Some(
        Finding::new(0.5, Basis::Inferred, Severity::Info)
            .with([Evidence::of(Fact::NoSyn, [c.rst()])])
            .with(answers(c))
            .with([made(c)])
            .party(Party::Unknown, Confidence::Low),
    )
}
