//! What is known of the RSTs of one connection.

use crate::flow::Side;
use std::fmt;

/// What a RST is made as (diagnosis 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// RST+ACK that acknowledges a SYN; the sender has sent nothing else.
    Refusal,
    /// Bare RST whose sequence number is the acknowledgment number of the trigger.
    Stateless,
    /// RST+ACK otherwise made like a stateless reply: window 0, no time stamps.
    StatelessAck,
    /// RST+ACK at SND.NXT: the socket's owner aborted.
    Abort,
    /// Bare RST at SND.NXT without a trigger.
    BareAbort,
    /// Sequence number before SND.NXT and not a stateless reply.
    Behind,
    /// Sequence number beyond SND.NXT + 1, with nothing missing in the capture.
    Beyond,
    /// Nothing else of its sender is in the capture.
    Orphan,
}

impl Form {
    /// Stable id, as in the JSON report.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Stateless => "stateless",
            Self::StatelessAck => "stateless-ack",
            Self::Abort => "abort",
            Self::BareAbort => "bare-abort",
            Self::Behind => "behind",
            Self::Beyond => "beyond",
            Self::Orphan => "orphan",
        }
    }
}

/// What part a RST plays in its episode (diagnosis 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The one the diagnosis is about.
    Primary,
    /// Stateless reply of a side that has already closed to data that was under way.
    InFlightEcho,
    /// Stateless reply of the victim to what the impersonated side really sent.
    VictimReply,
    /// One of several RSTs of one sender without triggers of their own.
    Strafe,
    /// The same RST captured again.
    Duplicate,
    /// The other side's abort, sent before it could know of the primary.
    Crossing,
    /// Any other later RST.
    Later,
}

impl Role {
    /// Stable id, as in the JSON report.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::InFlightEcho => "in-flight-echo",
            Self::VictimReply => "victim-reply",
            Self::Strafe => "strafe",
            Self::Duplicate => "duplicate",
            Self::Crossing => "crossing",
            Self::Later => "later",
        }
    }
}

/// What a RST did to its receiver (RFC 5961 3.2, as far as the capture shows RCV.NXT).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Exactly RCV.NXT, or later behaviour shows that it was accepted.
    Effective,
    /// In the window but not exact (a challenge ACK is due), outside it, or a bad checksum.
    Ineffective,
    /// The capture does not show enough.
    Unknown,
}

impl Effect {
    /// Stable id, as in the JSON report.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Ineffective => "ineffective",
            Self::Unknown => "unknown",
        }
    }
}

/// One RST of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Index in [`crate::flow::Connection::segments`].
    pub segment: usize,
    /// Sender by its address.
    pub from: Side,
    /// How it is made.
    pub form: Form,
    /// Its part in the episode.
    pub role: Role,
    /// What it did.
    pub effect: Effect,
    /// Earliest segment that can have provoked it (for timing, diagnosis 2.4).
    pub trigger_first: Option<usize>,
    /// Latest segment that can have provoked it (for display).
    pub trigger: Option<usize>,
}

/// Where on the path the capture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VantagePoint {
    /// On the client's host or link.
    Client,
    /// Between the two.
    Middle,
    /// On the server's host or link.
    Server,
    /// Both ends are equally near, or the votes conflict.
    Unknown,
}

impl VantagePoint {
    /// Stable id, as in the JSON report.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Client => "client-side",
            Self::Middle => "mid-path",
            Self::Server => "server-side",
            Self::Unknown => "unknown",
        }
    }
}

/// What was seen that tells the vantage point; in words as it is displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vote {
    /// The capture marks this side's packets as outgoing.
    Marked(Side),
    /// Smallest round trips from the capture point, in nanoseconds.
    Times {
        #[allow(missing_docs)]
        client: i64,
        #[allow(missing_docs)]
        server: i64,
    },
    /// No router has decremented this side's TTL.
    InitialTtl(Side),
    /// This side's frames alone are of a kind.
    Frames(Side, &'static str),
    /// What a list says.
    Listed(String),
}

impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marked(side) => {
                let side = side.word();
                write!(
                    f,
                    "the capture marks the {side}'s packets as sent by this host"
                )
            }
            Self::Times { client, server } => write!(
                f,
                "{:.2} ms to the client and back, {:.2} ms to the server and back",
                *client as f64 / 1e6,
                *server as f64 / 1e6
            ),
            Self::InitialTtl(side) => {
                write!(f, "the {}'s TTL is an initial value", side.word())
            }
            Self::Frames(side, what) => {
                write!(f, "the {}'s frames alone are {what}", side.word())
            }
            Self::Listed(text) => f.write_str(text),
        }
    }
}

/// The vantage point and why it is believed (diagnosis 2.5).
#[derive(Clone, Debug, PartialEq)]
pub struct Vantage {
    /// Where.
    pub point: VantagePoint,
    /// The capture says so itself (direction bits, cooked packet type).
    pub decisive: bool,
    /// What was seen.
    pub votes: Vec<Vote>,
}

/// All RSTs of one incarnation (diagnosis 2.6), and the timing of the path.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// In capture order, never empty. When there were more than were kept,
    /// `Connection::totals.resets` has the true count.
    pub resets: Vec<Reset>,
    /// Index of the primary one in `resets`.
    pub primary: usize,
    /// Smallest round-trip time from the capture point to the client and back, to the server
    /// and back, in nanoseconds (index by [`Side::index`]).
    pub rtt: [Option<i64>; 2],
    /// Number of samples each rests on.
    pub rtt_samples: [u32; 2],
    /// SYN, SYN-ACK and the final ACK were all seen.
    pub handshake_complete: bool,
    /// The connection went on with new data both ways for more than an RTT after the primary.
    pub continues: bool,
    /// Where the capture was taken.
    pub vantage: Vantage,
}

impl Episode {
    /// The RST the diagnosis is about.
    #[must_use]
    pub fn primary(&self) -> &Reset {
        &self.resets[self.primary]
    }
}
