//! Compressed captures: what is whole is read, and how the stream ended is told aside.

use super::identify::Compression;
use crate::anomaly::Anomaly;
use crate::error::Result;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

/// Tells, once a stream was read to its end, what was wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    anomalies: Arc<Mutex<Vec<Anomaly>>>,
}

impl Ending {
    /// What was met so far; offsets are in the compressed file.
    #[must_use]
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.anomalies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A reader of the decompressed bytes.
pub(super) fn reader(
    kind: Compression,
    input: Box<dyn Read + Send>,
) -> Result<(Box<dyn Read + Send>, Ending)> {
    let reader: Box<dyn Read + Send> = match kind {
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(zstd::Decoder::new(input)?),
        Compression::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(input)),
    };
    Ok((reader, Ending::default()))
}
