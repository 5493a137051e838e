//! Episodes to diagnoses: who reset the connection and why, with evidence, confidence,
//! alternatives and advice.

mod model;
mod registry;

pub use model::{
    Alternative, Basis, Case, Checklist, Confidence, Contrast, Diagnosis, Group, Party, Severity,
    Stage, Statement, World,
};
pub use registry::{Rule, registry, rule};
