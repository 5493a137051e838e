//! Captures made for tests.

use super::block::{Blocks, Endian, codes, types};
use super::source::{FileLabel, Origins, Raw, Source};
use crate::anomaly::{Anomaly, AnomalyKind};
use crate::capture::{self, Identified, Layout, Record, RecordKind, Sink, State, Structure};
use crate::error::Result;
use crate::flow::{FrameRef, Side};
pub(super) use crate::selection::fixture::{START, TALK, talk_case};
use crate::units::{FileId, FrameNumber, Span};

/// A pcapng file under construction.
pub(super) struct Pcapng(pub Blocks);

impl Pcapng {
    pub fn new(endian: Endian) -> Self {
        Self(Blocks::new(endian))
    }

    /// Options are `(code, value)`; none at all means no list.
    fn options(&mut self, options: &[(u16, &[u8])]) {
        for (code, value) in options {
            self.0.option(*code, value);
        }
        if !options.is_empty() {
            self.0.end_of_options();
        }
    }

    pub fn section(&mut self, options: &[(u16, &[u8])]) -> &mut Self {
        let begun = self.0.begin(types::SECTION_HEADER);
        self.0.u32(0x1a2b_3c4d);
        self.0.u32(if self.0.endian == Endian::Little {
            1
        } else {
            1 << 16
        });
        self.0.u32(u32::MAX);
        self.0.u32(u32::MAX);
        self.options(options);
        self.0.end(begun);
        self
    }

    pub fn interface(&mut self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> &mut Self {
        let begun = self.0.begin(types::INTERFACE);
        self.0.u16(link);
        self.0.u16(0);
        self.0.u32(snaplen);
        self.options(options);
        self.0.end(begun);
        self
    }

    pub fn packet(
        &mut self,
        interface: u32,
        ticks: u64,
        data: &[u8],
        original_len: u32,
        options: &[(u16, &[u8])],
    ) -> &mut Self {
        let begun = self.0.begin(types::ENHANCED_PACKET);
        self.0.u32(interface);
        self.0.ticks(ticks);
        self.0.u32(data.len() as u32);
        self.0.u32(original_len);
        self.0.padded(data);
        self.options(options);
        self.0.end(begun);
        self
    }

    pub fn obsolete(&mut self, interface: u16, drops: u16, ticks: u64, data: &[u8]) -> &mut Self {
        let begun = self.0.begin(types::PACKET);
        self.0.u16(interface);
        self.0.u16(drops);
        self.0.ticks(ticks);
        self.0.u32(data.len() as u32);
        self.0.u32(data.len() as u32);
        self.0.padded(data);
        self.options(&[(codes::COMMENT, b"old")]);
        self.0.end(begun);
        self
    }

    pub fn simple(&mut self, data: &[u8], original_len: u32) -> &mut Self {
        let begun = self.0.begin(types::SIMPLE_PACKET);
        self.0.u32(original_len);
        self.0.padded(data);
        self.0.end(begun);
        self
    }

    /// Records are `(type, address and names)`.
    pub fn names(&mut self, records: &[(u16, &[u8])], options: &[(u16, &[u8])]) -> &mut Self {
        let begun = self.0.begin(types::NAMES);
        for (kind, value) in records {
            self.0.option(*kind, value);
        }
        self.0.end_of_options();
        self.options(options);
        self.0.end(begun);
        self
    }

    pub fn secrets(&mut self, kind: u32, data: &[u8]) -> &mut Self {
        let begun = self.0.begin(types::SECRETS);
        self.0.u32(kind);
        self.0.u32(data.len() as u32);
        self.0.padded(data);
        self.0.end(begun);
        self
    }

    pub fn statistics(&mut self, interface: u32, options: &[(u16, &[u8])]) -> &mut Self {
        let begun = self.0.begin(types::STATISTICS);
        self.0.u32(interface);
        self.0.ticks(START);
        self.options(options);
        self.0.end(begun);
        self
    }

    /// A block of any type.
    pub fn other(&mut self, block_type: u32, body: &[u8]) -> &mut Self {
        let begun = self.0.begin(block_type);
        self.0.padded(body);
        self.0.end(begun);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.out.clone()
    }
}

/// A pcap file of packets with `(seconds, fraction, data, original length)`.
pub(super) fn pcap(
    endian: Endian,
    magic: u32,
    network: u32,
    packets: &[(u32, u32, &[u8], u32)],
) -> Vec<u8> {
    let mut out = Blocks::new(endian);
    out.u32(magic);
    out.u16(2);
    out.u16(4);
    for field in [0, 0, 65535, network] {
        out.u32(field);
    }
    for (seconds, fraction, data, original) in packets {
        for field in [*seconds, *fraction, data.len() as u32, *original] {
            out.u32(field);
        }
        out.out.extend_from_slice(data);
    }
    out.out
}

/// Files in memory.
pub(super) struct Memory {
    files: Vec<(Vec<u8>, Origins)>,
    /// Every packet of all files, in order.
    pub frames: Vec<FrameRef>,
}

impl Memory {
    pub fn new(files: &[(&str, Vec<u8>)]) -> Self {
        Self::edited(files, &|_| {})
    }

    /// One file; everything but its packets is changed after the walk.
    pub fn with_edits(file: Vec<u8>, edit: &dyn Fn(&mut [u8])) -> Self {
        Self::edited(&[("x.pcapng", file)], edit)
    }

    fn edited(files: &[(&str, Vec<u8>)], edit: &dyn Fn(&mut [u8])) -> Self {
        let mut memory = Self {
            files: Vec::new(),
            frames: Vec::new(),
        };
        let mut before = 0;
        for (index, (name, bytes)) in files.iter().enumerate() {
            let file = FileId(index as u32);
            let found = walk(bytes);
            for (number, span) in &found.spans {
                memory.frames.push(FrameRef {
                    number: FrameNumber(before + number),
                    in_file: FrameNumber(*number),
                    file,
                    span: *span,
                });
            }
            let label = FileLabel {
                file,
                name: format!("/home/ann/{name}"),
                size: Some(bytes.len() as u64),
                frames: Some((FrameNumber(before + 1), FrameNumber(before + found.frames))),
                other_frames: found.frames - found.spans.len() as u64,
            };
            before += found.frames;
            let layout = &found.layout;
            let origins = Origins::read(&label, layout, &mut |span| {
                let mut read = slice(bytes, span);
                edit(&mut read);
                Ok(read)
            });
            memory.files.push((bytes.clone(), origins.unwrap()));
        }
        memory
    }
}

impl Source for Memory {
    fn block(&self, file: FileId, span: Span) -> Result<Vec<u8>> {
        let (bytes, _) = &self.files[file.0 as usize];
        Ok(slice(bytes, span))
    }

    fn record(&self, frame: FrameRef) -> Result<Raw> {
        let (bytes, origins) = &self.files[frame.file.0 as usize];
        Ok(Raw {
            bytes: slice(bytes, frame.span),
            origin: origins.at(frame.span.offset).unwrap().clone(),
        })
    }
}

fn slice(bytes: &[u8], span: Span) -> Vec<u8> {
    bytes[span.offset as usize..span.end() as usize].to_vec()
}

/// What a walk over a file finds.
#[derive(Default)]
struct Found {
    layout: Layout,
    /// Number and place of every packet.
    spans: Vec<(u64, Span)>,
    frames: u64,
}

impl Sink for Found {
    fn record(&mut self, record: &Record<'_>) {
        self.frames += 1;
        if record.kind == RecordKind::Packet {
            self.spans.push((self.frames, record.span));
        }
    }

    fn structure(&mut self, structure: Structure) {
        self.layout.push(structure);
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        let harmless = [
            AnomalyKind::CapturedOverSnaplen,
            AnomalyKind::ImpossibleTime,
            AnomalyKind::CapturedOverOriginal,
            AnomalyKind::CaptureDrops,
        ];
        assert!(harmless.contains(&anomaly.kind), "{anomaly:?}");
    }
}

fn walk(bytes: &[u8]) -> Found {
    let Identified::Capture(format) = capture::identify(bytes) else {
        panic!("not a capture")
    };
    let mut found = Found::default();
    let used = capture::walk(
        &mut State::start(format),
        0,
        bytes,
        true,
        u64::MAX,
        &mut found,
    );
    assert_eq!(used, bytes.len());
    found
}

/// An Ethernet frame with a TCP segment from 10.0.0.1:40000 to 192.0.2.7:443 or back, with
/// the checksums left 0.
pub(super) fn frame(from: Side, seq: u32, ack: u32, flags: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    let total = (40 + payload.len()) as u16;
    out.extend([0x45, 0]);
    out.extend(total.to_be_bytes());
    out.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
    let (client, server) = ([10, 0, 0, 1], [192, 0, 2, 7]);
    let (ports, addresses) = match from {
        Side::Client => ([40000_u16, 443], [client, server]),
        Side::Server => ([443, 40000], [server, client]),
    };
    out.extend(addresses.concat());
    for port in ports {
        out.extend(port.to_be_bytes());
    }
    out.extend(seq.to_be_bytes());
    out.extend(ack.to_be_bytes());
    out.extend((0x5000 | flags).to_be_bytes());
    out.extend([0xfa, 0xf0, 0, 0, 0, 0]);
    out.extend(payload);
    out
}

/// The frames of [`TALK`].
pub(super) fn talk_frames() -> Vec<Vec<u8>> {
    TALK.iter()
        .map(|(side, seq, ack, flags, payload)| frame(*side, *seq, *ack, *flags, payload))
        .collect()
}
