//! The ordered registry: the order is that of the documentation and of the questions. The
//! first rule that matches names the class; later ones become alternatives.

use super::context::ResetContext;
use super::rule::{Finding, Rule};
use super::rules;

static RULES: &[Rule] = &rules::ALL;

/// All classes in order.
#[must_use]
pub fn registry() -> &'static [Rule] {
    RULES
}

/// A class by its id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id)
}

/// Classes that say little: only asked where no other one matches.
const LAST_RESORTS: [&str; 2] = ["unclassified", "abortive-close"];

/// The first rules that match, in order: at most `most`.
#[must_use]
pub fn matches(c: &ResetContext, most: usize) -> Vec<(&'static Rule, Finding)> {
    let mut found = Vec::with_capacity(most);
    for rule in RULES {
        if found.len() >= most {
            break;
        }
        if !found.is_empty() && LAST_RESORTS.contains(&rule.id) {
            continue;
        }
        if let Some(finding) = rule.check.and_then(|check| check(c)) {
            found.push((rule, finding));
        }
    }
    found
}
