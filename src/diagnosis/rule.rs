//! What a rule is, and what it finds.

use super::context::ResetContext;
use super::evidence::{Blame, Evidence};
use super::model::{Basis, Confidence, Party, Severity};

/// A rule's question to one connection.
pub type Check = fn(&ResetContext<'_>) -> Option<Finding>;

/// One diagnosis class.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Stable kebab-case id, never reused.
    pub id: &'static str,
    /// The class in a few words.
    pub title: &'static str,
    /// Manual entry in Markdown with the headings Signature, Meaning, Easily confused with,
    /// What to do, References.
    pub doc: &'static str,
    /// Who it usually is, in words.
    pub party_hint: &'static str,
    /// Version in which the class appeared.
    pub since: &'static str,
    /// The question; `None` for classes that only the comparison of connections finds.
    pub check: Option<Check>,
}

/// What a rule says about a connection that matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How likely the cause is, before the quality of the capture is taken into account.
    pub cause: f64,
    /// How it is known.
    pub basis: Basis,
    /// How much it matters.
    pub severity: Severity,
    /// What shows it, strongest first; the first ones make the summary.
    pub evidence: Vec<Evidence>,
    /// Who, when the rule knows better than the score.
    pub party: Option<(Party, Confidence)>,
    /// Who ought to change, when that is not who sent the reset.
    pub blame: Option<Blame>,
    /// What sets the case apart within its class.
    pub discriminator: Option<String>,
    /// Timing decided it.
    pub by_timing: bool,
    /// Payload decided it.
    pub by_payload: bool,
}

impl Finding {
    /// A finding without evidence yet.
    #[must_use]
    pub fn new(cause: f64, basis: Basis, severity: Severity) -> Self {
        Self {
            cause,
            basis,
            severity,
            evidence: Vec::new(),
            party: None,
            blame: None,
            discriminator: None,
            by_timing: false,
            by_payload: false,
        }
    }

    /// Adds evidence after what is there.
    #[must_use]
    pub fn with(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// Says who, overruling the score.
    #[must_use]
    pub fn party(mut self, party: Party, confidence: Confidence) -> Self {
        self.party = Some((party, confidence));
        self
    }

    /// Says who ought to change.
    #[must_use]
    pub fn blaming(mut self, blame: Blame) -> Self {
        self.blame = Some(blame);
        self
    }

    /// Says what sets the case apart.
    #[must_use]
    pub fn about(mut self, discriminator: impl Into<String>) -> Self {
        self.discriminator = Some(discriminator.into());
        self
    }

    /// Timing decided.
    #[must_use]
    pub fn timed(mut self) -> Self {
        self.by_timing = true;
        self
    }

    /// Payload decided.
    #[must_use]
    pub fn read(mut self) -> Self {
        self.by_payload = true;
        self
    }
}

/// Declares a file's rule; its doc comment becomes the manual entry.
macro_rules! rule {
    ($(#[doc = $doc:literal])* $id:literal, $title:literal, by $party:literal, since $since:literal, $check:expr) => {
        /// This class.
        pub const RULE: $crate::diagnosis::rule::Rule = $crate::diagnosis::rule::Rule {
            id: $id,
            title: $title,
            doc: concat!($($doc, "\n"),*),
            party_hint: $party,
            since: $since,
            check: $check,
        };
    };
}
pub(super) use rule;
