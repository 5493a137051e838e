//! `reset-after-close`: a reset after both sides had closed.

use super::common::{answers, companions, fin, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::reset::FinMark;

rule! {
    /// ## Signature
    ///
    /// - Both FINs were seen before the reset, and what it answers (if anything) carries no new data.
    ///
    /// ## Meaning
    ///
    /// The connection was over. A host that has already forgotten it answers a late acknowledgment or FIN, or an application turned its close into a reset. Nothing was lost.
    ///
    /// ## Easily confused with
    ///
    /// - `late-data-after-fin`: new data came after the close.
    /// - `normal-close-by-reset`: the reset took the place of the FIN.
    ///
    /// ## What to do
    ///
    /// - Nothing.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.6; RFC 1337
    "reset-after-close", "a reset after both sides had closed", by "either", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if c.fin_with_abort {
        return None;
    }
    let (client, server) = (c.fin(Side::Client)?, c.fin(Side::Server)?);
    let data_lost = c.is_stateless() && c.trigger().is_some_and(|t| t.len > 0);
    if data_lost || !(c.is_stateless() || c.is_abort()) {
        return None;
    }
    // FINs that crossed unread with data behind them are no finished close
    let had_it = |f: FinMark| c.own_received(f.seq.plus(1));
    if c.is_abort() && !c.fin_acked(c.sender) && !c.peer().fin.is_some_and(had_it) {
        return None;
    }
    Some(
        Finding::new(0.92, Basis::Observed, Severity::Harmless)
            .with([Evidence::of(Fact::BothFins, [client, server])])
            .with(fin(c, c.sender))
            .with(answers(c))
            .with([made(c)])
            .with(companions(c)),
    )
}
