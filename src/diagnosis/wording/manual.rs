//! What the manual entries of the classes give to a diagnosis.

use crate::diagnosis::rule::Rule;
use crate::diagnosis::tree;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What one entry gives.
struct Entry {
    /// Classes it is confused with, in backticks, a colon, and the difference.
    confused: Vec<&'static str>,
    /// What to check.
    advice: Vec<&'static str>,
    /// Why another class that also fits gave way to this one.
    gave_way: String,
}

/// Cut out of the entries once.
static ENTRIES: LazyLock<BTreeMap<&'static str, Entry>> = LazyLock::new(|| {
    let entry = |rule: &'static Rule| Entry {
        confused: bullets(rule.doc, "## Easily confused with").collect(),
        advice: bullets(rule.doc, "## What to do").collect(),
        gave_way: format!("also fits, but \"{}\" says more here", rule.title),
    };
    let all = tree::registry().iter();
    all.map(|rule| (rule.id, entry(rule))).collect()
});

/// The bullets under a heading.
fn bullets(doc: &'static str, heading: &str) -> impl Iterator<Item = &'static str> + use<> {
    let section = doc.split_once(heading).map_or("", |(_, rest)| rest);
    let section = section.split("\n ## ").next().unwrap_or_default();
    let lines = section.lines();
    lines.filter_map(|l| l.trim().strip_prefix("- "))
}

/// What to check next.
#[must_use]
pub fn advice(rule: &Rule) -> &'static [&'static str] {
    ENTRIES.get(rule.id).map_or(&[], |e| &e.advice)
}

fn confused(rule: &Rule) -> &'static [&'static str] {
    ENTRIES.get(rule.id).map_or(&[], |e| &e.confused)
}

/// What the manual says of the difference between a class and one it is confused with.
#[must_use]
pub fn difference(rule: &Rule, other: &str) -> Option<&'static str> {
    let named = |bullet: &&&str| bullet.split('`').skip(1).step_by(2).any(|n| n == other);
    let bullet = confused(rule).iter().find(named)?;
    bullet.split_once(": ").map(|(_, text)| text)
}

/// Why a class that also fits gave way to this one.
#[must_use]
pub fn gave_way(rule: &Rule) -> &'static str {
    ENTRIES.get(rule.id).map_or("", |e| &e.gave_way)
}

/// Classes the manual names as easily confused with one, in order, and the difference.
pub fn confusable(rule: &Rule) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    let told = confused(rule).iter().filter_map(|b| b.split_once(": "));
    told.flat_map(|(names, text)| {
        let names = names.split('`').skip(1).step_by(2);
        names.map(move |name| (name, text))
    })
}

#[cfg(test)]
mod tests {
    use super::{advice, confusable, difference};
    use crate::diagnosis::tree;

    #[test]
    fn lists_of_an_entry() {
        let rule = tree::rule("reset-after-client-hello").expect("a class");
        let others: Vec<_> = confusable(rule).map(|(class, _)| class).collect();
        assert_eq!(
            others,
            [
                "reset-after-handshake",
                "tls-alert-then-reset",
                "handshake-ack-rejected"
            ]
        );
        let told = difference(rule, "tls-alert-then-reset");
        assert_eq!(told, Some("a well-behaved server says why."));
        assert_eq!(difference(rule, "syn-refused"), None);
        assert_eq!(advice(rule).len(), 3);
    }

    #[test]
    fn every_class_has_advice() {
        for rule in tree::registry() {
            assert!(!advice(rule).is_empty(), "{}", rule.id);
        }
    }
}
