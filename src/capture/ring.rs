//! Which files are one capture in pieces: ring buffers, rotated and split files.
//!
//! Names say which files belong together; the packets' times say in which order. Names carry
//! the writer's local time and are never compared with packet times.

mod names;

use crate::units::Timestamp;
use names::{Series, bare, series};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a file before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingCandidate {
    /// Its path or name; only files of one directory form a series.
    pub name: String,
    /// Time of its first packet; `None` if it has none.
    pub first_time: Option<Timestamp>,
    /// Time of its last packet, if known.
    pub last_time: Option<Timestamp>,
    /// Length in bytes.
    pub size: u64,
}

/// Puts files into groups, each in the order of the packets: first packet time, then sequence
/// number (a jump from the highest to 0 continues the series), then name. Files without a
/// packet come last. A file whose name fits no pattern, or no other file's, is alone. The
/// groups are in the order of their first members in `files`.
#[must_use]
pub fn group(files: &[RingCandidate]) -> Vec<Vec<usize>> {
    let all = series_of(files);
    let mut members: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, found) in all.iter().enumerate() {
        if let Some(series) = found {
            let key = (series.directory.as_str(), series.key.as_str());
            members.entry(key).or_default().push(i);
        }
    }
    let mut groups: Vec<Vec<usize>> = members.into_values().filter(|g| g.len() > 1).collect();
    let mut grouped = vec![false; files.len()];
    for &i in groups.iter().flatten() {
        if let Some(flag) = grouped.get_mut(i) {
            *flag = true;
        }
    }
    let alone = (0..files.len()).filter(|i| grouped.get(*i) == Some(&false));
    groups.extend(alone.map(|i| vec![i]));
    groups.sort_by_key(|g| g.iter().min().copied());
    for members in &mut groups {
        sort(members, files, &all);
    }
    groups
}

/// The series of every file; `x.pcap` belongs to `x.pcap1` if there is such a file.
fn series_of(files: &[RingCandidate]) -> Vec<Option<Series>> {
    let mut all: Vec<Option<Series>> = files.iter().map(|f| series(&f.name)).collect();
    let continued: BTreeSet<(String, String)> = all
        .iter()
        .flatten()
        .filter(|s| s.continues_bare)
        .map(|s| (s.directory.clone(), s.key.clone()))
        .collect();
    for (slot, file) in all.iter_mut().zip(files) {
        if slot.is_none() {
            let first = bare(&file.name);
            let found = continued.contains(&(first.directory.clone(), first.key.clone()));
            *slot = found.then_some(first);
        }
    }
    all
}

fn sort(members: &mut [usize], files: &[RingCandidate], all: &[Option<Series>]) {
    let number = |i: usize| all.get(i).and_then(|s| s.as_ref()?.number);
    let mut numbers: Vec<u64> = members.iter().filter_map(|&i| number(i)).collect();
    numbers.sort_unstable();
    let origin = origin(&numbers);
    members.sort_by_key(|&i| {
        let file = files.get(i);
        let time = file.and_then(|f| f.first_time);
        // numbers before the origin come after those behind it: the series wrapped around
        let place = number(i).map(|n| (n < origin, n));
        (time.is_none(), time, place, file.map(|f| f.name.as_str()))
    });
}

/// The number a series begins with: the one behind the widest gap. Sorted numbers.
fn origin(numbers: &[u64]) -> u64 {
    let first = numbers.first().copied().unwrap_or_default();
    let mut widest = (1, first);
    for pair in numbers.windows(2) {
        if let [a, b] = pair {
            let gap = b - a;
            // a hole in the low numbers is a hole; one that begins near the top is a wrap
            if gap > widest.0 && gap > RING_LEN / 2 {
                widest = (gap, *b);
            }
        }
    }
    widest.1
}

/// Wireshark's file numbers are taken modulo this.
const RING_LEN: u64 = 100_000;

/// Longest run of missing numbers that is believed to be one, and not another series.
const MAX_MISSING: u64 = 1000;

/// Overlap that reordering at the change of files explains, in nanoseconds (2 s).
const SEAM_OVERLAP_NANOS: i64 = 2_000_000_000;

/// What is remarkable between two neighbours of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seam {
    /// Index of the earlier file.
    pub before: usize,
    /// Index of the later file.
    pub after: usize,
    /// What it is.
    pub kind: SeamKind,
}

/// Kinds of seams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeamKind {
    /// The file numbers began again; the series goes on.
    WrapAround,
    /// File numbers are missing between the two.
    MissingFiles {
        /// How many.
        count: u64,
    },
    /// The later file begins before the earlier ones end.
    Overlap {
        /// By how much, in nanoseconds.
        nanos: i64,
        /// By more than reordering at the change of files explains (2 s, or 1 % of the shorter
        /// file): the files were captured in parallel.
        parallel: bool,
    },
    /// No packet between the two files.
    Gap {
        /// For how long, in nanoseconds.
        nanos: i64,
    },
}

/// What is remarkable between the neighbours of one group of [`group`], in order. A gap is
/// given for every pair of files whose times are known and do not overlap; whether it is
/// unusual is for the caller to say.
#[must_use]
pub fn seams(files: &[RingCandidate], members: &[usize]) -> Vec<Seam> {
    let all = series_of(files);
    let series = |i: usize| all.get(i).and_then(Option::as_ref);
    let mut seams = Vec::new();
    let mut end: Option<Timestamp> = None;
    let highest = members.iter().filter_map(|&i| series(i)?.number).max();
    for pair in members.windows(2) {
        let &[before, after] = pair else { continue };
        let mut add = |kind| {
            seams.push(Seam {
                before,
                after,
                kind,
            })
        };
        if let (Some(a), Some(b)) = (series(before), series(after)) {
            number_seam(a, b, highest.unwrap_or_default())
                .into_iter()
                .for_each(&mut add);
        }
        end = end.max(files.get(before).and_then(|f| f.last_time));
        let first = files.get(after).and_then(|f| f.first_time);
        if let (Some(end), Some(first)) = (end, first) {
            let gap = first.nanos_since(end);
            add(if gap >= 0 {
                SeamKind::Gap { nanos: gap }
            } else {
                let shorter = duration(files, before).min(duration(files, after));
                let nanos = gap.saturating_neg();
                let parallel = nanos > SEAM_OVERLAP_NANOS && nanos >= shorter / 100;
                SeamKind::Overlap { nanos, parallel }
            });
        }
    }
    seams
}

fn duration(files: &[RingCandidate], i: usize) -> i64 {
    let times = files.get(i).and_then(|f| f.last_time.zip(f.first_time));
    times.map_or(0, |(last, first)| last.nanos_since(first))
}

/// What the numbers of two neighbours say.
fn number_seam(a: &Series, b: &Series, highest: u64) -> Vec<SeamKind> {
    let (Some(from), Some(to), true) = (a.number, b.number, a.counts_up && b.counts_up) else {
        return Vec::new();
    };
    let ring = if a.continues_bare {
        highest + 1
    } else {
        RING_LEN
    };
    let step = if to > from {
        to - from
    } else {
        (to + ring).saturating_sub(from)
    };
    let mut kinds = Vec::new();
    if to < from && step <= MAX_MISSING && from >= ring / 2 {
        kinds.push(SeamKind::WrapAround);
    }
    if (2..=MAX_MISSING + 1).contains(&step) && (to > from || !kinds.is_empty()) {
        kinds.push(SeamKind::MissingFiles { count: step - 1 });
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::{RingCandidate, SeamKind, group, seams};
    use crate::units::Timestamp;

    const SECOND: i64 = 1_000_000_000;

    /// Files with first and last packet times in seconds.
    fn files(list: &[(&str, i64, i64)]) -> Vec<RingCandidate> {
        list.iter()
            .map(|&(name, first, last)| RingCandidate {
                name: name.to_owned(),
                first_time: Some(Timestamp(first * SECOND)),
                last_time: Some(Timestamp(last * SECOND)),
                size: 1000,
            })
            .collect()
    }

    fn kinds(list: &[(&str, i64, i64)]) -> Vec<SeamKind> {
        let files = files(list);
        let groups = group(&files);
        assert_eq!(groups.len(), 1, "{groups:?}");
        seams(&files, &groups[0]).iter().map(|s| s.kind).collect()
    }

    #[test]
    fn the_packets_order_the_files() {
        // tcpdump -C -W 3 after the ring was overwritten
        let ring = files(&[
            ("tdw.pcap0", 30, 39),
            ("tdw.pcap1", 40, 45),
            ("tdw.pcap2", 20, 29),
        ]);
        assert_eq!(group(&ring), [[2, 0, 1]]);
    }

    #[test]
    fn a_tie_is_decided_by_the_number_across_the_wrap() {
        let ring = files(&[
            ("a_00000_20261121001955.pcapng", 5, 5),
            ("a_99999_20261121001954.pcapng", 5, 5),
            ("a_00001_20261121001956.pcapng", 5, 5),
            ("a_99998_20261121001953.pcapng", 5, 5),
        ]);
        assert_eq!(group(&ring), [[3, 1, 0, 2]]);
    }

    #[test]
    fn series_are_kept_apart() {
        let all = files(&[
            ("d/a_00001_20261121001955.pcapng", 1, 2),
            ("d/b_00001_20261121001955.pcapng", 1, 2),
            ("d/a_00002_20261121002955.pcapng.gz", 3, 4),
            ("d/single.pcap", 1, 9),
            ("e/a_00003_20261121003955.pcapng", 5, 6),
            ("d/log.pcap.1.1700000000", 1, 2),
            ("d/log.pcap.2.1700000000", 1, 2),
            ("d/log.pcap.1.1700000100", 3, 4),
        ]);
        let expected: [&[usize]; 6] = [&[0, 2], &[1], &[3], &[4], &[5, 7], &[6]];
        assert_eq!(group(&all), expected);
    }

    #[test]
    fn the_first_file_of_tcpdump_has_no_number() {
        let all = files(&[
            ("x.pcap", 1, 2),
            ("x.pcap1", 3, 4),
            ("x.pcap2", 5, 6),
            ("y.pcap", 1, 2),
        ]);
        let expected: [&[usize]; 2] = [&[0, 1, 2], &[3]];
        assert_eq!(group(&all), expected);
    }

    #[test]
    fn a_file_without_packets_comes_last() {
        let mut ring = files(&[
            ("r_00001.pcap", 0, 0),
            ("r_00002.pcap", 3, 4),
            ("r_00003.pcap", 1, 2),
        ]);
        ring[0].first_time = None;
        assert_eq!(group(&ring), [[2, 1, 0]]);
    }

    #[test]
    fn holes_and_wraps_are_told() {
        let gap = SeamKind::Gap { nanos: SECOND };
        assert_eq!(
            kinds(&[
                ("r_00001.pcap", 0, 1),
                ("r_00002.pcap", 2, 3),
                ("r_00004.pcap", 4, 5)
            ]),
            [gap, SeamKind::MissingFiles { count: 1 }, gap]
        );
        assert_eq!(
            kinds(&[("r_99999.pcap", 0, 1), ("r_00000.pcap", 2, 3)]),
            [SeamKind::WrapAround, gap]
        );
        assert_eq!(
            kinds(&[("w.pcap0", 2, 3), ("w.pcap1", 4, 5), ("w.pcap2", 0, 1)]),
            [SeamKind::WrapAround, gap, gap]
        );
        // logrotate counts the other way: nothing is missing
        assert_eq!(kinds(&[("x.pcap.1", 2, 3), ("x.pcap.2", 0, 1)]), [gap]);
    }

    #[test]
    fn overlaps_are_told() {
        assert_eq!(
            kinds(&[("r_00001.pcap", 0, 11), ("r_00002.pcap", 10, 20)]),
            [SeamKind::Overlap {
                nanos: SECOND,
                parallel: false
            }]
        );
        assert_eq!(
            kinds(&[("r_00001.pcap", 0, 15), ("r_00002.pcap", 10, 20)]),
            [SeamKind::Overlap {
                nanos: 5 * SECOND,
                parallel: true
            }]
        );
    }
}
