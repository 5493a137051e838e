//! The reducers: flow tables by hash, and what must be known of all of them at once.

use super::collector::{Collector, Facts};
use crate::flow::baseline::{Baselines, Known, Wanted};
use crate::flow::ended::Ends;
use crate::flow::fact::Fact;
use crate::flow::key::{Key, Key4, Key6};
use crate::flow::kinds::{DETAIL_LIMIT, Kind, Kinds, kind_of};
use crate::flow::resets::Finished;
use crate::flow::table::{Base, FlowTable, Limits, NO_SLOT};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Connections closed by FIN, and as many closed by RST, that wait for late segments: each
/// holds a few hundred bytes.
const CLOSED: usize = 1 << 13;
/// How many times its share a shard may keep, as shares are uneven.
const UNEVEN: usize = 8;
/// Shards whose remaining flows are counted at a time.
const ENDING: usize = 16;

/// Facts whose flows are looked up together.
const BATCH: usize = 32;

/// One shard.
struct Shard {
    v4: FlowTable<Key4>,
    v6: FlowTable<Key6>,
    ends: Ends,
}

/// All shards of a timeline.
pub struct Shards {
    shards: Vec<Shard>,
    baselines: Baselines,
    // connections of one kind that a table keeps
    detail: usize,
    streams: u64,
}

/// What the flow tables leave behind at the end.
pub struct Reduced {
    /// Reset connections by the frame of their first RST.
    pub finished: Vec<Finished>,
    /// Kinds of which more were seen than kept, with how many were not kept.
    pub storms: Vec<(Kind, u64)>,
    /// What is known of their hosts and services.
    pub known: Known,
    /// Connections begun.
    pub connections: u64,
    /// Flows let go for lack of memory.
    pub forgotten: u64,
}

impl Shards {
    /// `n` shards that may use `memory` bytes together.
    pub fn new(n: usize, memory: u64) -> Self {
        let share = |all: usize| if n == 1 { all } else { all * UNEVEN / n };
        let limits = Limits {
            memory: usize::try_from(memory).unwrap_or(usize::MAX) / n,
            closed: CLOSED / n,
            detail: share(DETAIL_LIMIT),
        };
        let shard = || Shard {
            v4: FlowTable::new(limits),
            v6: FlowTable::new(limits),
            ends: Ends::default(),
        };
        Self {
            shards: std::iter::repeat_with(shard).take(n).collect(),
            baselines: Baselines::default(),
            detail: limits.detail,
            streams: 0,
        }
    }

    /// Takes the chunks of a wave in, in order, each with its place in the timeline.
    pub fn reduce(&mut self, chunks: &[(&Collector, Base)]) {
        let buckets = chunks.first().map_or(1, |(chunk, _)| chunk.buckets.len());
        let each = self.shards.len() / buckets;
        let buckets = self.shards.par_chunks_mut(each).enumerate();
        buckets.for_each(|(i, shards)| {
            for (chunk, base) in chunks {
                let Facts { v4, v6 } = &chunk.buckets[i];
                take(shards, v4, *base);
                take(shards, v6, *base);
            }
        });
        self.number_streams();
        let ends = self.shards.iter().map(|s| &s.ends).collect::<Vec<_>>();
        count(&mut self.baselines, &ends);
        self.shards.iter_mut().for_each(|s| s.ends.clear());
    }

    // The streams of a wave are numbered by the frames they began in (pcapng-fidelity 6.1).
    fn number_streams(&mut self) {
        let mut began: Vec<u64> = self
            .shards
            .par_iter_mut()
            .flat_map_iter(|s| {
                s.v4.take_new_streams()
                    .into_iter()
                    .chain(s.v6.take_new_streams())
            })
            .collect();
        began.par_sort_unstable();
        let base = self.streams;
        let number = |frame: u64| base + began.partition_point(|&f| f < frame) as u64;
        self.shards.par_iter_mut().for_each(|s| {
            s.v4.number_streams(number);
            s.v6.number_streams(number);
        });
        self.streams += began.len() as u64;
    }

    /// Ends all flows.
    pub fn finish(mut self) -> Reduced {
        let tables = |s: &Shard| {
            (
                s.v4.started() + s.v6.started(),
                s.v4.forgotten() + s.v6.forgotten(),
            )
        };
        let (connections, forgotten) = self
            .shards
            .iter()
            .map(tables)
            .fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
        let reset: Vec<_> = self
            .shards
            .par_iter_mut()
            .map(Shard::finish_reset)
            .collect();
        let mut finished = Vec::with_capacity(reset.iter().map(|(flows, _)| flows.len()).sum());
        let mut kinds = Kinds::default();
        for (flows, counts) in reset {
            finished.extend(flows);
            for (kind, n) in counts {
                *kinds.entry(kind).or_default() += n;
            }
        }
        finished.par_sort_unstable_by_key(|f: &Finished| f.order);
        let storms = limit_kinds(&mut finished, kinds, self.detail);
        let wanted = Wanted::of(&finished);
        let ends: Vec<_> = self.shards.iter().map(|s| &s.ends).collect();
        count(&mut self.baselines, &ends);
        let mut rest: Vec<[Ends; 2]> = Vec::new();
        rest.resize_with(ENDING, Default::default);
        for some in self.shards.chunks(ENDING) {
            some.par_iter().zip(&mut rest).for_each(|(s, [v4, v6])| {
                v4.clear();
                v6.clear();
                s.v4.teach(&wanted, v4);
                s.v6.teach(&wanted, v6);
            });
            self.baselines.parts_mut().par_iter_mut().for_each(|part| {
                for (s, [v4, v6]) in some.iter().zip(&rest) {
                    part.take_rest(&s.v4, &wanted, v4);
                    part.take_rest(&s.v6, &wanted, v6);
                }
            });
        }
        // the tables' memory is used again at once
        let give_back = || self.shards.into_par_iter().for_each(drop);
        let know = || {
            let parts = self.baselines.into_parts().into_par_iter();
            Known::together(parts.map(|part| part.know(&wanted)).collect())
        };
        let ((), known) = rayon::join(give_back, know);
        Reduced {
            finished,
            storms,
            known,
            connections,
            forgotten,
        }
    }
}

impl Shard {
    fn finish_reset(&mut self) -> (Vec<Finished>, Kinds) {
        let (mut finished, mut kinds) = self.v4.finish_reset(&mut self.ends);
        let (more, others) = self.v6.finish_reset(&mut self.ends);
        finished.extend(more);
        for (kind, n) in others {
            *kinds.entry(kind).or_default() += n;
        }
        (finished, kinds)
    }
}

/// An address family's keys and tables.
trait Family: Key {
    fn table(shard: &Shard) -> &FlowTable<Self>;
    fn table_mut(shard: &mut Shard) -> (&mut FlowTable<Self>, &mut Ends);
}

impl Family for Key4 {
    fn table(shard: &Shard) -> &FlowTable<Self> {
        &shard.v4
    }
    fn table_mut(shard: &mut Shard) -> (&mut FlowTable<Self>, &mut Ends) {
        (&mut shard.v4, &mut shard.ends)
    }
}

impl Family for Key6 {
    fn table(shard: &Shard) -> &FlowTable<Self> {
        &shard.v6
    }
    fn table_mut(shard: &mut Shard) -> (&mut FlowTable<Self>, &mut Ends) {
        (&mut shard.v6, &mut shard.ends)
    }
}

// Takes facts in, in order. What a batch of them will need is loaded before: the cache misses
// of many packets overlap, which those of one, each leading to the next, cannot.
fn take<K: Family>(shards: &mut [Shard], facts: &[Fact<K>], base: Base) {
    let mask = shards.len() - 1;
    for batch in facts.chunks(BATCH) {
        let table = |f: &Fact<K>| K::table(&shards[usize::from(f.shard) & mask]);
        let mut slots = [NO_SLOT; BATCH];
        for (slot, f) in slots.iter_mut().zip(batch) {
            *slot = table(f).guess(f);
        }
        let touched = slots
            .iter()
            .zip(batch)
            .map(|(&slot, f)| table(f).touch(slot));
        std::hint::black_box(touched.fold(0, |all, one| all ^ one));
        for (f, slot) in batch.iter().zip(slots) {
            let (table, ends) = K::table_mut(&mut shards[usize::from(f.shard) & mask]);
            table.take(f, slot, base, ends);
        }
    }
}

fn count(baselines: &mut Baselines, ends: &[&Ends]) {
    baselines
        .parts_mut()
        .par_iter_mut()
        .for_each(|part| ends.iter().for_each(|ends| part.take(ends)));
}

// Keeps the first of each kind, in frame order, and returns how many of each are left out.
// Of no kind a table keeps more than `detail`, so that only one with more may lack some.
fn limit_kinds(finished: &mut Vec<Finished>, kinds: Kinds, detail: usize) -> Vec<(Kind, u64)> {
    let large = kinds.into_iter().filter(|(_, n)| *n > detail as u64);
    let mut large: BTreeMap<Kind, (u64, u64)> = large.map(|(kind, n)| (kind, (n, 0))).collect();
    if large.is_empty() {
        return Vec::new();
    }
    finished.retain(|f| {
        let Some((_, kept)) = large.get_mut(&kind_of(f)) else {
            return true;
        };
        let stays = *kept < DETAIL_LIMIT as u64;
        *kept += u64::from(stays);
        stays
    });
    let left_out = |(kind, (n, kept)): (Kind, (u64, u64))| (kind, n.saturating_sub(kept));
    let left_out = large.into_iter().map(left_out);
    left_out.filter(|(_, n)| *n > 0).collect()
}
