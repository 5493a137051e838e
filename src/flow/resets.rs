//! What is kept of a connection once it saw a RST: the records around each, frozen before the
//! trail overwrites them.

use super::conversation::Stream;
use super::fact::Fact;
use super::loc::{Arena, Kept, Loc, Trail};
use super::state::Flow;
use crate::packet::tcp_flags::RST;

/// Records kept after each freeze.
const AFTER: u32 = 64;
/// Freezes of one incarnation; later RSTs only add themselves.
const FREEZES: u32 = 8;
/// RSTs of one incarnation whose places are kept.
const RESETS: usize = 4096;
/// ICMP errors about one incarnation whose places are kept.
const ICMP: usize = 8;

/// Extra memory of a flow that saw a RST, an ICMP error or a doubtful SYN.
#[derive(Clone, Debug)]
pub struct ResetDetail {
    /// Stream of the first RST.
    pub stream: Stream,
    /// Frozen records, in order, with repetitions where trails overlapped.
    pub kept: Vec<Kept>,
    /// ICMP errors that quote a segment of it, with the index of the quoted sender.
    pub icmp: Vec<(Loc, u8)>,
    /// RSTs seen per endpoint.
    pub resets: [u64; 2],
    /// TTL of the first RST per endpoint.
    pub reset_ttl: [Option<u8>; 2],
    /// A SYN that may open a new incarnation if a SYN-ACK answers it: its place and ISN.
    pub doubtful_syn: Option<(Loc, u32, i64)>,
    first_reset: Option<u64>,
    after_left: u32,
    freezes: u32,
}

impl Default for ResetDetail {
    fn default() -> Self {
        Self {
            stream: Stream::NONE,
            kept: Vec::new(),
            icmp: Vec::new(),
            resets: [0; 2],
            reset_ttl: [None; 2],
            doubtful_syn: None,
            first_reset: None,
            after_left: 0,
            freezes: 0,
        }
    }
}

impl ResetDetail {
    /// Frame of the first RST in the timeline.
    pub fn first_reset(&self) -> Option<u64> {
        self.first_reset
    }

    /// Takes a segment of the flow in. `trail` already holds it.
    pub fn segment<K>(&mut self, f: &Fact<K>, loc: Loc, trail: (&Trail, &Arena), stream: Stream) {
        if !f.has(RST) {
            if self.after_left > 0 {
                self.after_left -= 1;
                self.kept.push(Kept {
                    loc,
                    nth: trail.0.pushed() - 1,
                });
            }
            return;
        }
        let me = f.sender();
        self.resets[me] += 1;
        self.reset_ttl[me].get_or_insert(f.ttl);
        if self.first_reset.is_none() {
            self.first_reset = Some(loc.frame());
            self.stream = stream;
        }
        if self.after_left == 0 && self.freezes < FREEZES {
            self.freezes += 1;
            self.after_left = AFTER;
            self.kept.extend(trail.0.in_order(trail.1));
        } else if self.kept.len() < RESETS {
            let nth = trail.0.pushed() - 1;
            self.kept.push(Kept { loc, nth });
        }
    }

    /// Remembers an ICMP error.
    pub fn icmp(&mut self, loc: Loc, about: usize) {
        if self.icmp.len() < ICMP {
            self.icmp.push((loc, about as u8));
        }
    }

    /// Heap bytes in use.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.kept.capacity() * size_of::<Kept>()
    }
}

/// A finished incarnation that saw a RST, or one kept for contrast: places instead of packets.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Endpoints in the key's order.
    pub endpoints: [super::Endpoint; 2],
    /// Tunnel around it.
    pub tunnel: crate::packet::TunnelId,
    /// Index of the endpoint that opened it, if the handshake shows it.
    pub opener: Option<u8>,
    /// The opener was seen to send a SYN (rather than inferred from the SYN-ACK).
    pub saw_syn: bool,
    /// Wireshark's stream.
    pub stream: Stream,
    /// Which connection of this key.
    pub incarnation: u16,
    /// Frame of the first RST (of the first segment, in a healthy one).
    pub order: u64,
    /// All kept places, in order, unique.
    pub kept: Vec<Kept>,
    /// ICMP errors, with the index of the quoted sender.
    pub icmp: Vec<(Loc, u8)>,
    /// Segments per endpoint.
    pub segments: [u64; 2],
    /// Payload bytes per endpoint.
    pub bytes: [u64; 2],
    /// SND.NXT per endpoint, if it sent anything but RSTs.
    pub next: [Option<u32>; 2],
    /// RSTs per endpoint.
    pub resets: [u64; 2],
    /// Time of the first and the latest segment in nanoseconds.
    pub times: (i64, i64),
    /// Its past may have been lost to the memory limit.
    pub past_lost: bool,
}

impl Finished {
    /// Gathers what a flow leaves behind.
    pub fn of<K: super::key::Key>(flow: &Flow<K>, arena: &Arena, past_lost: bool) -> Self {
        let detail = flow.detail.as_deref();
        let frozen = detail.map_or(&[][..], |d| &d.kept).iter().copied();
        let latest = flow.trail.in_order(arena).chain(flow.turns());
        let mut kept: Vec<Kept> = frozen.chain(latest).collect();
        kept.sort_unstable_by_key(|k| (k.nth, k.loc.frame()));
        kept.dedup();
        let opener = flow.opener();
        Self {
            endpoints: flow.key.endpoints(),
            tunnel: flow.key.tunnel(),
            opener: opener.map(|i| i as u8),
            saw_syn: opener.is_some_and(|i| flow.seen[i] & super::state::seen::SYN != 0),
            stream: detail.map_or(flow.conversation.stream(), |d| d.stream),
            incarnation: flow.incarnation,
            order: detail
                .and_then(ResetDetail::first_reset)
                .or(kept.first().map(|k| k.loc.frame()))
                .unwrap_or(0),
            kept,
            icmp: detail.map(|d| d.icmp.clone()).unwrap_or_default(),
            segments: flow.segments().map(u64::from),
            bytes: flow.bytes(),
            next: [0, 1]
                .map(|i| (flow.seen[i] & super::state::seen::ALIVE != 0).then_some(flow.next[i])),
            resets: detail.map_or([0; 2], |d| d.resets),
            times: (flow.first_time, flow.latest()),
            past_lost,
        }
    }
}
