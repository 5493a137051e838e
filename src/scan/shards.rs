//! The reducers: flow tables by hash, and what must be known of all of them at once.

use super::collector::{Collector, Facts};
use crate::flow::baseline::{Baselines, Wanted};
use crate::flow::key::{Key4, Key6};
use crate::flow::resets::Finished;
use crate::flow::table::{Base, DETAIL_LIMIT, FlowTable, Kind};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// One shard.
#[derive(Default)]
pub struct Shard {
    v4: FlowTable<Key4>,
    v6: FlowTable<Key6>,
    baselines: Baselines,
}

/// All shards of a timeline.
pub struct Shards {
    shards: Vec<Shard>,
    streams: u64,
    memory: usize,
    forgotten: u64,
}

/// What the flow tables leave behind at the end.
pub struct Reduced {
    /// Reset connections by the frame of their first RST.
    pub finished: Vec<Finished>,
    /// Kinds of which more were seen than kept, with how many were not kept.
    pub storms: Vec<(Kind, u64)>,
    /// Baselines of hosts and services.
    pub baselines: Baselines,
    /// What they are wanted for.
    pub wanted: Wanted,
    /// Connections begun.
    pub connections: u64,
    /// Flows let go for lack of memory.
    pub forgotten: u64,
}

impl Shards {
    /// `n` shards that may use `memory` bytes together.
    pub fn new(n: usize, memory: u64) -> Self {
        let shards = (0..n).map(|_| Shard::default()).collect();
        let memory = usize::try_from(memory).unwrap_or(usize::MAX) / n;
        Self {
            shards,
            streams: 0,
            memory,
            forgotten: 0,
        }
    }

    /// Takes the chunks of a wave in, in order, each with its place in the timeline.
    pub fn reduce(&mut self, chunks: &[(&Collector, Base)]) {
        self.shards
            .par_iter_mut()
            .enumerate()
            .for_each(|(i, shard)| {
                for (chunk, base) in chunks {
                    let Facts { v4, v6 } = &chunk.shards[i];
                    shard.v4.reduce(v4, *base, &mut shard.baselines);
                    shard.v6.reduce(v6, *base, &mut shard.baselines);
                }
            });
        self.number_streams();
        let limit = self.memory;
        self.forgotten += self
            .shards
            .par_iter_mut()
            .map(|s| s.v4.shrink(limit, &mut s.baselines) + s.v6.shrink(limit, &mut s.baselines))
            .sum::<u64>();
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
        let mut wanted = self
            .shards
            .par_iter_mut()
            .flat_map_iter(|s| {
                [
                    s.v4.finish_reset(&mut s.baselines),
                    s.v6.finish_reset(&mut s.baselines),
                ]
            })
            .reduce(Wanted::default, Wanted::and);
        wanted.choose_contrast();
        let parts: Vec<_> = self
            .shards
            .par_iter_mut()
            .map(|s| {
                (
                    s.v4.finish_all(&mut s.baselines, &wanted),
                    s.v6.finish_all(&mut s.baselines, &wanted),
                )
            })
            .collect();
        let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
        let mut finished = Vec::new();
        for ((of4, kinds4), (of6, kinds6)) in parts {
            finished.extend(of4.into_iter().chain(of6));
            for (kind, n) in kinds4.into_iter().chain(kinds6) {
                *kinds.entry(kind).or_default() += n;
            }
        }
        finished.sort_unstable_by_key(|f| f.order);
        let storms = limit_kinds(&mut finished, &kinds);
        let connections = self
            .shards
            .iter()
            .map(|s| s.v4.started() + s.v6.started())
            .sum();
        let baselines = self
            .shards
            .into_iter()
            .map(|s| s.baselines)
            .reduce(|mut a, b| {
                a.merge(b);
                a
            });
        Reduced {
            finished,
            storms,
            baselines: baselines.unwrap_or_default(),
            wanted,
            connections,
            forgotten: self.forgotten,
        }
    }
}

// Keeps the first of each kind, in frame order.
fn limit_kinds(finished: &mut Vec<Finished>, kinds: &BTreeMap<Kind, u64>) -> Vec<(Kind, u64)> {
    let mut kept: BTreeMap<Kind, u64> = BTreeMap::new();
    finished.retain(|f| {
        let n = kept.entry(crate::flow::table::kind_of(f)).or_default();
        *n += 1;
        *n <= DETAIL_LIMIT as u64
    });
    kinds
        .iter()
        .filter(|&(_, &n)| n > DETAIL_LIMIT as u64)
        .map(|(&kind, &n)| (kind, n - DETAIL_LIMIT as u64))
        .collect()
}
