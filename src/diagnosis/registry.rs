//! The classes, in the order in which their rules are tried.

/// A diagnosis class.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable id.
    pub id: &'static str,
    /// The class in a few words.
    pub title: &'static str,
    /// Its manual entry, in Markdown.
    pub doc: &'static str,
    /// Who it usually is, in words.
    pub party_hint: &'static str,
    /// Version in which the class appeared.
    pub since: &'static str,
}

/// All classes.
#[must_use]
pub fn registry() -> &'static [Rule] {
    &[]
}

/// The class with this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    registry().iter().find(|r| r.id == id)
}
