//! Typed evidence. What a fact says in words is in [`super::wording`].

use crate::flow::{FrameRef, Segment, Side};
use crate::reset::Form;
use smallvec::SmallVec;
use std::sync::Arc;

/// A fact and the frames that show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The fact.
    pub fact: Fact,
    /// The frames, in capture order; shared by the cases that one pattern explains.
    pub frames: Arc<[FrameRef]>,
}

impl Evidence {
    /// A fact shown by segments.
    #[must_use]
    pub fn of<'a>(fact: Fact, segments: impl IntoIterator<Item = &'a Segment>) -> Self {
        Self::framed(fact, segments.into_iter().map(|s| s.frame))
    }

    /// A fact shown by frames.
    #[must_use]
    pub fn framed(fact: Fact, frames: impl IntoIterator<Item = FrameRef>) -> Self {
        let mut frames: SmallVec<[FrameRef; 8]> = frames.into_iter().collect();
        frames.sort_unstable();
        frames.dedup();
        frames.truncate(CITED);
        Self {
            fact,
            frames: Arc::from(frames.as_slice()),
        }
    }
}

/// Frames cited for one fact, the first ones: a pattern over thousands of connections is in the
/// evidence of each of them.
const CITED: usize = 64;

/// What late data were (class `late-data-after-fin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LateKind {
    CloseNotify,
    SessionTicket,
    Farewell,
    ResponseRemainder,
    FirstResponse,
    Request,
    BareAck,
    OwnFin,
    Other,
}

impl LateKind {
    /// Stable id, the discriminator of the case.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::CloseNotify => "tls-close-notify",
            Self::SessionTicket => "tls-session-ticket",
            Self::Farewell => "goodbye",
            Self::ResponseRemainder => "response-remainder",
            Self::FirstResponse => "first-response-byte",
            Self::Request => "request",
            Self::BareAck => "acknowledgment",
            Self::OwnFin => "fin",
            Self::Other => "data",
        }
    }
}

/// Something the frames show. Times are in seconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Fact {
    // how the reset is made
    Made {
        side: Side,
        form: Form,
    },
    Answers {
        side: Side,
        what: &'static str,
        delay: f64,
    },
    ResetAfter {
        what: &'static str,
        delay: f64,
    },
    MadeByDevice {
        side: Side,
        form: Form,
    },
    MoreInName {
        side: Side,
        count: u64,
    },
    MadeUnlike {
        side: Side,
    },
    MadeUnseen {
        side: Side,
    },
    MadeForNoAck {
        side: Side,
    },
    /// The segment it answers came later to the sender than past the capture point, or was not
    /// captured.
    NoSocketShape {
        held_up: bool,
    },
    SynAckUnseen,
    TakesLast {
        delay: f64,
    },
    NoEffect {
        why: &'static str,
    },
    SequenceOff {
        bytes: i64,
    },
    EndedLater {
        side: Side,
        delay: f64,
    },
    Echoes {
        count: u64,
    },
    OtherSideToo {
        count: u64,
    },
    Copies {
        count: u64,
    },
    // before the connection
    Refused {
        delay: Option<f64>,
    },
    SynData {
        bytes: u32,
        acknowledged: bool,
    },
    Attempts {
        count: u64,
        spacing: Option<f64>,
        same_isn: bool,
    },
    ReferenceMissing,
    RefusedBare,
    RejectLabel,
    SynAckAfterReset {
        delay: f64,
    },
    SynAckSlow {
        delay: f64,
        retransmissions: u32,
    },
    Sibling {
        address: String,
        head_start: f64,
    },
    FellBack {
        address: String,
        delay: f64,
    },
    ScannerSyn {
        what: &'static str,
    },
    ScanTargets {
        targets: u32,
    },
    AckMismatch {
        bytes: i64,
    },
    AckMismatchUnseen {
        bytes: i64,
    },
    NoSyn,
    ChallengeAck,
    NewSyn,
    // handshake and stage
    HandshakeRtt {
        rtt: f64,
    },
    NothingSaid {
        side: Option<Side>,
    },
    NothingTaken {
        what: &'static str,
    },
    NothingAsked,
    /// The capture lacks this side, but the other acknowledged what it sent.
    UnseenTaken {
        side: Side,
        bytes: u64,
    },
    StageName {
        stage: String,
    },
    // TLS
    Sni {
        name: String,
    },
    HelloSize {
        len: u64,
        records: u64,
    },
    HelloUnacknowledged,
    Alert {
        from: Side,
        text: String,
        guessed: bool,
    },
    Mismatch {
        text: String,
    },
    TlsStalled {
        owed_by: Side,
        silence: f64,
    },
    // requests
    Request {
        text: String,
    },
    NoAnswer {
        silence: f64,
    },
    RequestIncomplete {
        silence: f64,
        text: String,
    },
    ResponseCut {
        seen: u64,
        expected: Option<u64>,
    },
    ResponseComplete {
        text: Option<String>,
    },
    AppError {
        text: String,
        from: Side,
    },
    BodyUnsent {
        seen: u64,
        expected: u64,
    },
    Unread {
        bytes: u64,
    },
    Missed {
        side: Side,
        bytes: u32,
    },
    InFlight {
        bytes: u64,
    },
    Invalid {
        text: String,
    },
    CleanQuit,
    Streaming {
        bytes: u64,
        late_segments: u64,
    },
    // time
    Idle {
        silence: f64,
    },
    Timer {
        seconds: f64,
        products: String,
    },
    TimersRunOut {
        timers: Vec<(f64, &'static str)>,
    },
    Repeated {
        seconds: f64,
        times: usize,
    },
    KeepAlive {
        answered: bool,
    },
    Unanswered {
        side: Side,
        what: &'static str,
        count: u32,
        silence: f64,
    },
    ZeroWindow {
        side: Side,
        seconds: f64,
    },
    /// The unscaled window fell to `least` of at most `most`.
    NotRead {
        side: Side,
        least: u16,
        most: u16,
    },
    // closing
    FinBefore {
        side: Side,
        delay: f64,
        acknowledged: bool,
    },
    FinImplied {
        side: Side,
    },
    BothFins,
    FinWithReset {
        side: Side,
    },
    Late {
        what: LateKind,
        bytes: u64,
        count: u64,
    },
    RequestIgnoredFin,
    RequestCrossedFin,
    // devices and statements
    RstPayload {
        text: String,
        device: bool,
    },
    BalancerCode,
    MptcpFastClose,
    MptcpReset {
        reason: &'static str,
        code: u8,
    },
    Icmp {
        text: String,
    },
    ServerWentOn {
        what: &'static str,
        delay: f64,
    },
    // the path
    TooEarly {
        delay: f64,
        rtt: f64,
    },
    AckTooEarly {
        delay: f64,
        rtt: f64,
    },
    WentOn {
        side: Side,
        what: &'static str,
        delay: f64,
    },
    Hops {
        reset_ttl: u8,
        usual_ttl: u8,
        hops: u8,
    },
    SameTtl {
        ttl: u8,
    },
    Undecremented {
        ttl: u8,
    },
    SeveralTtls {
        ttls: Vec<u8>,
    },
    LowTtl {
        ttl: u8,
    },
    OwnFilter {
        side: Side,
    },
    OwnCard {
        side: Side,
    },
    OnThisLink {
        ttl: u8,
    },
    ConflictingData {
        side: Side,
        bytes: (u32, u32),
        ttls: (u8, u8),
    },
    LaterDevice {
        side: Side,
        count: u64,
        ttl: u8,
        usual: u8,
    },
    IpIdJump {
        id: u16,
        last: u16,
    },
    IpIdNext {
        id: u16,
    },
    IpIdZero,
    SharedId {
        id: u16,
        hosts: usize,
    },
    TimestampMissing,
    TimestampContinues,
    WindowCopied {
        window: u16,
    },
    WindowOfReply {
        window: u16,
    },
    WindowKept {
        window: u16,
    },
    WindowZero,
    MacDiffers {
        mac: String,
    },
    VlanDiffers {
        vlan: u16,
        usual: u16,
    },
    LabelZero,
    TosDiffers {
        tos: u8,
        usual: u8,
    },
    ReservedBits,
    BothWays {
        delay: f64,
    },
    Burst {
        count: usize,
        stepped: bool,
    },
    AckChanges,
    SeenOnce,
    HostSent,
    HostReceived,
    SameDevice {
        servers: usize,
    },
    OwnTime {
        rtt: f64,
    },
    BadChecksum,
    // several connections
    OthersToo {
        text: String,
    },
}

/// Who or what ought to change, when that is not who sent the reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Blame {
    SlowServer,
    SlowClient,
    Path,
    ReceiverNotReading(Side),
    ClientConfiguration,
    ServerConfiguration,
    ServerCertificate,
    ClientCertificate,
    Versions,
    ServerName,
    Timers,
    ClientPool,
    PeerApplication(Side),
    ClientRequest,
    ServerState,
    Device,
}
