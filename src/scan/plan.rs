//! What to scan, and what comes of it.

use super::connections;
use super::source::Files;
use crate::anomaly::Anomalies;
use crate::diagnosis::World;
use crate::error::Error;
use crate::flow::Connection;
use crate::flow::kinds::Kind;
use crate::flow::loc::Loc;
use crate::flow::names::Names;
use crate::flow::resets::Finished;
use crate::units::{FileId, Timestamp};
use globset::GlobSet;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Told how the scan goes; called once per buffer, never per packet.
pub trait Progress: Sync {
    /// The scan begins: bytes on disk over all inputs, and how many files.
    fn begin(&self, bytes: u64, files: u64);
    /// So many more bytes on disk were read.
    fn bytes(&self, n: u64);
    /// A compressed file of so many bytes on disk is read once more: what it holds was too much
    /// to be kept.
    fn again(&self, label: &str, bytes: u64);
    /// So many resets more.
    fn resets(&self, n: u64);
    /// A file is done.
    fn file_done(&self, label: &str);
}

/// No progress shown.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: u64, _: u64) {}
    fn bytes(&self, _: u64) {}
    fn again(&self, _: &str, _: u64) {}
    fn resets(&self, _: u64) {}
    fn file_done(&self, _: &str) {}
}

/// What to scan and how.
pub struct Plan<'a> {
    /// Files, directories, `-`.
    pub paths: Vec<PathBuf>,
    /// Which files of a directory; all captures if empty.
    pub include: GlobSet,
    /// Which not.
    pub exclude: GlobSet,
    /// A directory that is not entered: where the output goes.
    pub skip: Option<PathBuf>,
    /// Every file is a capture of its own.
    pub separate: bool,
    /// Bytes per chunk of a plain file.
    pub chunk_size: u64,
    /// Bytes the flow tables may use.
    pub max_memory: u64,
    /// Decompressed bytes that may be kept until it is known which records are needed; files
    /// with more are decompressed twice.
    pub max_decompressed: u64,
    /// Told how it goes.
    pub progress: &'a dyn Progress,
    /// Set from outside to end the scan early; what was read by then is reported.
    pub stop: &'a AtomicBool,
}

/// Bytes per chunk unless told otherwise: a few per thread fit into the last-level cache with
/// their facts.
pub const CHUNK_SIZE: u64 = 2 << 20;

/// What became of one input file.
#[derive(Clone, Debug)]
pub struct FileStatus {
    /// Its id.
    pub id: FileId,
    /// What the user called it.
    pub label: String,
    /// Index of its timeline in the outcome.
    pub timeline: usize,
    /// Container, e.g. "pcapng".
    pub format: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Frames in it.
    pub frames: u64,
    /// Frames of the timeline before it.
    pub first_frame: u64,
    /// Time of its first and last frame, if it has any with a time.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Digits after the decimal point of its finest time stamps, at most 9.
    pub time_digits: u8,
    /// Why it could not be read (to its end).
    pub error: Option<String>,
}

/// A kind of reset connection of which there were more than are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storm {
    /// What they have in common.
    pub kind: Kind,
    /// How many were not kept.
    pub left_out: u64,
}

/// One capture: a file, or the files of one ring buffer in order. Its reset connections are
/// fetched in batches, so that not all of them are in memory with all their payload at once.
pub struct Timeline {
    /// What is known beside the reset connections.
    pub world: World,
    /// Reset connections that were only counted.
    pub storms: Vec<Storm>,
    /// Gives the records out again.
    pub files: Files,
    pub(super) finished: Vec<Finished>,
    /// Reset connections whose records were not fetched because the run was interrupted.
    pub(super) not_fetched: usize,
    pub(super) names: Names,
    /// Later IP fragments by the frame of their first one.
    pub(super) parts: BTreeMap<u64, Vec<Loc>>,
}

/// Connections fetched at a time.
const BATCH: usize = 2048;

impl Timeline {
    /// How many reset connections there are besides that cannot be fetched: the run was
    /// interrupted before their records were read again.
    #[must_use]
    pub fn not_fetched(&self) -> usize {
        self.not_fetched
    }

    /// How many reset connections there are to fetch.
    #[must_use]
    pub fn reset_connections(&self) -> usize {
        self.finished.len()
    }

    /// The reset connections from number `from` on, by the frame of their first RST: as many
    /// as are fetched at a time, none when `from` is their number.
    pub fn connections(&self, from: usize) -> Vec<Connection> {
        let to = from.saturating_add(BATCH).min(self.finished.len());
        let finished = self.finished.get(from..to).unwrap_or_default();
        connections::make(&self.files, finished, Some(&self.names), &self.parts)
    }
}

/// Sums over everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that are captures.
    pub files: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Frames.
    pub packets: u64,
    /// TCP connections, in all incarnations.
    pub connections: u64,
    /// RST segments.
    pub resets: u64,
    /// DNS lookups.
    pub lookups: u64,
}

/// What a scan found.
pub struct Outcome {
    /// By their first file.
    pub timelines: Vec<Timeline>,
    /// All files that are captures.
    pub files: Vec<FileStatus>,
    /// Inputs that could not be read.
    pub errors: Vec<Error>,
    /// Defects of the evidence.
    pub anomalies: Anomalies,
    /// Sums.
    pub totals: Totals,
    /// It was ended early from outside.
    pub interrupted: bool,
}
