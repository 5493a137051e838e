//! Which frames of a capture make up a case, and what is said about each.
//!
//! A case file holds what a reader needs to judge the diagnosis and little more (design 5):
//! the name lookup, the handshake, the TLS hellos and alerts, the last request and the start
//! of its answer, what provoked the RST, the connection around it, ICMP errors, and every
//! frame that the evidence cites. Each kept frame carries the reason; what is left out is counted.

mod comments;
#[cfg(test)]
pub(crate) mod fixture;
mod gaps;
mod pick;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use text::{MAX_COMMENT, clean, count};

use crate::diagnosis::Case;
use crate::flow::FrameRef;
use crate::reset::Role;
use crate::units::FrameNumber;
use smallvec::SmallVec;
use std::fmt::Write as _;

/// How much of the connection around the primary RST is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Packets of the connection before it, copies made by the capture not counted.
    pub before: u32,
    /// Packets of the connection after it.
    pub after: u32,
    /// Keep every packet of the connection that is known.
    pub whole_connection: bool,
}

impl Default for Context {
    /// 20 packets on both sides (design 6).
    fn default() -> Self {
        Self {
            before: 20,
            after: 20,
            whole_connection: false,
        }
    }
}

/// Why a frame is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Part of the lookup that gave the client the server's address.
    Dns,
    /// SYN, SYN-ACK or the ACK that completes the handshake.
    Handshake,
    /// Holds a part of the TLS ClientHello.
    ClientHello,
    /// Holds a part of the TLS ServerHello's record.
    ServerHello,
    /// A TLS alert.
    Alert,
    /// An error message of the application's protocol.
    StatedError,
    /// Part of what the client sent last before the primary RST.
    LastRequest,
    /// The first segment of the answer to it.
    ResponseStart,
    /// Provoked a RST.
    Trigger,
    /// A RST, with its part in the episode.
    Rst(Role),
    /// Cited as evidence.
    Evidence,
    /// Near the primary RST in the connection.
    Context,
    /// An ICMP error about the connection.
    Icmp,
    /// A later fragment of a datagram whose first fragment is kept.
    Fragment,
    /// Cited as evidence, and of another connection before this one.
    EarlierAttempt,
}

impl Reason {
    /// Stable id, as in the JSON report.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Handshake => "handshake",
            Self::ClientHello => "client-hello",
            Self::ServerHello => "server-hello",
            Self::Alert => "alert",
            Self::StatedError => "stated-error",
            Self::LastRequest => "last-request",
            Self::ResponseStart => "response-start",
            Self::Trigger => "trigger",
            Self::Rst(_) => "rst",
            Self::Evidence => "evidence",
            Self::Context => "context",
            Self::Icmp => "icmp",
            Self::Fragment => "fragment",
            Self::EarlierAttempt => "earlier-attempt",
        }
    }
}

/// A frame of the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which one.
    pub frame: FrameRef,
    /// Why, in ascending order.
    pub reasons: SmallVec<[Reason; 2]>,
    /// What is said about it: each one line of at most [`MAX_COMMENT`] bytes, words first,
    /// then `[rstcap role=... case=... orig=...]`.
    pub comments: Vec<String>,
}

/// Packets of the connection that are not in the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// They lie before this one of [`Selection::frames`]; after the last one when it equals
    /// their number.
    pub before: usize,
    /// How many, copies made by the capture not counted.
    pub count: u64,
    /// All of them are among the source frames from here...
    pub first: FrameNumber,
    /// ... to here, if that is known.
    pub last: Option<FrameNumber>,
}

/// The frames of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Who and why in one line: `reset by the server 0.4 ms after the ClientHello:
    /// reset-after-client-hello, who high / why medium`.
    pub verdict: String,
    /// In capture order, each once.
    pub frames: Vec<Kept>,
    /// In order.
    pub left_out: Vec<Gap>,
    /// Copies made by the capture (mirror port, several interfaces) that are not kept.
    pub copies_left_out: u64,
    /// RSTs of the connection that are not kept, being too many.
    pub resets_left_out: u64,
    /// Cited frames that are not kept, being too many.
    pub evidence_left_out: u64,
}

impl Selection {
    /// Number of a source frame in the case file, from 1, if it is kept.
    #[must_use]
    pub fn number_of(&self, frame: FrameRef) -> Option<u64> {
        let found = self
            .frames
            .binary_search_by_key(&frame.number, |kept| kept.frame.number);
        found.ok().map(|index| index as u64 + 1)
    }

    /// Packets of the connection that are left out, copies not counted.
    #[must_use]
    pub fn packets_left_out(&self) -> u64 {
        self.left_out
            .iter()
            .fold(0, |sum, gap| sum.saturating_add(gap.count))
    }
}

/// Chooses the frames of a case and words their comments.
#[must_use]
pub fn select(case: &Case, context: &Context) -> Selection {
    let mut picked = pick::pick(case, context);
    comments::write(case, &mut picked);
    let verdict = words::primary(case, &picked);
    let found = gaps::find(case, &mut picked);
    Selection {
        verdict,
        frames: picked.into_frames(),
        left_out: found.gaps,
        copies_left_out: found.copies,
        resets_left_out: found.resets,
        evidence_left_out: found.evidence,
    }
}

/// How many frames [`select`] keeps, and the number of the primary RST among them.
#[must_use]
pub fn extent(case: &Case, context: &Context) -> (u64, Option<u64>) {
    let picked = pick::pick(case, context);
    let primary = case.primary_segment().frame;
    let number = |frame: FrameRef| picked.position(frame.number) as u64 + 1;
    let reset = picked.has(primary).then(|| number(primary));
    (picked.len() as u64, reset)
}

/// A display filter that shows the connection in its source: addresses and ports, which hold
/// in every file, rather than a stream number.
#[must_use]
pub fn display_filter(case: &Case) -> String {
    let (client, server) = (case.connection.client, case.connection.server);
    let field = |end: crate::flow::Endpoint| if end.ip.is_ipv6() { "ipv6" } else { "ip" };
    // the report adds the time of the connection
    let mut filter = String::with_capacity(192);
    for (and, end) in [("", client), (" && ", server)] {
        let (field, ip, port) = (field(end), end.ip, end.port);
        let _ = write!(filter, "{and}{field}.addr == {ip} && tcp.port == {port}");
    }
    filter
}
