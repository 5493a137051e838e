//! The run itself: scan, reset, diagnosis, and the writing of one case file.

use super::failure::Failure;
use super::progress::Bars;
use super::settings::Settings;
use crate::anomaly::Anomalies;
use crate::diagnosis::{Case, Group};
use crate::report::{FileStatus, Totals, Written};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// What was found: cases and groups numbered over all timelines, from 1.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In order of their ids.
    pub(super) cases: Vec<Case>,
    /// In order of their ids.
    pub(super) groups: Vec<Group>,
    /// Every input file, by id.
    pub(super) files: Vec<FileStatus>,
    /// What is wrong with the input.
    pub(super) anomalies: Anomalies,
    /// Sums.
    pub(super) totals: Totals,
    /// Inputs that could not be read at all, as messages with path and offset.
    pub(super) errors: Vec<String>,
    /// The scan was ended early.
    pub(super) interrupted: bool,
}

/// Where a case file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Into this directory, under a name made from the case.
    Directory(PathBuf),
    /// To standard output.
    Stdout,
}

/// Scans the inputs and diagnoses what was reset.
pub(super) fn find(
    _settings: &Settings,
    _progress: &Bars,
    _stop: &AtomicBool,
) -> Result<Found, Failure> {
    Ok(Found::default())
}

/// Selects the frames of a case and writes its file.
pub(super) fn write_case(
    _found: &Found,
    _case: &Case,
    _settings: &Settings,
    _target: &Target,
) -> Result<Written, Failure> {
    Err(Failure::output("case files are not written by this build"))
}
