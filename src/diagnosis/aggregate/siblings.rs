//! Happy Eyeballs: an attempt that was given up because another one won, or refused while
//! another address of the same service was tried at once.

use super::change::{Change, apply};
use crate::diagnosis::crowd::{Crowd, same_prefix};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Case, Confidence, Severity, World};
use crate::flow::{Connection, Endpoint, Segment, Side};
use crate::packet::tcp_flags;
use crate::units::Timestamp;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Attempts that race start this close together (RFC 8305 5 and 8: 100 ms to 2 s).
const RACE_NS: i64 = 2_000_000_000;

/// Class of a connection that was given up before it was there.
const CANCELLED: &str = "connect-cancelled";
/// Class of one that was refused.
const REFUSED: &str = "syn-refused";
/// Class of one that was dropped as soon as it was there.
const PROBE: &str = "probe-close";

/// Attempts of one kind looked at.
const MOST: usize = 2_000;

/// Addresses a host may have on one network card: one in IPv4, and in IPv6 link-local, stable
/// and temporary ones. A card of more is a router's.
const ADDRESSES: usize = 6;

/// A connection and what its first segment says, apart from it: few of those that are looked
/// at are of interest.
#[derive(Clone, Copy)]
struct Begin<'a> {
    time: Timestamp,
    client: IpAddr,
    server: Endpoint,
    // the client's own, not a router's
    card: Option<[u8; 6]>,
    conn: &'a Connection,
}

impl<'a> Begin<'a> {
    fn of(conn: &'a Connection, crowd: &Crowd) -> Option<Self> {
        let first = conn.segments.first()?;
        let own = |mac: &[u8; 6]| crowd.others_with(*mac, None) <= ADDRESSES;
        Some(Self {
            time: first.time,
            client: conn.client.ip,
            server: conn.server,
            card: first.src_mac.filter(own),
            conn,
        })
    }

    fn service(&self) -> (bool, u16) {
        (self.client.is_ipv6(), self.server.port)
    }
}

// The part of a sorted list that has this key.
fn equal<'b, 'a, K: Ord>(
    list: &'b [Begin<'a>],
    key: &K,
    of: impl Fn(&Begin<'a>) -> K,
) -> &'b [Begin<'a>] {
    let from = list.partition_point(|b| of(b) < *key);
    let rest = list.get(from..).unwrap_or_default();
    let len = rest.partition_point(|b| of(b) == *key);
    rest.get(..len).unwrap_or_default()
}

/// Connections by when they began, to find those that began beside another one.
struct Begun<'a> {
    crowd: &'a Crowd,
    // by client, then time
    by_client: Vec<Begin<'a>>,
    // by the client's address family and the server's port, then time
    by_port: Vec<Begin<'a>>,
}

impl<'a> Begun<'a> {
    fn new(cases: &'a [Case], world: &'a World) -> Self {
        let own = cases.iter().map(|c| &c.connection);
        let all = own.chain(&world.healthy);
        let begin = |conn| Begin::of(conn, &world.crowd);
        let mut by_client: Vec<Begin> = all.filter_map(begin).collect();
        let mut by_port = by_client.clone();
        // sorting that keeps the order of equals
        by_client.par_sort_by_key(|b| (b.client, b.time));
        by_port.par_sort_by_key(|b| (b.service(), b.time));
        Self {
            crowd: &world.crowd,
            by_client,
            by_port,
        }
    }

    // Connections that won over an attempt, and when: of the same client, and of its other
    // address family to the same port.
    fn winners(&self, loser: &Begin<'_>) -> Vec<(&'a Connection, Timestamp)> {
        let own = near(equal(&self.by_client, &loser.client, |b| b.client), loser);
        let service = (loser.client.is_ipv4(), loser.server.port);
        let other = near(equal(&self.by_port, &service, Begin::service), loser);
        let other = other.iter().filter(|b| loser.same_host(b));
        let won = |b: &Begin<'a>| Some((b.conn, loser.lost_to(b)?));
        let mut winners: Vec<_> = own.iter().chain(other).filter_map(won).collect();
        // a client that works with several servers of a kind at once: which one belongs to the
        // attempt is known by name, family or prefix only
        let servers: BTreeSet<IpAddr> = winners.iter().map(|(c, _)| c.server.ip).collect();
        if servers.len() > 1 {
            winners.retain(|(c, _)| loser.belongs_with(c));
        }
        winners
    }
}

/// Connections that begin before and after an attempt and are looked at, at most.
const NEAREST: usize = 128;

// Those of a list that began close enough to be raced by; where there are many, the nearest.
fn near<'b, 'a>(list: &'b [Begin<'a>], loser: &Begin<'_>) -> &'b [Begin<'a>] {
    let start = loser.time;
    let from = list.partition_point(|b| start.nanos_since(b.time) > RACE_NS);
    let to = list.partition_point(|b| b.time.nanos_since(start) <= RACE_NS);
    let at = list.partition_point(|b| b.time < start);
    let from = from.max(at.saturating_sub(NEAREST));
    let to = to.min(at.saturating_add(NEAREST));
    list.get(from..to).unwrap_or_default()
}

/// Gives cancelled attempts their winning sibling.
pub(super) fn of_cancelled(cases: &mut [Case], world: &World) {
    let given_up = |c: &Case| [CANCELLED, PROBE].contains(&c.diagnosis.class);
    if !cases.iter().any(given_up) {
        return;
    }
    let begun = Begun::new(cases, world);
    let mut changes = among(cases, CANCELLED, |c| happy_eyeballs(c, &begun));
    changes.extend(among(cases, PROBE, |c| happy_eyeballs(c, &begun)));
    for (index, change) in changes {
        apply(&mut cases[index], change);
    }
}

/// Gives refused attempts the next that was accepted.
pub(super) fn of_refused(cases: &mut [Case], world: &World) {
    if !cases.iter().any(|c| c.diagnosis.class == REFUSED) {
        return;
    }
    let begun = Begun::new(cases, world);
    for (index, change) in among(cases, REFUSED, |c| fell_back(c, &begun)) {
        apply(&mut cases[index], change);
    }
}

// What becomes of the cases of a class.
fn among(
    cases: &[Case],
    class: &'static str,
    find: impl Fn(&Case) -> Option<Change> + Sync,
) -> Vec<(usize, Change)> {
    let of_class = |(_, c): &(usize, &Case)| c.diagnosis.class == class;
    let losers: Vec<_> = cases
        .iter()
        .enumerate()
        .filter(of_class)
        .take(MOST)
        .collect();
    let change = |&(index, case): &(usize, &Case)| Some((index, find(case)?));
    losers.par_iter().filter_map(change).collect()
}

// A cancelled attempt whose winning sibling is there.
fn happy_eyeballs(case: &Case, begun: &Begun<'_>) -> Option<Change> {
    let rst_time = case.primary_segment().time;
    let loser = &case.connection;
    let (winner, time) = begun
        .winners(&Begin::of(loser, begun.crowd)?)
        .into_iter()
        .filter(|(c, time)| *time <= rst_time && (case.diagnosis.class != PROBE || used(c)))
        .min_by_key(|(c, time)| (*time, c.server, c.client))?;
    let fact = Fact::Sibling {
        address: winner.server.to_string(),
        head_start: rst_time.seconds_since(time),
    };
    let frames = [loser.segments.first(), winner.segments.first()];
    let evidence = vec![Evidence::of(fact, frames.into_iter().flatten())];
    let mut change = Change::new(case.diagnosis.class, Confidence::High, evidence);
    change.severity = Some(Severity::Harmless);
    change.discriminator = Some("sibling-won".to_owned());
    Some(change)
}

// A refusal matters little when the client's next address, tried at once, accepted.
fn fell_back(case: &Case, begun: &Begun<'_>) -> Option<Change> {
    let rst = case.primary_segment();
    let loser = &case.connection;
    let (next, time) = begun
        .winners(&Begin::of(loser, begun.crowd)?)
        .into_iter()
        .min_by_key(|(c, time)| (*time, c.server, c.client))?;
    // another address of the same family may be a member that is down
    let severity = match loser.server.ip.is_ipv4() == next.server.ip.is_ipv4()
        && loser.server.ip != next.server.ip
    {
        true => Severity::Info,
        false => Severity::Harmless,
    };
    let fact = Fact::FellBack {
        address: next.server.to_string(),
        delay: time.seconds_since(rst.time),
    };
    let frames = [Some(rst), next.segments.first()];
    let evidence = vec![Evidence::of(fact, frames.into_iter().flatten())];
    let cause = case.diagnosis.cause_confidence;
    let mut change = Change::new(REFUSED, cause, evidence);
    change.severity = Some(severity);
    change.discriminator = Some("another-accepted".to_owned());
    Some(change)
}

/// The client went on to use the connection: it is no probe like the one that was dropped.
fn used(winner: &Connection) -> bool {
    winner.totals.bytes.iter().all(|n| *n > 0)
}

impl Begin<'_> {
    fn belongs_with(&self, other: &Connection) -> bool {
        let named = self.conn.name.is_some() && other.name.is_some();
        let family = self.server.ip.is_ipv4() != other.server.ip.is_ipv4();
        named || family || same_prefix(self.server.ip, other.server.ip)
    }

    // The other address family may be another address of the same host.
    fn same_host(&self, other: &Begin<'_>) -> bool {
        let same_card = self.card.is_some() && self.card == other.card;
        same_card || self.client.is_loopback() && other.client.is_loopback()
    }

    /// When the other connection's handshake was complete, if it won over this one: not before
    /// this one was tried, and for the same name as far as names are known.
    fn lost_to(&self, other: &Begin<'_>) -> Option<Timestamp> {
        // SMB over NetBIOS (139) and directly over TCP (445) are tried at once; one is enough
        let transports = matches!(
            (self.server.port, other.server.port),
            (139, 445) | (445, 139)
        );
        let same_server = self.server.ip == other.server.ip;
        let same_client = self.client == other.client;
        let sibling = self.server.port == other.server.port
            && !same_server
            && (same_client
                || self.client.is_ipv4() != other.client.is_ipv4() && self.same_host(other));
        let both = transports && same_server && same_client;
        if !(sibling || both) {
            return None;
        }
        let [mine, theirs] = [self, other].map(|b| b.conn.name.as_ref());
        let another = mine
            .zip(theirs)
            .is_some_and(|(a, b)| !a.name.eq_ignore_ascii_case(&b.name));
        if another {
            return None;
        }
        self.raced(other).filter(|complete| *complete >= self.time)
    }

    /// When the other connection's handshake was complete, if it began close enough.
    fn raced(&self, other: &Begin<'_>) -> Option<Timestamp> {
        if self.time.nanos_since(other.time).abs() > RACE_NS {
            return None;
        }
        let segments = &other.conn.segments;
        let syn_ack = segments.iter().position(Segment::is_syn_ack)?;
        segments[syn_ack..]
            .iter()
            .find(|s| s.from == Side::Client && !s.is_rst() && s.has(tcp_flags::ACK))
            .map(|s| s.time)
    }
}
