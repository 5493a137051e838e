//! Inputs to timelines, and each timeline from its first chunk to its connections.

use super::again::{self, Kept};
use super::plan::{FileStatus, Outcome, Plan, Storm, Timeline, Totals};
use super::reducer::Reducer;
use super::retained::Budget;
use super::shards::{Reduced, Shards};
use super::source::{FileJob, Files};
use super::wave::Scratch;
use super::{connections, group, stream, wave};
use crate::anomaly::{Anomalies, Anomaly, AnomalyKind};
use crate::capture;
use crate::diagnosis::World;
use crate::error::{Error, Result};
use crate::flow::baseline::Known;
use crate::units::{FileId, Timestamp};
use foldhash::fast::RandomState;
use rayon::prelude::*;
use std::sync::atomic::Ordering;

/// Timelines of fewer bytes than this are scanned side by side, one thread each.
const SMALL: u64 = 8 << 20;
/// Shards of a large timeline; each shard's flows fit better into a core's cache.
const SHARDS: usize = 64;

/// What one timeline left behind.
struct Scanned {
    timeline: Timeline,
    files: Vec<FileStatus>,
    anomalies: Anomalies,
    totals: Totals,
}

/// Scans all inputs of a plan, on the threads of the pool it is called in.
///
/// # Errors
/// Decompressed data cannot be kept. Inputs that cannot be read are in the outcome.
pub fn scan(plan: &Plan<'_>) -> Result<Outcome> {
    let (inputs, mut errors) = capture::collect(
        &plan.paths,
        &plan.include,
        &plan.exclude,
        plan.skip.as_deref(),
    );
    let opened: Vec<_> = inputs.par_iter().map(FileJob::open).collect();
    let mut anomalies = Anomalies::default();
    let mut files = Vec::new();
    for job in opened {
        match job {
            Ok(job) => files.push(job),
            Err(e) => errors.push(e),
        }
    }
    let jobs = number(plan, files, &mut anomalies);
    let bytes = jobs.iter().flatten().map(|j| j.len).sum();
    plan.progress
        .begin(bytes, jobs.iter().map(|j| j.len() as u64).sum());
    let scanned = run_all(plan, jobs, &Budget::new(plan.max_decompressed))?;
    Ok(gather(plan, scanned, errors, anomalies))
}

// Divides the files into timelines and gives them their ids, in the order of the timelines.
fn number(
    plan: &Plan<'_>,
    files: Vec<(FileJob, Vec<Anomaly>)>,
    anomalies: &mut Anomalies,
) -> Vec<Vec<FileJob>> {
    let (jobs, mut found): (Vec<_>, Vec<Vec<_>>) = files.into_iter().unzip();
    let (order, notes) = group::timelines(&jobs, plan.separate);
    for (index, note) in notes {
        found[index].push(note);
    }
    let mut slots: Vec<_> = jobs.into_iter().zip(found).map(Some).collect();
    let mut next = 0;
    let mut take = |index: usize| {
        let (mut job, found) = slots[index].take()?;
        job.id = FileId(next);
        next += 1;
        found.into_iter().for_each(|a| anomalies.add(job.id, a));
        Some(job)
    };
    order
        .into_iter()
        .map(|t| t.into_iter().filter_map(&mut take).collect())
        .collect()
}

// Small timelines side by side, and large ones too where each is held up by its decompressor;
// then the other large ones with all threads each.
fn run_all(plan: &Plan<'_>, jobs: Vec<Vec<FileJob>>, budget: &Budget) -> Result<Vec<Scanned>> {
    let size = |files: &[FileJob]| files.iter().map(|f| f.len).sum::<u64>();
    let known = |files: &[FileJob]| files.iter().all(|f| f.len > 0);
    let (small, large): (Vec<_>, Vec<_>) = jobs
        .into_iter()
        .enumerate()
        .partition(|(_, f)| known(f) && size(f) < SMALL);
    let (packed, plain): (Vec<_>, Vec<_>) = large
        .into_iter()
        .partition(|(_, f)| f.iter().all(|f| f.compressed));
    let side_by_side = |timelines: Vec<(usize, Vec<FileJob>)>, shards| -> Result<Vec<_>> {
        timelines
            .into_par_iter()
            .map(|(index, files)| Ok((index, run(plan, files, shards, index, budget)?)))
            .collect()
    };
    let mut scanned: Vec<(usize, Scanned)> = side_by_side(small, 1)?;
    scanned.extend(side_by_side(packed, SHARDS)?);
    for (index, files) in plain {
        scanned.push((index, run(plan, files, SHARDS, index, budget)?));
    }
    scanned.sort_unstable_by_key(|(index, _)| *index);
    Ok(scanned.into_iter().map(|(_, s)| s).collect())
}

fn run(
    plan: &Plan<'_>,
    mut jobs: Vec<FileJob>,
    shards: usize,
    index: usize,
    budget: &Budget,
) -> Result<Scanned> {
    let scratch = Scratch::new(RandomState::default(), shards, plan.threads);
    let mut reducer = Reducer::new(Shards::new(shards, plan.max_memory), plan.progress);
    let mut kept: Kept<'_> = jobs.iter().map(|_| None).collect();
    let mut at = 0;
    while at < jobs.len() && !plan.stop.load(Ordering::Relaxed) {
        if jobs[at].compressed {
            match stream::scan(plan, &mut jobs, at, &scratch, &mut reducer, budget) {
                Ok(retained) => kept[at] = Some(retained),
                Err(e) => jobs[at].error = Some((0, e.kind.to_string())),
            }
            at += 1;
        } else {
            let plain = jobs[at..].iter().take_while(|j| !j.compressed).count();
            wave::scan(plan, &mut jobs, at..at + plain, &scratch, &mut reducer);
            at += plain;
        }
    }
    conclude(plan, jobs, kept, reducer, index)
}

fn conclude(
    plan: &Plan<'_>,
    jobs: Vec<FileJob>,
    kept: Kept<'_>,
    reducer: Reducer<'_>,
    index: usize,
) -> Result<Scanned> {
    let Reducer {
        shards,
        mut names,
        fragments,
        frames,
        resets,
        mut anomalies,
        clock_unreliable,
        range,
        ..
    } = reducer;
    let mut files = Files::new(jobs);
    note_files(&files, &mut anomalies);
    let Reduced {
        mut finished,
        storms,
        known,
        connections,
        forgotten,
    } = shards.finish();
    let mut let_go = LetGo {
        connections: forgotten,
        lookups: names.forgotten(),
        fragments: fragments.forgotten(),
        answers: 0,
    };
    let parts = fragments.by_first();
    let Known {
        hosts,
        services,
        mut healthy,
        ..
    } = known;
    let found = [&finished[..], &healthy];
    let (whole, unread) = again::all(plan, &mut files, &kept, &mut names, &parts, found)?;
    let_go.answers = unread;
    let_go.note(&files, &mut anomalies);
    let all = finished.len();
    if !whole {
        again::keep_whole(&files, &mut finished, &names, &parts);
        again::keep_whole(&files, &mut healthy, &names, &parts);
    }
    let not_fetched = all - finished.len();
    let make = || connections::make(&files, &healthy, Some(&names), &parts);
    // much memory takes a while to be given back
    let (healthy, ()) = rayon::join(make, || drop(kept));
    let (first_time, last_time) = range.unwrap_or((0, 0));
    let mut world = World {
        hosts,
        services,
        first_time: Timestamp(first_time),
        last_time: Timestamp(last_time),
        clock_unreliable,
        ..World::default()
    };
    world.learn(&healthy);
    world.healthy = healthy;
    let totals = Totals {
        files: files.jobs().len() as u64,
        bytes: files.jobs().iter().map(|j| j.original_len).sum(),
        packets: frames,
        connections,
        resets,
        lookups: names.count(),
    };
    let status = files.jobs().iter().map(|j| status(j, index)).collect();
    let storm = |(kind, left_out)| Storm { kind, left_out };
    let storms = storms.into_iter().map(storm).collect();
    Ok(Scanned {
        timeline: Timeline {
            world,
            storms,
            files,
            finished,
            not_fetched,
            names,
            parts,
        },
        files: status,
        anomalies,
        totals,
    })
}

// What the files' order and structure show.
fn note_files(files: &Files, anomalies: &mut Anomalies) {
    for (index, anomaly) in group::seams(files.jobs()) {
        anomalies.add(files.jobs()[index].id, anomaly);
    }
    for job in files.jobs() {
        if job.layout.forgotten() > 0 {
            let detail = format!(
                "{} sections and interfaces are too many to be remembered",
                job.layout.forgotten()
            );
            let kind = AnomalyKind::MemoryLimit;
            anomalies.add(job.id, Anomaly::at(kind, 0, 0, detail));
        }
    }
}

/// What did not fit into the limits, by number.
struct LetGo {
    connections: u64,
    lookups: u64,
    fragments: u64,
    /// Fragmented DNS answers of which only the beginning was read.
    answers: u64,
}

impl LetGo {
    fn note(&self, files: &Files, anomalies: &mut Anomalies) {
        let id = files.jobs().first().map_or(FileId(0), |j| j.id);
        let mut add = |kind, detail| anomalies.add(id, Anomaly::of_file(kind, detail));
        if self.connections > 0 {
            let n = self.connections;
            let detail = format!("{n} idle connections were let go; raise --max-memory");
            add(AnomalyKind::MemoryLimit, detail);
        }
        if self.lookups > 0 {
            let detail = format!("{} DNS lookups were let go", self.lookups);
            add(AnomalyKind::NamesForgotten, detail);
        }
        if self.fragments + self.answers > 0 {
            let mut detail = format!("{} IP fragments were let go", self.fragments);
            if self.answers > 0 {
                let n = self.answers;
                detail =
                    format!("{detail}; of {n} fragmented DNS answers, only the beginning was read");
            }
            add(AnomalyKind::FragmentsForgotten, detail);
        }
    }
}

fn status(job: &FileJob, timeline: usize) -> FileStatus {
    FileStatus {
        id: job.id,
        label: job.label.clone(),
        timeline,
        format: job.format_name.clone(),
        bytes: job.original_len,
        frames: job.frames,
        first_frame: job.first_frame,
        times: job.times,
        time_digits: job.layout.time_digits(),
        error: job
            .error
            .as_ref()
            .map(|(offset, why)| format!("at offset {offset}: {why}")),
    }
}

fn gather(
    plan: &Plan<'_>,
    scanned: Vec<Scanned>,
    errors: Vec<Error>,
    anomalies: Anomalies,
) -> Outcome {
    let mut outcome = Outcome {
        timelines: Vec::new(),
        files: Vec::new(),
        errors,
        anomalies,
        totals: Totals::default(),
        interrupted: plan.stop.load(Ordering::Relaxed),
    };
    for s in scanned {
        outcome.timelines.push(s.timeline);
        outcome.files.extend(s.files);
        outcome.anomalies.merge(s.anomalies);
        let t = &mut outcome.totals;
        t.files += s.totals.files;
        t.bytes += s.totals.bytes;
        t.packets += s.totals.packets;
        t.connections += s.totals.connections;
        t.resets += s.totals.resets;
        t.lookups += s.totals.lookups;
    }
    outcome
}
