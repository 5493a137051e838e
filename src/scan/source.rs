//! The files of a timeline: while they are scanned, and afterwards, to give records out again.

use crate::anomaly::Anomaly;
use crate::capture::{Format, Input, Layout, Opened, State};
use crate::error::Result;
use crate::flow::FrameRef;
use crate::flow::loc::Loc;
use crate::units::{FileId, FrameNumber, Span, Timestamp};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A file that is opened when needed: ten thousand must not be open at once.
#[derive(Debug)]
pub struct Handle {
    path: PathBuf,
    // what cannot be opened again (spooled standard input) is held here
    kept: Option<Arc<Opened>>,
    shared: Mutex<Weak<Opened>>,
}

impl Handle {
    /// A file by its path.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            kept: None,
            shared: Mutex::default(),
        }
    }

    /// Spooled standard input, or another temporary copy of what `path` names.
    pub fn spooled(path: PathBuf, opened: Opened) -> Self {
        Self {
            path,
            kept: Some(Arc::new(opened)),
            shared: Mutex::default(),
        }
    }

    /// The open file; closed again when the last user drops it.
    ///
    /// # Errors
    /// It cannot be opened, or is no longer a capture.
    pub fn open(&self) -> Result<Arc<Opened>> {
        if let Some(opened) = &self.kept {
            return Ok(Arc::clone(opened));
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = shared.upgrade() {
            return Ok(opened);
        }
        let opened = Arc::new(Opened::open(&self.path)?);
        *shared = Arc::downgrade(&opened);
        Ok(opened)
    }

    /// Its path; `-` for standard input.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

/// A file of a timeline and how far its scan is.
#[derive(Debug)]
pub struct FileJob {
    /// Id within the run; those of one timeline follow each other.
    pub id: FileId,
    /// What the user called it.
    pub label: String,
    /// The file.
    pub handle: Handle,
    /// Held open while it is being scanned.
    pub active: Option<Arc<Opened>>,
    /// Container.
    pub format: Format,
    /// Its name; that of the original where the file is a copy.
    pub format_name: String,
    /// Bytes of the file that is read; 0 while a pipe has not told.
    pub len: u64,
    /// Bytes of the original where the file is a copy.
    pub original_len: u64,
    /// Needs decompression, or comes from a pipe: there are no offsets to read at.
    pub compressed: bool,
    /// Where the next record begins.
    pub next: u64,
    /// State there.
    pub state: State,
    /// What its first chunks but one believe, before the first was walked.
    pub preface: Option<State>,
    /// Read to its end, or as far as it can be read.
    pub done: bool,
    /// Sections, interfaces and other blocks.
    pub layout: Layout,
    /// Frames so far.
    pub frames: u64,
    /// Frames among them that hold no packet.
    pub other_frames: u64,
    /// Frames of the timeline before its first.
    pub first_frame: u64,
    /// Time of its first and last frame so far.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Why it could not be read to its end: offset and reason.
    pub error: Option<(u64, String)>,
}

impl FileJob {
    /// Opens an input.
    ///
    /// # Errors
    /// It cannot be read or is no capture.
    pub fn open(input: &Input) -> Result<(Self, Vec<Anomaly>)> {
        let opened = if input.is_stdin() {
            Opened::from_stdin(None)?
        } else {
            Opened::open(&input.path)?
        };
        let anomalies = opened.anomalies().to_vec();
        let mut job = Self::of(input, &opened);
        if opened.is_copy() {
            job.handle = Handle::spooled(input.path.clone(), opened);
        }
        Ok((job, anomalies))
    }

    fn of(input: &Input, opened: &Opened) -> Self {
        Self {
            id: FileId(0),
            label: input.label.clone(),
            handle: Handle::new(input.path.clone()),
            active: None,
            format: opened.format().clone(),
            format_name: opened.format_name(),
            len: opened.len(),
            original_len: opened.original_len(),
            compressed: opened.is_stream(),
            next: 0,
            state: State::start(opened.format().clone()),
            preface: None,
            done: false,
            layout: Layout::new(),
            frames: 0,
            other_frames: 0,
            first_frame: 0,
            times: None,
            error: None,
        }
    }

    /// The open file during the scan; notes the error and ends the file if it cannot be opened.
    pub fn activate(&mut self) -> Option<Arc<Opened>> {
        if self.active.is_none() {
            match self.handle.open() {
                Ok(opened) => self.active = Some(opened),
                Err(e) => {
                    self.error = Some((0, e.kind.to_string()));
                    self.done = true;
                }
            }
        }
        self.active.clone()
    }
}

/// The files of a scanned timeline.
#[derive(Debug)]
pub struct Files {
    jobs: Vec<FileJob>,
    spool: super::spool::Spool,
}

impl Files {
    /// After the scan, before anything was fetched.
    pub fn new(mut jobs: Vec<FileJob>) -> Self {
        let mut frames = 0;
        for job in &mut jobs {
            job.first_frame = frames;
            frames += job.frames;
        }
        Self {
            jobs,
            spool: super::spool::Spool::default(),
        }
    }

    /// The files in order.
    #[must_use]
    pub fn jobs(&self) -> &[FileJob] {
        &self.jobs
    }

    /// Index of the file that holds a frame of the timeline.
    #[must_use]
    pub fn index_of(&self, frame: u64) -> Option<usize> {
        // files without frames share their first_frame with the next one: take the last
        self.jobs
            .partition_point(|j| j.first_frame < frame)
            .checked_sub(1)
    }

    /// The reference of a kept place; the length of the record is not known yet.
    #[must_use]
    pub fn frame_ref(&self, loc: Loc) -> Option<FrameRef> {
        let job = &self.jobs[self.index_of(loc.frame())?];
        Some(FrameRef {
            number: FrameNumber(loc.frame()),
            in_file: FrameNumber(loc.frame() - job.first_frame),
            file: job.id,
            span: Span {
                offset: loc.offset(),
                len: 0,
            },
        })
    }

    /// The file of an id.
    #[must_use]
    pub fn job(&self, id: FileId) -> Option<&FileJob> {
        let first = self.jobs.first()?.id.0;
        self.jobs.get(id.0.checked_sub(first)? as usize)
    }

    /// Records of compressed files that were taken out of them.
    pub fn spool(&self) -> &super::spool::Spool {
        &self.spool
    }

    /// See [`Self::spool`]; to be given back.
    pub fn take_spool(&mut self) -> super::spool::Spool {
        std::mem::take(&mut self.spool)
    }

    /// See [`Self::take_spool`].
    pub fn set_spool(&mut self, spool: super::spool::Spool) {
        self.spool = spool;
    }

    /// The bytes of a record that was fetched before.
    ///
    /// # Errors
    /// The file cannot be read, or is shorter than it was.
    pub fn raw(&self, frame: &FrameRef) -> Result<Vec<u8>> {
        let missing =
            || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file has changed");
        let Some(job) = self.job(frame.file) else {
            return Err(missing().into());
        };
        if job.compressed {
            return Ok(self.spool.read(frame.file, frame.span.offset)?);
        }
        let opened = job.handle.open()?;
        let mut bytes = vec![0; frame.span.len as usize];
        let n = opened.read_at(frame.span.offset, &mut bytes)?;
        if n < bytes.len() {
            return Err(crate::error::Error::from(missing())
                .at(job.handle.path())
                .at_offset(frame.span.offset));
        }
        Ok(bytes)
    }
}
