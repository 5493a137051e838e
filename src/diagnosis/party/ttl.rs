//! Hop counts. A stack may use another initial TTL for its stateless replies than for its
//! sockets, and sockets may set their own: only hop counts after normalisation are compared,
//! and they never convict alone.

use super::timing::other;
use super::{Family, Item, Look};
use crate::diagnosis::crowd::{LONGEST_PATH, MISMATCH_HOPS, hop_count, prefix, same_prefix};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::flow::{HostBaseline, Side};
use crate::reset::{Form, Kind, Reset, Role};
use std::net::IpAddr;

/// Flows of a host from which its TTLs count although this flow shows only a SYN.
const HOST_FLOWS: u32 = 3;
/// A TTL below this cannot be meant to reach a peer that is further away.
const LOW_TTL: u8 = 10;
/// A host that answers within this time is not this many hops away.
const NEAR_NS: i64 = 500_000;
const NEAR_HOPS: u8 = 8;
/// Different prefixes whose servers are all answered for with one TTL.
const DEVICE_PREFIXES: usize = 3;

fn is_initial(ttl: u8) -> bool {
    matches!(ttl, 64 | 128 | 255)
}

/// TTLs the alleged sender is known to use, from this connection, else from its other ones.
/// A lone SYN does not count: crafted SYNs carry what they like.
pub(super) fn known_ttls<'a>(look: &'a Look, side: Side) -> &'a [u8] {
    look.ttls[side.index()].get_or_init(|| ttls_of(look, side))
}

fn ttls_of(look: &Look, side: Side) -> Vec<u8> {
    let mut ttls: Vec<u8> = look
        .normal(side)
        .filter(|(i, s)| !s.is_syn() && look.replay.kind(*i) != Kind::Stray)
        .map(|(_, s)| s.ttl)
        .collect();
    let only_syn = ttls.is_empty() && look.normal(side).next().is_some();
    if ttls.is_empty()
        && let Some(host) = look.host(side)
    {
        let flows: u32 = host.ttls.iter().map(|(_, n)| n).sum();
        let enough = if only_syn { HOST_FLOWS } else { 1 };
        if flows >= enough {
            ttls.extend(host.ttls.iter().map(|(t, _)| *t));
        }
    }
    ttls.sort_unstable();
    ttls.dedup();
    // SYNs of one source with many different TTLs are crafted and tell nothing
    let spread = |t: &[u8]| {
        let hops = t.iter().map(|t| hop_count(*t));
        hops.clone().max().unwrap_or(0) - hops.min().unwrap_or(0)
    };
    if only_syn && spread(&ttls) > MISMATCH_HOPS {
        ttls.clear();
    }
    ttls
}

/// SYNs without the options that systems send: a scanner's, whose kernel answers in another way.
fn bare_syns(look: &Look, side: Side) -> bool {
    let bare = |kinds: &[u8]| kinds.iter().all(|k| matches!(k, 0..=2));
    look.normal(side).next().is_some()
        && look
            .normal(side)
            .all(|(_, s)| s.is_syn() && bare(&s.options.kinds))
}

/// Rows 6 to 9: the reset's hop count against its alleged sender's.
pub(super) fn hops(look: &Look, reset: &Reset) -> Option<Item> {
    let segment = look.segment(reset);
    let known = known_ttls(look, reset.from);
    let item = |weight, fact, usual: u8| {
        let normal = || look.normal(reset.from).map(|(_, s)| s);
        let witness = normal()
            .find(|s| !s.is_syn() && s.ttl == usual)
            .or_else(|| normal().find(|s| !s.is_syn()));
        Some(Item {
            family: Family::Ttl,
            weight,
            hard: false,
            evidence: Evidence::of(fact, witness.into_iter().chain([segment])),
        })
    };
    if known.contains(&segment.ttl) {
        return item(-6, Fact::SameTtl { ttl: segment.ttl }, segment.ttl);
    }
    if bare_syns(look, reset.from) {
        return None;
    }
    let here = hop_count(segment.ttl);
    let nearest = known
        .iter()
        .copied()
        .min_by_key(|&t| hop_count(t).abs_diff(here))?;
    let difference = hop_count(nearest).abs_diff(here);
    let weight = match difference {
        0 => 2,
        _ if chosen_by_application(look, reset.from, nearest) => 4,
        1 => 6,
        _ => 15,
    };
    item(
        weight,
        Fact::Hops {
            reset_ttl: segment.ttl,
            usual_ttl: nearest,
            hops: difference,
        },
        nearest,
    )
}

/// A hop count no real path has, or none so near: the socket's TTL was set by its
/// application, and the stack's own replies carry the system's.
fn chosen_by_application(look: &Look, side: Side, usual: u8) -> bool {
    let hops = hop_count(usual);
    let near = look.rtt[side.index()].min.is_some_and(|r| r < NEAR_NS);
    hops >= LONGEST_PATH || (near && hops >= NEAR_HOPS)
}

/// A TTL that tells another distance than every one of a side's.
pub(super) fn elsewhere(look: &Look, side: Side, ttl: u8, known: &[u8]) -> bool {
    known.iter().all(|&k| {
        hop_count(k).abs_diff(hop_count(ttl)) >= MISMATCH_HOPS
            && !chosen_by_application(look, side, k)
    })
}

/// A public address whose packets arrive undecremented at a host with a private one: a NAT or
/// proxy on this link ends its connections and speaks for it.
pub(super) fn spoken_for_on_this_link(look: &Look, side: Side) -> Option<u8> {
    let (mine, peer) = (look.address(side), look.address(side.peer()));
    let ttls = || look.normal(side).map(|(_, s)| s.ttl);
    let here = ttls().all(is_initial) && look.normal(side.peer()).all(|(_, s)| is_initial(s.ttl));
    (here && !private(mine) && private(peer))
        .then(|| ttls().next())
        .flatten()
}

/// An address of a local network: RFC 1918, RFC 3927, RFC 6598; RFC 4193 and link-local IPv6.
fn private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private() || ip.is_link_local() || ip.is_loopback() || shared
        }
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            ip.is_loopback() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
    }
}

/// Hosts of the same small prefix as `address`, itself left out.
pub(super) fn neighbour_hosts<'a>(
    look: &'a Look,
    address: IpAddr,
) -> impl Iterator<Item = &'a HostBaseline> {
    look.world
        .hosts
        .range(prefix(address))
        .filter(move |(ip, _)| **ip != address)
        .map(|(_, host)| host)
}

/// An address without other packets answers with an undecremented TTL although its
/// neighbours are hops away (section 0).
pub(super) fn neighbours(look: &Look, reset: &Reset) -> Option<Item> {
    let segment = look.segment(reset);
    if !is_initial(segment.ttl) || !known_ttls(look, reset.from).is_empty() {
        return None;
    }
    let ttls: Vec<u8> = neighbour_hosts(look, look.address(reset.from))
        .flat_map(|h| h.ttls.iter().map(|(t, _)| *t))
        .collect();
    let away = ttls.len() >= 2 && ttls.iter().all(|t| hop_count(*t) >= MISMATCH_HOPS);
    (away || behind_a_router(look, reset)).then(|| Item {
        family: Family::Ttl,
        weight: 15,
        hard: false,
        evidence: Evidence::of(Fact::Undecremented { ttl: segment.ttl }, [segment]),
    })
}

/// The frame comes from a MAC that addresses of other prefixes, hops away, use too: a
/// router's. A host behind it cannot deliver an undecremented TTL.
fn behind_a_router(look: &Look, reset: &Reset) -> bool {
    let mac = look.segment(reset).src_mac;
    mac.is_some_and(|mac| look.world.crowd.is_router(mac, look.address(reset.from)))
}

/// Row 10: the resets of one burst carry different TTLs.
pub(super) fn several(look: &Look, reset: &Reset) -> Option<Item> {
    // one of them is forged, but not the one that fits its sender
    if known_ttls(look, reset.from).contains(&look.segment(reset).ttl) {
        return None;
    }
    let burst: Vec<_> = look
        .episode
        .resets
        .iter()
        .filter(|r| {
            r.from == reset.from
                && (r.segment == reset.segment || r.role == Role::Strafe)
                && r.role != Role::Duplicate
        })
        .map(|r| look.segment(r))
        .collect();
    let mut ttls: Vec<u8> = burst.iter().map(|s| s.ttl).collect();
    ttls.sort_unstable();
    ttls.dedup();
    (ttls.len() >= 2).then(|| Item {
        family: Family::Ttl,
        weight: 10,
        hard: false,
        evidence: Evidence::of(Fact::SeveralTtls { ttls }, burst),
    })
}

/// Row 31: resets "from" servers in different prefixes come with one and the same TTL, from
/// another distance than the servers themselves.
pub(super) fn same_device(look: &Look, reset: &Reset) -> Option<Item> {
    let segment = look.segment(reset);
    if reset.from != Side::Server || known_ttls(look, reset.from).contains(&segment.ttl) {
        return None;
    }
    let ends = [look.address(reset.from), look.address(other(reset))];
    let world = look.world;
    let (proven, prefixes) = world.crowd.device(segment.ttl, ends, &world.hosts)?;
    let many = is_initial(segment.ttl) && prefixes + 1 >= DEVICE_PREFIXES && !on_link(look, reset);
    (proven >= 1 || many).then(|| Item {
        family: Family::CrossFlow,
        weight: 12,
        hard: false,
        evidence: Evidence::of(
            Fact::SameDevice {
                servers: prefixes.max(proven) + 1,
            },
            [segment],
        ),
    })
}

/// A refusal of an address of which nothing else is known, made on this very link: whose it
/// is cannot be said unless the address belongs here.
pub(super) fn answered_on_this_link(look: &Look, reset: &Reset) -> bool {
    let segment = look.segment(reset);
    let peer = other(reset);
    if reset.form != Form::Refusal
        || !is_initial(segment.ttl)
        || !known_ttls(look, reset.from).is_empty()
    {
        return false;
    }
    let peer_here = look.normal(peer).all(|(_, s)| is_initial(s.ttl));
    peer_here && !on_link(look, reset)
}

// The sender may be one hop away, or a virtual network hides how many there are.
fn on_link(look: &Look, reset: &Reset) -> bool {
    let (mine, peer) = (look.address(reset.from), look.address(other(reset)));
    if same_prefix(mine, peer) {
        return true;
    }
    // a MAC that no other address uses is a host's own, in a capture that shows several hosts
    let Some(mac) = look.segment(reset).src_mac else {
        return false;
    };
    let crowd = &look.world.crowd;
    crowd.is_virtual_network(mac)
        || crowd.others_with(mac, look.host(reset.from)) == 0 && crowd.remote >= 2
}

/// Section 0: a TTL below ten, far below what the sender uses, seen near the sender while the
/// connection lives: made on the sender's own host and not to reach the peer.
pub(super) fn made_on_own_host(look: &Look, reset: &Reset) -> Option<Fact> {
    let segment = look.segment(reset);
    let usual = look.normal(reset.from).map(|(_, s)| s.ttl).max();
    let low = segment.ttl < LOW_TTL
        && usual.is_some_and(|t| t > 2 * LOW_TTL)
        && (look.episode.continues || reset.form == Form::Abort);
    if low {
        return Some(Fact::LowTtl { ttl: segment.ttl });
    }
    from_the_hosts_own_card(look, reset).then_some(Fact::OwnCard { side: reset.from })
}

/// The sender is on this very link (its TTLs are undecremented), and the reset has its MAC,
/// which no other address uses, and its TTL.
fn from_the_hosts_own_card(look: &Look, reset: &Reset) -> bool {
    let r = look.segment(reset);
    let Some(mac) = r.src_mac else {
        return false;
    };
    let mut normal = look.normal(reset.from).map(|(_, s)| s).peekable();
    let known = normal.peek().is_some();
    let same = normal.all(|s| s.src_mac == Some(mac) && is_initial(s.ttl) && s.ttl == r.ttl);
    let shared = look.world.crowd.others_with(mac, look.host(reset.from)) > 0;
    known && same && !shared
}
