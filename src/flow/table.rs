//! The flow table of one shard: every flow's segments arrive here in capture order.

use super::baseline::Wanted;
use super::conversation::{Conversation, Stream};
use super::ended::{Ends, teach};
use super::fact::{Fact, mark};
use super::key::Key;
use super::kinds::{DETAIL_LIMIT, KeptOnes, Kinds};
use super::loc::{Arena, Kept, Loc};
use super::resets::Finished;
use super::slab::Slab;
use super::state::{Flow, seen};
use crate::packet::tcp_flags::{ACK, RST, SYN};
use crate::units::Seq;
use hashbrown::HashTable;
use std::collections::{HashMap, VecDeque};

/// A finished connection that stays quiet this long is let go, in nanoseconds. Late replies
/// and repeated resets come within minutes.
const LINGER: i64 = 300_000_000_000;
/// A sweep keeps flows this much longer, so that a packet with a slightly older time finds
/// its flow whether or not a sweep came between.
const SWEEP_MARGIN: i64 = 60_000_000_000;
/// A SYN that nothing answers is let go after this, in nanoseconds: systems repeat it for two
/// minutes.
const UNANSWERED: i64 = 300_000_000_000;
/// Any connection is let go after this silence, in nanoseconds: 26 hours, so that one used
/// daily stays.
const SILENT: i64 = 26 * 3_600_000_000_000;
/// Facts between two looks at the memory in use.
const MEMORY_CHECK: usize = 4096;
/// Segments this near a side's SND.NXT belong to that incarnation (diagnosis 2.1).
const NEAR: u32 = 1 << 24;
/// Not the slot of any flow.
pub const NO_SLOT: u32 = u32::MAX;

/// What one table may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of flows and trails.
    pub memory: usize,
    /// Connections closed by FIN, and as many closed by RST, that wait for late segments.
    pub closed: usize,
    /// Reset connections of one kind kept in detail: the earliest.
    pub detail: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: usize::MAX,
            closed: 1 << 16,
            detail: DETAIL_LIMIT,
        }
    }
}

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
    limits: Limits,
    index: HashTable<Indexed>,
    flows: Slab<Option<Flow<K>>>,
    // slots without a flow
    free: Vec<u32>,
    clock: i64,
    until_sweep: usize,
    until_check: usize,
    // slots of flows that ended by FIN and by RST, in the order they did; some have begun anew
    closed: [VecDeque<u32>; 2],
    new_streams: Vec<(u32, u64)>,
    unnumbered: Vec<u32>,
    kept: KeptOnes,
    reopened: HashMap<u32, usize>,
    forgotten: u64,
    started: u64,
    arena: Arena,
}

/// A flow in the index: its slot, and the hash of its key, so that a lookup rarely touches
/// another flow than the right one.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    hash: u32,
    slot: u32,
}

// The index takes its bits from both ends of 64.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<K: Key> FlowTable<K> {
    /// A table without flows.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            index: HashTable::new(),
            flows: Slab::default(),
            free: Vec::new(),
            clock: i64::MIN,
            until_sweep: MEMORY_CHECK,
            until_check: MEMORY_CHECK,
            closed: Default::default(),
            new_streams: Vec::new(),
            unnumbered: Vec::new(),
            kept: KeptOnes::new(limits.detail),
            reopened: HashMap::new(),
            forgotten: 0,
            started: 0,
            arena: Arena::default(),
        }
    }

    /// Slot of the flow of a fact, as far as the index tells; [`NO_SLOT`] when it knows none.
    #[inline]
    #[must_use]
    pub fn guess(&self, f: &Fact<K>) -> u32 {
        let found = self.index.find(spread(f.hash), |i| i.hash == f.hash);
        found.map_or(NO_SLOT, |i| i.slot)
    }

    /// Loads both cache lines of the flow in a slot that a segment will need; the value has no
    /// meaning. The end of its trail is only written to, for which nothing waits.
    #[inline]
    #[must_use]
    pub fn touch(&self, slot: u32) -> u8 {
        match self.flows.get(slot) {
            Some(Some(flow)) => flow.seen[0] ^ u8::from(flow.detail.is_some()),
            _ => 0,
        }
    }

    /// Takes a fact in; facts come in order, each with the slot that was guessed for it.
    #[inline]
    pub fn take(&mut self, f: &Fact<K>, guess: u32, base: Base, ends: &mut Ends) {
        let loc = Loc::new(
            base.frame + u64::from(f.frame) + 1,
            base.offset + u64::from(f.offset),
        );
        match self.flows.get_mut(guess) {
            Some(Some(flow)) if flow.key == f.key && flow.goes_on(f) => {
                flow.go_on(f, loc, &mut self.arena);
                self.clock = self.clock.max(f.time);
            }
            _ => self.take_any(f, guess, loc, ends),
        }
        // counted in facts, so that it happens at the same places however the work is divided
        self.until_check -= 1;
        if self.until_check == 0 {
            self.keep_house(ends);
        }
    }

    #[inline(never)]
    fn take_any(&mut self, f: &Fact<K>, guess: u32, loc: Loc, ends: &mut Ends) {
        let slot = self.slot(f, guess);
        self.apply(slot, f, loc, ends);
        if let Some(flow) = self.flows[slot].as_mut() {
            flow.settle();
        }
    }

    #[inline(never)]
    fn keep_house(&mut self, ends: &mut Ends) {
        self.until_check = MEMORY_CHECK;
        self.until_sweep = self.until_sweep.saturating_sub(MEMORY_CHECK);
        if self.until_sweep == 0 {
            self.sweep(ends);
            self.until_sweep = 4 * self.flows.len() as usize;
        }
        self.shrink(ends);
    }

    fn slot(&mut self, f: &Fact<K>, guess: u32) -> u32 {
        let flows = &self.flows;
        let holds = |slot: u32| matches!(flows.get(slot), Some(Some(flow)) if flow.key == f.key);
        if holds(guess) {
            return guess;
        }
        let same = |indexed: &Indexed| indexed.hash == f.hash && holds(indexed.slot);
        if let Some(indexed) = self.index.find(spread(f.hash), same) {
            return indexed.slot;
        }
        self.started += 1;
        let flow = Some(Flow::new(f, 0, Conversation::NEW));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.flows[slot] = flow;
                slot
            }
            None => self.flows.push(flow),
        };
        let hash = f.hash;
        self.index
            .insert_unique(spread(hash), Indexed { hash, slot }, |i| spread(i.hash));
        slot
    }

    #[inline]
    fn apply(&mut self, slot: u32, f: &Fact<K>, loc: Loc, ends: &mut Ends) {
        self.clock = self.clock.max(f.time);
        let Some(flow) = self.flows[slot].as_mut() else {
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
            self.reopen(slot, f, ends);
        } else if flow.incarnation > 0 && self.belongs_to_previous(slot, f, loc) {
            return;
        }
        let Some(flow) = self.flows[slot].as_mut() else {
            return;
        };
        if flow.conversation.segment(f, loc.frame()) {
            self.new_streams.push((slot, loc.frame()));
        }
        if f.has(SYN) && flow.doubts(f) {
            self.doubt(slot, f, loc, ends);
        }
        let Some(flow) = self.flows[slot].as_mut() else {
            return;
        };
        let before = flow.finished();
        flow.account(f, loc, &mut self.arena);
        let closed = !before && flow.finished();
        if f.has(RST) || flow.detail.is_some() {
            let first = f.has(RST)
                && flow
                    .detail
                    .as_ref()
                    .is_none_or(|d| d.first_reset().is_none());
            let detail = flow.detail.get_or_insert_default();
            detail.segment(
                f,
                loc,
                (&flow.trail, &self.arena),
                flow.conversation.stream(),
            );
            if first {
                self.unnumbered.push(slot);
            }
        }
        if closed {
            self.closed(slot, f.has(RST), ends);
        }
    }

    // Queues a flow that has just ended; the one that has waited longest gives way.
    fn closed(&mut self, slot: u32, by_reset: bool, ends: &mut Ends) {
        let queue = &mut self.closed[usize::from(by_reset)];
        queue.push_back(slot);
        if queue.len() <= self.limits.closed {
            return;
        }
        if let Some(oldest) = queue.pop_front()
            && self.flows[oldest].as_ref().is_some_and(Flow::finished)
        {
            self.release(oldest, ends);
        }
    }

    // A SYN with another ISN on a living connection: a new incarnation only if a SYN-ACK
    // answers it (diagnosis 2.1); until then it stays with the old one.
    fn doubt(&mut self, slot: u32, f: &Fact<K>, loc: Loc, ends: &mut Ends) {
        let Some(flow) = self.flows[slot].as_mut() else {
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
        flow.take_back(1 - f.sender(), &mut self.arena);
        self.reopen(slot, f, ends);
        if let Some(flow) = self.flows[slot].as_mut() {
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
    fn reopen(&mut self, slot: u32, f: &Fact<K>, ends: &mut Ends) {
        let Some(old) = self.flows[slot].take() else {
            return;
        };
        self.started += 1;
        let mut next = Flow::new(f, old.incarnation.saturating_add(1), old.conversation);
        next.first_time = f.time;
        self.flows[slot] = Some(next);
        self.reopened.remove(&slot);
        if let Some(kept) = self.finish(old, ends) {
            self.reopened.insert(slot, kept);
        }
    }

    // A late segment of the previous, reset incarnation: far from this one's numbers, near the
    // old one's.
    fn belongs_to_previous(&mut self, slot: u32, f: &Fact<K>, loc: Loc) -> bool {
        let Some(&kept) = self.reopened.get(&slot) else {
            return false;
        };
        let (Some(flow), Some(old)) = (self.flows[slot].as_ref(), self.kept.get_mut(kept)) else {
            return false;
        };
        let me = f.sender();
        let near = |next: u32| Seq(f.seq).since(Seq(next)).unsigned_abs() < NEAR;
        if old.endpoints != flow.key.endpoints() {
            return false; // its place was given to an earlier connection of the same storm
        }
        let here = flow.seen[me] & seen::ALIVE != 0 && near(flow.next[me]);
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

    // Counts a finished incarnation; keeps it if it was reset. Its place among those kept.
    fn finish(&mut self, mut flow: Flow<K>, ends: &mut Ends) -> Option<usize> {
        let kept = self.keep(&flow, ends);
        flow.trail.release(&mut self.arena);
        kept
    }

    fn keep(&mut self, flow: &Flow<K>, ends: &mut Ends) -> Option<usize> {
        ends.push(flow, &self.arena);
        let reset = flow
            .detail
            .as_ref()
            .is_some_and(|d| d.first_reset().is_some());
        if !reset {
            return None;
        }
        let finished = Finished::of(flow, &self.arena, self.forgotten > 0);
        self.kept.add(finished)
    }

    fn sweep(&mut self, ends: &mut Ends) {
        let clock = self.clock.saturating_sub(SWEEP_MARGIN);
        for slot in 0..self.flows.len() {
            let old = self.flows[slot].as_ref().is_some_and(|f| {
                let limit = if f.finished() {
                    LINGER
                } else if f.detail.is_none() && f.seen[0] & f.seen[1] & seen::ALIVE == 0 {
                    UNANSWERED
                } else {
                    SILENT
                };
                f.latest() < clock.saturating_sub(limit)
            });
            if old {
                self.release(slot, ends);
            }
        }
    }

    fn release(&mut self, slot: u32, ends: &mut Ends) {
        let Some(flow) = self.flows[slot].take() else {
            return;
        };
        if let Ok(entry) = self.index.find_entry(spread(flow.hash), |i| i.slot == slot) {
            entry.remove();
        }
        self.reopened.remove(&slot);
        self.free.push(slot);
        self.finish(flow, ends);
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
            if let Some(flow) = self.flows[slot].as_mut() {
                let mut stream = flow.conversation.stream();
                settle(&mut stream);
                flow.conversation.set_stream(stream);
            }
        }
        for slot in std::mem::take(&mut self.unnumbered) {
            if let Some(detail) = self.flows[slot].as_mut().and_then(|f| f.detail.as_mut()) {
                settle(&mut detail.stream);
            }
        }
        self.kept.settle(|f| settle(&mut f.stream));
    }

    // Lets the longest-idle flows go when the table uses more than it may.
    fn shrink(&mut self, ends: &mut Ends) {
        let limit = self.limits.memory;
        if self.bytes() <= limit {
            return;
        }
        let mut by_age: Vec<(i64, u32)> = (0..self.flows.len())
            .filter_map(|slot| Some((self.flows[slot].as_ref()?.latest(), slot)))
            .collect();
        by_age.sort_unstable();
        for (_, slot) in by_age {
            if self.bytes() <= limit - limit / 8 {
                break;
            }
            self.release(slot, ends);
            self.forgotten += 1;
        }
    }

    /// Bytes the live flows use: what their number and their trails come to.
    fn bytes(&self) -> usize {
        // an entry of the index, and room for it to grow
        const INDEX: usize = 16;
        self.index.len() * (size_of::<Option<Flow<K>>>() + INDEX) + self.arena.bytes()
    }

    /// Flows let go for lack of memory.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Flows begun so far.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started
    }

    /// Ends the flows that were reset, and returns all that were, in the order they ended, and
    /// how many of each kind there were.
    pub fn finish_reset(&mut self, ends: &mut Ends) -> (Vec<Finished>, Kinds) {
        let ended: Vec<u32> = self.closed.iter_mut().flat_map(|q| q.drain(..)).collect();
        for slot in ended {
            // one that began anew after its end may be there twice
            let reset = |flow: &Flow<K>| flow.either_saw(seen::RST);
            if self.flows[slot].as_ref().is_some_and(reset)
                && let Some(flow) = self.flows[slot].take()
            {
                self.finish(flow, ends);
            }
        }
        self.kept.take()
    }

    /// What is to be learnt of the other flows.
    pub fn teach(&self, wanted: &Wanted, ends: &mut Ends) {
        for slot in 0..self.flows.len() {
            if let Some(flow) = &self.flows[slot] {
                teach(slot, flow, &self.arena, wanted, ends);
            }
        }
    }

    /// The flow in a slot, and where its trail is.
    #[must_use]
    pub fn flow(&self, slot: u32) -> Option<(&Flow<K>, &Arena)> {
        Some((self.flows.get(slot)?.as_ref()?, &self.arena))
    }
}
