//! Who sent the reset (diagnosis 4): a score in decibels from independent families of
//! evidence. A device on the path is declared only by two families or by one hard item; the
//! TTL alone never convicts.

mod fields;
mod later;
mod link;
mod order;
mod timing;
mod ttl;
mod vantage;

use super::evidence::{Evidence, Fact};
use super::model::{Confidence, Party, World};
use crate::flow::{Connection, HostBaseline, Segment, Side};
use crate::packet::tcp_flags;
use crate::reset::{Effect, Episode, Form, Replay, Reset, Role, Rtt};
use std::cell::OnceCell;
use std::net::IpAddr;

/// 10 log10 of 9 % forged to 91 % genuine (diagnosis 4.1).
const PRIOR: i32 = -10;
/// From here on a device is declared, if two families agree.
const DECLARE: i32 = 10;
/// From here up to [`DECLARE`] it is unknown.
const DOUBT: i32 = 5;
/// Up to here the endpoint is certain.
const ENDPOINT_HIGH: i32 = -15;
/// Up to here the endpoint is likely.
const ENDPOINT_MEDIUM: i32 = -5;
/// All that speaks for the endpoint counts at most this much (row 35).
const CONSISTENT_CAP: i32 = -20;

/// Kinds of evidence that are independent of each other (diagnosis 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Family {
    Timing,
    Continuation,
    Sequence,
    Ttl,
    IpId,
    Options,
    Window,
    Payload,
    Link,
    Ip6,
    Qos,
    Symmetry,
    CrossFlow,
    Count,
    Vantage,
    Checksum,
}

/// One observation for or against a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its family.
    pub family: Family,
    /// Decibels; positive speaks for a device.
    pub weight: i32,
    /// It decides by itself.
    pub hard: bool,
    /// What was seen.
    pub evidence: Evidence,
}

/// What the items look at.
pub struct Look<'a> {
    #[allow(missing_docs)]
    pub conn: &'a Connection,
    #[allow(missing_docs)]
    pub replay: &'a Replay,
    #[allow(missing_docs)]
    pub episode: &'a Episode,
    #[allow(missing_docs)]
    pub world: &'a World,
    /// Round-trip times with their spread.
    pub rtt: [Rtt; 2],
    /// What is known of each side's address.
    hosts: [Option<&'a HostBaseline>; 2],
    ttls: [OnceCell<Vec<u8>>; 2],
}

impl<'a> Look<'a> {
    /// Opens a connection for judgement.
    #[must_use]
    pub fn new(
        conn: &'a Connection,
        replay: &'a Replay,
        episode: &'a Episode,
        world: &'a World,
        rtt: [Rtt; 2],
    ) -> Self {
        Self {
            conn,
            replay,
            episode,
            world,
            rtt,
            hosts: Side::BOTH.map(|side| world.hosts.get(&conn.endpoint(side).ip)),
            ttls: Default::default(),
        }
    }

    fn host(&self, side: Side) -> Option<&'a HostBaseline> {
        self.hosts[side.index()]
    }

    fn segment(&self, reset: &Reset) -> &'a Segment {
        &self.conn.segments[reset.segment]
    }

    /// Segments of a side that are neither resets nor copies.
    fn normal(&self, side: Side) -> impl Iterator<Item = (usize, &'a Segment)> {
        self.conn
            .segments
            .iter()
            .enumerate()
            .filter(move |(_, s)| s.from == side && !s.is_rst() && s.duplicate_of.is_none())
    }

    fn address(&self, side: Side) -> IpAddr {
        self.conn.endpoint(side).ip
    }
}

/// The verdict on who.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Who.
    pub party: Party,
    /// How sure.
    pub confidence: Confidence,
    /// The score in decibels.
    pub score: i32,
    /// A device on the path is declared.
    pub forged: bool,
    /// What was seen, the heaviest first.
    pub evidence: Vec<Evidence>,
    /// Other resets of the episode that are a device's, although the primary is not.
    pub later: Vec<Evidence>,
    /// The evidence that decided is timing with a single RTT sample.
    pub one_sample: bool,
}

/// The items of one reset: every row of the table asks once.
fn items(look: &Look, reset: &Reset) -> Vec<Item> {
    let rows: [fn(&Look, &Reset) -> Option<Item>; 28] = [
        order::went_on,
        order::went_on_at_once,
        order::behind,
        order::beyond_or_stepped,
        order::ack_changes,
        order::both_ways,
        order::burst,
        ttl::hops,
        ttl::neighbours,
        ttl::several,
        ttl::same_device,
        fields::ip_id_order,
        fields::ip_id_zero,
        fields::ip_id_shared,
        fields::timestamp_missing,
        fields::timestamp_continues,
        fields::window_copied,
        fields::window_of_reply,
        fields::window_zero,
        fields::window_kept,
        fields::payload,
        fields::label_zero,
        fields::tos,
        fields::reserved_bits,
        link::mac,
        link::vlan,
        vantage::generated_on_host,
        vantage::received_by_host,
    ];
    let timing = timing::items(look, reset).into_iter().flatten();
    let others = rows.iter().filter_map(|row| row(look, reset));
    let mut found: Vec<Item> = timing.chain(others).collect();
    found.extend(vantage::seen_once(look, reset));
    found.extend(fields::checksum(look, reset));
    found
}

/// Sums the items: all hard ones, of each family the heaviest soft one, and what speaks for
/// the endpoint only up to its cap.
fn total(items: &[Item]) -> i32 {
    let mut score = PRIOR;
    let mut consistent = 0;
    let mut families: Vec<Family> = items.iter().map(|i| i.family).collect();
    families.sort_unstable();
    families.dedup();
    for family in families {
        let of_family = || items.iter().filter(move |i| i.family == family);
        score += of_family()
            .filter(|i| i.hard)
            .map(|i| i.weight)
            .sum::<i32>();
        let soft = of_family()
            .filter(|i| !i.hard)
            .max_by_key(|i| i.weight.abs());
        match soft.map(|i| i.weight) {
            Some(w) if w < 0 => consistent += w,
            Some(w) => score += w,
            None => {}
        }
    }
    score + consistent.max(CONSISTENT_CAP)
}

fn positive_families(items: &[Item]) -> usize {
    let mut families: Vec<Family> = items
        .iter()
        .filter(|i| i.weight > 0)
        .map(|i| i.family)
        .collect();
    families.sort_unstable();
    families.dedup();
    families.len()
}

/// Whether the items declare a device.
fn declares(items: &[Item], score: i32) -> bool {
    let host_made = items.iter().any(|i| i.hard && i.weight < 0);
    let hard = items
        .iter()
        .any(|i| i.hard && i.weight > 0 && i.family != Family::Payload);
    !host_made && (hard || (score >= DECLARE && positive_families(items) >= 2))
}

/// Whether a device is declared only because of timing.
fn timing_decides(items: &[Item]) -> bool {
    let timing = |i: &&Item| i.family == Family::Timing && i.weight > 0;
    let others: Vec<Item> = items.iter().filter(|i| !timing(i)).cloned().collect();
    others.len() < items.len() && !declares(&others, total(&others))
}

/// Judges the primary reset (and those of the same burst), and whether the other direction
/// was forged too.
#[must_use]
pub fn judge(look: &Look) -> Verdict {
    let primary = look.episode.primary();
    let (items, score) = weigh(look, primary);
    let forged = declares(&items, score);
    if let Some(fact) = ttl::made_on_own_host(look, primary).filter(|_| forged) {
        return own_making(look, primary, items, fact);
    }
    let mut verdict = if forged {
        let mut verdict = device(look, primary, score);
        if maybe_own_filter(look, primary, &items) {
            verdict.confidence = Confidence::Medium;
            if !took_trigger(look, primary) {
                verdict.party = Party::Unknown;
            }
        }
        verdict
    } else {
        endpoint(look, primary, &items, score)
    };
    verdict.one_sample = look.rtt[primary.from.index()].samples <= 1 && timing_decides(&items);
    verdict.evidence = sorted(items, forged || verdict.party == Party::Unknown);
    if forged {
        verdict.evidence.extend(later::conflicting_data(look));
    }
    if forged && verdict.party == Party::Unknown {
        let fact = Fact::OwnFilter { side: primary.from };
        let evidence = Evidence::of(fact, [look.segment(primary)]);
        verdict.evidence.insert(0, evidence);
    }
    if !forged {
        verdict.later = later::from_elsewhere(look);
        verdict.later.extend(later::conflicting_data(look));
        speaks_for_itself(look, primary, &mut verdict);
    }
    verdict
}

/// What the packets of an address look like proves nothing about its owner where something on
/// this link speaks for it.
fn speaks_for_itself(look: &Look, primary: &Reset, verdict: &mut Verdict) {
    let Some(ttl) = ttl::spoken_for_on_this_link(look, primary.from) else {
        return;
    };
    verdict.confidence = verdict.confidence.min(Confidence::Medium);
    let fact = Fact::OnThisLink { ttl };
    verdict
        .evidence
        .insert(0, Evidence::of(fact, [look.segment(primary)]));
}

/// The host's TCP goes on, but the reset has its distance in hops and in time and the form of a
/// stateless reply: a packet filter on the host itself makes the same.
fn maybe_own_filter(look: &Look, primary: &Reset, items: &[Item]) -> bool {
    let for_device = |i: &&Item| i.weight > 0;
    let from_trigger = primary
        .trigger_first
        .and_then(|i| look.conn.segments.get(i))
        .map(|q| look.segment(primary).time.nanos_since(q.time));
    let in_time = match (from_trigger, look.rtt[primary.from.index()].min) {
        (Some(delay), Some(rtt)) => delay >= rtt - rtt / 10,
        _ => false,
    };
    matches!(primary.form, Form::Stateless | Form::Refusal)
        && in_time
        && items
            .iter()
            .any(|i| matches!(i.evidence.fact, Fact::SameTtl { .. }))
        && items
            .iter()
            .filter(for_device)
            .all(|i| i.family == Family::Continuation)
}

/// The reset's alleged sender acknowledged later what the reset answers: it passed whatever made
/// the reset. A filter that rejects it keeps it back.
fn took_trigger(look: &Look, primary: &Reset) -> bool {
    let Some(q) = primary.trigger.and_then(|i| look.conn.segments.get(i)) else {
        return false;
    };
    look.normal(primary.from)
        .filter(|(i, _)| *i > primary.segment)
        .any(|(_, s)| q.space() > 0 && s.has(tcp_flags::ACK) && s.ack.at_or_after(q.end()))
}

fn weigh(look: &Look, primary: &Reset) -> (Vec<Item>, i32) {
    let items_of_primary = items(look, primary);
    let score = total(&items_of_primary);
    if score <= ENDPOINT_HIGH {
        return (items_of_primary, score);
    }
    // another reset of the same burst may betray its maker better than the first one
    look.episode
        .resets
        .iter()
        .filter(|r| r.from == primary.from && r.role == Role::Strafe)
        .map(|r| {
            let items = items(look, r);
            let score = total(&items);
            (items, score)
        })
        .fold((items_of_primary, score), |best, this| {
            if this.1 > best.1 { this } else { best }
        })
}

fn device(look: &Look, primary: &Reset, score: i32) -> Verdict {
    let other_way = look.episode.resets.iter().any(|r| {
        r.from != primary.from
            && !matches!(r.form, Form::Stateless | Form::StatelessAck)
            && r.role != Role::Duplicate
            && {
                let items = items(look, r);
                declares(&items, total(&items))
            }
    });
    let party = match (other_way, primary.from) {
        (true, _) => Party::MiddleboxBoth,
        (false, Side::Server) => Party::MiddleboxAsServer,
        (false, Side::Client) => Party::MiddleboxAsClient,
    };
    Verdict {
        party,
        confidence: Confidence::High,
        score,
        forged: true,
        evidence: Vec::new(),
        later: Vec::new(),
        one_sample: false,
    }
}

fn endpoint(look: &Look, primary: &Reset, items: &[Item], score: i32) -> Verdict {
    let host = match primary.from {
        Side::Client => Party::ClientHost,
        Side::Server => Party::ServerHost,
    };
    let nothing_to_compare = ttl::answered_on_this_link(look, primary);
    // a socket that is aborted writes RST+ACK, with its window and its time stamps
    let odd = matches!(primary.form, Form::StatelessAck | Form::BareAbort)
        || items
            .iter()
            .any(|i| matches!(i.evidence.fact, Fact::TimestampMissing));
    let ineffective = primary.effect == Effect::Ineffective
        && matches!(primary.form, Form::Behind | Form::Beyond);
    let (party, confidence) = if nothing_to_compare || score >= DOUBT && !only_own_ttl(items) {
        (Party::Unknown, Confidence::Medium)
    } else if one_hop_off(items) || ineffective && score > ENDPOINT_MEDIUM {
        (Party::Unknown, Confidence::Low)
    } else if score <= ENDPOINT_HIGH && !odd {
        (host, Confidence::High)
    } else if score <= ENDPOINT_MEDIUM {
        (host, Confidence::Medium)
    } else {
        (host, Confidence::Low)
    };
    Verdict {
        party,
        confidence,
        score,
        forged: false,
        evidence: Vec::new(),
        later: Vec::new(),
        one_sample: false,
    }
}

/// The reset came from one hop nearer or further than everything else of the host, and
/// nothing speaks for the host: its neighbour (a NAT, another member behind one address) may
/// have answered as well.
fn one_hop_off(items: &[Item]) -> bool {
    items.iter().all(|i| i.weight >= 0)
        && items
            .iter()
            .any(|i| matches!(i.evidence.fact, Fact::Hops { hops: 1, .. }))
}

/// Nothing but the TTL speaks for a device.
fn only_own_ttl(items: &[Item]) -> bool {
    positive_families(items) <= 1
        && items
            .iter()
            .filter(|i| i.weight > 0)
            .all(|i| i.family == Family::Ttl)
        && items
            .iter()
            .any(|i| matches!(i.evidence.fact, Fact::OwnTime { .. }))
}

/// A reset with a TTL that cannot reach the peer: made on the sender's own host.
fn own_making(look: &Look, primary: &Reset, items: Vec<Item>, fact: Fact) -> Verdict {
    let party = match primary.from {
        Side::Client => Party::ClientHost,
        Side::Server => Party::ServerHost,
    };
    let mut later = vec![Evidence::of(fact, [look.segment(primary)])];
    later.extend(later::from_elsewhere(look));
    let score = total(&items);
    Verdict {
        party,
        confidence: Confidence::Medium,
        score: score.min(DOUBT),
        forged: false,
        evidence: sorted(items, true),
        later,
        one_sample: false,
    }
}

/// Heaviest first; what speaks for the statement before what speaks against it.
fn sorted(mut items: Vec<Item>, for_device: bool) -> Vec<Evidence> {
    items.retain(|i| i.weight != 0);
    items.sort_by_key(|i| {
        let weight = i.weight + if i.hard { i.weight.signum() * 100 } else { 0 };
        if for_device { -weight } else { weight }
    });
    items.into_iter().map(|i| i.evidence).collect()
}
