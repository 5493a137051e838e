//! `cargo run --release --example mutate -- --target whole --seconds 600 --keep DIR`: runs
//! parts of rstcap on mutated input and keeps what makes them panic or hang.

#[path = "../support/mod.rs"]
#[allow(dead_code)]
mod support;

#[path = "mod.rs"]
mod fuzz;

#[path = "../records/sum.rs"]
mod records;

use clap::Parser;
use fuzz::runner::{Plan, run};
use fuzz::targets::TARGETS;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
struct Args {
    /// Which target; all in turn if not given
    #[arg(long)]
    target: Option<String>,
    /// Seconds per target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Another seed gives other mutations
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Directory for offending inputs
    #[arg(long, default_value = ".")]
    keep: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let wanted = |name: &str| args.target.as_deref().is_none_or(|t| t == name);
    if !TARGETS.iter().any(|t| wanted(t.name)) {
        let names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
        eprintln!("targets: {}", names.join(" "));
        return ExitCode::from(1);
    }
    let mut failed = false;
    for target in TARGETS.iter().filter(|t| wanted(t.name)) {
        let done = run(&Plan {
            target,
            seed: args.seed,
            time: Duration::from_secs(args.seconds),
            most: u64::MAX,
            keep: &args.keep,
        });
        println!(
            "{}: {} executions, slowest {:.3} s, {} failures",
            target.name,
            done.executions,
            done.slowest.as_secs_f64(),
            done.failures.len()
        );
        for failure in &done.failures {
            println!("  {failure}");
        }
        failed |= !done.failures.is_empty();
    }
    ExitCode::from(u8::from(failed) * 2)
}
