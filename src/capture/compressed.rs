//! Compressed captures: what is whole is read, and how the stream ended is told aside.
//!
//! Members and frames may follow each other, and skippable frames may stand anywhere between
//! them (pzstd and seekable zstd write them). Bytes after the last frame end the stream in
//! good order; a frame that is damaged or cut ends it early.

use super::identify::{LZ4_LEGACY_MAGIC, LZ4_MAGIC, ZSTD_MAGIC, is_skippable};
use crate::anomaly::{Anomaly, AnomalyKind};
use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder;
use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells how much of a stream was read, and, once it was read to its end, what was wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    anomalies: Arc<Mutex<Vec<Anomaly>>>,
    read: Arc<AtomicU64>,
}

impl Ending {
    /// What was met so far: [`AnomalyKind::DamagedCompression`] or
    /// [`AnomalyKind::TrailingGarbage`]; offsets are in the compressed file.
    #[must_use]
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.anomalies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Compressed bytes read so far, for progress.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Counts bytes as read.
    pub(super) fn count(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    fn add(&self, anomaly: Anomaly) {
        self.anomalies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(anomaly);
    }
}

/// A reader of the decompressed bytes of `input`, which starts with a frame of some kind.
pub(super) fn reader(input: Box<dyn Read + Send>) -> (Box<dyn Read + Send>, Ending) {
    let ending = Ending::default();
    let frames = Frames {
        stage: Stage::Between(Source::new(input, Arc::clone(&ending.read))),
        ending: ending.clone(),
    };
    (Box::new(frames), ending)
}

/// Bytes taken from the input at a time.
const INPUT_LEN: usize = 128 << 10;

/// Most bytes asked of the gzip decoder at once: what it made before it met damage within one
/// call is lost.
const GZIP_STEP: usize = 16 << 10;

/// Largest window of a Zstandard frame that is accepted, as a power of two (RFC 8878 allows
/// more; the library does not).
const ZSTD_WINDOW_LOG_MAX: u32 = 31;

/// Most decompressed bytes of a block in an LZ4 legacy frame.
const LEGACY_BLOCK_LEN: usize = 8 << 20;

/// The compressed bytes, with their offset.
struct Source {
    input: Box<dyn Read + Send>,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes consumed so far.
    offset: u64,
    /// The input has ended, and someone asked for more.
    exhausted: bool,
    /// Reading the input itself failed.
    failed: bool,
    /// Bytes read so far, for others to see.
    read: Arc<AtomicU64>,
}

impl Source {
    fn new(input: Box<dyn Read + Send>, read: Arc<AtomicU64>) -> Self {
        Self {
            input,
            read,
            buf: vec![0; INPUT_LEN],
            start: 0,
            end: 0,
            offset: 0,
            exhausted: false,
            failed: false,
        }
    }

    /// Up to eight bytes ahead; fewer only at the end.
    fn peek(&mut self) -> io::Result<&[u8]> {
        while self.end - self.start < 8 {
            self.buf.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.more()? == 0 {
                break;
            }
        }
        let ahead = self.buf.get(self.start..self.end).unwrap_or_default();
        Ok(ahead.get(..8).unwrap_or(ahead))
    }

    /// Reads behind what is there; the number of new bytes.
    fn more(&mut self) -> io::Result<usize> {
        let room = self.buf.get_mut(self.end..).unwrap_or_default();
        let n = loop {
            match self.input.read(room) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match n {
            Ok(n) => {
                self.end += n;
                self.read.fetch_add(n as u64, Ordering::Relaxed);
                Ok(n)
            }
            Err(e) => {
                self.failed = true;
                Err(e)
            }
        }
    }

    /// Passes over as many bytes as there are, at most `len`.
    fn skip(&mut self, len: u64) -> io::Result<u64> {
        let mut left = len;
        while left > 0 {
            let had = self.fill_buf()?.len();
            if had == 0 {
                break;
            }
            let n = had.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.consume(n);
            left -= n as u64;
        }
        Ok(len - left)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            (self.start, self.end) = (0, 0);
            if self.more()? == 0 {
                self.exhausted = true;
            }
        }
        Ok(self.buf.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.offset += n as u64;
    }
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

/// Where in the sequence of frames the reader is.
enum Stage {
    Between(Source),
    Gzip(Box<GzDecoder<Source>>),
    Zstd(Box<zstd::Decoder<'static, Source>>),
    Lz4(Box<FrameDecoder<Source>>),
    Legacy(Legacy),
    Done,
}

struct Frames {
    stage: Stage,
    ending: Ending,
}

impl Read for Frames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            let step = buf.len().min(GZIP_STEP);
            let result = match &mut self.stage {
                Stage::Done => return Ok(0),
                Stage::Between(_) => {
                    self.next_frame()?;
                    continue;
                }
                Stage::Gzip(d) => d.read(buf.get_mut(..step).unwrap_or_default()),
                Stage::Zstd(d) => d.read(buf),
                Stage::Lz4(d) => d.read(buf),
                Stage::Legacy(d) => d.read(buf),
            };
            match result {
                Ok(0) => self.end_of_frame(),
                Ok(n) => return Ok(n),
                Err(e) => self.damage(e)?,
            }
        }
    }
}

impl Frames {
    /// Takes the source out of whatever stage there is.
    fn take_source(&mut self) -> Option<Source> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Between(source) => Some(source),
            Stage::Gzip(d) => Some(d.into_inner()),
            Stage::Zstd(d) => Some(d.finish()),
            Stage::Lz4(d) => Some(d.into_inner()),
            Stage::Legacy(d) => Some(d.source),
            Stage::Done => None,
        }
    }

    fn next_frame(&mut self) -> io::Result<()> {
        let Some(mut source) = self.take_source() else {
            return Ok(());
        };
        let head = source.peek()?;
        let magic = head.first_chunk::<4>().copied().unwrap_or_default();
        self.stage = if head.is_empty() {
            Stage::Done
        } else if head.starts_with(&[0x1f, 0x8b]) {
            Stage::Gzip(Box::new(GzDecoder::new(source)))
        } else if magic == ZSTD_MAGIC {
            let mut decoder = zstd::Decoder::with_buffer(source)?.single_frame();
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Stage::Zstd(Box::new(decoder))
        } else if magic == LZ4_MAGIC {
            Stage::Lz4(Box::new(FrameDecoder::new(source)))
        } else if magic == LZ4_LEGACY_MAGIC {
            source.consume(4);
            Stage::Legacy(Legacy::new(source))
        } else if is_skippable(magic) && head.len() == 8 {
            let len = super::format::u32_in(head, 4, false).unwrap_or_default();
            let whole = u64::from(len) + 8;
            if source.skip(whole)? < whole {
                self.report_cut(source.offset);
                Stage::Done
            } else {
                Stage::Between(source)
            }
        } else {
            let zeros = head.iter().all(|b| *b == 0);
            let start = source.offset;
            let bytes = source.skip(u64::MAX)?;
            let detail = if zeros { "zeros" } else { "" };
            let kind = AnomalyKind::TrailingGarbage;
            self.ending.add(Anomaly::at(kind, start, bytes, detail));
            Stage::Done
        };
        Ok(())
    }

    /// A frame gave all it has. LZ4's decoder takes the end of the input for the end of a frame.
    fn end_of_frame(&mut self) {
        let is_lz4 = matches!(self.stage, Stage::Lz4(_));
        if let Some(source) = self.take_source() {
            if is_lz4 && source.exhausted {
                self.report_cut(source.offset);
            } else {
                self.stage = Stage::Between(source);
            }
        }
    }

    fn report_cut(&self, offset: u64) {
        let kind = AnomalyKind::DamagedCompression;
        self.ending.add(Anomaly::at(kind, offset, 0, "cut short"));
    }

    /// Ends the stream after an error, unless the error is the input's own.
    fn damage(&mut self, error: io::Error) -> io::Result<()> {
        let Some(source) = self.take_source() else {
            return Err(error);
        };
        if source.failed {
            return Err(error);
        }
        if source.exhausted && error.kind() == io::ErrorKind::UnexpectedEof {
            self.report_cut(source.offset);
        } else {
            let kind = AnomalyKind::DamagedCompression;
            self.ending
                .add(Anomaly::at(kind, source.offset, 0, error.to_string()));
        }
        Ok(())
    }
}

/// LZ4's legacy frame: blocks of up to 8 MiB, each after its compressed length, until the
/// input ends or another frame's magic number comes.
struct Legacy {
    source: Source,
    block: Vec<u8>,
    pos: usize,
}

impl Legacy {
    fn new(source: Source) -> Self {
        Self {
            source,
            block: Vec::new(),
            pos: 0,
        }
    }

    /// Decompresses the next block; false if there is none.
    fn next_block(&mut self) -> io::Result<bool> {
        let head = self.source.peek()?;
        let Some(&size) = head.first_chunk::<4>() else {
            return if head.is_empty() {
                Ok(false)
            } else {
                self.source.exhausted = true;
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        };
        let other_frame = size == LZ4_MAGIC || size == LZ4_LEGACY_MAGIC || is_skippable(size);
        let len = u32::from_le_bytes(size) as usize;
        let most = lz4_flex::block::get_maximum_output_size(LEGACY_BLOCK_LEN);
        if other_frame || len == 0 || len > most {
            return Ok(false);
        }
        self.source.consume(4);
        let mut packed = Vec::new();
        let had = (&mut self.source)
            .take(len as u64)
            .read_to_end(&mut packed)?;
        if had < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.block.resize(LEGACY_BLOCK_LEN, 0);
        let n = lz4_flex::block::decompress_into(&packed, &mut self.block)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        self.block.truncate(n);
        self.pos = 0;
        Ok(true)
    }
}

impl Read for Legacy {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.pos >= self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let n = self.block.get(self.pos..).unwrap_or_default().read(buf)?;
        self.pos += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::{AnomalyKind, reader};
    use std::io::{Cursor, Read, Write};

    /// Bytes that compress somewhat, and differ everywhere.
    fn payload(n: u32) -> Vec<u8> {
        (0..n)
            .flat_map(|i| i.wrapping_mul(2_654_435_761).rotate_left(7).to_le_bytes())
            .flat_map(|b| [b, b & 7])
            .collect()
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        w.write_all(data).unwrap();
        w.finish().unwrap()
    }

    fn zst(data: &[u8]) -> Vec<u8> {
        zstd::encode_all(data, 1).unwrap()
    }

    fn lz4(data: &[u8]) -> Vec<u8> {
        // blocks are the least that can be whole: small ones
        let info =
            lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max64KB);
        let mut w = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        w.write_all(data).unwrap();
        w.finish().unwrap()
    }

    fn lz4_legacy(data: &[u8]) -> Vec<u8> {
        let mut out = super::LZ4_LEGACY_MAGIC.to_vec();
        for block in data.chunks(100_000) {
            let packed = lz4_flex::block::compress(block);
            out.extend((packed.len() as u32).to_le_bytes());
            out.extend(packed);
        }
        out
    }

    fn skippable(len: u8) -> Vec<u8> {
        let mut out = vec![0x5e, 0x2a, 0x4d, 0x18, len, 0, 0, 0];
        out.extend(vec![0xa5; len.into()]);
        out
    }

    fn read(bytes: Vec<u8>) -> (Vec<u8>, Vec<AnomalyKind>) {
        let (mut reader, ending) = reader(Box::new(Cursor::new(bytes)));
        let mut out = Vec::new();
        reader.read_to_end(&mut out).unwrap();
        (out, ending.anomalies().iter().map(|a| a.kind).collect())
    }

    type Packer = fn(&[u8]) -> Vec<u8>;

    const PACKERS: [Packer; 4] = [gzip, zst, lz4, lz4_legacy];

    #[test]
    fn several_frames_are_one_stream() {
        let data = payload(60_000);
        for pack in PACKERS {
            let mut bytes = skippable(3);
            bytes.extend(pack(&data));
            bytes.extend(pack(&data[..1000]));
            let mut expected = data.clone();
            expected.extend(&data[..1000]);
            assert_eq!(read(bytes), (expected, vec![]));
        }
    }

    #[test]
    fn bytes_after_the_end_are_told_of_and_left_alone() {
        let data = payload(1000);
        for pack in [gzip, zst, lz4] {
            for tail in [&[0; 700][..], b"garbage"] {
                let mut bytes = pack(&data);
                let end = bytes.len() as u64;
                bytes.extend(tail);
                let (mut reader, ending) = reader(Box::new(Cursor::new(bytes)));
                let mut out = Vec::new();
                reader.read_to_end(&mut out).unwrap();
                assert_eq!(out, data);
                let anomalies = ending.anomalies();
                assert_eq!(anomalies.len(), 1);
                assert_eq!(anomalies[0].kind, AnomalyKind::TrailingGarbage);
                assert_eq!(anomalies[0].offset, Some(end));
                assert_eq!(anomalies[0].bytes, tail.len() as u64);
            }
        }
    }

    #[test]
    fn a_stream_that_is_cut_gives_what_is_whole() {
        let data = payload(200_000);
        for pack in PACKERS {
            let mut bytes = pack(&data);
            bytes.truncate(bytes.len() * 9 / 10);
            let (out, anomalies) = read(bytes);
            assert!(data.starts_with(&out) && out.len() > data.len() / 3);
            assert_eq!(anomalies, vec![AnomalyKind::DamagedCompression]);
        }
    }

    #[test]
    fn a_wrong_checksum_loses_nothing() {
        let data = payload(5000);
        let mut bytes = gzip(&data);
        let crc = bytes.len() - 8;
        bytes[crc] ^= 1;
        assert_eq!(read(bytes), (data, vec![AnomalyKind::DamagedCompression]));
    }
}
