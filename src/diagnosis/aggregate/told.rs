//! Case files given back: what an earlier run said that saw the whole capture. A case file
//! holds one connection; a class that rests on several cannot be found in it again.

use super::change::{Change, apply};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Case, Confidence, Party, Severity};
use crate::diagnosis::tree;
use crate::diagnosis::wording::pattern;

/// Classes with a rule for one connection that asks about others, too; those without one are
/// found by comparison only.
const ASKS_ABOUT_OTHERS: [&str; 4] = [
    "ecn-syn-refused",
    "invalid-protocol-data",
    "port-scan-syn",
    "syn-rejected-by-middlebox",
];

/// What the run that wrote a case file said of its case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Id of the class.
    pub class: String,
    /// Who, and how sure.
    pub party: Party,
    #[allow(missing_docs)]
    pub party_confidence: Confidence,
    /// How sure why was, how it was known, and how much it mattered.
    pub cause_confidence: Confidence,
    #[allow(missing_docs)]
    pub basis: Basis,
    #[allow(missing_docs)]
    pub severity: Severity,
    /// It left packets of the connection out of the file.
    pub cut: bool,
    /// What it gave as its first reason, one clean line; empty if it gave none.
    pub reason: String,
}

/// Lets the earlier run's word stand where it saw more than this one: for classes that rest on
/// other connections, for any class where packets of the connection are left out of the file,
/// and for who it was and how sure where the class is the same. What this
/// connection alone shows becomes the first alternative, and the evidence says whose word it is.
pub fn adopt(case: &mut Case, told: &Told) {
    let Some(rule) = tree::rule(&told.class) else {
        return;
    };
    let own = &mut case.diagnosis;
    let same_class = own.class == rule.id;
    let rests_on_others = rule.check.is_none() || ASKS_ABOUT_OTHERS.contains(&rule.id);
    if !same_class && !rests_on_others && !told.cut {
        return; // the frames of the connection are all here: they decide
    }
    let sure = own.cause_confidence.min(told.cause_confidence);
    if same_class && own.party == told.party {
        // the other connections of the capture are what made it as sure as it was, or less
        own.cause_confidence = sure;
        own.party_confidence = own.party_confidence.min(told.party_confidence);
        return;
    }
    let text = pattern::told(rule.title, &told.reason);
    let frame = case.primary_segment().frame;
    let evidence = Evidence::framed(Fact::OthersToo { text }, [frame]);
    let mut change = Change::new(rule.id, told.cause_confidence, vec![evidence]);
    change.party = Some((told.party, told.party_confidence));
    change.severity = Some(told.severity);
    case.diagnosis.basis = told.basis;
    apply(case, change);
}
