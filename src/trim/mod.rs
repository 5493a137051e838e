//! One annotated pcapng per case (design 5 "trim", pcapng-fidelity 1).
//!
//! The capture is evidence: packet bytes, lengths, ticks and option bytes are copied from the
//! source's records and not rebuilt from a model; a file holds one section, in the byte order
//! of its source, with the interfaces its packets need and no others.

mod again;
mod block;
mod build;
mod extra;
mod file_name;
mod interface;
mod names;
mod options;
mod output;
mod packet;
mod plan;
mod provenance;
mod secrets;
mod section;
mod source;

#[cfg(test)]
mod checker;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use again::{may_be_case_file, told};
pub use file_name::file_name;
pub use output::{TEMPORARY, create};
pub use source::{FileLabel, Origin, Origins, Raw, Source};

use crate::diagnosis::Case;
use crate::error::Result;
use crate::selection::Selection;
use std::path::{Path, PathBuf};

/// Which decryption secrets go into a case file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// None; a case file is meant to be shared.
    #[default]
    None,
    /// Those of the TLS sessions whose hellos are in the file.
    Matched,
}

/// Which blocks of the source that hold no packet go into a case file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Custom blocks that may be copied.
    pub custom: bool,
    /// Entries of the systemd journal of the time of the case.
    pub journal: bool,
}

/// How case files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which secrets.
    pub secrets: Secrets,
    /// Which other blocks.
    pub keep: Keep,
    /// Give all interfaces one snaplen: libpcap refuses a file in which they differ.
    pub libpcap: bool,
    /// Replace an existing file.
    pub force: bool,
}

/// A case file that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Packets in it.
    pub packets: usize,
    /// Decryption secrets in it.
    pub secrets: u64,
    /// Decryption secrets of its sources that are not in it.
    pub secrets_left_out: u64,
}

/// Writes the file of a case into the directory `dir`, which exists, under
/// [`file_name`]. `is_input` says whether a path is one of the files being read; such a file
/// is never written to.
///
/// # Errors
///
/// When a frame cannot be read again, when the file exists and [`Options::force`] is not set,
/// when it is an input, and when writing fails. An existing file is whole then, old or new.
pub fn write_case(
    case: &Case,
    selection: &Selection,
    source: &dyn Source,
    options: &Options,
    dir: &Path,
    is_input: &dyn Fn(&Path) -> bool,
) -> Result<Written> {
    let (bytes, written) = case_in_memory(case, selection, source, options)?;
    let path = dir.join(file_name(case));
    output::write(&path, &bytes, options.force, is_input)?;
    Ok(Written { path, ..written })
}

/// The bytes of the file of a case.
///
/// # Errors
///
/// When a frame cannot be read again.
pub fn case_to_bytes(
    case: &Case,
    selection: &Selection,
    source: &dyn Source,
    options: &Options,
) -> Result<Vec<u8>> {
    case_in_memory(case, selection, source, options).map(|(bytes, _)| bytes)
}

/// The bytes of the file of a case and what there is to say of it; its path is empty.
///
/// # Errors
///
/// When a frame cannot be read again.
pub fn case_in_memory(
    case: &Case,
    selection: &Selection,
    source: &dyn Source,
    options: &Options,
) -> Result<(Vec<u8>, Written)> {
    let built = build::build(case, selection, source, options)?;
    let written = Written {
        path: PathBuf::new(),
        bytes: built.bytes.len() as u64,
        packets: selection.frames.len(),
        secrets: built.secrets.written,
        secrets_left_out: built.secrets.left_out,
    };
    Ok((built.bytes, written))
}
