//! Parse, run, exit code.

use std::process::ExitCode;

// a case is made of many small allocations on all threads at once: a listing with thousands of
// cases takes a fifth less time than with glibc's allocator, and musl's is slower still
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match rstcap::cli::parse(std::env::args_os()) {
        Ok(args) => rstcap::cli::run(args),
        Err(code) => code,
    }
}
