//! An opened capture file, plain or compressed.

use super::compressed::{self, Ending};
use super::format::Format;
use super::identify::{Compression, Identified, PREFIX_LEN, identify};
use super::netmon;
use super::once::{AHEAD, Copying, First};
use super::platform;
use crate::anomaly::{Anomaly, AnomalyKind};
use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// A capture file that can be read, from several threads at once.
#[derive(Debug)]
pub struct Opened {
    file: Arc<File>,
    format: Format,
    len: u64,
    modified: Option<SystemTime>,
    compression: Option<Compression>,
    anomalies: Vec<Anomaly>,
    /// A temporary copy of something that cannot be opened again, or not cheaply.
    copy: Option<Copy>,
    /// The input itself, while the copy is not written yet.
    first: Option<First>,
}

/// What a temporary copy stands for.
#[derive(Debug)]
struct Copy {
    /// Format of the original, where it is another.
    format_name: Option<String>,
    /// Size of the original in bytes.
    len: u64,
}

impl Opened {
    /// Opens a file and identifies it by content. What is no regular file (a named pipe, a
    /// shell's `<(...)`) is read like standard input.
    ///
    /// # Errors
    /// The file cannot be read, or is not a capture that is read; the error names the path.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_unplaced(path).map_err(|e| e.at(path))
    }

    fn open_unplaced(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(not_a_capture("it is a directory"));
        }
        if metadata.is_file() {
            Self::from_file(file)
        } else {
            Self::once(Box::new(file), None)
        }
    }

    fn from_file(file: File) -> Result<Self> {
        let metadata = file.metadata()?;
        let (len, modified) = (metadata.len(), metadata.modified().ok());
        let file = Arc::new(file);
        let mut prefix = vec![0; PREFIX_LEN];
        let had = fill(&mut plain(&file), &mut prefix)?;
        let (format, compression) = match identify(prefix.get(..had).unwrap_or_default()) {
            Identified::Tabled => return rewritten(&file, len),
            Identified::Compressed(kind) => {
                let (mut inner, _) = compressed::reader(Box::new(plain(&file)));
                match format_inside(kind, &mut inner)? {
                    Some(format) => (format, Some(kind)),
                    None => return Self::once(Box::new(plain(&file)), None),
                }
            }
            other => (format_of(other)?, None),
        };
        Ok(Self {
            file,
            format,
            len,
            modified,
            compression,
            anomalies: Vec::new(),
            copy: None,
            first: None,
        })
    }

    /// Standard input, to be streamed. What comes is copied as it is to an unnamed temporary
    /// file, in `spool_dir` if given, for the case that it must be read a second time.
    ///
    /// # Errors
    /// Standard input cannot be read or the temporary file not be made, or what comes is not a
    /// capture.
    pub fn from_stdin(spool_dir: Option<&Path>) -> Result<Self> {
        Self::once(Box::new(io::stdin()), spool_dir).map_err(|e| e.at(Path::new("-")))
    }

    /// [`Self::from_stdin`] for any reader.
    ///
    /// # Errors
    /// As there.
    pub fn once(mut input: Box<dyn Read + Send>, spool_dir: Option<&Path>) -> Result<Self> {
        let mut ahead = vec![0; AHEAD];
        let had = fill(&mut input, &mut ahead)?;
        ahead.truncate(had);
        let identified = identify(ahead.get(..PREFIX_LEN).unwrap_or(&ahead));
        let temporary = || match spool_dir {
            Some(dir) => tempfile::tempfile_in(dir),
            None => tempfile::tempfile(),
        };
        let whole = Box::new(io::Cursor::new(ahead).chain(input));
        let file = Arc::new(temporary()?);
        let (copying, counting) = Copying::new(whole, &file);
        let (format, compression, first) = match identified {
            Identified::Compressed(kind) => {
                let (mut inner, ending) = compressed::reader(Box::new(copying));
                let mut prefix = vec![0; PREFIX_LEN];
                let had = fill(&mut inner, &mut prefix)?;
                prefix.truncate(had);
                let identified = identify(&prefix);
                let inner = Box::new(io::Cursor::new(prefix).chain(inner));
                match identified {
                    Identified::Compressed(_) => return Err(compressed_twice(kind)),
                    Identified::Tabled => return copied(inner, &ending, temporary()?),
                    other => {
                        let format = format_of(other).map_err(|e| inside(kind, e))?;
                        (format, Some(kind), (inner as Box<dyn Read + Send>, ending))
                    }
                }
            }
            Identified::Tabled => return copied(Box::new(copying), &counting, temporary()?),
            other => {
                let whole: Box<dyn Read + Send> = Box::new(copying);
                (format_of(other)?, None, (whole, counting))
            }
        };
        let len = if had < AHEAD { had as u64 } else { 0 };
        let format_name = None;
        Ok(Self {
            file,
            format,
            len,
            modified: None,
            compression,
            anomalies: Vec::new(),
            copy: Some(Copy { format_name, len }),
            first: Some(First::new(first)),
        })
    }

    /// Which container, after decompression.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// The container's name; that of the original where this is a copy in another format.
    #[must_use]
    pub fn format_name(&self) -> String {
        let name = self.copy.as_ref().and_then(|c| c.format_name.clone());
        name.unwrap_or_else(|| self.format.to_string())
    }

    /// Whether this is a temporary copy, which must be kept open to be read again.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// Whether its bytes are to be read by [`Self::stream`] only: it is compressed, or can be
    /// read once.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.compression.is_some() || self.first.is_some()
    }

    /// Whether it can be read once, from a pipe; when that is done, from its copy.
    #[must_use]
    pub fn is_once(&self) -> bool {
        self.first.is_some()
    }

    /// Bytes of the original, where this is a copy, else as [`Self::len`].
    #[must_use]
    pub fn original_len(&self) -> u64 {
        self.copy.as_ref().map_or(self.len, |copy| copy.len)
    }

    /// Bytes on disk (compressed if the file is), for progress; 0 if that is not known yet.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is known of its length.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How the file is compressed, if it is.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// What was wrong with a copy's original: with its compression, or its table of packets.
    #[must_use]
    pub fn anomalies(&self) -> &[Anomaly] {
        &self.anomalies
    }

    /// Fills as much of `buf` as the file has from `offset` on. Only plain files have offsets
    /// that mean anything; see [`Self::stream`] for the others.
    ///
    /// # Errors
    /// Reading failed.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut reader = At {
            file: Arc::clone(&self.file),
            offset,
        };
        fill(&mut reader, buf)
    }

    /// The (decompressed) bytes from the beginning.
    ///
    /// # Errors
    /// The decompressor cannot be set up.
    pub fn stream(&self) -> Result<Box<dyn Read + Send>> {
        Ok(self.stream_with_ending()?.0)
    }

    /// As [`Self::stream`], with a handle that says how far it was read and, after the reader's
    /// end, how the compressed stream ended. Damage ends the stream early and is no read error.
    ///
    /// # Errors
    /// The decompressor cannot be set up.
    pub fn stream_with_ending(&self) -> Result<(Box<dyn Read + Send>, Ending)> {
        if let Some(first) = self.first.as_ref().and_then(First::take) {
            return Ok(first);
        }
        match self.compression {
            Some(_) => Ok(compressed::reader(Box::new(plain(&self.file)))),
            None => Ok((Box::new(plain(&self.file)), Ending::default())),
        }
    }

    /// Whether the file's length or time of change differs from when it was opened.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|m| m.len() != self.len || m.modified().ok() != self.modified)
    }

    /// Whether this is the file that `path` names, by device and inode, so that an input is
    /// never an output.
    #[must_use]
    pub fn is_same_file(&self, path: &Path) -> bool {
        let identity = |metadata: io::Result<_>| metadata.ok().and_then(|m| platform::identity(&m));
        let mine = identity(self.file.metadata());
        mine.is_some() && mine == identity(std::fs::metadata(path))
    }
}

/// Whether two paths name one file: by device and inode where there are such, else by their
/// canonical paths. False if either does not exist.
#[must_use]
pub fn same_file(a: &Path, b: &Path) -> bool {
    let (Ok(meta_a), Ok(meta_b)) = (std::fs::metadata(a), std::fs::metadata(b)) else {
        return false;
    };
    match (platform::identity(&meta_a), platform::identity(&meta_b)) {
        (Some(a), Some(b)) => a == b,
        _ => matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b),
    }
}

/// Reads a file from an offset on, sharing no position with other readers.
struct At {
    file: Arc<File>,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = platform::read_at(&self.file, buf, self.offset)?;
        self.offset = self.offset.saturating_add(n as u64);
        Ok(n)
    }
}

fn plain(file: &Arc<File>) -> At {
    At {
        file: Arc::clone(file),
        offset: 0,
    }
}

/// Reads until the buffer is full or the input ends.
fn fill(input: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut had = 0;
    while let Some(rest) = buf.get_mut(had..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(n) => had += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(had)
}

/// A temporary copy of what must be rewritten.
fn copied(mut whole: Box<dyn Read + Send>, ending: &Ending, mut file: File) -> Result<Opened> {
    io::copy(&mut whole, &mut file)?;
    file.flush()?;
    file.rewind()?;
    let mut opened = Opened::from_file(file)?;
    opened.anomalies.splice(0..0, ending.anomalies());
    let len = opened.len;
    opened.copy.get_or_insert(Copy {
        format_name: None,
        len,
    });
    Ok(opened)
}

/// `None` where what is inside must be rewritten.
fn format_inside(kind: Compression, inner: &mut impl Read) -> Result<Option<Format>> {
    let mut prefix = vec![0; PREFIX_LEN];
    let had = fill(inner, &mut prefix)?;
    match identify(prefix.get(..had).unwrap_or_default()) {
        Identified::Compressed(_) => Err(compressed_twice(kind)),
        Identified::Tabled => Ok(None),
        other => format_of(other).map(Some).map_err(|e| inside(kind, e)),
    }
}

/// A Network Monitor file of `len` bytes as pcapng in a temporary file.
fn rewritten(file: &Arc<File>, len: u64) -> Result<Opened> {
    let mut read_at = |offset, buf: &mut [u8]| {
        let file = Arc::clone(file);
        fill(&mut At { file, offset }, buf)
    };
    let mut out = io::BufWriter::new(tempfile::tempfile()?);
    let converted = netmon::convert(&mut read_at, len, &mut out)?;
    let mut copy = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    copy.rewind()?;
    let mut opened = Opened::from_file(copy)?;
    if converted.lost > 0 {
        let detail = format!("{} entries of the table of packets", converted.lost);
        let lost = Anomaly::at(AnomalyKind::MalformedMetadata, 0, 0, detail);
        opened.anomalies.push(lost);
    }
    let format_name = Some(converted.name);
    opened.copy = Some(Copy { format_name, len });
    Ok(opened)
}

fn format_of(identified: Identified) -> Result<Format> {
    match identified {
        Identified::Capture(format) => Ok(format),
        Identified::Unsupported(text) => Err(Error::new(ErrorKind::Unsupported(text))),
        Identified::Unknown(text) => Err(not_a_capture(&text)),
        Identified::Empty => Err(not_a_capture("there is nothing in it")),
        Identified::Compressed(kind) => Err(compressed_twice(kind)),
        Identified::Tabled => Err(Error::new(ErrorKind::Unsupported(
            "a Network Monitor capture inside another file".to_owned(),
        ))),
    }
}

/// Says that what was found lies inside a compressed file.
fn inside(outer: Compression, error: Error) -> Error {
    match error.kind {
        ErrorKind::NotACapture(text) => not_a_capture(&format!("{outer}-compressed, and {text}")),
        ErrorKind::Unsupported(text) => Error::new(ErrorKind::Unsupported(format!(
            "{outer}-compressed: {text}"
        ))),
        _ => error,
    }
}

fn not_a_capture(text: &str) -> Error {
    Error::new(ErrorKind::NotACapture(text.to_owned()))
}

fn compressed_twice(outer: Compression) -> Error {
    Error::new(ErrorKind::Unsupported(format!(
        "compressed twice; use `{outer} -dc FILE | rstcap -`"
    )))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Order};
    use super::{Compression, ErrorKind, Opened, same_file};
    use crate::anomaly::AnomalyKind;
    use std::io::{Cursor, Read};

    fn pcap() -> Vec<u8> {
        sample::pcap(Order(false), 0xa1b2_c3d4, 0..40)
    }

    fn all(opened: &Opened) -> Vec<u8> {
        let mut out = Vec::new();
        opened.stream().unwrap().read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn plain_files_are_read_at_any_offset() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("named.txt");
        std::fs::write(&path, pcap()).unwrap();
        let opened = Opened::open(&path).unwrap();
        assert_eq!(
            opened.format().to_string(),
            "pcap (microsecond, little-endian)"
        );
        assert_eq!(
            (opened.len(), opened.compression()),
            (pcap().len() as u64, None)
        );
        let mut buf = [0; 50];
        assert_eq!(opened.read_at(30, &mut buf).unwrap(), 50);
        assert_eq!(buf[..], pcap()[30..80]);
        assert_eq!(opened.read_at(opened.len() - 10, &mut buf).unwrap(), 10);
        assert_eq!(opened.read_at(opened.len() + 10, &mut buf).unwrap(), 0);
        assert_eq!(all(&opened), pcap());
        assert!(!opened.has_changed());
        std::fs::write(&path, &pcap()[..100]).unwrap();
        assert!(opened.has_changed());
    }

    #[test]
    fn compressed_files_are_streamed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let packed = zstd::encode_all(&pcap()[..], 1).unwrap();
        std::fs::write(&path, &packed).unwrap();
        let opened = Opened::open(&path).unwrap();
        assert_eq!(opened.compression(), Some(Compression::Zstd));
        assert_eq!(opened.len(), packed.len() as u64);
        assert_eq!(all(&opened), pcap());
        assert_eq!(all(&opened), pcap());
    }

    #[test]
    fn a_pipe_is_read_once_and_then_from_its_copy() {
        let mut packed = zstd::encode_all(&pcap()[..], 1).unwrap();
        packed.extend(b"tail");
        for (bytes, kind) in [(packed, Some(Compression::Zstd)), (pcap(), None)] {
            let len = bytes.len() as u64;
            let opened = Opened::once(Box::new(Cursor::new(bytes)), None).unwrap();
            assert_eq!((opened.compression(), opened.len()), (kind, len));
            assert!(opened.is_stream() && opened.is_once() && opened.is_copy());
            for _ in 0..2 {
                let (mut stream, ending) = opened.stream_with_ending().unwrap();
                let mut out = Vec::new();
                stream.read_to_end(&mut out).unwrap();
                assert_eq!(out, pcap());
                let kinds: Vec<AnomalyKind> = ending.anomalies().iter().map(|a| a.kind).collect();
                let tail = kind.map(|_| AnomalyKind::TrailingGarbage);
                assert_eq!(kinds, Vec::from_iter(tail));
            }
        }
    }

    #[test]
    fn the_length_of_a_long_pipe_is_not_known() {
        let bytes = [pcap(), vec![0; super::AHEAD]].concat();
        let opened = Opened::once(Box::new(Cursor::new(bytes.clone())), None).unwrap();
        assert_eq!(opened.len(), 0);
        let (mut stream, ending) = opened.stream_with_ending().unwrap();
        let n = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        assert_eq!((n, ending.bytes_read()), (bytes.len() as u64, n));
        assert!(all(&opened) == bytes);
    }

    #[test]
    fn what_is_no_capture_is_an_error_that_says_what_it_is() {
        let twice = zstd::encode_all(&zstd::encode_all(&pcap()[..], 1).unwrap()[..], 1).unwrap();
        let text = zstd::encode_all(&b"hello world"[..], 1).unwrap();
        for (bytes, words) in [
            (b"hello world".to_vec(), "text"),
            (Vec::new(), "nothing"),
            (b"BZh91AY&SY".to_vec(), "bzip2 -dc FILE | rstcap -"),
            (twice, "compressed twice"),
            (text, "zstd-compressed, and it is text"),
        ] {
            let error = Opened::once(Box::new(Cursor::new(bytes)), None).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        let error = Opened::open("does/not/exist".as_ref()).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Io(_)));
        assert!(error.to_string().starts_with("does/not/exist: "));
    }

    #[cfg(unix)]
    #[test]
    fn two_names_of_one_file_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|n| dir.path().join(n));
        std::fs::write(&a, pcap()).unwrap();
        std::fs::hard_link(&a, &b).unwrap();
        std::fs::write(&c, pcap()).unwrap();
        assert!(same_file(&a, &b) && !same_file(&a, &c));
        let opened = Opened::open(&a).unwrap();
        assert!(opened.is_same_file(&b) && !opened.is_same_file(&c));
        assert!(!opened.is_same_file(&dir.path().join("none")));
    }
}
