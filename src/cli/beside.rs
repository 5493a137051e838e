//! The files beside the case files: the list, the page, the diagrams. Each is written under a
//! temporary name, then renamed, so that a failed run never destroys those of an earlier one.

use super::failure::Failure;
use crate::report::hostile::plain;
use crate::report::{self, FileStatus, Report, Written, diagram};
use crate::selection::{self, Context};
use crate::trim;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Name of the list of cases in an output directory.
pub(super) const CASES: &str = "cases.ndjson";
/// Name of the page.
pub(super) const PAGE: &str = "index.html";

/// Bytes of a page or list that are written at a time.
const BUFFER: usize = 256 << 10;

/// Fails when one of the files is an input, whatever may be replaced.
pub(super) fn check_inputs(
    directory: &Path,
    is_input: impl Fn(&Path) -> bool,
) -> Result<(), Failure> {
    let names = [CASES, PAGE].map(|name| directory.join(name));
    match names.iter().find(|path| is_input(path)) {
        Some(path) => Err(Failure::output(format!(
            "{}: is an input of this run and is not written to",
            plain(&path.display().to_string())
        ))),
        None => Ok(()),
    }
}

/// Writes the page.
pub(super) fn write_page(report: &Report<'_>, directory: &Path) -> Result<(), Failure> {
    replace(directory, PAGE, true, |out| report::html::page(report, out))
}

/// Input files without their directories: the list is made to be moved and shared.
pub(super) fn bare_names(files: &[FileStatus]) -> Vec<FileStatus> {
    let bare = |f: &FileStatus| {
        let name = Path::new(&f.label).file_name();
        let name = name.map(|n| n.to_string_lossy().into_owned());
        FileStatus {
            label: name.unwrap_or_else(|| f.label.clone()),
            ..f.clone()
        }
    };
    files.iter().map(bare).collect()
}

/// A case file without its directory.
pub(super) fn bare_name(written: &Written) -> Written {
    let name = written.path.file_name().map(PathBuf::from);
    Written {
        path: name.unwrap_or_else(|| written.path.clone()),
        ..written.clone()
    }
}

/// `NNNN_*.svg`, named like the case files. One that is there stays as it is.
pub(super) fn write_diagrams(
    report: &Report<'_>,
    directory: &Path,
    force: bool,
    context: &Context,
) -> Result<(), Failure> {
    for case in report.cases {
        let Some(file) = report
            .written
            .get(&case.id)
            .and_then(|w| w.path.file_stem())
        else {
            continue;
        };
        let name = format!("{}.svg", file.to_string_lossy());
        if !force && directory.join(&name).exists() {
            continue;
        }
        let drawn = diagram::layout(case, &selection::select(case, context));
        replace(directory, &name, force, |out| {
            out.write_all(diagram::document(&drawn).as_bytes())
        })?;
    }
    Ok(())
}

/// Writes a file under a temporary name and renames it; `force` lets it replace another.
pub(super) fn replace(
    directory: &Path,
    name: &str,
    force: bool,
    content: impl FnOnce(&mut io::BufWriter<tempfile::NamedTempFile>) -> io::Result<()>,
) -> Result<(), Failure> {
    let path = directory.join(name);
    let wrong = |e: &io::Error| cannot_write(&path, e);
    let file = trim::create(directory).map_err(|e| wrong(&e))?;
    let mut out = io::BufWriter::with_capacity(BUFFER, file);
    content(&mut out).map_err(|e| wrong(&e))?;
    let file = out.into_inner().map_err(|e| wrong(e.error()))?;
    let done = if force {
        file.persist(&path)
    } else {
        file.persist_noclobber(&path)
    };
    match done {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
        Err(e) => Err(wrong(&e.error)),
    }
}

/// The directory, or a file in it, could not be written.
pub(super) fn cannot_write(path: &Path, e: &io::Error) -> Failure {
    Failure::output(format!("{}: {e}", plain(&path.display().to_string())))
        .hint("choose another directory with -w, or make room or permission there")
}

fn exists(path: &Path) -> Failure {
    Failure::output(format!(
        "{}: exists already",
        plain(&path.display().to_string())
    ))
    .hint("choose an empty directory, or replace existing files with --force")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{Findings, case};
    use std::fs;

    #[test]
    fn diagrams_once_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        let mut findings = Findings::of(vec![case(1), case(2)]);
        let written = Written {
            path: dir.path().join("0001_a.pcapng"),
            ..Written::default()
        };
        findings.written.insert(1, written);
        let report = findings.report();
        let context = Context::default();
        write_page(&report, dir.path()).unwrap();
        write_diagrams(&report, dir.path(), false, &context).unwrap();
        let mut names: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["0001_a.svg", "index.html"]);
        let path = dir.path().join("0001_a.svg");
        let svg = fs::read_to_string(&path).unwrap();
        assert!(svg.starts_with("<?xml") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\""));
        fs::write(&path, "mine").unwrap();
        write_diagrams(&report, dir.path(), false, &context).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        write_diagrams(&report, dir.path(), true, &context).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), svg);
    }
}
