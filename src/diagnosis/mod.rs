//! Episodes to diagnoses: who reset the connection and why, with evidence, confidence,
//! alternatives and advice.

mod aggregate;
mod confidence;
mod context;
mod diagnose;
mod evidence;
mod model;
mod party;
mod rule;
mod rules;
mod stage;
mod timers;
mod tree;
mod wording;

pub use aggregate::{Told, adopt, aggregate};
pub use diagnose::diagnose;
pub use model::{
    Alternative, Basis, Case, Checklist, Confidence, Contrast, Diagnosis, Group, Party, Severity,
    Stage, Statement, World,
};
pub use rule::{Check, Finding, Rule};
pub use tree::{registry, rule};
