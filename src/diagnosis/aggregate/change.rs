//! How a pattern changes a case.

use crate::diagnosis::evidence::{Blame, Evidence};
use crate::diagnosis::model::{Alternative, Case, Confidence, Party, Severity, Statement};
use crate::diagnosis::{tree, wording};

/// What a pattern says of one case.
pub(super) struct Change {
    pub class: &'static str,
    pub cause: Confidence,
    pub evidence: Vec<Evidence>,
    pub party: Option<(Party, Confidence)>,
    pub severity: Option<Severity>,
    pub blame: Option<Blame>,
    pub discriminator: Option<String>,
}

impl Change {
    pub(super) fn new(class: &'static str, cause: Confidence, evidence: Vec<Evidence>) -> Self {
        Self {
            class,
            cause,
            evidence,
            party: None,
            severity: None,
            blame: None,
            discriminator: None,
        }
    }
}

/// Gives a case the pattern's class; what it was before becomes an alternative.
pub(super) fn apply(case: &mut Case, change: Change) {
    let Some(rule) = tree::rule(change.class) else {
        return;
    };
    let d = &mut case.diagnosis;
    let before = d.class;
    if before != rule.id {
        d.alternatives.retain(|a| a.class != rule.id);
        d.alternatives.insert(
            0,
            Alternative {
                class: before,
                why_less_likely: wording::alone(),
            },
        );
        d.alternatives.truncate(3);
        d.class = rule.id;
        d.title = rule.title;
        d.advice = wording::advice(rule);
    }
    d.cause_confidence = change.cause;
    if let Some((party, confidence)) = change.party {
        d.party = party;
        d.party_confidence = confidence;
    }
    if let Some(severity) = change.severity {
        d.severity = severity;
    }
    if let Some(blame) = change.blame {
        d.blame = Some(wording::blame(blame));
    }
    if change.discriminator.is_some() {
        d.discriminator = change.discriminator;
    }
    cite(case, &change.evidence);
}

/// Puts evidence before the case's own and into its summary.
pub(super) fn cite(case: &mut Case, evidence: &[Evidence]) {
    let d = &mut case.diagnosis;
    d.summary = wording::lead_with(&wording::summary(evidence), &d.summary);
    let statements = evidence.iter().map(|e| Statement {
        text: wording::fact(&e.fact),
        frames: e.frames.clone(),
    });
    d.evidence.splice(0..0, statements);
    wording::renew(case);
}
