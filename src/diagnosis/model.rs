//! What a diagnosis says.

use super::crowd::Crowd;
use super::evidence::{Blame, Evidence};
use crate::flow::{Connection, Endpoint, HostBaseline, Segment, ServiceRecord, links};
use crate::packet::app::AppStory;
use crate::reset::Episode;
use crate::units::Timestamp;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Who reset the connection (diagnosis 3.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The TCP endpoint at the client address.
    ClientHost,
    /// The TCP endpoint at the server address, a proxy or load balancer that terminates TCP included.
    ServerHost,
    /// A device on the path that used the server's address.
    MiddleboxAsServer,
    /// A device on the path that used the client's address.
    MiddleboxAsClient,
    /// A device on the path that reset both sides.
    MiddleboxBoth,
    /// A load balancer or proxy at the server address, proven by content.
    ServerSideIntermediary,
    /// A NAT or proxy in front of the client, proven by content or addresses.
    ClientSideIntermediary,
    /// The capture does not show it.
    Unknown,
}

impl Party {
    /// All parties, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::ClientHost,
        Self::ServerHost,
        Self::MiddleboxAsServer,
        Self::MiddleboxAsClient,
        Self::MiddleboxBoth,
        Self::ServerSideIntermediary,
        Self::ClientSideIntermediary,
        Self::Unknown,
    ];

    /// Stable id, as in the JSON report and in `--party`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::ClientHost => "client-host",
            Self::ServerHost => "server-host",
            Self::MiddleboxAsServer => "middlebox-as-server",
            Self::MiddleboxAsClient => "middlebox-as-client",
            Self::MiddleboxBoth => "middlebox-both",
            Self::ServerSideIntermediary => "server-side-intermediary",
            Self::ClientSideIntermediary => "client-side-intermediary",
            Self::Unknown => "unknown",
        }
    }

    /// The word of the table's column: "client", "server", "middlebox", ...
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ClientHost => "client",
            Self::ServerHost => "server",
            Self::MiddleboxAsServer | Self::MiddleboxAsClient | Self::MiddleboxBoth => "middlebox",
            Self::ServerSideIntermediary => "load balancer",
            Self::ClientSideIntermediary => "NAT or proxy",
            Self::Unknown => "unknown",
        }
    }
}

/// How sure a statement is (design 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// "low", "medium" or "high".
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing was lost; normal behaviour of common software.
    Harmless,
    /// Worth knowing.
    Info,
    /// Something was lost or delayed; probably recovered by a retry.
    Warning,
    /// A user or service was hurt.
    Error,
}

impl Severity {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Harmless, Self::Info, Self::Warning, Self::Error];

    /// Stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How a cause is known (design 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// An alert, an error message, a RST payload or option, or ICMP said so.
    Stated,
    /// Every step is in the frames.
    Observed,
    /// It needs an assumption, which is named.
    Inferred,
}

impl Basis {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Stated, Self::Observed, Self::Inferred];

    /// Stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Observed => "observed",
            Self::Inferred => "inferred",
        }
    }
}

/// Cloudflare's stages of connection tampering (diagnosis 4.3), for comparison with Radar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Stage {
    PostSyn,
    PostAck,
    PostPsh,
    LaterInFlow,
    NoMatch,
}

impl Stage {
    /// Stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::PostSyn => "post_syn",
            Self::PostAck => "post_ack",
            Self::PostPsh => "post_psh",
            Self::LaterInFlow => "later_in_flow",
            Self::NoMatch => "no_match",
        }
    }
}

/// A class whose rule held too, or nearly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Its id.
    pub class: &'static str,
    /// What speaks against it here.
    pub why_less_likely: Cow<'static, str>,
}

/// What differs between the connections to one service that were reset and those that were not.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    /// The property: "SNI", "ClientHello size", "path", ...
    pub property: String,
    /// In words, with counts: "12 of 12 with SNI a.example reset, 0 of 40 with another".
    pub text: String,
    /// `(value, reset, not reset)`.
    pub counts: Vec<(String, u64, u64)>,
    /// The test that carries it and its result, e.g. "Fisher's exact test, p = 2e-9".
    pub test: String,
}

/// The ten questions a ticket asks, answered for every case. Each answer is a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Checklist {
    pub first_reset: String,
    pub sender: String,
    pub just_before: String,
    pub handshake: String,
    pub tls: String,
    pub application_data: String,
    pub idle: String,
    pub path_clues: String,
    pub last_application_bytes: String,
    pub where_to_look: String,
}

impl Checklist {
    /// Question and answer in order.
    #[must_use]
    pub fn items(&self) -> [(&'static str, &str); 10] {
        [
            ("first RST", &self.first_reset),
            ("who sent it", &self.sender),
            ("what happened immediately before", &self.just_before),
            ("did the handshake complete", &self.handshake),
            ("did TLS begin or complete", &self.tls),
            ("was application data sent", &self.application_data),
            ("idle time before", &self.idle),
            ("TTL, MAC and path clues", &self.path_clues),
            (
                "last application bytes and the answer",
                &self.last_application_bytes,
            ),
            ("which log to look into, and when", &self.where_to_look),
        ]
    }
}

/// Words of a case that is known from a list only, where its facts are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Listed {
    pub summary: String,
    pub blame: Option<String>,
    pub advice: Vec<String>,
    pub other_vantage: Option<String>,
    pub checklist: Checklist,
}

/// Who and why, as data; its methods put it into words.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// Stable id of the class.
    pub class: &'static str,
    /// The class in a few words, from its rule.
    pub title: &'static str,
    /// Who.
    pub party: Party,
    /// How sure who is.
    pub party_confidence: Confidence,
    /// How sure why is.
    pub cause_confidence: Confidence,
    /// How why is known.
    pub basis: Basis,
    /// How much it matters.
    pub severity: Severity,
    /// Who or what ought to change, when that is not the party that sent the RST.
    pub blame: Option<Blame>,
    /// What sets this case apart within its class and service (SNI, alert, timer ...); part of the group key.
    pub discriminator: Option<String>,
    /// Evidence, strongest first: what patterns over several connections added, the last one
    /// first, then the connection's own.
    pub evidence: Vec<Evidence>,
    /// Which piece of evidence tells the party.
    pub party_evidence: Option<usize>,
    /// How many pieces of evidence each of these, in this order, puts into the summary.
    pub leads: SmallVec<[u8; 4]>,
    /// What else it could be, likeliest first.
    pub alternatives: SmallVec<[Alternative; 3]>,
    /// What another capture point would settle, if anything.
    pub other_vantage: Option<&'static str>,
    /// Stage in Cloudflare's terms.
    pub stage: Stage,
    /// Zeek's `conn_state`.
    pub zeek_conn_state: &'static str,
    /// Wireshark's `tcp.completeness` bits, as its second pass shows them.
    pub completeness: u8,
    /// Seconds without payload in either direction before the primary RST (before its trigger,
    /// when data provoked it).
    pub idle_before: Option<f64>,
    /// What differs from connections that were not reset.
    pub contrast: Vec<Contrast>,
    /// Its words, if it was read from a list.
    pub listed: Option<Box<Listed>>,
    /// Score of diagnosis 4.1 in decibels, for whom it interests.
    pub middlebox_score: i32,
}

/// Cases that are one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// From 1, in order of the first case.
    pub id: u32,
    /// Ids of its cases, in order.
    pub cases: Vec<u32>,
    /// Resets that belong to it but were too many to be kept as cases.
    pub uncounted: u64,
    /// Time of its first and last primary RST.
    pub first: Timestamp,
    #[allow(missing_docs)]
    pub last: Timestamp,
    /// Seconds between cases when they are periodic.
    pub period: Option<f64>,
}

/// One reset connection: one row, one JSON object, one file.
#[derive(Clone, Debug)]
pub struct Case {
    /// From 1, in order of the primary RST's frame.
    pub id: u32,
    /// The connection.
    pub connection: Connection,
    /// Its resets.
    pub episode: Episode,
    /// What the two sides said to each other.
    pub story: AppStory,
    /// The verdict.
    pub diagnosis: Diagnosis,
    /// Id of the group it belongs to.
    pub group: u32,
}

impl Case {
    /// The primary RST's segment.
    #[must_use]
    pub fn primary_segment(&self) -> &Segment {
        &self.connection.segments[self.episode.primary().segment]
    }
}

/// Everything beside the reset connections that a diagnosis may ask about: one timeline.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What is known of each address.
    pub hosts: BTreeMap<IpAddr, HostBaseline>,
    /// What they are together.
    pub crowd: Crowd,
    /// What is known of each `server:port`.
    pub services: BTreeMap<Endpoint, ServiceRecord>,
    /// A bounded sample of connections to services that also had resets, themselves not reset,
    /// with their first segments, for contrast.
    pub healthy: Vec<Connection>,
    /// Time of the first and of the last frame of the timeline.
    pub first_time: Timestamp,
    #[allow(missing_docs)]
    pub last_time: Timestamp,
    /// Time goes back by more than reordering explains: timing is no evidence.
    pub clock_unreliable: bool,
}

impl World {
    /// Takes in what the packets of connections tell of their hosts, each connection once.
    pub fn learn(&mut self, connections: &[Connection]) {
        links::learn(&mut self.hosts, connections);
        self.crowd = Crowd::of(&self.hosts);
    }
}
