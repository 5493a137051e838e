//! Episodes to diagnoses: who reset the connection and why, with evidence, confidence,
//! alternatives and advice.

mod aggregate;
mod confidence;
mod context;
pub mod crowd;
mod diagnose;
mod evidence;
mod model;
mod party;
mod rule;
mod rules;
mod stage;
mod timers;
mod tree;
mod unseen;
mod wording;
mod words;

pub use aggregate::{Told, adopt, aggregate};
pub use diagnose::diagnose;
pub use evidence::{Blame, Evidence, Fact};
pub use model::{
    Alternative, Basis, Case, Checklist, Confidence, Contrast, Diagnosis, Group, Listed, Party,
    Severity, Stage, World,
};
pub use rule::{Check, Finding, Rule};
pub use tree::{registry, rule};
