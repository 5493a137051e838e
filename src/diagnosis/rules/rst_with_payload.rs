//! `rst-with-payload`: the reset carries an explanation.

use super::common::made;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::packet::app::{RstReasonKind, rst_payload};

rule! {
    /// ## Signature
    ///
    /// - The reset carries payload that is readable text or a diagnostic code.
    ///
    /// ## Meaning
    ///
    /// RFC 9293 allows a reset to explain itself. The text is quoted as it is; who wrote it is judged from the rest.
    ///
    /// ## Easily confused with
    ///
    /// - `load-balancer-rst-cause`: the text has the format of a known load balancer.
    ///
    /// ## What to do
    ///
    /// - Read the quoted text; search the documentation of the devices on the path for it.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.5.3; RFC 1122 4.2.2.12; draft-ietf-tcpm-rst-diagnostic-payload
    "rst-with-payload", "the reset carries an explanation", by "the sender", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let reason = rst_payload(&c.rst().payload)?;
    if !matches!(reason.kind, RstReasonKind::Diagnostic | RstReasonKind::Text) {
        return None;
    }
    let fact = Fact::RstPayload {
        text: reason.text.clone(),
        device: false,
    };
    Some(
        Finding::new(0.75, Basis::Stated, Severity::Warning)
            .with([Evidence::of(fact, [c.rst()]), made(c)])
            .read()
            .about(reason.text),
    )
}
