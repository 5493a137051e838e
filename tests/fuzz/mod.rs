//! Mutated input for every part that reads bytes from outside. A short run is a test; the
//! example `mutate` runs as long as wanted.

pub mod mutation;
pub mod runner;
pub mod seeds;
pub mod targets;

#[cfg(test)]
mod tests {
    use super::runner::{Plan, run};
    use super::targets::TARGETS;
    use std::time::Duration;

    /// Every target for a moment, from a fixed seed.
    #[test]
    fn no_mutation_makes_any_target_panic() {
        let dir = tempfile::tempdir().unwrap();
        for target in TARGETS {
            let plan = Plan {
                target,
                seed: 1,
                time: Duration::from_millis(700),
                most: 3000,
                keep: dir.path(),
            };
            let done = run(&plan);
            assert!(done.executions > 0, "{}", target.name);
            if let Some(failure) = done.failures.first() {
                let kept = std::mem::take(&mut dir.path().to_path_buf());
                panic!("{}: {} (in {})", target.name, failure, kept.display());
            }
        }
    }
}
