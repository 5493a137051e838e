//! From the command line to the exit code.

use super::args::{Args, Generate};
use super::console::{Console, say};
use super::failure::{Failure, Status};
use super::progress::Bars;
use super::settings::Settings;
use super::{deliver, explain, generate, pipeline, profile};
use crate::diagnosis;
use clap::Parser as _;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status after an interrupt, as shells have it: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Reads the command line.
///
/// # Errors
/// The exit code when there is nothing to run: 0 after `--help` and `--version`, 1 after wrong
/// use (clap's own 2 means unreadable input here).
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, ExitCode> {
    Args::try_parse_from(words).map_err(|e| {
        if e.use_stderr() {
            let text = e.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            say(format_args!("rstcap: {}", text.trim_end()));
            return code(Status::Usage);
        }
        // a reader that has seen enough of the help is no failure
        let _ = e.print();
        code(Status::Ran)
    })
}

/// Does what the arguments say.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    match dispatch(args) {
        Ok(exit) => exit,
        Err(failure) => {
            say(&failure);
            code(failure.status)
        }
    }
}

fn code(status: Status) -> ExitCode {
    ExitCode::from(status as u8)
}

fn dispatch(args: Args) -> Result<ExitCode, Failure> {
    let console = Console::look();
    let ran = code(Status::Ran);
    if let Some(class) = &args.explain {
        return print(&explain::entry(class, console)?).map(|()| ran);
    }
    if args.list_classes {
        return print(&explain::list(console)).map(|()| ran);
    }
    match args.generate {
        Some(Generate::WiresharkProfile) => {
            let text = profile::install(args.write.as_deref(), args.force)?;
            print(&text).map(|()| ran)
        }
        Some(what) => print(&generate::text(what)).map(|()| ran),
        None => scan(args, console),
    }
}

/// Prints to standard output; a closed pipe is success.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    deliver::written_to_stdout(done)
}

fn scan(args: Args, console: Console) -> Result<ExitCode, Failure> {
    let classes: Vec<&str> = diagnosis::registry().iter().map(|r| r.id).collect();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings::new(args, console, &classes, processors)?;
    let store = deliver::check_output(&settings)?;
    let stop = stop_on_interrupt()?;
    let workers = pipeline::workers(settings.threads)?;
    let start = std::time::Instant::now();
    let bars = Bars::new(settings.progress);
    let mut found = workers.install(|| pipeline::find(&settings, &bars, &stop))?;
    bars.finish();
    if settings.show_elapsed {
        found.totals.elapsed = Some(start.elapsed());
    }
    let status = workers.install(|| deliver::deliver(found, &settings, &stop, store))?;
    if stop.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(code(status))
}

/// The first interrupt ends the scan early, and what was found by then is reported; the second
/// one ends the program.
fn stop_on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        say("\nrstcap: interrupted; reporting what was found (once more to quit at once)");
    };
    ctrlc::set_handler(handler)
        .map_err(|e| Failure::usage(format!("cannot watch for interrupts: {e}")))?;
    Ok(stop)
}
