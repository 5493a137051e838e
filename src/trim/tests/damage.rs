//! Nothing in a source makes the writer panic or write a file that is none.

use super::super::block::{Endian, types};
use super::super::checker;
use super::super::fixture::{Memory, Pcapng, START, talk_case, talk_frames};
use super::super::{Keep, Options, Raw, Secrets, Source, case_to_bytes};
use crate::error::Result;
use crate::flow::FrameRef;
use crate::selection::{Context, select};
use crate::units::{FileId, Span};
use proptest::prelude::*;

/// A file with every kind of block that is read.
fn rich() -> Vec<u8> {
    let mut file = Pcapng::new(Endian::Little);
    file.section(&[(1, b"comment"), (2, b"hardware"), (2989, &[1, 0, 0, 0, 5])]);
    file.interface(
        1,
        100,
        &[
            (2, b"eth0"),
            (9, &[9]),
            (11, b"\x01abcdefgh"),
            (14, &[1; 8]),
        ],
    );
    let records: &[(u16, &[u8])] = &[
        (1, b"\xc0\x00\x02\x07name\0"),
        (3, b"\x02\0\0\0\0\x01nic\0"),
    ];
    file.names(records, &[(3, &[9, 9, 9, 9])]);
    let log = format!("CLIENT_RANDOM {} 00\n", "ab".repeat(32));
    file.secrets(0x544c_534b, log.as_bytes());
    file.other(types::APPLE_PROCESS, &[1, 0, 0, 0]);
    file.other(types::CUSTOM, &[0, 0, 0x7e, 0xd9, 1]);
    file.other(types::JOURNAL, b"__REALTIME_TIMESTAMP=1700000000000000\n");
    for data in talk_frames() {
        let options: &[(u16, &[u8])] = &[(1, b"text"), (7, &[1; 9]), (0x8001, &[0; 4])];
        file.packet(0, START, &data, 60, options);
    }
    file.statistics(0, &[(2, &[1; 8]), (4, &[2; 8])]);
    file.bytes()
}

/// A source whose bytes changed after they were walked.
struct Changed<'a> {
    memory: &'a Memory,
    edits: &'a [(usize, u8)],
}

impl Source for Changed<'_> {
    fn block(&self, file: FileId, span: Span) -> Result<Vec<u8>> {
        let mut bytes = self.memory.block(file, span)?;
        edit(&mut bytes, self.edits);
        Ok(bytes)
    }

    fn record(&self, frame: FrameRef) -> Result<Raw> {
        let mut raw = self.memory.record(frame)?;
        edit(&mut raw.bytes, self.edits);
        Ok(raw)
    }
}

fn edit(bytes: &mut [u8], edits: &[(usize, u8)]) {
    for (at, value) in edits {
        let len = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at % len) {
            *byte = *value;
        }
    }
}

proptest! {
    #[test]
    fn changed_records(edits in prop::collection::vec((0..200_usize, any::<u8>()), 1..6)) {
        let memory = Memory::new(&[("x.pcapng", rich())]);
        let source = Changed { memory: &memory, edits: &edits };
        let case = talk_case(&memory.frames);
        let selection = select(&case, &Context::default());
        let _ = case_to_bytes(&case, &selection, &source, &Options::default());
    }

    #[test]
    fn changed_descriptions(edits in prop::collection::vec((0..400_usize, any::<u8>()), 1..6)) {
        let memory = Memory::with_edits(rich(), &|bytes| edit(bytes, &edits));
        let case = talk_case(&memory.frames);
        let selection = select(&case, &Context::default());
        let options = Options { secrets: Secrets::Matched, libpcap: true, keep: Keep { custom: true, journal: true }, ..Options::default() };
        let _ = case_to_bytes(&case, &selection, &memory, &options);
    }

    /// Whatever is kept is kept as it is, and the file is sound.
    #[test]
    fn kept_packets_are_identical(
        ticks in prop::collection::vec(any::<u64>(), 5),
        original in any::<u32>(),
        resolution in 0..=9_u8,
        offset in -1_000_000..1_000_000_i64,
        big in any::<bool>(),
    ) {
        let mut file = Pcapng::new(Endian::of(big));
        let offset_bytes = file.0.endian.bytes64(offset as u64);
        file.section(&[]).interface(1, 0, &[(9, &[resolution]), (14, &offset_bytes)]);
        let frames = talk_frames();
        for (data, ticks) in frames.iter().zip(&ticks) {
            file.packet(0, *ticks, data, original, &[]);
        }
        let source = Memory::new(&[("x.pcapng", file.bytes())]);
        let case = talk_case(&source.frames);
        let selection = select(&case, &Context::default());
        let bytes = case_to_bytes(&case, &selection, &source, &Options::default()).unwrap();
        let out = checker::check(&bytes);
        let kept_offset = checker::only(&out.interfaces[0].options, 14).is_some();
        let units = 10_i128.pow(u32::from(resolution));
        for ((packet, data), ticks) in out.packets.iter().zip(&frames).zip(&ticks) {
            prop_assert_eq!(&packet.data, data);
            prop_assert_eq!(packet.original_len, original);
            let before = i128::from(*ticks) + i128::from(offset) * units;
            let added = if kept_offset { i128::from(offset) * units } else { 0 };
            prop_assert_eq!(i128::from(packet.ticks) + added, before);
        }
    }
}
