//! What stops a job. One bad file never stops the others; facts about the evidence itself
//! are [`crate::anomaly::Anomaly`], not errors.

use std::io;
use std::path::{Path, PathBuf};

/// Why a job stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is not a capture, by content.
    #[error("not a capture file: {0}")]
    NotACapture(String),
    /// A known format that rstcap does not read; the text names it and the command that converts it.
    #[error("{0}")]
    Unsupported(String),
    /// The file's header cannot be used.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Something about the output.
    #[error("{0}")]
    Output(String),
    /// Wrong use of an option.
    #[error("{0}")]
    Usage(String),
}

/// An error with the place where it happened.
#[derive(Debug)]
pub struct Error {
    /// What happened.
    pub kind: ErrorKind,
    /// The file concerned, if one is.
    pub path: Option<PathBuf>,
    /// Byte offset in that file (after decompression), if known.
    pub offset: Option<u64>,
}

/// Result with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without a place.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            path: None,
            offset: None,
        }
    }

    /// Adds the file.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_path_buf());
        self
    }

    /// Adds the byte offset.
    #[must_use]
    pub fn at_offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Self::new(ErrorKind::Io(e))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        if let Some(offset) = self.offset {
            write!(f, "at offset {offset}: ")?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.kind)
    }
}
