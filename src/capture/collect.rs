//! Which files to read.

use super::identify::{Identified, PREFIX_LEN, identify};
use super::platform::identity;
use crate::error::{Error, ErrorKind};
use globset::GlobSet;
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
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
/// and devices in directories are passed over. A file that is found under several names is
/// given once. The directory `skip` is not entered from one above it: it is where the output
/// goes, and earlier output is no input.
#[must_use]
pub fn collect(
    paths: &[PathBuf],
    include: &GlobSet,
    exclude: &GlobSet,
    skip: Option<&Path>,
) -> (Vec<Input>, Vec<Error>) {
    let skip = skip.and_then(|s| s.canonicalize().ok());
    let which = Which {
        include,
        exclude,
        skip: skip.as_deref(),
    };
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for (argument, path) in paths.iter().enumerate() {
        let named = Input {
            path: path.clone(),
            label: path.display().to_string(),
            argument,
            named: true,
        };
        // what is no regular file can be read only once: it is looked at when it is opened
        let kind = std::fs::metadata(path).map(|m| m.file_type());
        let special = kind.as_ref().is_ok_and(|k| !k.is_file() && !k.is_dir());
        if kind.is_ok_and(|k| k.is_dir()) && !named.is_stdin() {
            search(path, argument, &which, &mut found, &mut errors);
        } else if named.is_stdin() || special {
            found.push(named);
        } else {
            match look(path) {
                Ok(()) => found.push(named),
                Err(e) => errors.push(e.at(path)),
            }
        }
    }
    (without_repetitions(found), errors)
}

/// Leaves out further names of a file that is there already; of several names, one that is
/// no link stays.
fn without_repetitions(mut found: Vec<Input>) -> Vec<Input> {
    let is_link = |input: &Input| input.path.symlink_metadata().is_ok_and(|m| m.is_symlink());
    let mut chosen: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    let mut keep = vec![true; found.len()];
    let mut stdin = false;
    for (i, input) in found.iter().enumerate() {
        if input.is_stdin() && std::mem::replace(&mut stdin, true) {
            if let Some(flag) = keep.get_mut(i) {
                *flag = false;
            }
            continue;
        }
        let metadata = std::fs::metadata(&input.path).ok();
        let Some(identity) = metadata
            .filter(Metadata::is_file)
            .and_then(|m| identity(&m))
        else {
            continue;
        };
        let first = *chosen.entry(identity).or_insert(i);
        if first == i {
            continue;
        }
        let better = found.get(first).is_some_and(is_link) && !is_link(input);
        let dropped = if better { first } else { i };
        if better {
            chosen.insert(identity, i);
        }
        if let Some(flag) = keep.get_mut(dropped) {
            *flag = false;
        }
    }
    let mut keep = keep.into_iter();
    found.retain(|_| keep.next() != Some(false));
    found
}

/// What of a directory is taken.
struct Which<'a> {
    include: &'a GlobSet,
    exclude: &'a GlobSet,
    /// Without links in it.
    skip: Option<&'a Path>,
}

impl Which<'_> {
    fn is_skipped(&self, entry: &walkdir::DirEntry) -> bool {
        let is = |skip: &Path| entry.path().canonicalize().is_ok_and(|p| p == skip);
        entry.depth() > 0 && entry.file_type().is_dir() && self.skip.is_some_and(is)
    }
}

fn search(
    top: &Path,
    argument: usize,
    which: &Which<'_>,
    found: &mut Vec<Input>,
    errors: &mut Vec<Error>,
) {
    let walk = walkdir::WalkDir::new(top)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !which.is_skipped(entry));
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
        let Which {
            include, exclude, ..
        } = which;
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
        Identified::Capture(_) | Identified::Tabled => Ok(()),
        _ => super::Opened::open(path).map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Order};
    use super::{GlobSet, collect};
    use globset::{Glob, GlobSetBuilder};
    use std::fs;
    use std::path::{Path, PathBuf};

    fn globs(patterns: &[&str]) -> GlobSet {
        let mut set = GlobSetBuilder::new();
        for p in patterns {
            set.add(Glob::new(p).unwrap());
        }
        set.build().unwrap()
    }

    /// A directory with two captures, one of them below, and other files.
    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let pcap = sample::pcap(Order(false), 0xa1b2_c3d4, 0..3);
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("b.txt"), &pcap).unwrap();
        fs::write(dir.path().join("notes.pcap"), "not a capture").unwrap();
        fs::write(dir.path().join("empty"), "").unwrap();
        let packed = zstd::encode_all(&pcap[..], 1).unwrap();
        fs::write(dir.path().join("sub/a.zst"), packed).unwrap();
        let other = zstd::encode_all(&b"some text"[..], 1).unwrap();
        fs::write(dir.path().join("sub/c.zst"), other).unwrap();
        dir
    }

    /// Names below the directory, and how many errors.
    fn found(dir: &Path, include: &[&str], exclude: &[&str]) -> (Vec<String>, usize) {
        let (found, errors) = collect(&[dir.to_path_buf()], &globs(include), &globs(exclude), None);
        let below = |path: &PathBuf| path.strip_prefix(dir).unwrap().display().to_string();
        (found.iter().map(|f| below(&f.path)).collect(), errors.len())
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_directory_gives_its_captures_by_content() {
        let dir = tree();
        assert_eq!(
            found(dir.path(), &[], &[]),
            (names(&["b.txt", "sub/a.zst"]), 0)
        );
        assert_eq!(found(dir.path(), &[], &["sub/*"]), (names(&["b.txt"]), 0));
        assert_eq!(
            found(dir.path(), &["*.zst"], &[]),
            (names(&["sub/a.zst"]), 1)
        );
    }

    #[test]
    fn a_named_file_must_be_a_capture() {
        let dir = tree();
        let paths = ["b.txt", "notes.pcap", "none"].map(|n| dir.path().join(n));
        let (found, errors) = collect(&paths, &globs(&[]), &globs(&[]), None);
        assert_eq!(found.len(), 1);
        assert!(found[0].named);
        assert_eq!(errors.len(), 2);
        assert_eq!(errors[0].path.as_deref(), Some(&*paths[1]));
    }

    #[test]
    fn earlier_output_is_no_input_unless_it_is_named() {
        let dir = tree();
        let sub = dir.path().join("sub");
        let found = |top: &Path, skip: &Path| {
            let none = globs(&[]);
            collect(&[top.to_path_buf()], &none, &none, Some(skip))
                .0
                .len()
        };
        assert_eq!(found(dir.path(), &sub), 1);
        assert_eq!(found(dir.path(), &dir.path().join("sub/../sub/")), 1);
        assert_eq!(found(dir.path(), dir.path()), 2);
        assert_eq!(found(&sub, &sub), 1);
        assert_eq!(found(dir.path(), &dir.path().join("none")), 2);
    }

    #[test]
    fn standard_input_is_taken_as_it_is() {
        let (found, errors) = collect(&["-".into()], &globs(&[]), &globs(&[]), None);
        assert!(found[0].is_stdin() && errors.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_nothing_is_read_twice() {
        let dir = tree();
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(dir.path().join(to), dir.path().join(name)).unwrap();
        };
        link("b.txt", "a-latest");
        link("nowhere", "dangling");
        link("", "sub/circle");
        assert_eq!(
            found(dir.path(), &[], &[]),
            (names(&["b.txt", "sub/a.zst"]), 0)
        );
    }
}
