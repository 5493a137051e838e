//! Files appear whole or not at all, and nothing is replaced without being told.

use crate::capture::platform;
use crate::error::{Error, ErrorKind, Result};
use std::io::{ErrorKind as Io, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes `bytes` to a temporary file beside `path` and renames it.
pub(super) fn write(
    path: &Path,
    bytes: &[u8],
    force: bool,
    is_input: &dyn Fn(&Path) -> bool,
) -> Result<()> {
    if force && path.try_exists().unwrap_or(false) && is_input(path) {
        return Err(an_input(path));
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = create(dir).map_err(|e| Error::from(e).at(dir))?;
    file.write_all(bytes).map_err(|e| Error::from(e).at(path))?;
    let renamed = if force {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    match renamed {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == Io::AlreadyExists && is_input(path) => Err(an_input(path)),
        Err(e) if e.error.kind() == Io::AlreadyExists => Err(exists(path)),
        Err(e) => Err(Error::from(e.error).at(path)),
    }
}

/// How the names of files begin and end that are being written.
pub const TEMPORARY: [&str; 2] = [".rstcap-", ".tmp"];

/// An empty file under a temporary name, as readable as other files.
///
/// # Errors
/// It cannot be made in `dir`.
pub fn create(dir: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let [prefix, suffix] = TEMPORARY;
    builder.prefix(prefix).suffix(suffix);
    platform::readable(&mut builder).tempfile_in(dir)
}

fn an_input(path: &Path) -> Error {
    output("is an input of this run and is not written to", path)
}

fn exists(path: &Path) -> Error {
    output("exists already; --force replaces it", path)
}

fn output(what: &str, path: &Path) -> Error {
    Error::new(ErrorKind::Output(what.to_string())).at(path)
}

#[cfg(test)]
mod tests {
    use super::write;
    use std::fs;

    #[test]
    fn nothing_is_replaced_without_force() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("case.pcapng");
        let no_input = |_: &std::path::Path| false;
        write(&path, b"one", false, &no_input).unwrap();
        let refused = write(&path, b"two", false, &no_input).unwrap_err();
        assert!(refused.to_string().contains("case.pcapng"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"two", true, &no_input).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_input_is_never_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("case.pcapng");
        fs::write(&path, b"evidence").unwrap();
        assert!(write(&path, b"x", true, &|_| true).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"evidence");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none").join("case.pcapng");
        let error = write(&path, b"x", false, &|_| false).unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }
}
