//! DNS lookups: which name gave a client the address it then connected to.
//!
//! Whole days of lookups are held, so every byte counts: 64 for a lookup, 28 for an address of
//! its answer, and names once however often they are asked for. All limits are on what is held;
//! the oldest lookups go first, counted.

mod answers;
mod interner;
mod ring;
#[cfg(test)]
mod tests;

use super::loc::Loc;
use answers::Answers;
use foldhash::quality::RandomState;
use hashbrown::{HashTable, hash_table};
use interner::Interner;
use ring::Ring;
use smallvec::SmallVec;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// Lookups held.
const LOOKUPS: usize = 1 << 18;
/// Addresses of their answers held.
const ANSWERS: usize = 1 << 19;
/// Bytes of their names held.
const NAME_BYTES: usize = 16 << 20;
/// Lookups of the same name looked at before and behind one for its twins.
const TWINS: usize = 64;
/// The A and AAAA lookups of one name are one lookup when they start within this, in nanoseconds.
const TWIN: u64 = 5_000_000_000;

/// A DNS message as the workers report it. Addresses are those of the message's own sender
/// and receiver.
#[derive(Clone, Debug)]
pub struct DnsFact {
    /// Frame number from the start of its chunk, from 0; offset from the start of its chunk.
    pub frame: u32,
    #[allow(missing_docs)]
    pub offset: u32,
    /// Capture time in nanoseconds since the epoch.
    pub time: i64,
    /// Who asks.
    pub client: IpAddr,
    #[allow(missing_docs)]
    pub client_port: u16,
    /// Who is asked.
    pub resolver: IpAddr,
    /// Transaction id.
    pub id: u16,
    /// A response rather than a query.
    pub response: bool,
    /// Name asked for, in lower case.
    pub name: String,
    /// Type asked for (1 A, 28 AAAA ...).
    pub query_type: u16,
    /// Targets of the CNAME records, in order, each on its own line.
    pub cname_chain: String,
    /// Addresses answered.
    pub addresses: SmallVec<[IpAddr; 2]>,
}

/// One lookup: a query, its answer, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// Name asked for.
    pub name: &'a str,
    /// Type asked for.
    pub query_type: u16,
    /// CNAME targets, in order.
    pub cname_chain: Vec<&'a str>,
    /// Who was asked.
    pub resolver: IpAddr,
    /// The query.
    pub query: Option<Loc>,
    /// The answer, with its time in nanoseconds.
    pub answer: Option<(Loc, i64)>,
}

/// A lookup as it is held. Places without a frame number (which count from 1) are not there.
#[derive(Debug)]
struct Entry {
    query: Loc,
    answer: Loc,
    /// Time of the query, or of the answer if there was none.
    started: Halves,
    /// Time of the answer; until then the client's port and the transaction id.
    answered: Halves,
    /// Client and resolver, name, and chain of names or `NO_CHAIN`, as interned.
    hosts: u32,
    name: u32,
    chain: u32,
    /// The lookups of the same client for the same name before and behind; itself if there is
    /// none.
    previous: u32,
    next: u32,
    query_type: u16,
}

const _: () = assert!(size_of::<Entry>() == 64);

const NO_CHAIN: u32 = u32::MAX;

/// 64 bits that do not ask to be aligned.
#[derive(Clone, Copy, Debug)]
struct Halves {
    low: u32,
    high: u32,
}

impl From<u64> for Halves {
    fn from(n: u64) -> Self {
        Self {
            low: n as u32,
            high: (n >> 32) as u32,
        }
    }
}

impl Halves {
    fn get(self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }

    fn time(self) -> i64 {
        self.get().cast_signed()
    }
}

/// All lookups of a timeline.
#[derive(Debug, Default)]
pub struct Names {
    interner: Interner,
    lookups: Ring<Entry, LOOKUPS>,
    answers: Answers,
    /// The newest lookup of every client for every name.
    by_name: HashTable<u32>,
    /// Queries that wait for their answer, by hosts, port and id.
    waiting: HashTable<u32>,
    /// Addresses that stood far back in fragmented answers: key, frame of the answer, lookup.
    further: Vec<(u64, u64, u32)>,
    hasher: RandomState,
    count: u64,
    forgotten: u64,
}

impl Names {
    /// Takes a message in; messages come in capture order.
    pub fn add(&mut self, fact: DnsFact, loc: Loc) {
        let waiting = self.waiting_for(&fact);
        let same_name = |e: &&Entry| self.interner.get(e.name) == fact.name.as_bytes();
        let known = waiting.filter(|&n| self.lookups.get(n).as_ref().is_some_and(same_name));
        if fact.response {
            if let Some(number) = waiting {
                self.waits_no_more(number);
            }
            self.answer(known, &fact, loc);
        } else if !known.is_some_and(|n| self.is_repeated(n, &fact)) {
            let number = self.start(&fact, loc);
            self.wait(number);
        }
        while self.interner.held_bytes() > NAME_BYTES && self.lookups.len() > 1 {
            self.let_go();
        }
    }

    // a retransmitted query: the first one counts
    fn is_repeated(&self, number: u32, fact: &DnsFact) -> bool {
        self.lookups.get(number).is_some_and(|e| {
            let since = fact.time.saturating_sub(e.started.time());
            e.query_type == fact.query_type && since < TWIN.cast_signed()
        })
    }

    fn answer(&mut self, known: Option<u32>, fact: &DnsFact, loc: Loc) {
        let number = known.unwrap_or_else(|| self.start(fact, Loc::new(0, 0)));
        for &address in &fact.addresses {
            while self.answers.is_full() && self.lookups.len() > 1 {
                self.let_go();
            }
            let key = self.hasher.hash_one((fact.client, address));
            self.answers.add(key, number, loc.frame());
        }
        let Some(entry) = self.lookups.get_mut(number) else {
            return;
        };
        entry.answer = loc;
        entry.answered = fact.time.cast_unsigned().into();
        if !fact.cname_chain.is_empty() {
            entry.chain = self.interner.take(fact.cname_chain.as_bytes());
        }
    }

    /// The lookups that have an answer: their numbers, and where the answer is.
    pub fn answers(&self) -> impl Iterator<Item = (u32, Loc)> {
        let numbered = self.lookups.numbered();
        numbered.filter_map(|(n, e)| (e.answer.frame() > 0).then_some((n, e.answer)))
    }

    /// Adds what an answer holds beyond what was known of it, once all messages were taken in.
    pub fn complete(&mut self, number: u32, fact: &DnsFact) {
        let Some(entry) = self.lookups.get_mut(number) else {
            return;
        };
        if self.interner.get(entry.name) != fact.name.as_bytes() {
            return;
        }
        if !fact.cname_chain.is_empty() {
            self.interner.release(entry.chain);
            entry.chain = self.interner.take(fact.cname_chain.as_bytes());
        }
        for &address in &fact.addresses {
            let key = self.hasher.hash_one((fact.client, address));
            self.further.push((key, entry.answer.frame(), number));
        }
    }

    // A new lookup; `query` has frame 0 if only the answer is there.
    fn start(&mut self, fact: &DnsFact, query: Loc) -> u32 {
        if self.lookups.is_full() {
            self.let_go();
        }
        let number = self.lookups.next_number();
        let hosts = self.interner.take(&pair(fact.client, fact.resolver));
        let name = self.interner.take(fact.name.as_bytes());
        let previous = self.put_newest(number, hosts, name);
        if let Some(before) = self.lookups.get_mut(previous) {
            before.next = number;
        }
        let asked_as = u64::from(fact.client_port) << 16 | u64::from(fact.id);
        self.lookups.push(Entry {
            query,
            answer: Loc::new(0, 0),
            started: fact.time.cast_unsigned().into(),
            answered: asked_as.into(),
            hosts,
            name,
            chain: NO_CHAIN,
            previous,
            next: number,
            query_type: fact.query_type,
        });
        self.count += 1;
        number
    }

    // Puts a lookup in place of the one before it for the same client and name, which is
    // returned; itself if there is none.
    fn put_newest(&mut self, number: u32, hosts: u32, name: u32) -> u32 {
        let Self {
            interner,
            lookups,
            by_name,
            hasher,
            ..
        } = self;
        let client = client(interner, hosts);
        let same = |&n: &u32| {
            let held = lookups.get(n);
            held.is_some_and(|e| e.name == name && self::client(interner, e.hosts) == client)
        };
        let rehash = |&n: &u32| {
            let held = lookups.get(n);
            held.map_or(0, |e| name_hash(hasher, interner, e.hosts, e.name))
        };
        let hash = name_hash(hasher, interner, hosts, name);
        match by_name.entry(hash, same, rehash) {
            hash_table::Entry::Occupied(mut held) => std::mem::replace(held.get_mut(), number),
            hash_table::Entry::Vacant(vacant) => *vacant.insert(number).get(),
        }
    }

    // The query that a message repeats or answers, by its addresses, port and id alone.
    fn waiting_for(&self, fact: &DnsFact) -> Option<u32> {
        let hosts = self.interner.find(&pair(fact.client, fact.resolver))?;
        let asked_as = u32::from(fact.client_port) << 16 | u32::from(fact.id);
        let same = |&n: &u32| {
            let held = self.lookups.get(n);
            held.is_some_and(|e| e.hosts == hosts && e.answered.low == asked_as)
        };
        let hash = self.hasher.hash_one((hosts, asked_as));
        self.waiting.find(hash, same).copied()
    }

    // In place of an older query with the same id, which is not answered any more.
    fn wait(&mut self, number: u32) {
        let Self {
            lookups,
            waiting,
            hasher,
            ..
        } = self;
        let Some(key) = lookups.get(number).map(waiting_key) else {
            return;
        };
        let key_of = |&n: &u32| lookups.get(n).map(waiting_key);
        waiting
            .entry(
                hasher.hash_one(key),
                |n| key_of(n) == Some(key),
                |n| key_of(n).map_or(0, |key| hasher.hash_one(key)),
            )
            .and_modify(|n| *n = number)
            .or_insert(number);
    }

    fn waits_no_more(&mut self, number: u32) {
        if let Some(entry) = self.lookups.get(number)
            && let hash = self.hasher.hash_one(waiting_key(entry))
            && let Ok(held) = self.waiting.find_entry(hash, |&n| n == number)
        {
            held.remove();
        }
    }

    // Lets the oldest lookup go, and whatever is held only for it.
    fn let_go(&mut self) {
        let Some((number, entry)) = self.lookups.pop() else {
            return;
        };
        self.forgotten += 1;
        if entry.answer.frame() == 0 {
            let hash = self.hasher.hash_one(waiting_key(&entry));
            if let Ok(held) = self.waiting.find_entry(hash, |&n| n == number) {
                held.remove();
            }
        }
        let hash = name_hash(&self.hasher, &self.interner, entry.hosts, entry.name);
        if let Ok(held) = self.by_name.find_entry(hash, |&n| n == number) {
            held.remove();
        }
        for id in [entry.hosts, entry.name, entry.chain] {
            self.interner.release(id);
        }
        self.answers.let_go(|n| self.lookups.get(n).is_none());
    }

    /// The lookup whose answer gave `client` the address `server`, the latest before `frame`,
    /// and the other lookups that belong to it (the A or AAAA twin), in order.
    #[must_use]
    pub fn find(
        &self,
        client: IpAddr,
        server: IpAddr,
        frame: u64,
    ) -> Option<(Lookup<'_>, Vec<Lookup<'_>>)> {
        let key = self.hasher.hash_one((client, server));
        let asked = octets(client);
        // another client's lookup would have to have the same hash
        let its_own = |&n: &u32| {
            let held = self.lookups.get(n);
            held.is_some_and(|e| self::client(&self.interner, e.hosts) == &asked[..])
        };
        let near = self.answers.before(key, frame).find(its_own);
        let further = self.further.iter().filter(|f| f.0 == key && f.1 < frame);
        let number = further
            .map(|f| f.2)
            .filter(its_own)
            .chain(near)
            .max_by_key(|&n| self.lookups.get(n).map(|e| e.answer.frame()))?;
        let found = self.lookups.get(number)?;
        let belongs = |t: &&Entry| {
            let place = [t.query, t.answer].into_iter().find(|l| l.frame() > 0);
            t.query_type != found.query_type
                && t.started.time().abs_diff(found.started.time()) < TWIN
                && place.is_some_and(|place| place.frame() < frame)
        };
        let mut before: Vec<&Entry> = self.neighbours(number, |e| e.previous).collect();
        before.reverse();
        let twins = before
            .into_iter()
            .chain(self.neighbours(number, |e| e.next))
            .filter(belongs)
            .map(|t| self.view(t))
            .collect();
        Some((self.view(found), twins))
    }

    // Lookups of the same client for the same name, the nearest first.
    fn neighbours(
        &self,
        number: u32,
        beside: impl Fn(&Entry) -> u32,
    ) -> impl Iterator<Item = &Entry> {
        let step = move |&n: &u32| {
            let other = beside(self.lookups.get(n)?);
            (other != n).then_some(other)
        };
        std::iter::successors(Some(number), step)
            .skip(1)
            .take(TWINS)
            .map_while(|n| self.lookups.get(n))
    }

    fn view(&self, entry: &Entry) -> Lookup<'_> {
        let text = |id| std::str::from_utf8(self.interner.get(id)).unwrap_or_default();
        let resolver = split_address(self.interner.get(entry.hosts)).1;
        let held = |loc: Loc| (loc.frame() > 0).then_some(loc);
        Lookup {
            name: text(entry.name),
            query_type: entry.query_type,
            cname_chain: text(entry.chain).lines().collect(),
            resolver: address(resolver),
            query: held(entry.query),
            answer: held(entry.answer).map(|loc| (loc, entry.answered.time())),
        }
    }

    /// Lookups let go for lack of room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Lookups with an answer or without, in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of memory that all of it has from the system, without the allocator's own.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.interner.heap_bytes()
            + self.lookups.heap_bytes()
            + self.answers.heap_bytes()
            + self.by_name.allocation_size()
            + self.waiting.allocation_size()
    }
}

fn waiting_key(entry: &Entry) -> (u32, u32) {
    (entry.hosts, entry.answered.low)
}

fn name_hash(hasher: &RandomState, interner: &Interner, hosts: u32, name: u32) -> u64 {
    hasher.hash_one((client(interner, hosts), name))
}

fn client(interner: &Interner, hosts: u32) -> &[u8] {
    split_address(interner.get(hosts)).0
}

/// Addresses as they are interned: each its version, then its octets.
type Octets = SmallVec<[u8; 36]>;

fn octets(address: IpAddr) -> Octets {
    let mut out = Octets::new();
    match address {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
    out
}

fn pair(client: IpAddr, resolver: IpAddr) -> Octets {
    let mut out = octets(client);
    out.extend_from_slice(&octets(resolver));
    out
}

// The octets of the first address and what is behind.
fn split_address(octets: &[u8]) -> (&[u8], &[u8]) {
    let len = if octets.first() == Some(&4) { 5 } else { 17 };
    octets.split_at_checked(len).unwrap_or_default()
}

// The address of octets that this module made.
fn address(octets: &[u8]) -> IpAddr {
    match octets {
        [4, a, b, c, d] => IpAddr::from([*a, *b, *c, *d]),
        [_, rest @ ..] => IpAddr::from(rest.first_chunk::<16>().copied().unwrap_or_default()),
        [] => IpAddr::from([0; 4]),
    }
}
