//! From records to facts: what the walk of one chunk leaves behind.

use crate::anomaly::{Anomaly, AnomalyKind};
use crate::capture::{Record, RecordKind, Sink, Structure};
use crate::flow::fact::{Fact, mark};
use crate::flow::fragments::FragmentFact;
use crate::flow::key::{Key, Key4, Key6};
use crate::flow::names::DnsFact;
use crate::packet::{
    self, Addresses, FragmentView, IcmpView, Quote, StopReason, TcpView, Transport, TunnelId,
    UdpView, tcp_flags,
};
use crate::units::FrameNumber;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Time going back by more than this between neighbouring frames is more than reordering
/// between interface queues, in nanoseconds.
const STEP_BACK: i64 = 50_000_000;
/// Stands for the time of a packet that has none until the chunk before is known.
const NO_TIME: i64 = i64::MIN;
/// The port of DNS.
const DNS: u16 = 53;
/// Fragments told of one chunk: more are a flood.
const MAX_FRAGMENTS: usize = 1 << 16;

/// Facts for some shards that lie side by side.
#[derive(Default)]
pub struct Facts {
    #[allow(missing_docs)]
    pub v4: Vec<Fact<Key4>>,
    #[allow(missing_docs)]
    pub v6: Vec<Fact<Key6>>,
}

/// An address family's keys and facts.
trait Family: Key {
    fn among(facts: &mut Facts) -> &mut Vec<Fact<Self>>;
}

impl Family for Key4 {
    fn among(facts: &mut Facts) -> &mut Vec<Fact<Self>> {
        &mut facts.v4
    }
}

impl Family for Key6 {
    fn among(facts: &mut Facts) -> &mut Vec<Fact<Self>> {
        &mut facts.v6
    }
}

#[inline]
fn is_dns(tcp: &TcpView<'_>) -> bool {
    tcp.src_port == DNS || tcp.dst_port == DNS
}

#[inline]
fn from_second(swapped: bool) -> u16 {
    if swapped { mark::FROM_SECOND } else { 0 }
}

/// What the walk of one chunk found.
pub struct Collector {
    hasher: RandomState,
    shards: usize,
    // from a shard's number to that of its bucket
    shift: u32,
    /// Offset of the chunk in its file.
    pub base: u64,
    /// Frames met.
    pub frames: u64,
    /// Frames among them that hold no packet.
    pub other_frames: u64,
    /// RST segments met.
    pub resets: u64,
    /// Facts, as many shards together as one thread reduces: each list is a place that is
    /// written to, and few of them stay in the cache.
    pub buckets: Vec<Facts>,
    /// DNS messages in order.
    pub dns: Vec<DnsFact>,
    /// Fragments in order.
    pub fragments: Vec<FragmentFact>,
    /// Sections, interfaces and other blocks.
    pub structures: Vec<Structure>,
    /// Defects; their frame numbers count from the start of the chunk.
    pub anomalies: Vec<Anomaly>,
    /// Time of the first and the last frame that has one.
    pub ends: Option<(i64, i64)>,
    /// Least and greatest time.
    pub range: Option<(i64, i64)>,
    /// Packets without a time came before any with one: their facts have [`NO_TIME`].
    pub begins_untimed: bool,
    /// Packets not read, by reason.
    pub unread: Unread,
}

/// Packets whose headers were not read, with the offset of the first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unread {
    #[allow(missing_docs)]
    pub cut: (u64, u64),
    #[allow(missing_docs)]
    pub malformed: (u64, u64),
}

impl Collector {
    /// Nothing met yet. Facts are for `shards` shards, at most 256, in `buckets` buckets; both
    /// are powers of two.
    pub fn new(hasher: RandomState, shards: usize, buckets: usize) -> Self {
        Self {
            hasher,
            shards,
            shift: (shards / buckets.max(1)).trailing_zeros(),
            base: 0,
            frames: 0,
            resets: 0,
            other_frames: 0,
            buckets: (0..buckets).map(|_| Facts::default()).collect(),
            dns: Vec::new(),
            fragments: Vec::new(),
            structures: Vec::new(),
            anomalies: Vec::new(),
            ends: None,
            range: None,
            begins_untimed: false,
            unread: Unread::default(),
        }
    }

    /// Empties it for another chunk, keeping its memory.
    pub fn reset(&mut self, base: u64) {
        let buckets = std::mem::take(&mut self.buckets);
        *self = Self {
            base,
            shift: self.shift,
            ..Self::new(self.hasher.clone(), self.shards, 0)
        };
        self.buckets = buckets;
        for facts in &mut self.buckets {
            facts.v4.clear();
            facts.v6.clear();
        }
    }

    /// Gives facts without a time the one of the last packet before the chunk.
    pub fn begin_at(&mut self, time: i64) {
        if !std::mem::take(&mut self.begins_untimed) {
            return;
        }
        let set = |fact: &mut i64| {
            if *fact == NO_TIME {
                *fact = time;
            }
        };
        for facts in &mut self.buckets {
            facts.v4.iter_mut().for_each(|f| set(&mut f.time));
            facts.v6.iter_mut().for_each(|f| set(&mut f.time));
        }
        self.dns.iter_mut().for_each(|f| set(&mut f.time));
    }

    // a packet without a time (SPB) has that of the one before it
    #[inline]
    fn time(&mut self, record: &Record<'_>) -> i64 {
        let Some(time) = record.time.map(|t| t.0) else {
            self.begins_untimed |= self.ends.is_none();
            return self.ends.map_or(NO_TIME, |e| e.1);
        };
        let (Some((_, last)), Some((low, high))) = (&mut self.ends, &mut self.range) else {
            self.ends = Some((time, time));
            self.range = Some((time, time));
            return time;
        };
        let before = std::mem::replace(last, time);
        *low = time.min(*low);
        *high = time.max(*high);
        if steps_back(before, time) {
            self.note_step_back(record.span.offset, before, time);
        }
        time
    }

    #[cold]
    fn note_step_back(&mut self, offset: u64, before: i64, time: i64) {
        self.anomalies.push(Anomaly {
            frame: Some(FrameNumber(self.frames)),
            ..step_back(offset, before, time)
        });
    }

    #[inline(always)]
    fn tcp<K: Family>(
        &mut self,
        place: Place,
        (key, swapped): (K, bool),
        ttl: u8,
        tcp: &TcpView<'_>,
    ) {
        let mut flags = tcp.flags & 0xfff;
        if tcp.header_captured < 16 {
            flags |= mark::SHORT;
        }
        if tcp.header_len < 20 {
            flags |= mark::BAD_OFFSET;
        }
        self.resets += u64::from(flags & tcp_flags::RST != 0);
        let hash = self.hasher.hash_one(key) as u32;
        self.push(Fact {
            key,
            hash,
            time: place.time,
            offset: place.offset,
            frame: place.frame,
            seq: tcp.seq,
            ack: tcp.ack,
            len: tcp.payload_len,
            flags: flags | from_second(swapped),
            ttl,
            shard: 0,
        });
    }

    // the shard must not depend on the seed: what a shard lets go of is in the results
    #[inline(always)]
    fn push<K: Family>(&mut self, mut fact: Fact<K>) {
        let shard = fact.key.fixed_hash() as usize & (self.shards - 1);
        fact.shard = shard as u8;
        let bucket = shard >> self.shift;
        K::among(&mut self.buckets[bucket]).push(fact);
    }

    fn icmp(&mut self, place: Place, tunnel: TunnelId, icmp: &IcmpView) {
        const TCP: u8 = 6;
        let Some(quote) = icmp
            .quote
            .filter(|q| q.protocol == TCP && q.transport_len >= 8)
        else {
            return;
        };
        let ports = [quote.src_port, quote.dst_port];
        match quote.addresses {
            Addresses::V4 { src, dst } => {
                self.quoted(place, Key4::new([src, dst], ports, tunnel), &quote);
            }
            Addresses::V6 { src, dst } => {
                self.quoted(place, Key6::new([src, dst], ports, tunnel), &quote);
            }
        }
    }

    fn quoted<K: Family>(&mut self, place: Place, (key, swapped): (K, bool), quote: &Quote) {
        let mut flags = quote.flags.unwrap_or(0) & 0xfff | mark::QUOTED;
        if quote.transport_len < 16 {
            flags |= mark::SHORT;
        }
        let hash = self.hasher.hash_one(key) as u32;
        self.push(Fact {
            key,
            hash,
            time: place.time,
            offset: place.offset,
            frame: place.frame,
            seq: quote.seq,
            ack: quote.ack.unwrap_or(0),
            len: 0,
            flags: flags | from_second(swapped),
            ttl: 0,
            shard: 0,
        });
    }

    fn udp(&mut self, place: Place, addresses: &Addresses, udp: &UdpView<'_>) {
        if udp.src_port == DNS || udp.dst_port == DNS {
            self.dns.extend(super::dns::fact(
                udp.payload,
                addresses,
                udp.src_port,
                udp.dst_port,
                place.parts(),
            ));
        }
    }

    // messages that lie whole in one segment, with or without their length prefix
    fn dns_over_tcp(&mut self, place: Place, addresses: &Addresses, tcp: &TcpView<'_>) {
        let prefixed = tcp.payload.split_first_chunk::<2>().filter(|(len, rest)| {
            usize::from(u16::from_be_bytes(**len)) >= 12
                && usize::from(u16::from_be_bytes(**len)) <= rest.len()
        });
        let message = prefixed.map_or(tcp.payload, |(_, rest)| rest);
        if !message.is_empty() {
            self.dns.extend(super::dns::fact(
                message,
                addresses,
                tcp.src_port,
                tcp.dst_port,
                place.parts(),
            ));
        }
    }

    // later fragments name no port: whose they are is found out by the first one
    #[cold]
    fn fragment(&mut self, place: Place, part: &FragmentView<'_>, transport: &Transport<'_>) {
        let first = part.fragment.offset == 0;
        let looked_at = match transport {
            Transport::Tcp(_) => true,
            Transport::Udp(udp) => udp.src_port == DNS || udp.dst_port == DNS,
            Transport::Icmp(_) | Transport::None => false,
        };
        if self.fragments.len() < MAX_FRAGMENTS && (looked_at || !first) {
            let id = part.fragment.id;
            let named = (part.addresses, part.protocol, id, part.tunnel);
            self.fragments.push(FragmentFact {
                key: self.hasher.hash_one(named),
                time: place.time,
                offset: place.offset,
                frame: place.frame,
                first,
            });
        }
    }

    fn stopped(&mut self, reason: StopReason, offset: u64) {
        let (count, first) = match reason {
            StopReason::Snaplen => &mut self.unread.cut,
            StopReason::Malformed => &mut self.unread.malformed,
            StopReason::NotRead | StopReason::TooDeep => return,
        };
        if *count == 0 {
            *first = offset;
        }
        *count += 1;
    }
}

/// Place and time of a packet, relative to its chunk.
#[derive(Clone, Copy)]
struct Place {
    offset: u32,
    frame: u32,
    time: i64,
}

impl Place {
    fn parts(self) -> (u32, u32, i64) {
        (self.frame, self.offset, self.time)
    }
}

/// The anomaly of a clock that steps back.
pub fn step_back(offset: u64, from: i64, to: i64) -> Anomaly {
    let by = from.saturating_sub(to) as f64 / 1e9;
    Anomaly::at(
        AnomalyKind::TimeGoesBack,
        offset,
        0,
        format!("time goes back by {by:.6} s"),
    )
}

/// Whether the clock stepped back between two frames.
pub fn steps_back(from: i64, to: i64) -> bool {
    to < from.saturating_sub(STEP_BACK)
}

impl Sink for Collector {
    #[inline]
    fn record(&mut self, record: &Record<'_>) {
        let frame = self.frames as u32;
        self.frames += 1;
        if record.kind == RecordKind::FrameOnly {
            self.other_frames += 1;
            return;
        }
        let time = self.time(record);
        let place = Place {
            offset: (record.span.offset - self.base) as u32,
            frame,
            time,
        };
        let (link, data, len) = (record.link_type, record.data, record.original_len);
        if let Some(plain) = packet::plain_tcp4(link, data, len).filter(|p| !is_dns(&p.tcp)) {
            let ports = [plain.tcp.src_port, plain.tcp.dst_port];
            let key = Key4::new(plain.addresses, ports, TunnelId(0));
            self.tcp(place, key, plain.ttl, &plain.tcp);
        } else if let Some(plain) = packet::plain_tcp6(link, data, len).filter(|p| !is_dns(&p.tcp))
        {
            let ports = [plain.tcp.src_port, plain.tcp.dst_port];
            let key = Key6::new(plain.addresses, ports, TunnelId(0));
            self.tcp(place, key, plain.ttl, &plain.tcp);
        } else {
            self.any(record, place);
        }
    }

    fn structure(&mut self, structure: Structure) {
        self.structures.push(structure);
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        let frame = anomaly.frame.or(Some(FrameNumber(self.frames)));
        self.anomalies.push(Anomaly { frame, ..anomaly });
    }
}

impl Collector {
    #[inline(never)]
    fn any(&mut self, record: &Record<'_>, place: Place) {
        let view = packet::dissect(record.link_type, record.data, record.original_len);
        if let Some(stop) = view.stop {
            self.stopped(stop.reason, record.span.offset);
        }
        if view.fragmented
            && let Some(part) = packet::fragment(record.link_type, record.data, record.original_len)
        {
            self.fragment(place, &part, &view.transport);
        }
        let Some(ip) = view.ip else {
            return;
        };
        match &view.transport {
            Transport::Tcp(tcp) => {
                let ports = [tcp.src_port, tcp.dst_port];
                match ip.addresses {
                    Addresses::V4 { src, dst } => {
                        let key = Key4::new([src, dst], ports, view.tunnel);
                        self.tcp(place, key, ip.ttl, tcp);
                    }
                    Addresses::V6 { src, dst } => {
                        let key = Key6::new([src, dst], ports, view.tunnel);
                        self.tcp(place, key, ip.ttl, tcp);
                    }
                }
                if is_dns(tcp) {
                    self.dns_over_tcp(place, &ip.addresses, tcp);
                }
            }
            Transport::Udp(udp) => self.udp(place, &ip.addresses, udp),
            Transport::Icmp(icmp) => self.icmp(place, view.tunnel, icmp),
            Transport::None => {}
        }
    }
}
