//! `orphan-reset`: a reset of which nothing else is in the capture.

use super::common::made;
use super::syn_refused::not_to_rfc;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - The connection consists of resets alone, or nothing the sender or its peer sent before is in the capture.
    ///
    /// ## Meaning
    ///
    /// The capture began too late, sees only one path of an asymmetric route, or the reset answers packets with a forged source address (backscatter). What it ended cannot be known.
    ///
    /// ## Easily confused with
    ///
    /// - `no-such-connection`: the segment that was answered is in the capture.
    /// - `reset-cause-before-capture`: the connection is visible, only its end is not.
    ///
    /// ## What to do
    ///
    /// - Start the capture earlier or on the other path, and take it on an interface that sees both directions.
    /// - Many of these from one address to many ports are backscatter of somebody else's spoofed packets: nothing to repair.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.5.2
    "orphan-reset", "a reset of which nothing else is in the capture", by "unknown", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let alone = c.own().segments == 0 && c.peer().segments == 0;
    if !alone && c.form() != Form::Orphan || not_to_rfc(c).is_some() {
        return None;
    }
    let fact = Evidence::of(Fact::NothingSaid { side: None }, [c.rst()]);
    let finding = Finding::new(0.7, Basis::Observed, Severity::Info).with([fact, made(c)]);
    Some(if c.forged {
        finding
    } else {
        finding.party(Party::Unknown, Confidence::Medium)
    })
}
