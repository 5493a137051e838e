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

/// All rules that match, the first one first.
#[must_use]
pub fn matches(c: &ResetContext) -> Vec<(&'static Rule, Finding)> {
    RULES
        .iter()
        .filter_map(|r| Some((r, r.check.and_then(|check| check(c))?)))
        .collect()
}
