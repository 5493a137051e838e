//! A timer wheel: which flow speaks next. Constant time per packet with any number of flows.

/// Width of one slot in nanoseconds.
const TICK: u64 = 16_384;
/// Slots of one turn: 2^17 x 16 us is about 2 s; a longer delay goes round more than once.
const SLOTS: usize = 1 << 17;
const NONE: u32 = u32::MAX;

/// Flows in the order of their next packets, to the resolution of one tick.
pub struct Wheel {
    heads: Vec<u32>,
    next: Vec<u32>,
    due: Vec<u64>,
    tick: u64,
    /// Time of the last flow handed out; never goes back.
    now: u64,
    scheduled: usize,
    /// Flows met in the current slot that are due in a later turn.
    later: Vec<u32>,
}

impl Wheel {
    /// Room for `flows` flows, starting at `time` nanoseconds.
    pub fn new(flows: usize, time: u64) -> Self {
        Self {
            heads: vec![NONE; SLOTS],
            next: vec![NONE; flows],
            due: vec![0; flows],
            tick: time / TICK,
            now: time,
            scheduled: 0,
            later: Vec::new(),
        }
    }

    /// Flow `flow` speaks `delay` nanoseconds after the current time.
    pub fn schedule(&mut self, flow: u32, delay: u64) {
        // Not into the slot being emptied, so that time moves on.
        let due = (self.now + delay).max((self.tick + 1) * TICK);
        self.due[flow as usize] = due;
        self.insert(flow, due);
        self.scheduled += 1;
    }

    fn insert(&mut self, flow: u32, due: u64) {
        let slot = (due / TICK) as usize % SLOTS;
        self.next[flow as usize] = self.heads[slot];
        self.heads[slot] = flow;
    }

    /// The next flow and its time; `None` when nothing is scheduled.
    pub fn pop(&mut self) -> Option<(u32, u64)> {
        while self.scheduled > 0 {
            let slot = self.tick as usize % SLOTS;
            let flow = self.heads[slot];
            if flow == NONE {
                self.advance();
                continue;
            }
            self.heads[slot] = self.next[flow as usize];
            let due = self.due[flow as usize];
            if due / TICK > self.tick {
                self.later.push(flow);
                continue;
            }
            self.scheduled -= 1;
            self.now = due.max(self.now + 1);
            return Some((flow, self.now));
        }
        None
    }

    fn advance(&mut self) {
        while let Some(flow) = self.later.pop() {
            self.insert(flow, self.due[flow as usize]);
        }
        self.tick += 1;
    }
}
