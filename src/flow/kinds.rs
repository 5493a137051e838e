//! The reset connections of one table that are kept in detail: a storm of one kind is counted,
//! and only its beginning is kept.

use super::resets::Finished;
use foldhash::fast::RandomState;
use std::collections::{BinaryHeap, HashMap};

/// Reset connections of one kind that are kept in detail; the rest is counted.
pub const DETAIL_LIMIT: usize = 5_000;

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

/// How many connections there were of each kind.
pub type Kinds = HashMap<Kind, u64, RandomState>;

/// How many connections of one kind were reset, and which of them are kept: the earliest.
#[derive(Debug, Default)]
struct KindTally {
    count: u64,
    kept: BinaryHeap<(u64, usize)>,
}

/// Finished connections, up to a limit per kind.
#[derive(Debug)]
pub struct KeptOnes {
    finished: Vec<Finished>,
    // those before this one have their stream numbers
    settled: usize,
    kinds: HashMap<Kind, KindTally, RandomState>,
    limit: usize,
}

impl KeptOnes {
    /// At most `limit` of each kind.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            finished: Vec::new(),
            settled: 0,
            kinds: HashMap::default(),
            limit,
        }
    }

    /// Counts one, and keeps it if it is among the earliest of its kind. Its place.
    pub fn add(&mut self, finished: Finished) -> Option<usize> {
        let tally = self.kinds.entry(kind_of(&finished)).or_default();
        tally.count += 1;
        if tally.kept.len() < self.limit {
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

    /// The one in a place; another one may have taken it since.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut Finished> {
        self.finished.get_mut(place)
    }

    /// Hands over those that came since the last call.
    pub fn settle(&mut self, one: impl FnMut(&mut Finished)) {
        self.finished[self.settled..].iter_mut().for_each(one);
        self.settled = self.finished.len();
    }

    /// All of them, in the order they ended, and how many of each kind there were.
    pub fn take(&mut self) -> (Vec<Finished>, Kinds) {
        let kinds = std::mem::take(&mut self.kinds).into_iter();
        let counts = kinds.map(|(kind, tally)| (kind, tally.count)).collect();
        (std::mem::take(&mut self.finished), counts)
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
