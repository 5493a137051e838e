//! DNS lookups: which name gave a client the address it then connected to.

use super::loc::Loc;
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Lookups remembered; beyond that the oldest go, counted.
const LOOKUPS: usize = 1_000_000;
/// Lookups remembered per client and address, and per client and name.
const PER_KEY: usize = 64;
/// Queries that wait for their answer.
const PENDING: usize = 65_536;
/// The A and AAAA lookups of one name are one lookup when they start within this, in nanoseconds.
const TWIN: i64 = 5_000_000_000;

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
    /// Targets of the CNAME records, in order.
    pub cname_chain: Vec<String>,
    /// Addresses answered.
    pub addresses: Vec<IpAddr>,
}

/// One lookup: a query, its answer, or both.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Name asked for.
    pub name: String,
    /// Type asked for.
    pub query_type: u16,
    /// CNAME targets, in order.
    pub cname_chain: Vec<String>,
    /// Who was asked.
    pub resolver: IpAddr,
    /// The query.
    pub query: Option<Loc>,
    /// The answer, with its time in nanoseconds.
    pub answer: Option<(Loc, i64)>,
    started: i64,
}

type Key = (IpAddr, u16, IpAddr, u16);

/// All lookups of a timeline.
#[derive(Debug, Default)]
pub struct Names {
    lookups: VecDeque<Lookup>,
    /// Number of the first lookup that is still held.
    base: u64,
    by_address: HashMap<(IpAddr, IpAddr), VecDeque<u64>, RandomState>,
    by_name: HashMap<(IpAddr, String), VecDeque<u64>, RandomState>,
    pending: HashMap<Key, u64, RandomState>,
    pending_order: VecDeque<(Key, u64)>,
    forgotten: u64,
}

impl Names {
    /// Takes a message in; messages come in capture order.
    pub fn add(&mut self, fact: DnsFact, loc: Loc) {
        let key = (fact.client, fact.client_port, fact.resolver, fact.id);
        if fact.response {
            self.answer(key, fact, loc);
        } else if !self.waiting_for(&key, &fact) {
            let number = self.start(&fact, Some(loc));
            self.pending.insert(key, number);
            self.pending_order.push_back((key, number));
            if self.pending_order.len() > PENDING
                && let Some((old, n)) = self.pending_order.pop_front()
                && self.pending.get(&old) == Some(&n)
            {
                self.pending.remove(&old);
            }
        }
    }

    // a retransmitted query: the first one counts
    fn waiting_for(&self, key: &Key, fact: &DnsFact) -> bool {
        self.pending
            .get(key)
            .and_then(|&n| self.get(n))
            .is_some_and(|l| {
                l.name == fact.name
                    && l.query_type == fact.query_type
                    && fact.time - l.started < TWIN
            })
    }

    fn answer(&mut self, key: Key, fact: DnsFact, loc: Loc) {
        let known = self
            .pending
            .remove(&key)
            .filter(|&n| self.get(n).is_some_and(|l| l.name == fact.name));
        let number = known.unwrap_or_else(|| self.start(&fact, None));
        for &address in &fact.addresses {
            remember(
                self.by_address.entry((fact.client, address)).or_default(),
                number,
            );
        }
        let Some(lookup) = self.get_mut(number) else {
            return;
        };
        if lookup.answer.is_none() {
            lookup.answer = Some((loc, fact.time));
            lookup.cname_chain = fact.cname_chain;
        }
    }

    /// The lookups that have an answer: their numbers, and where the answer is.
    pub fn answers(&self) -> impl Iterator<Item = (u64, Loc)> {
        let numbered = (self.base..).zip(&self.lookups);
        numbered.filter_map(|(number, lookup)| Some((number, lookup.answer?.0)))
    }

    /// Adds what an answer holds beyond what was known of it.
    pub fn complete(&mut self, number: u64, fact: DnsFact) {
        let Some(lookup) = self.get_mut(number).filter(|l| l.name == fact.name) else {
            return;
        };
        lookup.cname_chain = fact.cname_chain;
        for address in fact.addresses {
            let known = self.by_address.entry((fact.client, address)).or_default();
            // in order of the lookups, as the latest one counts
            let at = known.partition_point(|n| *n < number);
            if known.get(at) != Some(&number) && (at > 0 || known.len() < PER_KEY) {
                known.insert(at, number);
            }
            if known.len() > PER_KEY {
                known.pop_front();
            }
        }
    }

    fn start(&mut self, fact: &DnsFact, query: Option<Loc>) -> u64 {
        let number = self.base + self.lookups.len() as u64;
        self.lookups.push_back(Lookup {
            name: fact.name.clone(),
            query_type: fact.query_type,
            cname_chain: Vec::new(),
            resolver: fact.resolver,
            query,
            answer: None,
            started: fact.time,
        });
        remember(
            self.by_name
                .entry((fact.client, fact.name.clone()))
                .or_default(),
            number,
        );
        if self.lookups.len() > LOOKUPS {
            self.lookups.pop_front();
            self.base += 1;
            self.forgotten += 1;
        }
        number
    }

    fn get(&self, number: u64) -> Option<&Lookup> {
        self.lookups
            .get(usize::try_from(number.checked_sub(self.base)?).ok()?)
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Lookup> {
        self.lookups
            .get_mut(usize::try_from(number.checked_sub(self.base)?).ok()?)
    }

    /// The lookup whose answer gave `client` the address `server`, the latest before `frame`,
    /// and the other lookups that belong to it (the A or AAAA twin).
    #[must_use]
    pub fn find(
        &self,
        client: IpAddr,
        server: IpAddr,
        frame: u64,
    ) -> Option<(&Lookup, Vec<&Lookup>)> {
        let numbers = self.by_address.get(&(client, server))?;
        let (number, lookup) = numbers
            .iter()
            .rev()
            .filter_map(|&n| Some((n, self.get(n)?)))
            .find(|(_, l)| l.answer.is_some_and(|(loc, _)| loc.frame() < frame))?;
        let twins = self
            .by_name
            .get(&(client, lookup.name.clone()))
            .into_iter()
            .flatten()
            .filter(|&&n| n != number)
            .filter_map(|&n| self.get(n))
            .filter(|t| {
                t.query_type != lookup.query_type
                    && (t.started - lookup.started).abs() < TWIN
                    && t.query
                        .or(t.answer.map(|a| a.0))
                        .is_some_and(|loc| loc.frame() < frame)
            })
            .collect();
        Some((lookup, twins))
    }

    /// Lookups let go for lack of room.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Lookups with an answer or without, in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.base + self.lookups.len() as u64
    }
}

fn remember(list: &mut VecDeque<u64>, number: u64) {
    if list.back() != Some(&number) {
        list.push_back(number);
    }
    if list.len() > PER_KEY {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 53));
    const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn message(id: u16, name: &str, query_type: u16, time: i64, answers: &[IpAddr]) -> DnsFact {
        DnsFact {
            frame: 0,
            offset: 0,
            time,
            client: CLIENT,
            client_port: 5353,
            resolver: RESOLVER,
            id,
            response: !answers.is_empty(),
            name: name.into(),
            query_type,
            cname_chain: Vec::new(),
            addresses: answers.to_vec(),
        }
    }

    fn at(frame: u64) -> Loc {
        Loc::new(frame, frame * 100)
    }

    #[test]
    fn the_latest_answer_before_the_connection_counts() {
        let mut names = Names::default();
        for (frame, name) in [(1, "old.example"), (3, "new.example"), (9, "later.example")] {
            names.add(message(frame as u16, name, 1, 0, &[]), at(frame));
            names.add(message(frame as u16, name, 1, 0, &[SERVER]), at(frame + 1));
        }
        let (found, _) = names
            .find(CLIENT, SERVER, 8)
            .expect("two answers come before frame 8");
        assert_eq!(found.name, "new.example");
        assert_eq!(
            (
                found.query.map(Loc::frame),
                found.answer.map(|a| a.0.frame())
            ),
            (Some(3), Some(4))
        );
        assert!(names.find(CLIENT, SERVER, 2).is_none());
        assert!(
            names.find(RESOLVER, SERVER, 8).is_none(),
            "another client's lookup says nothing"
        );
    }

    #[test]
    fn a_repeated_query_is_one_lookup_and_the_aaaa_twin_belongs_to_it() {
        let mut names = Names::default();
        names.add(message(1, "a.example", 1, 0, &[]), at(1));
        names.add(message(2, "a.example", 28, 0, &[]), at(2));
        names.add(message(1, "a.example", 1, 1_000_000_000, &[]), at(3));
        names.add(message(1, "a.example", 1, 1_000_000_001, &[SERVER]), at(4));
        let (found, twins) = names.find(CLIENT, SERVER, 10).expect("answered");
        assert_eq!(found.query.map(Loc::frame), Some(1));
        assert_eq!(twins.iter().map(|t| t.query_type).collect::<Vec<_>>(), [28]);
    }
}
