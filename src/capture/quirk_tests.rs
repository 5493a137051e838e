//! Odd files, and what Wireshark makes of them.

use super::sample::{self, Order, START, packet};
use super::tests::{Heard, walk_whole};
use super::*;
use crate::anomaly::AnomalyKind;
use crate::units::{LinkType, TsResolution};

const LITTLE: Order = Order(false);
const MICROS: u32 = 0xa1b2_c3d4;

/// Times in nanoseconds since [`START`].
fn times(heard: &Heard) -> Vec<Option<i64>> {
    let start = i64::from(START) * 1_000_000_000;
    heard
        .records
        .iter()
        .map(|r| r.time.map(|t| t.0 - start))
        .collect()
}

fn kinds(heard: &Heard) -> Vec<AnomalyKind> {
    heard.anomalies.iter().map(|a| a.kind).collect()
}

fn interfaces(heard: &Heard) -> Vec<Interface> {
    let interface = |s: &Structure| match s {
        Structure::Interface { interface, .. } => Some(*interface),
        _ => None,
    };
    heard.structures.iter().filter_map(interface).collect()
}

/// A pcap record header with all four numbers free, and data.
fn odd_record(seconds: u32, fraction: u32, captured: u32, original: u32, data: &[u8]) -> Vec<u8> {
    let mut out = LITTLE.words(&[seconds, fraction, captured, original]);
    out.extend(data);
    out
}

/// Two odd records, as one may be the last.
fn odd_pcap(minor: u16, snaplen: u32, fraction: u32, lengths: (u32, u32), data: &[u8]) -> Heard {
    let mut file = sample::pcap_header(LITTLE, MICROS, minor, snaplen, 1);
    for _ in 0..2 {
        file.extend(odd_record(START, fraction, lengths.0, lengths.1, data));
    }
    walk_whole(&file)
}

#[test]
fn an_empty_pcap_is_fine() {
    let heard = walk_whole(&sample::pcap(LITTLE, MICROS, 0..0));
    assert_eq!((heard.records.len(), kinds(&heard)), (0, vec![]));
}

#[test]
fn captured_over_snaplen_and_original() {
    let heard = odd_pcap(4, 20, 5, (30, 40), &[7; 30]);
    assert_eq!(kinds(&heard), [AnomalyKind::CapturedOverSnaplen; 2]);
    assert_eq!(
        (heard.records[0].data.len(), heard.records[0].original_len),
        (30, 40)
    );

    let heard = odd_pcap(4, 0, 5, (30, 10), &[7; 30]);
    assert_eq!(kinds(&heard), [AnomalyKind::CapturedOverOriginal; 2]);
    assert_eq!(
        (heard.records[0].data.len(), heard.records[0].original_len),
        (30, 30)
    );
}

#[test]
fn a_fraction_over_a_second_is_carried() {
    let heard = odd_pcap(4, 0, 1_500_000, (30, 30), &[7; 30]);
    assert_eq!(kinds(&heard), [AnomalyKind::ImpossibleTime; 2]);
    assert_eq!(times(&heard), [Some(1_500_000_000); 2]);
}

#[test]
fn old_versions_have_the_lengths_in_either_order() {
    for (minor, lengths) in [(2, (1500, 60)), (3, (1500, 60)), (3, (60, 1500))] {
        let heard = odd_pcap(minor, 0, 0, lengths, &[7; 60]);
        assert_eq!(kinds(&heard), []);
        assert_eq!(heard.records.len(), 2);
        assert_eq!(
            (heard.records[1].data.len(), heard.records[1].original_len),
            (60, 1500)
        );
    }
}

#[test]
fn the_network_field_holds_more_than_the_link_type() {
    for (network, link_type, fcs_bits) in [
        (0x2400_0001, LinkType::ETHERNET, 32),
        (0xf000_0001, LinkType::ETHERNET, 0),
        (12, LinkType::RAW, 0),
        (14, LinkType::RAW, 0),
        (276, LinkType::LINUX_SLL2, 0),
    ] {
        let heard = walk_whole(&sample::pcap_header(LITTLE, MICROS, 4, 0, network));
        let interface = interfaces(&heard)[0];
        assert_eq!(
            (interface.link_type, interface.fcs_bits),
            (link_type, fcs_bits)
        );
    }
}

#[test]
fn zeros_at_the_end_of_a_pcap_are_numbered_but_no_packets() {
    let mut file = sample::pcap(LITTLE, MICROS, 0..3);
    file.extend([0; 40]);
    let heard = walk_whole(&file);
    let frames: Vec<RecordKind> = heard.records.iter().map(|r| r.kind).collect();
    let (packet, frame) = (RecordKind::Packet, RecordKind::FrameOnly);
    assert_eq!(frames, [packet, packet, packet, frame, frame]);
    assert_eq!(kinds(&heard).last(), Some(&AnomalyKind::CutShort));
}

#[test]
fn zeros_at_the_end_of_a_pcapng_are_skipped() {
    let mut file = sample::section(LITTLE, 0..3);
    let len = file.len() as u64;
    file.extend([0; 100]);
    let heard = walk_whole(&file);
    assert_eq!(heard.records.len(), 3);
    let [skipped] = &heard.anomalies[..] else {
        panic!()
    };
    assert_eq!(skipped.kind, AnomalyKind::SkippedBytes);
    assert_eq!((skipped.offset, skipped.bytes), (Some(len), 100));
}

#[test]
fn damage_costs_the_damaged_record_only() {
    let section = |range| sample::section(LITTLE, range);
    let pcap = |range| sample::pcap(LITTLE, MICROS, range);
    let snoop = |range| sample::snoop(range);
    let cases: [(Vec<u8>, usize, usize); 3] = [
        (
            section(0..40),
            section(0..21).len() + 4,
            section(0..22).len(),
        ), // block length
        (pcap(0..40), pcap(0..21).len() + 8, pcap(0..22).len()), // captured length
        (snoop(0..40), snoop(0..21).len() + 8, snoop(0..22).len()), // record length
    ];
    for (mut file, at, next) in cases {
        let sound = walk_whole(&file);
        file[at..at + 4].fill(0xee);
        let heard = walk_whole(&file);
        assert_eq!(heard.records.len(), sound.records.len() - 1);
        let [skipped] = &heard.anomalies[..] else {
            panic!("{:?}", heard.anomalies)
        };
        assert_eq!(skipped.kind, AnomalyKind::SkippedBytes);
        let start = skipped.offset.unwrap();
        assert!(start <= at as u64 && start + 12 > at as u64);
        assert_eq!(start + skipped.bytes, next as u64);
    }
}

#[test]
fn a_cut_file_gives_all_whole_records() {
    for file in [
        sample::pcap(LITTLE, MICROS, 0..9),
        sample::section(LITTLE, 0..9),
        sample::snoop(0..9),
    ] {
        let sound = walk_whole(&file);
        let heard = walk_whole(&file[..file.len() - 5]);
        assert_eq!(heard.records[..], sound.records[..sound.records.len() - 1]);
        let [cut] = &heard.anomalies[..] else {
            panic!("{:?}", heard.anomalies)
        };
        assert_eq!(cut.kind, AnomalyKind::CutShort);
        assert_eq!(cut.offset, sound.records.last().map(|r| r.span.offset));
    }
}

#[test]
fn every_resolution_and_offset() {
    let second = i64::from(START);
    for order in [Order(false), Order(true)] {
        let negative = if order.0 {
            (-3600_i64).to_be_bytes()
        } else {
            (-3600_i64).to_le_bytes()
        };
        for (options, ticks, expected) in [
            (vec![], u64::from(START) * 1_000_000 + 3, Some(3_000)),
            (
                sample::option(order, 9, &[9]),
                u64::from(START) * 1_000_000_000 + 3,
                Some(3),
            ),
            (
                sample::option(order, 9, &[0]),
                u64::from(START) + 3,
                Some(3_000_000_000),
            ),
            (
                sample::option(order, 9, &[0x80 | 20]),
                (u64::from(START) << 20) + (1 << 19),
                Some(500_000_000),
            ),
            (
                sample::option(order, 14, &negative),
                (second + 3600) as u64 * 1_000_000,
                Some(0),
            ),
            // wrong lengths: Wireshark passes over them
            (
                sample::option(order, 9, &[9, 0, 0, 0]),
                u64::from(START) * 1_000_000 + 3,
                Some(3_000),
            ),
        ] {
            let mut file = sample::shb(order);
            file.extend(sample::idb(order, 0, &options));
            file.extend(sample::epb(order, 0, ticks, &packet(1)));
            assert_eq!(times(&walk_whole(&file)), [expected]);
        }
    }
}

#[test]
fn packet_blocks_of_three_kinds() {
    let data = packet(50);
    let len = data.len() as u32;
    let ticks = u64::from(START) * 1_000_000;
    let mut file = sample::shb(LITTLE);
    file.extend(sample::idb(LITTLE, 20, &[]));
    file.extend(sample::epb(LITTLE, 0, ticks, &data[..20]));
    let mut simple = LITTLE.words(&[len]);
    simple.extend(&data[..20]);
    file.extend(sample::block(LITTLE, 3, &simple));
    let mut obsolete = LITTLE.u16(0).to_vec();
    obsolete.extend(LITTLE.u16(7));
    obsolete.extend(LITTLE.words(&[(ticks >> 32) as u32, ticks as u32, 20, len]));
    obsolete.extend(&data[..20]);
    file.extend(sample::block(LITTLE, 2, &obsolete));
    let heard = walk_whole(&file);
    assert_eq!(kinds(&heard), []);
    assert_eq!(times(&heard), [Some(0), None, Some(0)]);
    let lengths: Vec<u32> = heard.records.iter().map(|r| r.original_len).collect();
    assert_eq!(lengths, [20, len, len]);
    assert!(heard.records.iter().all(|r| r.data == data[..20]));
}

#[test]
fn blocks_that_wireshark_numbers() {
    for (kind, numbered) in [
        (0xbad, true),
        (0x4000_0bad, true),
        (9, true),
        (0x204, true),
        (0x216, true),
        (0x221, true),
        (0x208, false),
        (0x222, false),
        (4, false),
        (5, false),
        (10, false),
        (0x99, false),
        (0x8000_0001, false),
    ] {
        let mut file = sample::section(LITTLE, 0..2);
        file.extend(sample::block(LITTLE, kind, &[0; 40]));
        file.extend(sample::epb(LITTLE, 0, 0, &packet(9)));
        let heard = walk_whole(&file);
        assert_eq!(kinds(&heard), []);
        assert_eq!(
            heard.records.len(),
            if numbered { 4 } else { 3 },
            "{kind:#x}"
        );
        assert_eq!(heard.records[2].kind == RecordKind::FrameOnly, numbered);
    }
}

#[test]
fn a_block_with_a_wrong_end_or_interface_is_read_past() {
    let epb = sample::epb(LITTLE, 0, 0, &packet(9));
    let mut wrong_end = epb.clone();
    let at = wrong_end.len() - 4;
    wrong_end[at] ^= 0x40;
    for (odd, anomaly, record) in [
        (
            wrong_end,
            AnomalyKind::MalformedMetadata,
            RecordKind::Packet,
        ),
        (
            sample::epb(LITTLE, 5, 0, &packet(9)),
            AnomalyKind::UnknownInterface,
            RecordKind::FrameOnly,
        ),
    ] {
        let mut file = sample::section(LITTLE, 0..2);
        file.extend(odd);
        file.extend(&epb);
        file.extend(&epb);
        let heard = walk_whole(&file);
        assert_eq!(kinds(&heard), [anomaly]);
        assert_eq!(heard.records.len(), 5);
        assert_eq!(heard.records[2].kind, record);
    }
}

#[test]
fn a_length_without_the_padding_is_rounded_up() {
    let data = packet(3); // 17 bytes
    let mut epb = sample::epb(LITTLE, 0, 0, &data);
    let claimed = LITTLE.u32(32 + data.len() as u32);
    let end = epb.len() - 4;
    epb[4..8].copy_from_slice(&claimed);
    epb[end..].copy_from_slice(&claimed);
    let mut file = sample::section(LITTLE, 0..1);
    file.extend(&epb);
    file.extend(&epb);
    let heard = walk_whole(&file);
    assert_eq!(kinds(&heard), []);
    assert!(heard.records[1..].iter().all(|r| r.data == data));
    assert_eq!(heard.records.len(), 3);
}

#[test]
fn interfaces_are_those_described_before() {
    let mut file = sample::section(LITTLE, 0..2);
    file.extend(sample::idb(LITTLE, 96, &sample::option(LITTLE, 9, &[9])));
    file.extend(sample::epb(
        LITTLE,
        1,
        u64::from(START) * 1_000_000_000 + 1,
        &packet(4),
    ));
    file.extend(sample::section(Order(true), 2..4));
    let heard = walk_whole(&file);
    assert_eq!(kinds(&heard), []);
    assert_eq!(heard.records[2].interface, 1);
    assert_eq!(times(&heard)[2], Some(1));
    let mut layout = Layout::new();
    heard.structures.iter().for_each(|s| layout.push(s.clone()));
    let known = |i: usize| {
        layout
            .state_at(heard.records[i].span.offset)
            .interfaces()
            .len()
    };
    assert_eq!([known(0), known(1), known(2), known(3)], [1, 1, 2, 1]);
    assert_eq!(
        layout.state_at(heard.records[2].span.offset).interfaces()[1].resolution,
        TsResolution::NANO
    );
    assert!(layout.state_at(heard.records[3].span.offset).big_endian());
}

#[test]
fn a_flood_of_interfaces_is_bounded() {
    let mut file = sample::shb(LITTLE);
    let idb = sample::idb(LITTLE, 0, &[]);
    for _ in 0..(1 << 18) + 1 {
        file.extend(&idb);
    }
    file.extend(sample::epb(LITTLE, 1 << 18, 0, &packet(1)));
    let heard = walk_whole(&file);
    assert_eq!(
        kinds(&heard),
        [
            AnomalyKind::MalformedMetadata,
            AnomalyKind::UnknownInterface
        ]
    );
    assert_eq!(interfaces(&heard).len(), 1 << 18);
}

/// Keeps what the options say.
#[derive(Default)]
struct OptionsHeard(Vec<Option<PacketOptions>>);

impl Sink for OptionsHeard {
    fn record(&mut self, record: &Record<'_>) {
        self.0.push(record.packet_options());
    }
    fn structure(&mut self, _: Structure) {}
    fn anomaly(&mut self, _: crate::anomaly::Anomaly) {}
}

#[test]
fn packet_options_say_direction_and_drops() {
    for order in [Order(false), Order(true)] {
        let drops = if order.0 {
            3_u64.to_be_bytes()
        } else {
            3_u64.to_le_bytes()
        };
        let mut data = packet(2); // 16 bytes: no padding
        let mut file = sample::section(order, 0..1);
        data.extend(sample::option(order, 1, b"a comment"));
        data.extend(sample::option(order, 2, &order.u32(2)));
        data.extend(sample::option(order, 4, &drops));
        let mut epb = sample::epb(order, 0, 0, &data);
        epb[20..28].copy_from_slice(&order.words(&[16, 16]));
        file.extend(epb);
        let mut heard = OptionsHeard::default();
        let mut state = State::start(Format::pcapng());
        walk(&mut state, 0, &file, true, u64::MAX, &mut heard);
        let expected = PacketOptions {
            direction: Some(Direction::Outbound),
            drop_count: Some(3),
        };
        assert_eq!(heard.0, [None, Some(expected)]);
    }
}
