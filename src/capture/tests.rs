//! What holds for any bytes.

use super::sample::{self, Order, START};
use super::*;
use crate::anomaly::{Anomaly, AnomalyKind};
use crate::units::{LinkType, Span, Timestamp};
use proptest::prelude::*;

/// A record with its bytes kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub span: Span,
    pub kind: RecordKind,
    pub interface: u32,
    pub link_type: LinkType,
    pub time: Option<Timestamp>,
    pub original_len: u32,
    pub data: Vec<u8>,
}

/// All that a walk says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub records: Vec<Kept>,
    pub structures: Vec<Structure>,
    pub anomalies: Vec<Anomaly>,
}

impl Sink for Heard {
    fn record(&mut self, r: &Record<'_>) {
        assert_eq!(r.raw.len(), r.span.len as usize);
        self.records.push(Kept {
            span: r.span,
            kind: r.kind,
            interface: r.interface,
            link_type: r.link_type,
            time: r.time,
            original_len: r.original_len,
            data: r.data.to_vec(),
        });
    }

    fn structure(&mut self, structure: Structure) {
        self.structures.push(structure);
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        self.anomalies.push(anomaly);
    }
}

fn start(bytes: &[u8]) -> State {
    match identify(bytes) {
        Identified::Capture(format) => State::start(format),
        // records without a magic number are not told any more when the first is damaged
        _ => State::start(Format(super::format::Container::Erf)),
    }
}

pub(super) fn walk_whole(bytes: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let used = walk(&mut start(bytes), 0, bytes, true, u64::MAX, &mut heard);
    assert_eq!(used, bytes.len());
    heard
}

/// Walks like a reader whose buffer has the given sizes, one after the other.
fn walk_split(bytes: &[u8], state: &mut State, sizes: &[usize]) -> Heard {
    let mut heard = Heard::default();
    let mut sizes = sizes.iter().cycle();
    let (mut pos, mut len) = (0, 0);
    while pos < bytes.len() {
        len += sizes.next().unwrap().max(&1);
        let buf = &bytes[pos..(pos + len).min(bytes.len())];
        let last = pos + buf.len() == bytes.len();
        let used = walk(state, pos as u64, buf, last, u64::MAX, &mut heard);
        assert!(used <= buf.len() && (!last || used == buf.len()));
        pos += used;
        if used > 0 {
            len = 0;
        }
    }
    heard
}

/// Records, structures and skipped bytes lie one behind the other and fill the file.
fn assert_covers(heard: &Heard, len: u64) {
    let mut parts: Vec<(u64, u64)> = Vec::new();
    parts.extend(heard.records.iter().map(|r| (r.span.offset, r.span.end())));
    for structure in &heard.structures {
        let (Structure::Section { span, .. }
        | Structure::Interface { span, .. }
        | Structure::Block { span, .. }) = structure;
        parts.push((span.offset, span.end()));
    }
    for a in &heard.anomalies {
        if matches!(a.kind, AnomalyKind::SkippedBytes | AnomalyKind::CutShort) {
            let offset = a.offset.unwrap();
            parts.push((offset, offset + a.bytes));
        }
    }
    parts.sort_unstable();
    parts.dedup(); // a pcap file header is a section and an interface
    let mut at = 0;
    for (from, to) in parts {
        assert_eq!(from, at, "{heard:?}");
        at = to;
    }
    assert_eq!(at, len);
}

fn samples() -> Vec<Vec<u8>> {
    let (little, big) = (Order(false), Order(true));
    let mut all: Vec<Vec<u8>> = [
        0xa1b2_c3d4,
        0xa1b2_3c4d,
        0xa1b2_cd34,
        0x1c00_01ac,
        0x1c00_01ab,
        0xa1e2_cb12,
    ]
    .iter()
    .flat_map(|magic| [(little, *magic), (big, *magic)])
    .map(|(order, magic)| sample::pcap(order, magic, 0..40))
    .collect();
    all.push(sample::snoop(0..40));
    all.push(sample::section(little, 0..40));
    all.push(sample::section(big, 0..40));
    all.push(sample::erf(0..40));
    let mut several = sample::section(little, 0..15);
    several.extend(sample::section(big, 15..30));
    several.extend(sample::pcap(big, 0xa1b2_3c4d, 0..15));
    several.extend(sample::snoop(0..15));
    several.extend(sample::section(little, 15..30));
    all.push(several);
    all
}

/// Something that happens to files.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Zero(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(i, b)| Damage::Set(i, b)),
        1 => (at(), 1..200_usize).prop_map(|(i, n)| Damage::Zero(i, n)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..100)).prop_map(|(i, v)| Damage::Insert(i, v)),
        1 => (at(), 1..200_usize).prop_map(|(i, n)| Damage::Remove(i, n)),
        1 => at().prop_map(Damage::Cut),
    ]
}

/// Applies damage behind the first 24 bytes, so that the file stays what it is.
fn apply(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for d in damages {
        let place =
            |i: &prop::sample::Index, len: usize| 24 + i.index(len.saturating_sub(24).max(1));
        let len = bytes.len();
        match d {
            Damage::Set(i, b) => {
                if let Some(byte) = bytes.get_mut(place(i, len)) {
                    *byte = *b;
                }
            }
            Damage::Zero(i, n) => bytes
                .iter_mut()
                .skip(place(i, len))
                .take(*n)
                .for_each(|b| *b = 0),
            Damage::Insert(i, v) => {
                let at = place(i, len).min(len);
                bytes.splice(at..at, v.iter().copied());
            }
            Damage::Remove(i, n) => {
                let at = place(i, len).min(len);
                bytes.drain(at..(at + n).min(len));
            }
            Damage::Cut(i) => bytes.truncate(place(i, len)),
        }
    }
    bytes
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (
        prop::sample::select(samples()),
        prop::collection::vec(damage(), 0..6),
    )
        .prop_map(|(bytes, damages)| apply(bytes, &damages))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_byte_is_accounted_for_however_the_file_is_split(
        bytes in damaged(),
        sizes in prop::collection::vec(1..300_usize, 1..8),
    ) {
        let heard = walk_whole(&bytes);
        assert_covers(&heard, bytes.len() as u64);
        let mut split_state = start(&bytes);
        prop_assert!(walk_split(&bytes, &mut split_state, &sizes) == heard);
        let mut whole_state = start(&bytes);
        walk(&mut whole_state, 0, &bytes, true, u64::MAX, &mut Heard::default());
        prop_assert_eq!(split_state, whole_state);
    }

    #[test]
    fn a_limit_only_interrupts(bytes in damaged(), limit in any::<prop::sample::Index>()) {
        let limit = limit.index(bytes.len()) as u64;
        let mut state = start(&bytes);
        let mut heard = Heard::default();
        let used = walk(&mut state, 0, &bytes, true, limit, &mut heard);
        prop_assert!(used as u64 >= limit);
        prop_assert!(heard.records.iter().all(|r| r.span.offset < limit));
        walk(&mut state, used as u64, &bytes[used..], true, u64::MAX, &mut heard);
        prop_assert!(heard == walk_whole(&bytes));
    }

    #[test]
    fn a_record_is_fetched_again_by_its_span(bytes in damaged()) {
        let heard = walk_whole(&bytes);
        let mut layout = Layout::new();
        heard.structures.iter().for_each(|s| layout.push(s.clone()));
        for r in &heard.records {
            let raw = &bytes[r.span.offset as usize..r.span.end() as usize];
            let mut again = Heard::default();
            walk(&mut layout.state_at(r.span.offset), r.span.offset, raw, true, u64::MAX, &mut again);
            prop_assert_eq!(&again.records, std::slice::from_ref(r));
        }
    }

    #[test]
    fn any_bytes_can_be_identified_and_walked(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        which in any::<prop::sample::Index>(),
    ) {
        let _ = identify(&bytes);
        let samples = samples();
        let mut file = which.get(&samples)[..24].to_vec();
        file.extend(&bytes);
        assert_covers(&walk_whole(&file), file.len() as u64);
        let _ = find_boundary(&start(&file), 0, &file);
    }
}

#[test]
fn sound_files_give_every_packet() {
    for bytes in samples().iter().take(15) {
        let heard = walk_whole(bytes);
        let order_and_kind = start(bytes).format().to_string();
        assert!(heard.anomalies.is_empty(), "{order_and_kind}");
        for r in &heard.records {
            if let (RecordKind::Packet, Some(time)) = (r.kind, r.time) {
                let seed = (time.0 / 1_000_000_000) as u32 - START;
                assert_eq!(r.data, sample::packet(seed), "{order_and_kind}");
                assert_eq!(r.original_len as usize, r.data.len());
            }
        }
        let frames = if order_and_kind == "pcapng" { 34 } else { 40 };
        assert_eq!(heard.records.len(), frames, "{order_and_kind}");
    }
}

#[test]
fn erf_records_are_packets_with_their_headers() {
    let bytes = sample::erf(0..40);
    assert_eq!(
        identify(&bytes),
        Identified::Capture(Format(super::format::Container::Erf))
    );
    let heard = walk_whole(&bytes);
    assert!(heard.anomalies.is_empty());
    // every fifth is followed by padding, which is no frame
    assert_eq!((heard.records.len(), heard.structures.len()), (40, 2 + 8));
    for (seed, r) in (0..).zip(&heard.records) {
        let nanos = i64::from(START + seed) * 1_000_000_000 + i64::from(seed) * 1001;
        assert_eq!(r.time, Some(Timestamp(nanos)));
        let extensions = if seed % 3 == 0 { 8 } else { 0 };
        assert_eq!(
            r.data.get(18 + extensions..),
            Some(&sample::packet(seed)[..])
        );
        assert_eq!(r.original_len as usize, r.data.len());
        let raw = &bytes[r.span.offset as usize..r.span.end() as usize];
        let (ticks, original_len, data) = erf_record(raw).unwrap();
        assert_eq!(
            (ticks as i64, original_len, data),
            (nanos, r.original_len, &r.data[..])
        );
    }
    let at = heard.records[20].span.offset as usize;
    let state = State::start(Format(super::format::Container::Erf));
    assert_eq!(
        find_boundary(&state, 0, &bytes),
        None,
        "nothing is known yet"
    );
    let mut state = state;
    walk(
        &mut state,
        0,
        &bytes[..at],
        false,
        u64::MAX,
        &mut Heard::default(),
    );
    assert_eq!(find_boundary(&state, at as u64, &bytes[at - 7..]), Some(7));
}

#[test]
fn appended_captures_are_read_on() {
    let several = samples().pop().unwrap();
    let heard = walk_whole(&several);
    assert!(heard.anomalies.is_empty(), "{:?}", heard.anomalies);
    let sections = |s: &&Structure| matches!(s, Structure::Section { .. });
    assert_eq!(heard.structures.iter().filter(sections).count(), 5);
}

#[test]
fn a_chunk_finds_the_next_record() {
    for bytes in samples().iter().take(15) {
        let heard = walk_whole(bytes);
        let state = {
            let mut layout = Layout::new();
            heard.structures.iter().for_each(|s| layout.push(s.clone()));
            layout.state_at(heard.records[0].span.offset)
        };
        let mut boundaries: Vec<u64> = heard.records.iter().map(|r| r.span.offset).collect();
        boundaries.extend(heard.structures.iter().map(|s| match s {
            Structure::Section { span, .. }
            | Structure::Interface { span, .. }
            | Structure::Block { span, .. } => span.offset,
        }));
        boundaries.sort_unstable();
        for from in (60..bytes.len() - 800).step_by(13) {
            let next = boundaries.iter().find(|b| **b >= from as u64).unwrap();
            let found = find_boundary(&state, from as u64, &bytes[from..]);
            assert_eq!(found.map(|f| (f + from) as u64), Some(*next));
        }
    }
}

/// Walks with a buffer that grows to [`MAX_RECORD_LEN`] and no further.
fn walk_bounded(bytes: &[u8], mut state: State) -> Heard {
    let mut heard = Heard::default();
    let (mut pos, mut len) = (0, 1 << 16);
    while pos < bytes.len() {
        let buf = &bytes[pos..(pos + len).min(bytes.len())];
        let last = pos + buf.len() == bytes.len();
        let used = walk(&mut state, pos as u64, buf, last, u64::MAX, &mut heard);
        assert!(used > 0 || buf.len() < MAX_RECORD_LEN, "stuck at {pos}");
        pos += used;
        len = if used == 0 {
            (len * 4).min(MAX_RECORD_LEN)
        } else {
            1 << 16
        };
    }
    heard
}

#[test]
fn the_longest_record_is_enough_to_go_on() {
    let order = Order(false);
    let filler = vec![0x55; 1 << 18];
    let mut pcap = sample::pcap_header(order, 0xa1b2_c3d4, 4, 1 << 24, 1);
    let mut section = sample::section(order, 0..3);
    // lengths as long as they can be, which lead nowhere
    pcap.extend(order.words(&[START, 0, 1 << 24, 7]));
    section.extend(order.words(&[6, (16 << 20) - 4, 0, 0, 0, 1 << 18, 1 << 18]));
    for seed in 0..70 {
        pcap.extend(sample::record(order, START + seed, 0, &filler, 0));
        section.extend(sample::epb(order, 0, 0, &filler));
    }
    for (bytes, records) in [(pcap, 70), (section, 73)] {
        let heard = walk_whole(&bytes);
        assert_covers(&heard, bytes.len() as u64);
        assert_eq!(heard.records.len(), records);
        let state = start(&bytes);
        assert!(walk_bounded(&bytes, state) == heard);
    }
}
