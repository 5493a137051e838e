//! How a pattern changes a case.

use crate::diagnosis::evidence::{Blame, Evidence};
use crate::diagnosis::model::{Alternative, Case, Confidence, Party, Severity};
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
    let (before, party) = (d.class, d.party.word());
    if before != rule.id {
        d.alternatives.retain(|a| a.class != rule.id);
        d.alternatives.insert(
            0,
            Alternative {
                class: before,
                why_less_likely: wording::alone().into(),
            },
        );
        d.alternatives.truncate(3);
        d.class = rule.id;
        d.title = rule.title;
    }
    d.cause_confidence = change.cause;
    if let Some((party, confidence)) = change.party {
        d.party = party;
        d.party_confidence = confidence;
    }
    if let Some(severity) = change.severity {
        d.severity = severity;
    }
    d.blame = change.blame.or(d.blame);
    if change.discriminator.is_some() {
        d.discriminator = change.discriminator;
    }
    let other = d.party.word() != party;
    cite(case, change.evidence);
    if other {
        // the pattern told it
        case.diagnosis.party_evidence = Some(0);
    }
}

/// Puts evidence before the case's own and into its summary.
pub(super) fn cite(case: &mut Case, evidence: Vec<Evidence>) {
    let d = &mut case.diagnosis;
    let tells_party = d.party_evidence;
    d.party_evidence = tells_party.map(|i| i + evidence.len());
    d.leads.insert(0, evidence.len() as u8);
    d.evidence.reserve_exact(evidence.len());
    d.evidence.splice(0..0, evidence);
}
