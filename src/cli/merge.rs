//! What this run found, held against what an output directory lists already.

use super::pipeline::Found;
use super::store::Store;
use crate::diagnosis::{Case, Group};
use crate::report::{FileStatus, reset_key};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How the two fit.
#[derive(Debug, Default)]
pub(super) struct Merged {
    /// Ids of cases found that the list has.
    pub(super) known: BTreeSet<u32>,
    /// Cases left out because another input shows the same RST.
    pub(super) repeated: u64,
}

/// Gives every case found its number: that of its line, or the next ones. A case that two
/// inputs show (a copy, an overlap) is kept once, as the input has it that shows more of it.
pub(super) fn merge(found: &mut Found, store: &Store) -> Merged {
    let cases = std::mem::take(&mut found.cases);
    let keys: Vec<Vec<String>> = cases.par_iter().map(keys_of).collect();
    let kept = once_each(&cases, &keys, &found.files);
    let mut merged = Merged::default();
    let mut next = store.lines().keys().next_back().map_or(1, |id| id + 1);
    let mut ids: BTreeMap<u32, u32> = BTreeMap::new();
    for (i, mut case) in cases.into_iter().enumerate() {
        let keys = keys.get(i).map_or(&[][..], Vec::as_slice);
        let line = store.find(keys, &merged.known);
        let told = line.is_none() && store.knows(keys);
        if kept.get(i) == Some(&false) || told {
            merged.repeated += 1;
            continue;
        }
        let id = line.unwrap_or(next);
        match line {
            Some(id) => _ = merged.known.insert(id),
            None => next += 1,
        }
        ids.insert(case.id, id);
        case.id = id;
        found.cases.push(case);
    }
    found.cases.sort_by_key(|c| c.id);
    found.totals.cases = found.totals.cases.saturating_sub(merged.repeated);
    renumber_groups(found, store, &ids);
    found.totals.groups = found.groups.len() as u64;
    merged
}

fn keys_of(case: &Case) -> Vec<String> {
    let resets = case.episode.resets.iter();
    let segments = resets.filter_map(|r| case.connection.segments.get(r.segment));
    segments.map(|s| reset_key(case, s)).collect()
}

/// Which cases are kept: of those that have a RST in common and are in different captures, the
/// one with more packets. What one capture holds twice, it shows twice.
fn once_each(cases: &[Case], keys: &[Vec<String>], files: &[FileStatus]) -> Vec<bool> {
    let timeline = |i: usize| {
        let id = cases.get(i)?.primary_segment().frame.file;
        // the files are in order of their ids
        let file = files.get(id.0 as usize).filter(|f| f.id == id);
        file.map(|f| f.timeline)
    };
    let mut kept = vec![true; cases.len()];
    let mut owner: HashMap<&str, usize> = HashMap::new();
    let size = |i: usize| -> u64 {
        let case = cases.get(i);
        case.map_or(0, |c| c.connection.totals.segments.iter().sum())
    };
    for (i, keys) in keys.iter().enumerate() {
        let other = keys.iter().find_map(|k| owner.get(k.as_str())).copied();
        let other = other.filter(|o| timeline(*o) != timeline(i));
        let wins = other.is_none_or(|o| size(i) > size(o));
        let loser = if wins { other } else { Some(i) };
        if let Some(flag) = loser.and_then(|l| kept.get_mut(l)) {
            *flag = false;
        }
        let winner = if wins { i } else { other.unwrap_or(i) };
        for key in keys {
            owner.insert(key, winner);
        }
    }
    kept
}

/// A group with a case that is listed keeps the number it has there; others get the next ones.
fn renumber_groups(found: &mut Found, store: &Store, ids: &BTreeMap<u32, u32>) {
    let listed = |id: &u32| store.lines().get(id).map(|l| l.listed.group);
    let mut next = store
        .lines()
        .values()
        .map(|l| l.listed.group)
        .max()
        .unwrap_or(0);
    let mut used: BTreeSet<u32> = BTreeSet::new();
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    found.groups.retain_mut(|group| {
        group.cases = group
            .cases
            .iter()
            .filter_map(|c| ids.get(c))
            .copied()
            .collect();
        group.cases.sort_unstable();
        !group.cases.is_empty()
    });
    for group in &mut found.groups {
        let before: BTreeSet<u32> = group.cases.iter().filter_map(listed).collect();
        let old = before.into_iter().find(|g| !used.contains(g));
        let id = old.unwrap_or_else(|| {
            next += 1;
            next
        });
        used.insert(id);
        numbers.insert(group.id, id);
        group.id = id;
    }
    found.groups.sort_by_key(|g| g.id);
    for case in &mut found.cases {
        case.group = numbers.get(&case.group).copied().unwrap_or(case.group);
    }
}

/// The groups over these cases: those of this run (`known`), and for cases of earlier runs those
/// that they were in. Both are in order of their ids.
pub(super) fn groups_over(cases: &[Case], known: &[Group]) -> Vec<Group> {
    let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
    for case in cases {
        let at = case.primary_segment().time;
        let group = groups.entry(case.group).or_insert_with(|| {
            let found = known.binary_search_by_key(&case.group, |g| g.id);
            let known = found.ok().and_then(|i| known.get(i));
            Group {
                id: case.group,
                cases: Vec::new(),
                uncounted: known.map_or(0, |g| g.uncounted),
                first: at,
                last: at,
                period: known.and_then(|g| g.period),
            }
        });
        group.cases.push(case.id);
        group.first = group.first.min(at);
        group.last = group.last.max(at);
    }
    groups.into_values().collect()
}
