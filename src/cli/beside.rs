//! The files beside the case files: the list, the page, the diagrams. Each is written under a
//! temporary name, then renamed, so that a failed run never destroys those of an earlier one.

use super::failure::Failure;
use crate::report::hostile::plain;
use crate::report::{self, FileStatus, Report, Written, diagram};
use crate::selection::{self, Context};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Name of the list of cases in an output directory.
const CASES: &str = "cases.ndjson";
/// Name of the page.
const PAGE: &str = "index.html";

/// Fails when one of the files is there and may not be replaced.
pub(super) fn check(directory: &Path, force: bool) -> Result<(), Failure> {
    let names = [CASES, PAGE].map(|name| directory.join(name));
    match names.iter().find(|path| !force && path.exists()) {
        Some(path) => Err(exists(path)),
        None => Ok(()),
    }
}

/// Writes the list and the page, and a diagram for each case file if they are wanted.
pub(super) fn write(
    report: &Report<'_>,
    directory: &Path,
    force: bool,
    diagrams: Option<&Context>,
) -> Result<(), Failure> {
    write_list(report, directory, force)?;
    replace(directory, PAGE, force, |out| {
        report::html::page(report, out)
    })?;
    if let Some(context) = diagrams {
        write_diagrams(report, directory, force, context)?;
    }
    Ok(())
}

/// `cases.ndjson`. Files are named without their directories: the list is made to be moved and
/// shared.
fn write_list(report: &Report<'_>, directory: &Path, force: bool) -> Result<(), Failure> {
    let base = |path: &Path| path.file_name().map(PathBuf::from);
    let files: Vec<FileStatus> = report
        .files
        .iter()
        .map(|f| {
            let name = base(Path::new(&f.label)).map(|n| n.display().to_string());
            FileStatus {
                label: name.unwrap_or_else(|| f.label.clone()),
                ..f.clone()
            }
        })
        .collect();
    let relative: BTreeMap<u32, Written> = report
        .written
        .iter()
        .map(|(id, w)| {
            let name = base(&w.path).unwrap_or_else(|| w.path.clone());
            (
                *id,
                Written {
                    path: name,
                    ..w.clone()
                },
            )
        })
        .collect();
    let report = Report {
        files: &files,
        written: &relative,
        ..*report
    };
    replace(directory, CASES, force, |out| {
        report::write_ndjson(&report, out)
    })
}

/// `NNNN_*.svg`, named like the case files.
fn write_diagrams(
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
        let drawn = diagram::layout(case, &selection::select(case, context));
        replace(directory, &name, force, |out| {
            out.write_all(diagram::document(&drawn).as_bytes())
        })?;
    }
    Ok(())
}

fn replace(
    directory: &Path,
    name: &str,
    force: bool,
    content: impl FnOnce(&mut io::BufWriter<tempfile::NamedTempFile>) -> io::Result<()>,
) -> Result<(), Failure> {
    let path = directory.join(name);
    let wrong = |e: &io::Error| cannot_write(&path, e);
    let file = tempfile::NamedTempFile::new_in(directory).map_err(|e| wrong(&e))?;
    let mut out = io::BufWriter::new(file);
    content(&mut out).map_err(|e| wrong(&e))?;
    let file = out.into_inner().map_err(|e| wrong(e.error()))?;
    let done = if force {
        file.persist(&path)
    } else {
        file.persist_noclobber(&path)
    };
    match done {
        Ok(file) => readable(&file).map_err(|e| wrong(&e)),
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

/// Temporary files are made for their owner only; these are as readable as other files.
#[cfg(unix)]
fn readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{Findings, case};

    #[test]
    fn list_page_and_diagrams_once_unless_forced() {
        let dir = tempfile::tempdir().unwrap();
        let mut findings = Findings::of(vec![case(1), case(2)]);
        let written = Written {
            path: dir.path().join("0001_a.pcapng"),
            ..Written::default()
        };
        findings.written.insert(1, written);
        let report = findings.report();
        let context = Context::default();
        check(dir.path(), false).unwrap();
        write(&report, dir.path(), false, Some(&context)).unwrap();
        let mut names: Vec<String> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["0001_a.svg", "cases.ndjson", "index.html"]);
        let svg = fs::read_to_string(dir.path().join("0001_a.svg")).unwrap();
        assert!(svg.starts_with("<?xml") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\""));
        assert!(check(dir.path(), false).is_err());
        assert!(write(&report, dir.path(), false, None).is_err());
        write(&report, dir.path(), true, Some(&context)).unwrap();
    }
}
