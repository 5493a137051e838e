//! Frames fetched again from the files they were found in. Plain files are read where the
//! frame lies; a compressed file is decompressed once more, for all its frames at a time.

use super::source::{FileLabel, Origins, Raw, Source};
use crate::capture::{Layout, Opened, same_file};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::FrameRef;
use crate::units::{FileId, Span};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files kept open at a time; a run may have more inputs than a process may have files.
const MAX_OPEN: usize = 32;

/// A file of the run and what the scan learned of it.
#[derive(Debug)]
pub struct InputFile {
    /// As it is named in case files; its `file` is what [`FrameRef::file`] says.
    pub label: FileLabel,
    /// Where it is, to open it again.
    pub path: PathBuf,
    /// The file itself when it cannot be opened again: spooled standard input.
    pub opened: Option<Arc<Opened>>,
    /// Its sections, interfaces and other blocks.
    pub layout: Layout,
}

/// The source of case files: the inputs of a run.
#[derive(Debug)]
pub struct Files {
    inputs: BTreeMap<FileId, InputFile>,
    described: BTreeMap<FileId, Origins>,
    /// Records of compressed files, by offset.
    unpacked: BTreeMap<FileId, BTreeMap<u64, Vec<u8>>>,
    open: Mutex<VecDeque<(FileId, Arc<Opened>)>>,
}

impl Files {
    /// Prepares to fetch `frames`, which are all that [`Source::record`] will be asked for.
    /// Files without any of them are not opened.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened or read any more, or has become shorter.
    pub fn new(inputs: Vec<InputFile>, frames: impl IntoIterator<Item = FrameRef>) -> Result<Self> {
        let mut wanted: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
        for frame in frames {
            wanted.entry(frame.file).or_default().push(frame.span);
        }
        let by_id = inputs.into_iter().map(|input| (input.label.file, input));
        let mut files = Self {
            inputs: by_id.collect(),
            described: BTreeMap::new(),
            unpacked: BTreeMap::new(),
            open: Mutex::default(),
        };
        for (file, spans) in wanted {
            files.describe(file, spans)?;
        }
        Ok(files)
    }

    /// Whether a path names one of the inputs, by whatever name: those are never written to.
    #[must_use]
    pub fn is_input(&self, path: &Path) -> bool {
        let mut inputs = self.inputs.values();
        inputs.any(|input| match &input.opened {
            Some(opened) => opened.is_same_file(path),
            None => same_file(&input.path, path),
        })
    }

    /// Reads the sections of a file, and of a compressed one everything that is wanted.
    fn describe(&mut self, file: FileId, mut spans: Vec<Span>) -> Result<()> {
        let opened = self.opened(file)?;
        let input = self.input(file)?;
        let origins = if opened.compression().is_some() {
            // the first reading only tells what will be read
            Origins::read(&input.label, &input.layout, &mut |span| {
                spans.push(span);
                Ok(Vec::new())
            })?;
            let unpacked = unpack(&opened, spans).map_err(|e| e.at(&input.path))?;
            let origins = Origins::read(&input.label, &input.layout, &mut |span| {
                from_unpacked(&unpacked, span).map_err(|e| e.at(&input.path))
            })?;
            self.unpacked.insert(file, unpacked);
            origins
        } else {
            Origins::read(&input.label, &input.layout, &mut |span| {
                read_at(&opened, span).map_err(|e| e.at(&input.path))
            })?
        };
        self.described.insert(file, origins);
        Ok(())
    }

    fn input(&self, file: FileId) -> Result<&InputFile> {
        self.inputs
            .get(&file)
            .ok_or_else(|| Error::new(ErrorKind::Output(format!("no input file {}", file.0))))
    }

    /// The open file, from those that are open if it is among them.
    fn opened(&self, file: FileId) -> Result<Arc<Opened>> {
        let input = self.input(file)?;
        if let Some(opened) = &input.opened {
            return Ok(Arc::clone(opened));
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, opened)) = open.iter().find(|(id, _)| *id == file) {
            return Ok(Arc::clone(opened));
        }
        let opened = Arc::new(Opened::open(&input.path)?);
        if open.len() >= MAX_OPEN {
            open.pop_front();
        }
        open.push_back((file, Arc::clone(&opened)));
        Ok(opened)
    }
}

impl Source for Files {
    fn record(&self, frame: FrameRef) -> Result<Raw> {
        let input = self.input(frame.file)?;
        let bytes = match self.unpacked.get(&frame.file) {
            Some(unpacked) => from_unpacked(unpacked, frame.span),
            None => read_at(&*self.opened(frame.file)?, frame.span),
        };
        let origin = self
            .described
            .get(&frame.file)
            .and_then(|origins| origins.at(frame.span.offset));
        Ok(Raw {
            bytes: bytes.map_err(|e| e.at(&input.path))?,
            origin: Arc::clone(origin.ok_or_else(|| gone(frame.span).at(&input.path))?),
        })
    }
}

fn gone(span: Span) -> Error {
    let what = "the file has changed since it was scanned".to_string();
    Error::new(ErrorKind::Damaged(what)).at_offset(span.offset)
}

fn read_at(opened: &Opened, span: Span) -> Result<Vec<u8>> {
    let mut bytes = vec![0; span.len as usize];
    if opened.read_at(span.offset, &mut bytes)? < bytes.len() {
        return Err(gone(span));
    }
    Ok(bytes)
}

/// The bytes at an offset, of which there may be more than wanted: a file header is both a
/// section and an interface.
fn from_unpacked(unpacked: &BTreeMap<u64, Vec<u8>>, span: Span) -> Result<Vec<u8>> {
    let bytes = unpacked
        .get(&span.offset)
        .and_then(|b| b.get(..span.len as usize));
    bytes.map(<[u8]>::to_vec).ok_or_else(|| gone(span))
}

/// Decompresses a file once and keeps the bytes of `spans`.
fn unpack(opened: &Opened, mut spans: Vec<Span>) -> Result<BTreeMap<u64, Vec<u8>>> {
    // the longest of several at one offset comes first and serves them all
    spans.sort_unstable_by_key(|span| (span.offset, std::cmp::Reverse(span.len)));
    spans.dedup_by_key(|span| span.offset);
    let mut stream = opened.stream()?;
    let mut at = 0_u64;
    let mut kept = BTreeMap::new();
    for span in spans {
        let skip = span.offset.checked_sub(at).ok_or_else(|| gone(span))?;
        if std::io::copy(&mut stream.by_ref().take(skip), &mut std::io::sink())? < skip {
            return Err(gone(span));
        }
        let mut bytes = Vec::with_capacity(span.len as usize);
        let read = stream
            .by_ref()
            .take(u64::from(span.len))
            .read_to_end(&mut bytes)?;
        if read < span.len as usize {
            return Err(gone(span));
        }
        kept.insert(span.offset, bytes);
        at = span.end();
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::{Context, select};
    use crate::trim::checker;
    use crate::trim::fixture::{self, talk_case, talk_frames, walked};
    use crate::trim::{Options, block::Endian, case_to_bytes};
    use std::io::Write;

    fn capture() -> Vec<u8> {
        let frames = talk_frames();
        let packets: Vec<(u32, u32, &[u8], u32)> =
            frames.iter().map(|data| (1, 0, &data[..], 60)).collect();
        fixture::pcap(Endian::Little, 0xa1b2_c3d4, 1, &packets)
    }

    fn input(path: &Path, layout: Layout) -> InputFile {
        let name = path.display().to_string();
        InputFile {
            label: FileLabel {
                name,
                ..FileLabel::default()
            },
            path: path.to_path_buf(),
            opened: None,
            layout,
        }
    }

    #[test]
    fn plain_and_compressed_files_give_the_same_case() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("x.pcap");
        let packed = dir.path().join("x.pcap.gz");
        let bytes = capture();
        std::fs::write(&plain, &bytes).unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&bytes).unwrap();
        std::fs::write(&packed, gz.finish().unwrap()).unwrap();
        let (layout, frames) = walked(&bytes);
        let case = talk_case(&frames);
        let selection = select(&case, &Context::default());
        for path in [&plain, &packed] {
            let input = input(path, layout.clone());
            let files = Files::new(vec![input], frames.iter().rev().copied()).unwrap();
            let out = case_to_bytes(&case, &selection, &files, &Options::default()).unwrap();
            let out = checker::check(&out);
            assert!(out.packets.iter().map(|p| &p.data).eq(&talk_frames()));
            assert!(files.is_input(path));
            assert!(!files.is_input(dir.path()));
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pcap");
        let bytes = capture();
        std::fs::write(&path, &bytes).unwrap();
        let (layout, frames) = walked(&bytes);
        let files = Files::new(vec![input(&path, layout)], frames.clone()).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(files.record(frames[0]).is_ok());
        let error = files.record(frames[4]).unwrap_err().to_string();
        assert!(
            error.contains("x.pcap: at offset") && error.contains("changed"),
            "{error}"
        );
    }
}
