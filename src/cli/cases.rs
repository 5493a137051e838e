//! Which case files are written, and the writing.

use super::failure::Failure;
use crate::diagnosis::Case;
use crate::report::{NotWritten, Written};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Writes one case.
pub(super) type Writer<'a> = dyn Fn(&Case) -> Result<Written, Failure> + Sync + 'a;

/// What became of the case files.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Those written.
    pub(super) written: BTreeMap<u32, Written>,
    /// Counts of those that were not.
    pub(super) not_written: NotWritten,
    /// Why writing failed, in order of case ids.
    pub(super) failures: Vec<Failure>,
}

/// The cases to write, in order of ids: at most `per_group` of each group, and of these at most
/// `max_cases`, so that every group gets its first case before any gets its second, and worse
/// cases come before milder ones. Those that are `there` already count, and are not written.
pub(super) fn choose<'a>(
    cases: &'a [Case],
    per_group: u64,
    max_cases: Option<u64>,
    there: &dyn Fn(&Case) -> bool,
) -> (Vec<&'a Case>, NotWritten) {
    let mut rank_in_group: BTreeMap<u32, u64> = BTreeMap::new();
    let mut ranked: Vec<(u64, &Case)> = Vec::new();
    let mut not_written = NotWritten::default();
    let (old, new): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|c| there(c));
    for case in &old {
        *rank_in_group.entry(case.group).or_insert(0) += 1;
    }
    for case in new {
        let rank = rank_in_group.entry(case.group).or_insert(0);
        if *rank < per_group {
            ranked.push((*rank, case));
        } else {
            not_written.per_group += 1;
        }
        *rank += 1;
    }
    if let Some(most) = max_cases {
        let most = most.saturating_sub(old.len() as u64);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        ranked.sort_by_key(|(rank, c)| (*rank, std::cmp::Reverse(c.diagnosis.severity), c.id));
        not_written.max_cases = ranked.len().saturating_sub(most) as u64;
        ranked.truncate(most);
        ranked.sort_by_key(|(_, c)| c.id);
    }
    (ranked.into_iter().map(|(_, c)| c).collect(), not_written)
}

/// Writes the chosen cases on all threads there are. The result does not depend on their number;
/// an interrupt leaves whole files only.
pub(super) fn write(
    chosen: &[&Case],
    not_written: NotWritten,
    stop: &AtomicBool,
    writer: &Writer<'_>,
) -> Outcome {
    let one = |case: &&Case| {
        let done = (!stop.load(Ordering::Relaxed)).then(|| writer(case));
        (case.id, done)
    };
    let results: Vec<_> = chosen.par_iter().map(one).collect();
    let mut outcome = Outcome {
        not_written,
        ..Outcome::default()
    };
    for (id, done) in results {
        match done {
            Some(Ok(written)) => {
                outcome.written.insert(id, written);
            }
            Some(Err(failure)) => {
                outcome.not_written.failed += 1;
                outcome.failures.push(failure);
            }
            None => outcome.not_written.interrupted += 1,
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{case, harmless};

    fn ids(cases: &[Case], per_group: u64, max: Option<u64>) -> (Vec<u32>, NotWritten) {
        let (chosen, not) = choose(cases, per_group, max, &|_| false);
        (chosen.iter().map(|c| c.id).collect(), not)
    }

    #[test]
    fn every_group_gets_its_first_case_first() {
        let cases = [
            harmless(1, 1, 0),
            harmless(2, 1, 1),
            harmless(3, 2, 2),
            Case {
                group: 3,
                ..case(4)
            },
        ];
        assert_eq!(ids(&cases, 10, None).0, [1, 2, 3, 4]);
        let (some, not) = ids(&cases, 1, None);
        assert_eq!((some, not.per_group), (vec![1, 3, 4], 1));
        let (some, not) = ids(&cases, 10, Some(3));
        assert_eq!((some, not.max_cases), (vec![1, 3, 4], 1));
        assert_eq!(ids(&cases, 10, Some(1)).0, [4]);
        assert_eq!(ids(&cases, 0, None).1.per_group, 4);
        // what is there already counts for its group and for the whole
        let there = |c: &Case| c.id == 2;
        let ids = |per_group, max| {
            let (chosen, _) = choose(&cases, per_group, max, &there);
            chosen.iter().map(|c| c.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(10, None), [1, 3, 4]);
        assert_eq!(ids(1, None), [3, 4]);
        assert_eq!(ids(10, Some(2)), [4]);
        assert!(ids(10, Some(1)).is_empty());
    }

    #[test]
    fn failures_do_not_stop_the_others() {
        let cases = [case(1), case(2), case(3)];
        let chosen: Vec<&Case> = cases.iter().collect();
        let writer = |c: &Case| {
            if c.id == 2 {
                Err(Failure::output("disk full"))
            } else {
                Ok(Written {
                    packets: u64::from(c.id),
                    ..Written::default()
                })
            }
        };
        for threads in [1, 3] {
            let stop = AtomicBool::new(false);
            let pool = crate::cli::pipeline::workers(threads).unwrap();
            let done = pool.install(|| write(&chosen, NotWritten::default(), &stop, &writer));
            assert_eq!(done.written.keys().copied().collect::<Vec<_>>(), [1, 3]);
            assert_eq!(done.not_written.failed, 1);
            assert_eq!(done.failures.len(), 1);
        }
        let stop = AtomicBool::new(true);
        let done = write(&chosen, NotWritten::default(), &stop, &writer);
        assert!(done.written.is_empty() && done.failures.is_empty());
    }
}
