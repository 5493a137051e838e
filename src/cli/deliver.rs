//! What was found, given to the user: filtered, written, reported, and turned into an exit
//! status.

use super::batch;
use super::cases::{self, Outcome};
use super::console::say;
use super::failure::{Failure, Status, without_number};
use super::pipeline::{self, Found, Target};
use super::settings::{Output, Settings};
use super::store::Store;
use crate::diagnosis::{Case, Group};
use crate::report::hostile::plain;
use crate::report::{self, Earlier, Format, NotWritten, Report};
use std::io::{self, Write as _};
use std::sync::atomic::AtomicBool;

/// Failed case files that are named one by one; on a full disk thousands fail.
const COMPLAINTS: usize = 10;

/// Fails before a long scan when its result could not be written. The directory is locked while
/// the store lives.
pub(super) fn check_output(settings: &Settings) -> Result<Option<Store>, Failure> {
    match &settings.output {
        Output::Directory(directory) => Store::open(directory, settings.force).map(Some),
        _ => Ok(None),
    }
}

/// Everything after the scan, on the threads of the pool that this runs in.
pub(super) fn deliver(
    mut found: Found,
    settings: &Settings,
    stop: &AtomicBool,
    store: Option<Store>,
) -> Result<Status, Failure> {
    if let Some(store) = store {
        return batch::deliver(found, settings, stop, &store);
    }
    let cases = std::mem::take(&mut found.cases);
    let mut groups = std::mem::take(&mut found.groups);
    let (cases, _) = filtered(cases, &mut groups, |c| settings.filter.matches(c));
    let outcome = match settings.output {
        Output::Stdout => to_stdout(&found, &cases, settings, stop)?,
        _ => Outcome::default(),
    };
    let earlier = Earlier::default();
    let report = report_of(&found, &cases, &groups, &outcome, &earlier, None);
    if settings.output != Output::Stdout {
        print_report(&report, settings)?;
    }
    let status = finish(&report, &found, settings, &outcome);
    // the process ends here; freeing every string of every case first would only take time
    std::mem::forget((found, cases, groups));
    Ok(status)
}

/// The cases that are shown and those that are not; groups keep those that are.
pub(super) fn filtered(
    cases: Vec<Case>,
    groups: &mut Vec<Group>,
    matches: impl Fn(&Case) -> bool,
) -> (Vec<Case>, Vec<Case>) {
    // nearly always, and moving all cases takes longer than looking at them
    if cases.iter().all(&matches) {
        return (cases, Vec::new());
    }
    let (shown, others): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|c| matches(c));
    for group in groups.iter_mut() {
        group
            .cases
            .retain(|id| shown.binary_search_by_key(id, |c| c.id).is_ok());
    }
    groups.retain(|g| !g.cases.is_empty());
    (shown, others)
}

pub(super) fn report_of<'a>(
    found: &'a Found,
    cases: &'a [Case],
    groups: &'a [Group],
    outcome: &'a Outcome,
    earlier: &'a Earlier,
    directory: Option<&'a str>,
) -> Report<'a> {
    Report {
        cases,
        groups,
        totals: &found.totals,
        files: &found.files,
        anomalies: &found.anomalies,
        written: &outcome.written,
        not_written: outcome.not_written,
        directory,
        earlier,
    }
}

fn to_stdout(
    found: &Found,
    cases: &[Case],
    settings: &Settings,
    stop: &AtomicBool,
) -> Result<Outcome, Failure> {
    only_one(cases)?;
    let writer = |case: &Case| pipeline::write_case(found, case, settings, &Target::Stdout);
    let chosen: Vec<&Case> = cases.iter().collect();
    let none = NotWritten::default();
    Ok(cases::write(&chosen, none, stop, &writer))
}

/// What is said on standard error, and the exit status.
pub(super) fn finish(
    report: &Report<'_>,
    found: &Found,
    settings: &Settings,
    outcome: &Outcome,
) -> Status {
    complain(found, outcome);
    say_notes(report, settings);
    status(report, found, settings, outcome)
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

/// Prints the report to standard output.
pub(super) fn print_report(report: &Report<'_>, settings: &Settings) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let printed = report::write(report, settings.format, &settings.text, &mut out);
    written_to_stdout(printed.and_then(|()| out.flush()))
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
    if found.not_examined > 0 {
        say(format_args!(
            "rstcap: {} reset connections more were found and, after the interrupt, not looked at",
            found.not_examined
        ));
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
