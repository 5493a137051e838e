//! What was found, given to the user: filtered, written, reported, and turned into an exit
//! status.

use super::beside;
use super::cases::{self, Outcome, Writer};
use super::console::say;
use super::failure::{Failure, Status, without_number};
use super::pipeline::{self, Found, Target};
use super::settings::{Output, Settings};
use crate::diagnosis::{Case, Group};
use crate::report::hostile::plain;
use crate::report::{self, Format, Report};
use std::fs;
use std::io::{self, Write as _};
use std::sync::atomic::AtomicBool;

/// Failed case files that are named one by one; on a full disk thousands fail.
const COMPLAINTS: usize = 10;

/// Fails before a long scan when its result could not be written.
pub(super) fn check_output(settings: &Settings) -> Result<(), Failure> {
    let Output::Directory(directory) = &settings.output else {
        return Ok(());
    };
    let wrong = |e: io::Error| beside::cannot_write(directory, &e);
    fs::create_dir_all(directory).map_err(wrong)?;
    // a temporary file shows whether files can be made there, and leaves nothing behind
    tempfile::tempfile_in(directory).map_err(wrong)?;
    beside::check(directory, settings.force)
}

/// Everything after the scan.
pub(super) fn deliver(
    mut found: Found,
    settings: &Settings,
    stop: &AtomicBool,
) -> Result<Status, Failure> {
    let cases = std::mem::take(&mut found.cases);
    let groups = std::mem::take(&mut found.groups);
    let (cases, groups) = shown(cases, groups, settings);
    let outcome = write_cases(&found, &cases, settings, stop)?;
    let directory = match &settings.output {
        Output::Directory(d) => Some(d.display().to_string()),
        _ => None,
    };
    let report = Report {
        cases: &cases,
        groups: &groups,
        totals: &found.totals,
        files: &found.files,
        anomalies: &found.anomalies,
        written: &outcome.written,
        not_written: outcome.not_written,
        directory: directory.as_deref(),
    };
    let list = match &settings.output {
        Output::Directory(d) => {
            let context = pipeline::context(settings);
            let context = settings.diagrams.then_some(&context);
            beside::check_inputs(d, |path| found.is_input(path))
                .and_then(|()| beside::write(&report, d, settings.force, context))
        }
        _ => Ok(()),
    };
    if settings.output != Output::Stdout {
        written_to_stdout(print_report(&report, settings))?;
    }
    complain(&found, &outcome);
    list?;
    say_notes(&report, settings);
    let status = status(&report, &found, settings, &outcome);
    // the process ends here; freeing every string of every case first would only take time
    std::mem::forget((found, cases, groups));
    Ok(status)
}

/// The cases that pass the filter, and the groups that have any of them.
fn shown(
    mut cases: Vec<Case>,
    mut groups: Vec<Group>,
    settings: &Settings,
) -> (Vec<Case>, Vec<Group>) {
    if settings.filter.is_open() {
        return (cases, groups);
    }
    cases.retain(|c| settings.filter.matches(c));
    for group in &mut groups {
        group
            .cases
            .retain(|id| cases.binary_search_by_key(id, |c| c.id).is_ok());
    }
    groups.retain(|g| !g.cases.is_empty());
    (cases, groups)
}

fn write_cases(
    found: &Found,
    cases: &[Case],
    settings: &Settings,
    stop: &AtomicBool,
) -> Result<Outcome, Failure> {
    let target = match &settings.output {
        Output::None => return Ok(Outcome::default()),
        Output::Directory(d) => Target::Directory(d.clone()),
        Output::Stdout => {
            only_one(cases)?;
            Target::Stdout
        }
    };
    let writer = |case: &Case| pipeline::write_case(found, case, settings, &target);
    let writer: &Writer<'_> = &writer;
    let (chosen, not_written) = cases::choose(cases, settings.per_group, settings.max_cases);
    Ok(cases::write(
        &chosen,
        not_written,
        settings.threads,
        stop,
        writer,
    ))
}

fn only_one(cases: &[Case]) -> Result<(), Failure> {
    match cases.len() {
        1 => Ok(()),
        n => Err(
            Failure::usage(format!("-w - writes exactly one case, and there are {n}")).hint(
                "choose one with --class, --host, --port, --since and --until, or give a directory",
            ),
        ),
    }
}

fn print_report(report: &Report<'_>, settings: &Settings) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    report::write(report, settings.format, &settings.text, &mut out)?;
    out.flush()
}

/// A reader that closed the pipe has what it wanted.
pub(super) fn written_to_stdout(done: io::Result<()>) -> Result<(), Failure> {
    match done {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::output(format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// What the report on standard output has no room for, on standard error. That a file holds
/// keys is said there whatever the format.
fn say_notes(report: &Report<'_>, settings: &Settings) {
    let mut notes = report::secrets(report);
    if settings.quiet {
        return;
    }
    if settings.output == Output::Stdout || has_no_room_for_notes(settings) {
        notes.splice(0..0, report::notes(report));
    } else if settings.format == Format::Text {
        // the table says the rest
        notes.retain(|n| n.starts_with("WARNING"));
    }
    notes.iter().for_each(|n| say(format_args!("rstcap: {n}")));
}

/// Formats of one row per case do not say what is wrong with the input.
fn has_no_room_for_notes(settings: &Settings) -> bool {
    matches!(settings.format, Format::Csv | Format::Ndjson)
}

/// What went wrong, on standard error.
fn complain(found: &Found, outcome: &Outcome) {
    for error in &found.errors {
        say(format_args!("rstcap: {}", reason(error)));
    }
    for file in &found.files {
        if let Some(error) = &file.error {
            say(format_args!(
                "rstcap: {}: {}",
                plain(&file.label),
                reason(error)
            ));
        }
    }
    for failure in outcome.failures.iter().take(COMPLAINTS) {
        say(failure);
    }
    if let Some(more) = outcome.failures.len().checked_sub(COMPLAINTS + 1) {
        say(format_args!("rstcap: and {} more like these", more + 1));
    }
}

/// A reason in words.
fn reason(error: &str) -> String {
    without_number(plain(error))
}

fn status(report: &Report<'_>, found: &Found, settings: &Settings, outcome: &Outcome) -> Status {
    let unread = !found.errors.is_empty() || found.files.iter().any(|f| f.error.is_some());
    if !outcome.failures.is_empty() {
        Status::Output
    } else if unread || settings.strict && !found.anomalies.is_empty() {
        Status::Input
    } else if report.cases.iter().any(|c| settings.fail_on.matches(c)) {
        Status::Found
    } else {
        Status::Ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_without_numbers() {
        let missing = io::Error::from_raw_os_error(2).to_string();
        assert_eq!(reason(&missing), "No such file or directory");
        assert_eq!(reason("a (os error x)"), "a (os error x)");
        let temporary = "No room (os error 28) at path \"/x/.tmpAbc\"";
        assert_eq!(reason(temporary), "No room");
        assert_eq!(reason("a\u{1b}b"), "a\\x1bb");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(
            written_to_stdout(Err(io::ErrorKind::BrokenPipe.into())),
            Ok(())
        );
        let full = written_to_stdout(Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(full.unwrap_err().status, Status::Output);
    }
}
