//! The run itself: scan, reset, diagnosis, and the writing of one case file.

use super::failure::Failure;
use super::settings::{EVERY_PACKET, Output, Settings};
use super::source::CaseSource;
use crate::anomaly::Anomalies;
use crate::capture::platform;
use crate::diagnosis::{self, Case, Group};
use crate::report::{Detail, FileStatus, Totals, Written};
use crate::scan::{self, Outcome, Plan, Progress, Storm, Timeline};
use crate::selection::{self, Context, Selection};
use crate::trim;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Memory for flow tables where the machine does not say how much it has, in bytes.
const DEFAULT_MEMORY: u64 = 4 << 30;

/// Most bytes of decompressed data that are kept to spare a second decompression.
const MOST_DECOMPRESSED: u64 = 2 << 30;

/// What was found: cases and groups numbered over all timelines, from 1.
#[derive(Default)]
pub struct Found {
    /// In order of their ids.
    pub cases: Vec<Case>,
    /// In order of their ids.
    pub groups: Vec<Group>,
    /// Every input file, by id.
    pub files: Vec<FileStatus>,
    /// What is wrong with the input.
    pub anomalies: Anomalies,
    /// Sums.
    pub totals: Totals,
    /// Inputs that could not be read at all, as messages with path and offset.
    pub errors: Vec<String>,
    /// Reset connections that were found and, after an interrupt, not looked at.
    pub not_examined: u64,
    /// Where records are fetched again, per timeline.
    sources: Vec<CaseSource>,
}

impl Found {
    /// Whether a path names one of the files that were read.
    pub(super) fn is_input(&self, path: &Path) -> bool {
        self.sources.iter().any(|s| s.is_input(path))
    }
}

/// Reset connections that are still looked at after an interrupt: it is to end within a second.
const AFTER_INTERRUPT: usize = 500;

/// Where a case file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Into this directory, under a name made from the case.
    Directory(PathBuf),
    /// To standard output.
    Stdout,
}

/// Scans the inputs and diagnoses what was reset, on the threads of the pool it is called in
/// ([`workers`]).
///
/// # Errors
/// Decompressed data cannot be kept. Inputs that cannot be read are in what was found.
pub fn find(
    settings: &Settings,
    progress: &dyn Progress,
    stop: &AtomicBool,
) -> Result<Found, Failure> {
    let skip = match &settings.output {
        Output::Directory(d) => Some(d.clone()),
        _ => None,
    };
    let max_memory = settings.max_memory.unwrap_or_else(half_the_memory);
    let plan = Plan {
        paths: settings.paths.clone(),
        include: settings.include.clone().unwrap_or_default(),
        exclude: settings.exclude.clone(),
        skip,
        separate: settings.separate,
        threads: settings.threads,
        chunk_size: settings.chunk_size.unwrap_or(scan::CHUNK_SIZE).max(1),
        max_memory,
        max_decompressed: decompressed(max_memory),
        progress,
        stop,
    };
    scan_and_diagnose(&plan, settings)
}

/// As [`find`], for these files alone, each as a capture of its own.
pub(super) fn find_in(
    paths: Vec<PathBuf>,
    settings: &Settings,
    stop: &AtomicBool,
) -> Result<Found, Failure> {
    let max_memory = settings.max_memory.unwrap_or_else(half_the_memory);
    let plan = Plan {
        paths,
        include: globset::GlobSet::empty(),
        exclude: globset::GlobSet::empty(),
        skip: None,
        separate: true,
        threads: settings.threads,
        chunk_size: scan::CHUNK_SIZE,
        max_memory,
        max_decompressed: decompressed(max_memory),
        progress: &scan::Silent,
        stop,
    };
    scan_and_diagnose(&plan, settings)
}

fn scan_and_diagnose(plan: &Plan<'_>, settings: &Settings) -> Result<Found, Failure> {
    let outcome = scan::scan(plan).map_err(|e| Failure::input(e.to_string()))?;
    let keep_payload = settings.output != Output::None || settings.text.detail == Detail::Full;
    diagnose(outcome, keep_payload, plan.stop)
}

/// The threads that do the work.
///
/// # Errors
/// They cannot be started.
pub fn workers(threads: usize) -> Result<ThreadPool, Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|e| Failure::input(format!("cannot start threads: {e}")))
}

fn diagnose(outcome: Outcome, keep_payload: bool, stop: &AtomicBool) -> Result<Found, Failure> {
    let totals = outcome.totals;
    let mut found = Found {
        files: outcome.files.iter().map(file_status).collect(),
        errors: outcome.errors.iter().map(ToString::to_string).collect(),
        totals: Totals {
            files: totals.files,
            bytes: totals.bytes,
            packets: totals.packets,
            connections: totals.connections,
            resets: totals.resets,
            anomalies: outcome.anomalies.total(),
            dns_names: totals.lookups,
            ..Totals::default()
        },
        anomalies: outcome.anomalies,
        ..Found::default()
    };
    for timeline in outcome.timelines {
        add_timeline(&mut found, timeline, keep_payload, stop)?;
    }
    found.totals.cases =
        found.cases.len() as u64 + found.groups.iter().map(|g| g.uncounted).sum::<u64>();
    found.totals.groups = found.groups.len() as u64;
    Ok(found)
}

fn add_timeline(
    found: &mut Found,
    mut timeline: Timeline,
    keep_payload: bool,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let first_id = found.cases.len() as u32 + 1;
    let mut cases: Vec<Case> = Vec::with_capacity(timeline.reset_connections());
    while cases.len() < timeline.reset_connections() {
        let interrupted = stop.load(Ordering::Relaxed);
        if interrupted && cases.len() >= AFTER_INTERRUPT {
            break;
        }
        let mut batch = timeline.connections(cases.len());
        if interrupted {
            batch.truncate(AFTER_INTERRUPT);
        }
        let from = first_id + cases.len() as u32;
        timeline.world.learn(&batch);
        let world = &timeline.world;
        let diagnosed = batch.into_par_iter().enumerate().map(|(i, connection)| {
            let mut case = diagnosis::diagnose(connection, from + i as u32, world);
            if !keep_payload {
                drop_payload(&mut case);
            }
            case
        });
        cases.par_extend(diagnosed);
    }
    let not_fetched = timeline.reset_connections() - cases.len() + timeline.not_fetched();
    found.not_examined += not_fetched as u64;
    let Timeline {
        world,
        storms,
        files,
        ..
    } = timeline;
    let source = CaseSource::new(files);
    for case in &mut cases {
        if let Some(told) = source.told(case) {
            diagnosis::adopt(case, &told);
        }
    }
    let mut groups = diagnosis::aggregate(&mut cases, &world);
    let first_group = found.groups.len() as u32;
    cases.iter_mut().for_each(|c| c.group += first_group);
    groups.iter_mut().for_each(|g| g.id += first_group);
    for storm in &storms {
        count_storm(&cases, &mut groups, storm);
    }
    // one timeline is the usual case: its cases need not be in memory twice
    if found.cases.is_empty() {
        found.cases = cases;
    } else {
        found.cases.append(&mut cases);
    }
    found.groups.append(&mut groups);
    found.sources.push(source);
    Ok(())
}

// A mere list shows the payload of RSTs only; the diagram of the full story reads all of it.
fn drop_payload(case: &mut Case) {
    case.connection
        .segments
        .iter_mut()
        .filter(|s| !s.is_rst())
        .for_each(|s| s.payload = Vec::new());
}

// What was only counted belongs to the group of a case of the same kind.
fn count_storm(cases: &[Case], groups: &mut [Group], storm: &Storm) {
    let of_kind = |case: &&Case| {
        let c = &case.connection;
        if storm.kind.refused {
            c.client.ip == storm.kind.whose.ip
        } else {
            c.server == storm.kind.whose
        }
    };
    let group = cases.iter().rev().find(of_kind).map(|c| c.group);
    if let Some(group) = groups.iter_mut().find(|g| Some(g.id) == group) {
        group.uncounted += storm.left_out;
    }
}

fn file_status(file: &scan::FileStatus) -> FileStatus {
    FileStatus {
        id: file.id,
        label: file.label.clone(),
        timeline: u32::try_from(file.timeline).unwrap_or(u32::MAX),
        format: file.format.clone(),
        bytes: file.bytes,
        packets: file.frames,
        first_time: file.times.map(|t| t.0),
        last_time: file.times.map(|t| t.1),
        time_digits: file.time_digits,
        error: file.error.clone(),
        earlier: false,
    }
}

/// Selects the frames of a case and writes its file.
pub(super) fn write_case(
    found: &Found,
    case: &Case,
    settings: &Settings,
    target: &Target,
) -> Result<Written, Failure> {
    let (selection, source, options) = prepare(found, case, settings)?;
    let _held = source.hold(selection.frames.iter().map(|kept| kept.frame));
    let failed = |e: crate::error::Error| Failure::output(e.to_string());
    let written = match target {
        Target::Directory(directory) => {
            let is_input = |path: &Path| found.is_input(path);
            trim::write_case(case, &selection, source, &options, directory, &is_input)
                .map_err(failed)?
        }
        Target::Stdout => {
            let (bytes, written) =
                trim::case_in_memory(case, &selection, source, &options).map_err(failed)?;
            let mut out = std::io::stdout().lock();
            super::deliver::written_to_stdout(out.write_all(&bytes).and_then(|()| out.flush()))?;
            let path = PathBuf::from("-");
            trim::Written { path, ..written }
        }
    };
    Ok(Written {
        path: written.path,
        packets: written.packets as u64,
        bytes: written.bytes,
        reset: selection.number_of(case.primary_segment().frame),
        secrets: written.secrets,
        secrets_left_out: written.secrets_left_out,
        earlier: false,
    })
}

/// What [`write_case`] is going to write.
pub(super) fn planned(case: &Case, settings: &Settings, directory: &Path) -> Written {
    let (packets, reset) = selection::extent(case, &context(settings));
    Written {
        path: directory.join(trim::file_name(case)),
        packets,
        reset,
        ..Written::default()
    }
}

/// The bytes of a case's file.
///
/// # Errors
/// The case's frames cannot be read again.
pub fn case_bytes(found: &Found, case: &Case, settings: &Settings) -> Result<Vec<u8>, Failure> {
    let (selection, source, options) = prepare(found, case, settings)?;
    trim::case_to_bytes(case, &selection, source, &options)
        .map_err(|e| Failure::output(e.to_string()))
}

/// What trimming wants to know.
fn prepare<'a>(
    found: &'a Found,
    case: &Case,
    settings: &Settings,
) -> Result<(Selection, &'a CaseSource, trim::Options), Failure> {
    let file = case.primary_segment().frame.file;
    let source = found.sources.iter().find(|s| s.holds(file));
    let source = source.ok_or_else(|| Failure::output("the case's file is not known"))?;
    let selection = selection::select(case, &context(settings));
    let secrets = if settings.matched_secrets {
        trim::Secrets::Matched
    } else {
        trim::Secrets::None
    };
    let options = trim::Options {
        secrets,
        keep: settings.keep_blocks,
        libpcap: settings.libpcap,
        force: settings.force,
    };
    Ok((selection, source, options))
}

/// How much of a connection is kept.
pub(super) fn context(settings: &Settings) -> Context {
    Context {
        before: packets(settings.context_before),
        after: packets(settings.context_after),
        whole_connection: settings.context_before == EVERY_PACKET
            && settings.context_after == EVERY_PACKET,
    }
}

fn packets(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Bytes of decompressed data that may be kept beside flow tables of `max_memory` bytes.
fn decompressed(max_memory: u64) -> u64 {
    (max_memory / 4).min(MOST_DECOMPRESSED)
}

/// Half of what the machine says is available, in bytes.
fn half_the_memory() -> u64 {
    platform::available_memory().map_or(DEFAULT_MEMORY, |bytes| bytes / 2)
}
