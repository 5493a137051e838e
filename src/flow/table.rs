//! The flow table of one shard: every flow's segments arrive here in capture order.

use super::baseline::{Baselines, Wanted};
use super::conversation::{Conversation, Stream};
use super::fact::{Fact, mark};
use super::key::Key;
use super::loc::{Arena, Kept, Loc};
use super::resets::Finished;
use super::state::Flow;
use crate::packet::tcp_flags::{ACK, RST, SYN};
use crate::units::Seq;
use hashbrown::HashTable;
use std::collections::{BinaryHeap, HashMap};

/// A finished connection that stays quiet this long is let go, in nanoseconds. Late replies
/// and repeated resets come within minutes.
const LINGER: i64 = 300_000_000_000;
/// A sweep keeps flows this much longer, so that a packet with a slightly older time finds
/// its flow whether or not a sweep came between.
const SWEEP_MARGIN: i64 = 60_000_000_000;
/// Segments this near a side's SND.NXT belong to that incarnation (diagnosis 2.1).
const NEAR: u32 = 1 << 24;
/// Reset connections of one kind that are kept in detail per shard and kind; the run keeps the
/// first of all shards. Storms go on being counted.
pub const DETAIL_LIMIT: usize = 5_000;

/// Where a batch of facts comes from: added to the facts' own offsets and frame numbers.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// Frames of the timeline before the chunk.
    pub frame: u64,
    /// Offset of the chunk in its file in bytes.
    pub offset: u64,
}

/// The flows of one shard and one address family.
pub struct FlowTable<K> {
    index: HashTable<u32>,
    flows: Vec<Option<Flow<K>>>,
    free: Vec<u32>,
    hashes: Vec<u64>,
    clock: i64,
    until_sweep: u64,
    new_streams: Vec<(u32, u64)>,
    unnumbered: Vec<u32>,
    finished: Vec<Finished>,
    settled: usize,
    kinds: HashMap<Kind, KindTally>,
    reopened: HashMap<u32, usize>,
    forgotten: u64,
    started: u64,
    wanted: Wanted,
    arena: Arena,
}

/// How many connections of one kind were reset, and which of them are kept: the earliest.
#[derive(Debug, Default)]
struct KindTally {
    count: u64,
    kept: BinaryHeap<(u64, usize)>,
}

/// What storms are counted by: the server (or the refused client), and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// `server:port` for established connections; the client with port 0 for refused ones.
    pub whose: super::Endpoint,
    /// Which endpoint sent RSTs: bit 0 the client, bit 1 the server.
    pub senders: u8,
    /// Refused before any SYN-ACK.
    pub refused: bool,
}

impl<K: Key> Default for FlowTable<K> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            flows: Vec::new(),
            free: Vec::new(),
            hashes: Vec::new(),
            clock: i64::MIN,
            until_sweep: 4096,
            new_streams: Vec::new(),
            unnumbered: Vec::new(),
            finished: Vec::new(),
            settled: 0,
            kinds: HashMap::new(),
            reopened: HashMap::new(),
            forgotten: 0,
            started: 0,
            wanted: Wanted::default(),
            arena: Arena::default(),
        }
    }
}

impl<K: Key> FlowTable<K> {
    /// Takes a chunk's facts in, in order.
    pub fn reduce(&mut self, facts: &[Fact<K>], base: Base, baselines: &mut Baselines) {
        // looking up a few flows before touching any lets the cache misses overlap
        const BATCH: usize = 16;
        for batch in facts.chunks(BATCH) {
            let mut slots = [0_u32; BATCH];
            for (slot, fact) in slots.iter_mut().zip(batch) {
                *slot = self.slot(fact);
                self.touch(*slot);
            }
            for (&slot, fact) in slots.iter().zip(batch) {
                let loc = Loc::new(
                    base.frame + u64::from(fact.frame) + 1,
                    base.offset + u64::from(fact.offset),
                );
                self.apply(slot, fact, loc, baselines);
            }
        }
        self.until_sweep = self.until_sweep.saturating_sub(facts.len() as u64);
        if self.until_sweep == 0 {
            self.sweep(baselines);
            self.until_sweep = 4096.max(4 * self.flows.len() as u64);
        }
    }

    // Loads the lines that `apply` will need, so that the misses of a batch overlap.
    #[inline]
    fn touch(&self, slot: u32) {
        if let Some(flow) = &self.flows[slot as usize] {
            let line = (
                flow.last_time[0],
                flow.seen[0],
                flow.trail.latest(&self.arena),
            );
            std::hint::black_box(line);
        }
    }

    #[inline]
    fn slot(&mut self, f: &Fact<K>) -> u32 {
        let flows = &self.flows;
        let same = |&slot: &u32| {
            flows[slot as usize]
                .as_ref()
                .is_some_and(|flow| flow.key == f.key)
        };
        if let Some(&slot) = self.index.find(f.hash, same) {
            return slot;
        }
        self.started += 1;
        self.insert(f.hash, Flow::new(f, 0, Conversation::NEW))
    }

    fn insert(&mut self, hash: u64, flow: Flow<K>) -> u32 {
        let slot = if let Some(slot) = self.free.pop() {
            self.flows[slot as usize] = Some(flow);
            self.hashes[slot as usize] = hash;
            slot
        } else {
            self.flows.push(Some(flow));
            self.hashes.push(hash);
            self.flows.len() as u32 - 1
        };
        let hashes = &self.hashes;
        self.index
            .insert_unique(hash, slot, |&s| hashes[s as usize]);
        slot
    }

    #[inline]
    fn apply(&mut self, slot: u32, f: &Fact<K>, loc: Loc, baselines: &mut Baselines) {
        self.clock = self.clock.max(f.time);
        let Some(flow) = self.flows[slot as usize].as_mut() else {
            return;
        };
        if f.has(mark::QUOTED) {
            if flow.conversation.segment(f, loc.frame()) {
                self.new_streams.push((slot, loc.frame()));
            }
            flow.detail.get_or_insert_default().icmp(loc, f.sender());
            return;
        }
        let idle = f.time.saturating_sub(flow.latest());
        let retired = flow.finished() && idle > LINGER;
        if retired || flow.reopened_by(f) {
            self.reopen(slot, f, baselines);
        } else if flow.incarnation > 0 && self.belongs_to_previous(slot, f, loc) {
            return;
        }
        let Some(flow) = self.flows[slot as usize].as_mut() else {
            return;
        };
        if flow.conversation.segment(f, loc.frame()) {
            self.new_streams.push((slot, loc.frame()));
        }
        if f.has(SYN) && doubtful(flow, f) {
            self.doubt(slot, f, loc, baselines);
        }
        let Some(flow) = self.flows[slot as usize].as_mut() else {
            return;
        };
        flow.account(f, loc, &mut self.arena);
        if f.has(RST) || flow.detail.is_some() {
            let first = f.has(RST)
                && flow
                    .detail
                    .as_ref()
                    .is_none_or(|d| d.first_reset().is_none());
            let detail = flow.detail.get_or_insert_default();
            detail.segment(f, loc, (&flow.trail, &self.arena), flow.conversation.stream);
            if first {
                self.unnumbered.push(slot);
            }
        }
    }

    // A SYN with another ISN on a living connection: a new incarnation only if a SYN-ACK
    // answers it (diagnosis 2.1); until then it stays with the old one.
    fn doubt(&mut self, slot: u32, f: &Fact<K>, loc: Loc, baselines: &mut Baselines) {
        let Some(flow) = self.flows[slot as usize].as_mut() else {
            return;
        };
        if !f.has(ACK) {
            flow.detail.get_or_insert_default().doubtful_syn = Some((loc, f.seq, f.time));
            return;
        }
        let pending = flow.detail.as_ref().and_then(|d| d.doubtful_syn);
        let Some((syn_loc, isn, time)) = pending.filter(|p| p.1.wrapping_add(1) == f.ack) else {
            return;
        };
        flow.trail.pop(&mut self.arena);
        self.reopen(slot, f, baselines);
        if let Some(flow) = self.flows[slot as usize].as_mut() {
            let syn = Fact {
                seq: isn,
                ack: 0,
                len: 0,
                time,
                flags: (f.flags & mark::FROM_SECOND ^ mark::FROM_SECOND) | SYN,
                ..*f
            };
            flow.account(&syn, syn_loc, &mut self.arena);
            flow.first_time = time;
        }
    }

    // Ends the incarnation in this slot and starts the next one in its place.
    fn reopen(&mut self, slot: u32, f: &Fact<K>, baselines: &mut Baselines) {
        let Some(old) = self.flows[slot as usize].take() else {
            return;
        };
        self.started += 1;
        let mut next = Flow::new(f, old.incarnation.saturating_add(1), old.conversation);
        next.first_time = f.time;
        self.flows[slot as usize] = Some(next);
        self.reopened.remove(&slot);
        if let Some(kept) = self.finish(old, baselines) {
            self.reopened.insert(slot, kept);
        }
    }

    // A late segment of the previous, reset incarnation: far from this one's numbers, near the
    // old one's.
    fn belongs_to_previous(&mut self, slot: u32, f: &Fact<K>, loc: Loc) -> bool {
        let Some(&kept) = self.reopened.get(&slot) else {
            return false;
        };
        let (Some(flow), Some(old)) = (
            self.flows[slot as usize].as_ref(),
            self.finished.get_mut(kept),
        ) else {
            return false;
        };
        let me = f.sender();
        let near = |next: u32| Seq(f.seq).since(Seq(next)).unsigned_abs() < NEAR;
        if old.endpoints != flow.key.endpoints() {
            return false; // its place was given to an earlier connection of the same storm
        }
        let here = flow.seen[me] & super::state::seen::ALIVE != 0 && near(flow.next[me]);
        if f.has(SYN) || here || !old.next[me].is_some_and(near) || (f.has(RST | ACK) && f.seq == 0)
        {
            return false;
        }
        let nth = old.segments[0] + old.segments[1];
        old.kept.push(Kept {
            loc,
            nth: u32::try_from(nth).unwrap_or(u32::MAX),
        });
        old.segments[me] += 1;
        old.resets[me] += u64::from(f.has(RST));
        old.times.1 = f.time;
        true
    }

    // Counts a finished incarnation; keeps it if it was reset. Its index in `finished`.
    fn finish(&mut self, mut flow: Flow<K>, baselines: &mut Baselines) -> Option<usize> {
        let kept = self.keep(&flow, baselines);
        flow.trail.release(&mut self.arena);
        kept
    }

    fn keep(&mut self, flow: &Flow<K>, baselines: &mut Baselines) -> Option<usize> {
        baselines.add(flow, &self.arena, &self.wanted);
        let reset = flow
            .detail
            .as_ref()
            .is_some_and(|d| d.first_reset().is_some());
        if !reset {
            return None;
        }
        let finished = Finished::of(flow, &self.arena, self.forgotten > 0);
        let tally = self.kinds.entry(kind_of(&finished)).or_default();
        tally.count += 1;
        if tally.kept.len() < DETAIL_LIMIT {
            tally.kept.push((finished.order, self.finished.len()));
            self.finished.push(finished);
            return Some(self.finished.len() - 1);
        }
        let &(latest, place) = tally.kept.peek()?;
        if finished.order >= latest {
            return None;
        }
        tally.kept.pop();
        tally.kept.push((finished.order, place));
        self.finished[place] = finished;
        self.settled = self.settled.min(place);
        Some(place)
    }

    fn sweep(&mut self, baselines: &mut Baselines) {
        let limit = self.clock.saturating_sub(LINGER + SWEEP_MARGIN);
        for slot in 0..self.flows.len() {
            let old = self.flows[slot]
                .as_ref()
                .is_some_and(|f| f.finished() && f.latest() < limit);
            if old {
                self.release(slot, baselines);
            }
        }
    }

    fn release(&mut self, slot: usize, baselines: &mut Baselines) {
        let Some(flow) = self.flows[slot].take() else {
            return;
        };
        if let Ok(entry) = self
            .index
            .find_entry(self.hashes[slot], |&s| s as usize == slot)
        {
            entry.remove();
        }
        self.reopened.remove(&(slot as u32));
        self.free.push(slot as u32);
        self.finish(flow, baselines);
    }

    /// Frames in which streams began since the last call.
    pub fn take_new_streams(&mut self) -> Vec<u64> {
        self.new_streams.iter().map(|&(_, frame)| frame).collect()
    }

    /// Writes the numbers of the streams that began since the last call into the flows.
    /// `number` gives the number of the stream that began in a frame.
    pub fn number_streams(&mut self, number: impl Fn(u64) -> u64) {
        let settle = |s: &mut Stream| {
            if let Some(frame) = s.pending() {
                *s = Stream::numbered(number(frame));
            }
        };
        for (slot, _) in std::mem::take(&mut self.new_streams) {
            if let Some(flow) = self.flows[slot as usize].as_mut() {
                settle(&mut flow.conversation.stream);
            }
        }
        for slot in std::mem::take(&mut self.unnumbered) {
            if let Some(detail) = self.flows[slot as usize]
                .as_mut()
                .and_then(|f| f.detail.as_mut())
            {
                settle(&mut detail.stream);
            }
        }
        self.finished[self.settled..]
            .iter_mut()
            .for_each(|f| settle(&mut f.stream));
        self.settled = self.finished.len();
    }

    /// Lets the longest-idle flows go until the table uses at most `limit` bytes; how many went.
    pub fn shrink(&mut self, limit: usize, baselines: &mut Baselines) -> u64 {
        if self.bytes() <= limit {
            return 0;
        }
        let mut by_age: Vec<(i64, u32)> = self
            .flows
            .iter()
            .enumerate()
            .filter_map(|(slot, flow)| flow.as_ref().map(|f| (f.latest(), slot as u32)))
            .collect();
        by_age.sort_unstable();
        let mut gone = 0;
        for (_, slot) in by_age {
            if self.bytes() <= limit - limit / 8 {
                break;
            }
            self.release(slot as usize, baselines);
            gone += 1;
        }
        self.forgotten += gone;
        gone
    }

    /// Bytes the live flows use: what their number and their trails come to.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // a slot and its hash in the index, and room for both to grow
        const INDEX: usize = 16;
        let (blocks, size) = self.arena.in_use();
        self.index.len() * (size_of::<Option<Flow<K>>>() + INDEX) + blocks * size
    }

    /// Flows begun so far.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started
    }

    /// Ends the flows that were reset, and adds what is wanted to be known for all of them.
    pub fn finish_reset(&mut self, baselines: &mut Baselines) -> Wanted {
        let reset = |f: &Flow<K>| f.either_saw(super::state::seen::RST);
        for slot in 0..self.flows.len() {
            if self.flows[slot].as_ref().is_some_and(reset)
                && let Some(flow) = self.flows[slot].take()
            {
                self.finish(flow, baselines);
            }
        }
        let mut wanted = Wanted {
            hosts: Some(Default::default()),
            ..Wanted::default()
        };
        for finished in &self.finished {
            wanted
                .hosts
                .get_or_insert_default()
                .extend(finished.endpoints.map(|e| e.ip));
            let server = finished.endpoints[1 - super::roles::client_of(finished).0];
            *wanted.services.entry(server).or_default() += u64::from(!kind_of(finished).refused);
            if finished.bytes == [0, 0] && finished.saw_syn {
                let client = super::roles::client_of(finished).0;
                let ip = finished.endpoints[client].ip;
                wanted.attempts.add(ip, server, finished.times.0);
            }
        }
        wanted
    }

    /// Ends the other flows, and returns the reset ones in the order they ended, and how many
    /// of each kind there were.
    pub fn finish_all(
        &mut self,
        baselines: &mut Baselines,
        wanted: &Wanted,
    ) -> (Vec<Finished>, HashMap<Kind, u64>) {
        for slot in 0..self.flows.len() {
            if let Some(mut flow) = self.flows[slot].take() {
                baselines.add(&flow, &self.arena, wanted);
                flow.trail.release(&mut self.arena);
            }
        }
        let kinds = std::mem::take(&mut self.kinds)
            .into_iter()
            .map(|(kind, tally)| (kind, tally.count))
            .collect();
        (std::mem::take(&mut self.finished), kinds)
    }
}

#[inline]
fn doubtful<K: Key>(flow: &Flow<K>, f: &Fact<K>) -> bool {
    let me = f.sender();
    let both_alive = flow.seen[0] & flow.seen[1] & super::state::seen::ALIVE != 0;
    both_alive && !f.has(RST) && {
        if f.has(ACK) {
            flow.detail
                .as_ref()
                .is_some_and(|d| d.doubtful_syn.is_some())
        } else {
            flow.isn[me] != f.seq
        }
    }
}

/// The kind a finished connection is counted under.
#[must_use]
pub fn kind_of(f: &Finished) -> Kind {
    let server = f.opener.map_or(0, |o| 1 - usize::from(o));
    let client = 1 - server;
    let refused = f.next[server].is_none() && f.resets[server] > 0;
    let senders = u8::from(f.resets[client] > 0) | u8::from(f.resets[server] > 0) << 1;
    let whose = if refused {
        super::Endpoint {
            port: 0,
            ..f.endpoints[client]
        }
    } else {
        f.endpoints[server]
    };
    Kind {
        whose,
        senders,
        refused,
    }
}
