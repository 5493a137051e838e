//! Which files to read.

use super::identify::{Identified, PREFIX_LEN, identify};
use crate::error::{Error, ErrorKind};
use globset::GlobSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is; `-` for standard input.
    pub path: PathBuf,
    /// What the user typed, or that with the path below it; `-` for standard input.
    pub label: String,
    /// Which of the given paths it came from, from 0: files of one directory belong together.
    pub argument: usize,
    /// It was named itself, not found in a directory.
    pub named: bool,
}

impl Input {
    /// Whether this is standard input.
    #[must_use]
    pub fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }
}

/// Finds the inputs among `paths`, in the order given; directories are searched recursively,
/// in sorted order.
///
/// A file that was named must exist and be a capture, or it is an error. In directories,
/// `include` (everything if empty) and `exclude` are matched against the path below the
/// directory and the file name; a file that is not a capture is passed over in silence,
/// unless an include glob asks for it. Links are followed, but not in circles; pipes, sockets
/// and devices in directories are passed over.
#[must_use]
pub fn collect(
    paths: &[PathBuf],
    include: &GlobSet,
    exclude: &GlobSet,
) -> (Vec<Input>, Vec<Error>) {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for (argument, path) in paths.iter().enumerate() {
        let named = Input {
            path: path.clone(),
            label: path.display().to_string(),
            argument,
            named: true,
        };
        if named.is_stdin() {
            found.push(named);
        } else if path.is_dir() {
            search(path, argument, include, exclude, &mut found, &mut errors);
        } else {
            match look(path) {
                Ok(()) => found.push(named),
                Err(e) => errors.push(e.at(path)),
            }
        }
    }
    (found, errors)
}

fn search(
    top: &Path,
    argument: usize,
    include: &GlobSet,
    exclude: &GlobSet,
    found: &mut Vec<Input>,
    errors: &mut Vec<Error>,
) {
    let walk = walkdir::WalkDir::new(top)
        .follow_links(true)
        .sort_by_file_name();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) if e.loop_ancestor().is_some() => continue,
            Err(e) => {
                let path = e.path().unwrap_or(top).to_path_buf();
                // a link to nothing is not a file
                if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
                    continue;
                }
                let kind = e.into_io_error().map_or_else(
                    || ErrorKind::Usage("cannot be searched".to_owned()),
                    ErrorKind::Io,
                );
                errors.push(Error::new(kind).at(&path));
                continue;
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let below = entry.path().strip_prefix(top).unwrap_or(entry.path());
        let matches = |set: &GlobSet| set.is_match(below) || set.is_match(entry.file_name());
        if matches(exclude) || !include.is_empty() && !matches(include) {
            continue;
        }
        match look(entry.path()) {
            Ok(()) => found.push(Input {
                path: entry.path().to_path_buf(),
                label: entry.path().display().to_string(),
                argument,
                named: false,
            }),
            Err(e) if !include.is_empty() || matches!(e.kind, ErrorKind::Io(_)) => {
                errors.push(e.at(entry.path()));
            }
            Err(_) => {}
        }
    }
}

/// Whether a file is worth opening. Compressed files are, if a capture is inside.
fn look(path: &Path) -> Result<(), Error> {
    let mut prefix = Vec::with_capacity(PREFIX_LEN);
    File::open(path)?
        .take(PREFIX_LEN as u64)
        .read_to_end(&mut prefix)?;
    match identify(&prefix) {
        Identified::Capture(_) => Ok(()),
        _ => super::Opened::open(path).map(|_| ()),
    }
}
