//! Where the trimming stage gets its records: the scanned files of one timeline.

use crate::capture::Opened;
use crate::diagnosis::{Case, Told};
use crate::error::{Error, Result};
use crate::flow::FrameRef;
use crate::scan::{FileJob, Files};
use crate::trim::{self, FileLabel, Origins, Raw, Source};
use crate::units::{FileId, FrameNumber, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The records of one timeline, and what their sections say, read when first needed.
pub(super) struct CaseSource {
    files: Files,
    origins: RwLock<BTreeMap<FileId, Arc<Origins>>>,
    /// Whether the section that begins at an offset of a file may be that of a case file.
    case_files: Mutex<BTreeMap<(FileId, u64), bool>>,
}

impl CaseSource {
    pub(super) fn new(files: Files) -> Self {
        Self {
            files,
            origins: RwLock::default(),
            case_files: Mutex::default(),
        }
    }

    /// What an earlier run said of a case that is given back in its case file. A file that
    /// cannot be read again is told of where it is written.
    pub(super) fn told(&self, case: &Case) -> Option<Told> {
        let frame = case.primary_segment().frame;
        let job = self.files.job(frame.file)?;
        let section = job.layout.section_at(frame.span.offset)?;
        let known = || {
            self.case_files
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let key = (frame.file, section.offset);
        let cached = known().get(&key).copied();
        let may_be = cached.unwrap_or_else(|| {
            let header = self.block(frame.file, section);
            let may_be = header.is_ok_and(|bytes| trim::may_be_case_file(&bytes));
            known().insert(key, may_be);
            may_be
        });
        may_be.then(|| trim::told(case, self).ok().flatten())?
    }

    /// Whether a file belongs to this timeline.
    pub(super) fn holds(&self, file: FileId) -> bool {
        self.files.job(file).is_some()
    }

    /// Whether a path names one of the files that were read.
    pub(super) fn is_input(&self, path: &Path) -> bool {
        self.files
            .jobs()
            .iter()
            .any(|j| crate::capture::same_file(j.handle.path(), path))
    }

    /// The files of these frames, open as long as the result lives: a file that nobody holds is
    /// opened anew for every record. One that cannot be opened is told of where it is read.
    pub(super) fn hold(&self, frames: impl Iterator<Item = FrameRef>) -> Vec<Arc<Opened>> {
        let files: BTreeSet<FileId> = frames.map(|f| f.file).collect();
        let jobs = files.iter().filter_map(|id| self.files.job(*id));
        let plain = jobs.filter(|j| !j.compressed);
        plain.filter_map(|j| j.handle.open().ok()).collect()
    }

    fn origins(&self, file: FileId) -> Result<Arc<Origins>> {
        let known = self.origins.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(origins) = known.get(&file) {
            return Ok(Arc::clone(origins));
        }
        drop(known);
        let job = self
            .files
            .job(file)
            .ok_or_else(|| Error::from(io::Error::from(io::ErrorKind::NotFound)))?;
        let label = label(job);
        let mut read = |span: Span| self.block(file, span);
        let origins = Arc::new(Origins::read(&label, &job.layout, &mut read)?);
        let mut known = self.origins.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(known.entry(file).or_insert(origins)))
    }
}

fn label(job: &FileJob) -> FileLabel {
    let frames = (job.frames > 0).then(|| {
        (
            FrameNumber(job.first_frame + 1),
            FrameNumber(job.first_frame + job.frames),
        )
    });
    FileLabel {
        file: job.id,
        name: job.label.clone(),
        size: Some(job.original_len),
        frames,
        other_frames: job.other_frames,
    }
}

impl Source for CaseSource {
    fn block(&self, file: FileId, span: Span) -> Result<Vec<u8>> {
        let number = FrameNumber::default();
        self.files.raw(&FrameRef {
            number,
            in_file: number,
            file,
            span,
        })
    }

    fn record(&self, frame: FrameRef) -> Result<Raw> {
        let origins = self.origins(frame.file)?;
        let missing = || {
            Error::from(io::Error::new(
                io::ErrorKind::NotFound,
                "no section holds the record",
            ))
        };
        let origin = origins.at(frame.span.offset).ok_or_else(missing)?;
        Ok(Raw {
            bytes: self.files.raw(&frame)?,
            origin: Arc::clone(origin),
        })
    }
}
