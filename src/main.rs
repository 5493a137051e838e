//! Parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    match rstcap::cli::parse(std::env::args_os()) {
        Ok(args) => rstcap::cli::run(args),
        Err(code) => code,
    }
}
