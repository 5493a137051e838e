//! A run that writes into a directory, which may hold the cases of earlier runs: what is new is
//! added, what is there stays, and the list and the page show both.

use super::cases::{self, Outcome};
use super::console::say;
use super::deliver::{filtered, finish, print_report, report_of};
use super::failure::{Failure, Status};
use super::merge::{self, Merged};
use super::pipeline::{self, Found, Target};
use super::settings::Settings;
use super::store::Store;
use super::{beside, earlier};
use crate::diagnosis::{Case, Group};
use crate::report::{self, Earlier, Format, Report, Written};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cases of a page that is still written after an interrupt: it is to end within a second.
const PAGE_AFTER_INTERRUPT: usize = 1_000;

/// Writes case files, list, page and diagrams, and prints the report.
pub(super) fn deliver(
    mut found: Found,
    settings: &Settings,
    stop: &AtomicBool,
    store: &Store,
) -> Result<Status, Failure> {
    beside::check_inputs(&store.directory, |path| found.is_input(path))?;
    let merged = merge::merge(&mut found, store);
    let cases = std::mem::take(&mut found.cases);
    let mut groups = std::mem::take(&mut found.groups);
    let all_groups = groups.clone();
    let (shown, others) = filtered(cases, &mut groups, |c| {
        let new = !settings.only_new || !merged.known.contains(&c.id);
        new && settings.filter.matches(c)
    });
    let state = State {
        found: &found,
        settings,
        store,
        merged: &merged,
        shown: &shown,
        bare: beside::bare_names(&found.files),
    };
    let outcome = state.write_cases(stop)?;
    let mut earlier = state.earlier();
    earlier.removed = state.remove_stale(&others, &outcome);
    let directory = store.directory.display().to_string();
    let report = report_of(
        &found,
        &shown,
        &groups,
        &outcome,
        &earlier,
        Some(&directory),
    );
    let diagrams = if settings.diagrams {
        let context = pipeline::context(settings);
        beside::write_diagrams(&report, &store.directory, settings.force, &context)
    } else {
        Ok(())
    };
    // a job that runs by itself is silent while there is nothing to say
    let silent = settings.quiet && settings.only_new && settings.format == Format::Text;
    let printed = if silent && shown.is_empty() {
        Ok(())
    } else {
        print_report(&report, settings)
    };
    let status = finish(&report, &found, settings, &outcome);
    let changed = earlier.changed;
    if stop.load(Ordering::Relaxed) && shown.len() + others.len() > PAGE_AFTER_INTERRUPT {
        say(
            "rstcap: the page and the list go without what was not written; run again for the rest",
        );
        return printed.and(diagrams).map(|()| status);
    }
    write_page(
        found,
        shown,
        others,
        &all_groups,
        outcome,
        store,
        settings,
        &changed,
    )?;
    printed.and(diagrams).map(|()| status)
}

struct State<'a> {
    found: &'a Found,
    settings: &'a Settings,
    store: &'a Store,
    merged: &'a Merged,
    shown: &'a [Case],
    bare: Vec<report::FileStatus>,
}

impl State<'_> {
    /// Whether the file of a case is there from an earlier run, and is to stay.
    fn is_there(&self, case: &Case) -> bool {
        !self.settings.force && self.store.file_of(case.id).is_some()
    }

    fn write_cases(&self, stop: &AtomicBool) -> Result<Outcome, Failure> {
        let s = self.settings;
        let (mut chosen, mut not_written) =
            cases::choose(self.shown, s.per_group, s.max_cases, &|c| self.is_there(c));
        if stop.load(Ordering::Relaxed) {
            not_written.interrupted += chosen.len() as u64;
            chosen.clear();
        }
        let directory = &self.store.directory;
        let planned: BTreeMap<u32, Written> = chosen
            .par_iter()
            .map(|c| (c.id, pipeline::planned(c, s, directory)))
            .collect();
        if !stop.load(Ordering::Relaxed) {
            self.save(&planned, |_| true)?;
        }
        let target = Target::Directory(directory.clone());
        let writer = |case: &Case| pipeline::write_case(self.found, case, s, &target);
        let mut outcome = cases::write(&chosen, not_written, stop, &writer);
        if outcome.written.len() < planned.len() {
            // what was not written comes next time
            let interrupted = outcome.not_written.interrupted > 0;
            let written = |id| !interrupted || outcome.written.contains_key(&id);
            self.save(&outcome.written, written)?;
        }
        let there = self.shown.iter().filter(|c| self.is_there(c));
        let there: Vec<(u32, Written)> = there
            .filter(|c| !outcome.written.contains_key(&c.id))
            .filter_map(|c| Some((c.id, self.written_before(c.id)?)))
            .collect();
        outcome.written.extend(there);
        Ok(outcome)
    }

    fn written_before(&self, id: u32) -> Option<Written> {
        written_before(self.store, id)
    }

    /// The list with these case files, and of the others those that are to be `listed`. A line of an earlier run stays unless its file is
    /// written again.
    fn save(
        &self,
        written: &BTreeMap<u32, Written>,
        listed: impl Fn(u32) -> bool,
    ) -> Result<(), Failure> {
        let written: BTreeMap<u32, Written> = written
            .iter()
            .map(|(id, w)| (*id, beside::bare_name(w)))
            .collect();
        let outcome = Outcome {
            written,
            ..Outcome::default()
        };
        let none = Earlier::default();
        let report = Report {
            files: &self.bare,
            ..report_of(self.found, self.shown, &[], &outcome, &none, None)
        };
        let force = self.settings.force;
        let fresh = |c: &&Case| {
            force || !self.merged.known.contains(&c.id) || outcome.written.contains_key(&c.id)
        };
        let lines = self.shown.iter().filter(|c| listed(c.id)).filter(fresh);
        let lines = lines.map(|c| (c.id, c)).collect();
        let shown: BTreeSet<u32> = self.shown.iter().map(|c| c.id).collect();
        let known = self.merged.known.iter().copied();
        let gone = known.filter(|id| force && !shown.contains(id)).collect();
        self.store
            .save(&lines, &|c| report::line(&report, c), &gone)
    }

    fn earlier(&self) -> Earlier {
        let listed = self.store.lines().len();
        let changed = |c: &&Case| {
            let line = self.store.lines().get(&c.id);
            line.is_some_and(|l| l.listed.verdict != report::verdict(c))
        };
        let changed = self.shown.iter().filter(changed).map(|c| c.id);
        Earlier {
            only_new: self.settings.only_new,
            listed: listed as u64,
            gone: listed.saturating_sub(self.merged.known.len()) as u64,
            changed: if self.settings.force {
                Vec::new()
            } else {
                changed.collect()
            },
            removed: 0,
            repeated: self.merged.repeated,
        }
    }

    /// With `--force`, takes away case files of the list that this run could write again and
    /// did not, or wrote under another name. Those whose capture is gone stay.
    fn remove_stale(&self, others: &[Case], outcome: &Outcome) -> u64 {
        if !self.settings.force {
            return 0;
        }
        let failed = outcome.not_written.failed + outcome.not_written.interrupted > 0;
        let now: BTreeSet<&PathBuf> = outcome.written.values().map(|w| &w.path).collect();
        let mut removed = 0;
        for case in self.shown.iter().chain(others) {
            let Some(old) = self.store.file_of(case.id) else {
                continue;
            };
            let unwritten = failed && !outcome.written.contains_key(&case.id);
            if now.contains(&old) || unwritten || self.found.is_input(&old) {
                continue;
            }
            if fs::remove_file(&old).is_ok() {
                removed += 1;
                // its diagram, if it has one
                let _ = fs::remove_file(old.with_extension("svg"));
            }
        }
        removed
    }
}

fn written_before(store: &Store, id: u32) -> Option<Written> {
    let path = store.file_of(id)?;
    let listed = &store.lines().get(&id)?.listed;
    Some(Written {
        bytes: fs::metadata(&path).map_or(0, |m| m.len()),
        path,
        packets: listed.packets,
        reset: listed.frame,
        secrets: 0,
        secrets_left_out: 0,
        earlier: true,
    })
}

/// The page over everything that the list has now. Where a case looks different in this input
/// than when it was written, the page says what the list and the case file say.
#[allow(clippy::too_many_arguments)]
fn write_page(
    mut found: Found,
    mut shown: Vec<Case>,
    others: Vec<Case>,
    groups: &[Group],
    mut outcome: Outcome,
    store: &Store,
    settings: &Settings,
    changed: &[u32],
) -> Result<(), Failure> {
    for case in shown.iter_mut().filter(|c| changed.contains(&c.id)) {
        if let Some(line) = store.lines().get(&case.id) {
            let _ = report::judge(case, &line.value());
        }
    }
    let mut here: BTreeSet<u32> = shown.iter().map(|c| c.id).collect();
    let mut all = shown;
    if settings.force {
        // what the filters leave out is not listed any more
        here.extend(others.iter().map(|c| c.id));
    } else {
        let listed = others
            .into_iter()
            .filter(|c| store.lines().contains_key(&c.id));
        all.extend(listed);
        here.extend(all.iter().map(|c| c.id));
    }
    let (gone, files) = earlier::cases(store, &here, found.files.len() as u32, settings);
    all.extend(gone);
    found.files.extend(files);
    all.sort_by_key(|c| c.id);
    for case in &all {
        if !outcome.written.contains_key(&case.id)
            && let Some(written) = written_before(store, case.id)
        {
            outcome.written.insert(case.id, written);
        }
    }
    let groups = merge::groups_over(&all, groups);
    let earlier = Earlier::default();
    let report = report_of(&found, &all, &groups, &outcome, &earlier, None);
    beside::write_page(&report, &store.directory)?;
    // the process ends here; freeing every string of every case first would only take time
    std::mem::forget((found, all, groups));
    Ok(())
}
