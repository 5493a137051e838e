//! Defects of the evidence: typed, counted, located. An anomaly never stops a job and is
//! never silent: each kind appears in the report with its count and first place.

use crate::units::{FileId, FrameNumber};
use std::collections::BTreeMap;

/// What is wrong with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AnomalyKind {
    /// The file ends inside a record; all whole records before it were read.
    CutShort,
    /// Bytes that are no valid record were skipped up to the next verified boundary.
    SkippedBytes,
    /// A compressed stream ends early or fails its check; what was whole was read.
    DamagedCompression,
    /// Bytes follow the end of a compressed stream and were left alone.
    TrailingGarbage,
    /// A record claims more captured bytes than the interface's snaplen (harmless).
    CapturedOverSnaplen,
    /// A record claims more captured bytes than the packet had.
    CapturedOverOriginal,
    /// A block names an interface that its section does not have; it was counted and left out.
    UnknownInterface,
    /// A header or option was malformed and read around.
    MalformedMetadata,
    /// A packet's time lies before the previous packet's by more than reordering explains.
    TimeGoesBack,
    /// A time stamp that cannot be (fraction over one second, or beyond 64 bits of nanoseconds).
    ImpossibleTime,
    /// The link type is not one rstcap reads; the packets were counted and left out.
    UnknownLinkType,
    /// Packets whose headers end before the TCP ports (cut by the snaplen).
    HeaderCut,
    /// Packets whose headers contradict themselves.
    MalformedPacket,
    /// Frames seen twice or more by the capture (mirror ports, several interfaces).
    DuplicateFrames,
    /// TCP data acknowledged by the receiver but not in the capture.
    MissingSegments,
    /// The capture counted packets it dropped (`epb_dropcount`, `isb_ifdrop`, `isb_osdrop`).
    CaptureDrops,
    /// The memory limit was reached; the oldest idle connections were let go.
    MemoryLimit,
    /// More DNS answers than are remembered; the oldest were let go.
    NamesForgotten,
    /// IP fragments were let go for lack of memory.
    FragmentsForgotten,
    /// A file of a ring buffer's series is missing.
    MissingFile,
    /// No packets for an unusual time between two files of one timeline.
    TimelineGap,
    /// Files of one timeline overlap in time.
    TimelineOverlap,
    /// A file changed while it was read.
    FileChanged,
}

impl AnomalyKind {
    /// Stable kebab-case id, as in the JSON report.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::CutShort => "cut-short",
            Self::SkippedBytes => "skipped-bytes",
            Self::DamagedCompression => "damaged-compression",
            Self::TrailingGarbage => "trailing-garbage",
            Self::CapturedOverSnaplen => "captured-over-snaplen",
            Self::CapturedOverOriginal => "captured-over-original",
            Self::UnknownInterface => "unknown-interface",
            Self::MalformedMetadata => "malformed-metadata",
            Self::TimeGoesBack => "time-goes-back",
            Self::ImpossibleTime => "impossible-time",
            Self::UnknownLinkType => "unknown-link-type",
            Self::HeaderCut => "header-cut",
            Self::MalformedPacket => "malformed-packet",
            Self::DuplicateFrames => "duplicate-frames",
            Self::MissingSegments => "missing-segments",
            Self::CaptureDrops => "capture-drops",
            Self::MemoryLimit => "memory-limit",
            Self::NamesForgotten => "names-forgotten",
            Self::FragmentsForgotten => "fragments-forgotten",
            Self::MissingFile => "missing-file",
            Self::TimelineGap => "timeline-gap",
            Self::TimelineOverlap => "timeline-overlap",
            Self::FileChanged => "file-changed",
        }
    }
}

/// All anomalies of one kind in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Bytes concerned (skipped, cut), where that has a meaning.
    pub bytes: u64,
    /// Offset of the first one in the (decompressed) file.
    pub first_offset: Option<u64>,
    /// Frame number, within its file, at or before the first one.
    pub first_frame: Option<FrameNumber>,
    /// What happened the first time, in words.
    pub detail: String,
}

/// One anomaly as it is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What is wrong.
    pub kind: AnomalyKind,
    /// Offset in the (decompressed) file, if known.
    pub offset: Option<u64>,
    /// Frame number within its file, if known.
    pub frame: Option<FrameNumber>,
    /// Bytes concerned, 0 if that has no meaning.
    pub bytes: u64,
    /// What happened, in words; may be empty.
    pub detail: String,
}

impl Anomaly {
    /// An anomaly at an offset.
    #[must_use]
    pub fn at(kind: AnomalyKind, offset: u64, bytes: u64, detail: impl Into<String>) -> Self {
        Self {
            kind,
            offset: Some(offset),
            frame: None,
            bytes,
            detail: detail.into(),
        }
    }

    /// An anomaly of a file as a whole.
    #[must_use]
    pub fn of_file(kind: AnomalyKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            offset: None,
            frame: None,
            bytes: 0,
            detail: detail.into(),
        }
    }
}

/// The anomalies of a run, by file and kind, in a fixed order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    tallies: BTreeMap<(FileId, AnomalyKind), Tally>,
}

impl Anomalies {
    /// Counts one; the one with the lowest offset (then frame) is remembered as the first.
    pub fn add(&mut self, file: FileId, a: Anomaly) {
        self.merge_tally(
            file,
            a.kind,
            Tally {
                count: 1,
                bytes: a.bytes,
                first_offset: a.offset,
                first_frame: a.frame,
                detail: a.detail,
            },
        );
    }

    /// Adds everything another collection holds; the result does not depend on the order.
    pub fn merge(&mut self, other: Self) {
        for ((file, kind), tally) in other.tallies {
            self.merge_tally(file, kind, tally);
        }
    }

    /// Adds a tally.
    pub fn merge_tally(&mut self, file: FileId, kind: AnomalyKind, t: Tally) {
        let place = |t: &Tally| {
            (
                t.first_offset.unwrap_or(u64::MAX),
                t.first_frame.map_or(u64::MAX, |f| f.0),
            )
        };
        let mine = self.tallies.entry((file, kind)).or_default();
        let earlier = mine.count == 0 || place(&t) < place(mine);
        mine.count += t.count;
        mine.bytes += t.bytes;
        if earlier {
            mine.first_offset = t.first_offset;
            mine.first_frame = t.first_frame;
            mine.detail = t.detail;
        }
    }

    /// All tallies, by file, then kind.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, AnomalyKind, &Tally)> {
        self.tallies
            .iter()
            .map(|((file, kind), tally)| (*file, *kind, tally))
    }

    /// How many anomalies there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.tallies.values().map(|t| t.count).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }
}
