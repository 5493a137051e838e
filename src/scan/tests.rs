//! Compressed captures against plain ones: kept in memory, decompressed twice, cut, interrupted.

use super::{Outcome, Plan, Progress, Timeline, Totals, scan};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Remembers what it was told.
#[derive(Default)]
struct Told {
    begun: Mutex<u64>,
    bytes: Mutex<Vec<u64>>,
    again: Mutex<Vec<u64>>,
    stop: AtomicBool,
    stop_when_again: bool,
}

impl Progress for Told {
    fn begin(&self, bytes: u64, _: u64) {
        *self.begun.lock().unwrap() = bytes;
    }
    fn bytes(&self, n: u64) {
        self.bytes.lock().unwrap().push(n);
    }
    fn again(&self, _: &str, bytes: u64) {
        self.again.lock().unwrap().push(bytes);
        self.stop.store(self.stop_when_again, Ordering::Relaxed);
    }
    fn resets(&self, _: u64) {}
    fn file_done(&self, _: &str) {}
}

fn run(path: &Path, threads: usize, max_decompressed: u64, told: &Told) -> Outcome {
    let plan = Plan {
        paths: vec![path.to_path_buf()],
        include: globset::GlobSet::empty(),
        exclude: globset::GlobSet::empty(),
        skip: None,
        separate: false,
        chunk_size: super::CHUNK_SIZE,
        max_memory: 1 << 30,
        max_decompressed,
        progress: told,
        stop: &told.stop,
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(|| scan(&plan)).unwrap()
}

/// A record longer than several blocks, which is no packet of any protocol.
const LONG: u32 = 3 << 20;

/// A capture of reset and other connections, again and again, a long record among them.
fn capture() -> Vec<u8> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/scenarios");
    let bytes = std::fs::read(dir.join("sni-blocked-among-healthy.C.pcap")).unwrap();
    let (header, records) = bytes.split_at(24);
    let mut out = header.to_vec();
    out[16..20].copy_from_slice(&(16_u32 << 20).to_le_bytes()); // the snaplen
    for copy in 0..30 {
        let mut rest = records;
        while let Some((head, after)) = rest.split_first_chunk::<16>() {
            let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
            let (data, next) = after.split_at(number(8) as usize);
            out.extend((number(0) + 10_000 * copy).to_le_bytes());
            out.extend(&head[4..]);
            out.extend(data);
            rest = next;
            if copy == 13 && out.len() % 7 == 0 && out.len() < LONG as usize {
                out.extend(&head[..8]);
                out.extend([LONG.to_le_bytes(); 2].concat());
                out.resize(out.len() + LONG as usize, 0xa5);
            }
        }
    }
    assert!(out.len() > 4 * (1 << 20) + LONG as usize);
    out
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(data).unwrap();
    packer.finish().unwrap()
}

fn lz4(data: &[u8]) -> Vec<u8> {
    let mut packer = lz4_flex::frame::FrameEncoder::new(Vec::new());
    packer.write_all(data).unwrap();
    packer.finish().unwrap()
}

fn zst(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 1).unwrap()
}

fn written(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// All that is to be the same: connections, healthy ones, sums, and the raw records.
fn content(outcome: &Outcome) -> (String, Totals, Vec<Vec<u8>>) {
    let mut text = String::new();
    let mut raw = Vec::new();
    for timeline in &outcome.timelines {
        let connections = timeline.connections(0);
        assert_eq!(connections.len(), timeline.reset_connections());
        text += &format!("{connections:?} {:?}", timeline.world);
        let frames = connections.iter().flat_map(|c| &c.segments);
        raw.extend(frames.map(|s| timeline.files.raw(&s.frame).unwrap()));
        raw.extend(blocks(timeline));
    }
    let totals = Totals {
        bytes: 0,
        ..outcome.totals
    };
    (text, totals, raw)
}

fn blocks(timeline: &Timeline) -> Vec<Vec<u8>> {
    let job = &timeline.files.jobs()[0];
    let span = job.layout.section_at(100).unwrap();
    let frame = crate::flow::FrameRef {
        span,
        file: job.id,
        ..timeline.connections(0)[0].segments[0].frame
    };
    vec![timeline.files.raw(&frame).unwrap()]
}

#[test]
fn compressed_captures_give_what_plain_ones_give() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = capture();
    let plain = written(&dir, "plain", &bytes);
    let expected = content(&run(&plain, 1, 0, &Told::default()));
    assert!(expected.2.len() > 100);
    for (name, packed) in [
        ("gz", gzip(&bytes)),
        ("zst", zst(&bytes)),
        ("lz4", lz4(&bytes)),
    ] {
        let path = written(&dir, name, &packed);
        for (threads, most) in [(1, u64::MAX), (2, u64::MAX), (1, 0), (2, 5 << 20)] {
            let told = Told::default();
            let found = content(&run(&path, threads, most, &told));
            assert!(found == expected, "{name}, {threads} threads, {most} bytes");
            let again = told.again.lock().unwrap().clone();
            let len = packed.len() as u64;
            let twice = most < u64::MAX;
            assert_eq!(again, if twice { vec![len] } else { Vec::new() });
            assert_eq!(*told.begun.lock().unwrap(), len);
            let read: u64 = told.bytes.lock().unwrap().iter().sum();
            assert_eq!(read, if twice { 2 * len } else { len });
        }
    }
}

#[test]
fn a_cut_file_gives_what_is_whole_either_way() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = capture();
    for (name, packed) in [
        ("gz", gzip(&bytes)),
        ("zst", zst(&bytes)),
        ("lz4", lz4(&bytes)),
    ] {
        let path = written(&dir, name, &packed[..packed.len() * 2 / 3]);
        let once = run(&path, 2, u64::MAX, &Told::default());
        let twice = run(&path, 1, 0, &Told::default());
        assert!(once.totals.resets > 10);
        assert!(content(&once) == content(&twice), "{name}");
        assert_eq!(once.anomalies.total(), twice.anomalies.total());
    }
}

/// More bytes than are read again after an interrupt, between the beginning and the end.
#[test]
fn an_interrupt_ends_the_second_decompression() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = capture();
    let again = bytes[24..].to_vec();
    let long = 15_u32 << 20;
    for _ in 0..12 {
        bytes.extend(&again[..8]);
        bytes.extend([long.to_le_bytes(); 2].concat());
        bytes.resize(bytes.len() + long as usize, 0);
    }
    bytes.extend(again);
    let path = written(&dir, "zst", &zst(&bytes));
    let told = Told {
        stop_when_again: true,
        ..Told::default()
    };
    let outcome = run(&path, 2, 0, &told);
    assert!(outcome.interrupted);
    let timeline = &outcome.timelines[0];
    assert!(timeline.not_fetched() > 10 && timeline.reset_connections() > 10);
    let all = run(&path, 2, 0, &Told::default());
    let all = all.timelines[0].reset_connections();
    assert_eq!(timeline.not_fetched() + timeline.reset_connections(), all);
    let whole = timeline.connections(0);
    assert!(whole.iter().all(|c| !c.segments.is_empty()));
}

/// A pipe, whose length is not known, from memory and from its copy.
#[test]
fn a_pipe_gives_what_a_file_gives() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = capture();
    bytes.extend_from_within(24..);
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        return; // such pipes are not to be had everywhere
    }
    for (packed, most) in [
        (bytes.clone(), u64::MAX),
        (bytes.clone(), 0),
        (zst(&bytes), 0),
    ] {
        let file = written(&dir, "file", &packed);
        let expected = content(&run(&file, 2, 0, &Told::default()));
        let len = packed.len() as u64;
        let path = pipe.clone();
        let writer = std::thread::spawn(move || std::fs::write(path, packed));
        let told = Told::default();
        let outcome = run(&pipe, 2, most, &told);
        writer.join().unwrap().unwrap();
        assert!(content(&outcome) == expected, "{len} bytes, {most} kept");
        assert_eq!(outcome.totals.bytes, len);
        assert_eq!(told.again.lock().unwrap().is_empty(), most > 0);
    }
}
