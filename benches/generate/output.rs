//! Capture files: pcap, nanosecond pcap and pcapng; plain or compressed; one file or a ring.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

/// File format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// classic pcap, microseconds
    Pcap,
    /// pcapng, nanoseconds
    Pcapng,
    /// classic pcap, nanoseconds
    PcapNano,
}

/// Compression of the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    Lz4,
}

enum Stream {
    Plain(File),
    Gzip(flate2::write::GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<File>>),
}

impl Stream {
    fn create(path: &Path, compression: Compression) -> io::Result<Self> {
        let file = File::create(path)?;
        Ok(match compression {
            Compression::None => Stream::Plain(file),
            Compression::Gzip => Stream::Gzip(flate2::write::GzEncoder::new(
                file,
                flate2::Compression::fast(),
            )),
            Compression::Zstd => Stream::Zstd(zstd::Encoder::new(file, 1)?),
            Compression::Lz4 => Stream::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(file))),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Plain(w) => w.write_all(bytes),
            Stream::Gzip(w) => w.write_all(bytes),
            Stream::Zstd(w) => w.write_all(bytes),
            Stream::Lz4(w) => w.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Stream::Plain(_) => Ok(()),
            Stream::Gzip(w) => w.finish().map(drop),
            Stream::Zstd(w) => w.finish().map(drop),
            Stream::Lz4(w) => w.finish().map(drop).map_err(io::Error::other),
        }
    }
}

/// Size of the write buffer: large enough that a system call per buffer costs nothing.
const BUFFER: usize = 1 << 20;

/// Writes packets until the requested number of bytes is reached.
pub struct Output {
    path: PathBuf,
    format: Format,
    compression: Compression,
    /// Number of files of the ring; 0 for a single file.
    ring: u32,
    per_file: u64,
    limit: u64,
    stream: Option<Stream>,
    buffer: Vec<u8>,
    file_bytes: u64,
    files: u32,
    file_packets: u64,
    last_time: u64,
    /// Bytes of all files, before compression.
    pub bytes: u64,
    /// Packets of all files.
    pub packets: u64,
    /// Bytes of all frames.
    pub wire_bytes: u64,
}

impl Output {
    /// Nothing is created before the first packet.
    pub fn new(
        path: &Path,
        format: Format,
        compression: Compression,
        ring: u32,
        limit: u64,
    ) -> Self {
        Self {
            path: path.to_path_buf(),
            format,
            compression,
            ring,
            per_file: limit.div_ceil(u64::from(ring.max(1))).max(1),
            limit,
            stream: None,
            buffer: Vec::with_capacity(BUFFER + 0x2_0000),
            file_bytes: 0,
            files: 0,
            file_packets: 0,
            last_time: 0,
            bytes: 0,
            packets: 0,
            wire_bytes: 0,
        }
    }

    /// True when the requested size is reached.
    pub fn is_full(&self) -> bool {
        self.bytes >= self.limit
    }

    /// Appends one packet; `time` is nanoseconds since 1970.
    pub fn packet(&mut self, time: u64, frame: &[u8]) -> io::Result<()> {
        let ring_turn = self.ring > 0 && self.file_bytes >= self.per_file && self.files < self.ring;
        if self.stream.is_none() || ring_turn {
            self.next_file(time)?;
        }
        let before = self.buffer.len();
        let length = (frame.len() as u32).to_le_bytes();
        match self.format {
            Format::Pcap | Format::PcapNano => {
                let unit = if self.format == Format::Pcap {
                    1_000
                } else {
                    1
                };
                let fraction = (time % 1_000_000_000) / unit;
                self.buffer
                    .extend_from_slice(&((time / 1_000_000_000) as u32).to_le_bytes());
                self.buffer
                    .extend_from_slice(&(fraction as u32).to_le_bytes());
                self.buffer.extend_from_slice(&length);
                self.buffer.extend_from_slice(&length);
                self.buffer.extend_from_slice(frame);
            }
            Format::Pcapng => {
                let padding = frame.len().wrapping_neg() & 3;
                let total = ((32 + frame.len() + padding) as u32).to_le_bytes();
                self.buffer.extend_from_slice(&6u32.to_le_bytes());
                self.buffer.extend_from_slice(&total);
                self.buffer.extend_from_slice(&0u32.to_le_bytes());
                self.buffer
                    .extend_from_slice(&((time >> 32) as u32).to_le_bytes());
                self.buffer.extend_from_slice(&(time as u32).to_le_bytes());
                self.buffer.extend_from_slice(&length);
                self.buffer.extend_from_slice(&length);
                self.buffer.extend_from_slice(frame);
                self.buffer.extend_from_slice(&[0; 3][..padding]);
                self.buffer.extend_from_slice(&total);
            }
        }
        self.count(before);
        self.packets += 1;
        self.wire_bytes += frame.len() as u64;
        self.file_packets += 1;
        self.last_time = time;
        if self.buffer.len() >= BUFFER {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Closes the last file.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.stream.is_some() && self.format == Format::Pcapng {
            let before = self.buffer.len();
            interface_statistics(&mut self.buffer, self.last_time, self.file_packets);
            self.count(before);
        }
        self.flush()?;
        self.stream.take().map_or(Ok(()), Stream::finish)
    }

    fn count(&mut self, before: usize) {
        let added = (self.buffer.len() - before) as u64;
        self.bytes += added;
        self.file_bytes += added;
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(stream) = &mut self.stream {
            stream.write(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    fn next_file(&mut self, time: u64) -> io::Result<()> {
        self.finish()?;
        self.files += 1;
        let path = if self.ring > 0 {
            self.ring_path(time)
        } else {
            self.path.clone()
        };
        self.stream = Some(Stream::create(&path, self.compression)?);
        (self.file_bytes, self.file_packets) = (0, 0);
        let before = self.buffer.len();
        match self.format {
            Format::Pcap => pcap_header(&mut self.buffer, 0xa1b2_c3d4),
            Format::PcapNano => pcap_header(&mut self.buffer, 0xa1b2_3c4d),
            Format::Pcapng => pcapng_header(&mut self.buffer),
        }
        self.count(before);
        Ok(())
    }

    /// `cap.pcapng` becomes `cap_00001_20240714120000.pcapng`, as dumpcap names ring files.
    fn ring_path(&self, time: u64) -> PathBuf {
        let name = self
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (stem, extension) = name.split_once('.').unwrap_or((&name, "pcapng"));
        let stamp = jiff::Timestamp::from_second((time / 1_000_000_000) as i64).unwrap_or_default();
        let stamp = stamp.strftime("%Y%m%d%H%M%S");
        self.path
            .with_file_name(format!("{stem}_{:05}_{stamp}.{extension}", self.files))
    }
}

fn pcap_header(out: &mut Vec<u8>, magic: u32) {
    out.extend_from_slice(&magic.to_le_bytes());
    out.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&262_144u32.to_le_bytes());
    out.extend_from_slice(&1u32.to_le_bytes());
}

/// Section header and one Ethernet interface with nanosecond resolution (pcapng 4.1, 4.2).
fn pcapng_header(out: &mut Vec<u8>) {
    out.extend_from_slice(&0x0a0d_0d0au32.to_le_bytes());
    out.extend_from_slice(&28u32.to_le_bytes());
    out.extend_from_slice(&0x1a2b_3c4du32.to_le_bytes());
    out.extend_from_slice(&[1, 0, 0, 0]);
    out.extend_from_slice(&[0xff; 8]);
    out.extend_from_slice(&28u32.to_le_bytes());
    out.extend_from_slice(&1u32.to_le_bytes());
    out.extend_from_slice(&40u32.to_le_bytes());
    out.extend_from_slice(&[1, 0, 0, 0]);
    out.extend_from_slice(&262_144u32.to_le_bytes());
    out.extend_from_slice(&[2, 0, 4, 0]); // if_name
    out.extend_from_slice(b"tap0");
    out.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0]); // if_tsresol 10^-9
    out.extend_from_slice(&[0, 0, 0, 0]);
    out.extend_from_slice(&40u32.to_le_bytes());
}

/// Packets received, as dumpcap closes a file (pcapng 4.6).
fn interface_statistics(out: &mut Vec<u8>, time: u64, packets: u64) {
    out.extend_from_slice(&5u32.to_le_bytes());
    out.extend_from_slice(&40u32.to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes());
    out.extend_from_slice(&((time >> 32) as u32).to_le_bytes());
    out.extend_from_slice(&(time as u32).to_le_bytes());
    out.extend_from_slice(&[4, 0, 8, 0]); // isb_ifrecv
    out.extend_from_slice(&packets.to_le_bytes());
    out.extend_from_slice(&[0, 0, 0, 0]);
    out.extend_from_slice(&40u32.to_le_bytes());
}
