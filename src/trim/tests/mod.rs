//! The rules of pcapng-fidelity section 1, one fixture each.

use super::block::{Blocks, Endian};
use super::checker::{self, File, comments, only};
use super::fixture::{self, Memory, Pcapng, START, TALK, talk_case, talk_frames};
use super::{Options, case_to_bytes};
use crate::diagnosis::Case;
use crate::selection::{Context, select};

mod blocks;
mod damage;

/// `(code, value)` of options.
type RawOptions<'a> = &'a [(u16, &'a [u8])];

fn build(case: &Case, source: &Memory, options: &Options) -> File {
    let selection = select(case, &Context::default());
    let bytes = case_to_bytes(case, &selection, source, options).unwrap();
    checker::check(&bytes)
}

/// The talk as a pcapng file: `describe` writes what comes before the packets, `options`
/// tells those of each packet.
fn talk(
    endian: Endian,
    describe: impl Fn(&mut Pcapng),
    options: &[(u16, &[u8])],
) -> (Case, Memory) {
    let mut file = Pcapng::new(endian);
    describe(&mut file);
    for (index, data) in talk_frames().iter().enumerate() {
        let ticks = START + index as u64 * 100;
        file.packet(0, ticks, data, data.len() as u32 + 7, options);
    }
    let source = Memory::new(&[("talk.pcapng", file.bytes())]);
    (talk_case(&source.frames), source)
}

fn plain(file: &mut Pcapng) {
    file.section(&[]).interface(1, 0, &[]);
}

/// 1.0 rule 10, 1.3: bytes, lengths and ticks are those of the source.
#[test]
fn packets_are_copied_exactly() {
    let (case, source) = talk(Endian::Little, plain, &[]);
    let file = build(&case, &source, &Options::default());
    assert_eq!(file.packets.len(), TALK.len());
    for (index, (packet, data)) in file.packets.iter().zip(talk_frames()).enumerate() {
        assert_eq!(packet.data, data);
        assert_eq!(packet.original_len as usize, data.len() + 7);
        assert_eq!(packet.ticks, START + index as u64 * 100);
        let id = only(&packet.options, 5).unwrap();
        assert_eq!(u64::from_le_bytes(id.try_into().unwrap()), index as u64 + 1);
    }
}

/// 1.1, 1.2: pcap of either byte order, in microseconds or nanoseconds, with a frame check
/// sequence, becomes a little-endian section.
#[test]
fn pcap_in_all_forms() {
    let frames = talk_frames();
    let packets: Vec<(u32, u32, &[u8], u32)> = frames
        .iter()
        .enumerate()
        .map(|(i, data)| (1_700_000_000, i as u32 * 100, &data[..], data.len() as u32))
        .collect();
    for (endian, magic, network, resolution, fcs) in [
        (Endian::Little, 0xa1b2_c3d4, 1, None, None),
        (Endian::Big, 0xa1b2_c3d4, 1, None, None),
        (Endian::Little, 0xa1b2_3c4d, 1, Some(9), None),
        (Endian::Big, 0xa1b2_3c4d, 0x2400_0001, Some(9), Some(32)),
    ] {
        let source = Memory::new(&[("x.pcap", fixture::pcap(endian, magic, network, &packets))]);
        let file = build(&talk_case(&source.frames), &source, &Options::default());
        assert!(!file.big);
        let interface = &file.interfaces[0];
        assert_eq!((interface.link_type, interface.snaplen), (1, 65535));
        assert_eq!(only(&interface.options, 9).map(|v| v[0]), resolution);
        assert_eq!(only(&interface.options, 13).map(|v| v[0]), fcs);
        let units = if resolution.is_some() {
            1_000_000_000
        } else {
            1_000_000
        };
        assert_eq!(file.packets[4].ticks, 1_700_000_000 * units + 400);
        assert_eq!(file.packets[4].data, frames[4]);
        let program = only(&file.options, 4).unwrap();
        assert!(program.starts_with(b"rstcap "), "who wrote it");
    }
}

/// pcap 2.2 has the two lengths the other way round.
#[test]
fn pcap_with_lengths_in_the_old_order() {
    let frames = talk_frames();
    let packets: Vec<(u32, u32, &[u8], u32)> =
        frames.iter().map(|data| (1, 0, &data[..], 1500)).collect();
    let mut bytes = fixture::pcap(Endian::Little, 0xa1b2_c3d4, 1, &packets);
    bytes[6] = 2;
    let mut at = 24;
    for data in &frames {
        let (first, second) = bytes[at + 8..at + 16].split_at_mut(4);
        first.swap_with_slice(second);
        at += 16 + data.len();
    }
    let source = Memory::new(&[("x.pcap", bytes)]);
    let file = build(&talk_case(&source.frames), &source, &Options::default());
    for (packet, data) in file.packets.iter().zip(&frames) {
        assert_eq!((&packet.data, packet.original_len), (data, 1500));
    }
}

/// RFC 1761.
#[test]
fn snoop() {
    let mut file = Blocks::new(Endian::Big);
    file.out.extend(b"snoop\0\0\0");
    file.u32(2);
    file.u32(4);
    let frames = talk_frames();
    for data in &frames {
        let record = (24 + data.len()).next_multiple_of(4);
        for field in [1500, data.len() as u32, record as u32, 0, 1_700_000_000, 7] {
            file.u32(field);
        }
        file.padded(data);
    }
    let source = Memory::new(&[("x.snoop", file.out)]);
    let file = build(&talk_case(&source.frames), &source, &Options::default());
    assert_eq!(file.interfaces[0].link_type, 1);
    for (packet, data) in file.packets.iter().zip(&frames) {
        assert_eq!((&packet.data, packet.original_len), (data, 1500));
        assert_eq!(packet.ticks, START + 7);
    }
}

/// 1.2: link types 12 and 14 are raw IP.
#[test]
fn raw_ip_has_one_number() {
    for link in [12, 14] {
        let describe = |file: &mut Pcapng| {
            file.section(&[]).interface(link, 0, &[]);
        };
        let (case, source) = talk(Endian::Little, describe, &[]);
        let file = build(&case, &source, &Options::default());
        assert_eq!(file.interfaces[0].link_type, 101);
    }
}

/// 1.1: hardware, system and program are those of the capture; its comments come first.
#[test]
fn section_options_stay() {
    let options: &[(u16, &[u8])] = &[
        (2, b"Xeon"),
        (1, b"first"),
        (3, b"Linux 6.1"),
        (4, b"dumpcap"),
        (2988, b"\xd9\x7e\0\0text"),
        (19372, b"\xd9\x7e\0\0secret"),
        (1, b"second"),
    ];
    let describe = |file: &mut Pcapng| {
        file.section(options).interface(1, 0, &[]);
    };
    let (case, source) = talk(Endian::Little, describe, &[]);
    let file = build(&case, &source, &Options::default());
    let mut expected: Vec<(u16, Vec<u8>)> = options.iter().map(|(c, v)| (*c, v.to_vec())).collect();
    expected.retain(|(code, _)| *code != 19372);
    assert_eq!(file.options[..expected.len()], expected);
    let ours = comments(&file.options).pop().unwrap();
    let lines: Vec<&str> = ours.lines().collect();
    assert_eq!(lines[1], select(&case, &Context::default()).verdict);
    assert!(lines.contains(&"- TTL 64 as in the SYN-ACK (frame 5; in the source 5)"));
    assert!(lines.contains(&"- 1 option marked as not to be copied"));
    let source_line = lines
        .iter()
        .find(|l| l.starts_with("- talk.pcapng,"))
        .unwrap();
    assert!(source_line.ends_with("bytes, frames 1-5"), "{source_line}");
    assert!(!ours.contains("ann"), "directories are nobody's business");
}

/// 1.2: every option of a used interface stays, byte for byte.
#[test]
fn interface_options_stay() {
    let options: &[(u16, &[u8])] = &[
        (2, b"eth0"),
        (3, b"uplink"),
        (4, &[10, 0, 0, 1, 255, 255, 255, 0]),
        (4, &[10, 0, 1, 1, 255, 255, 255, 0]),
        (5, &[0x20; 17]),
        (6, &[2, 0, 0, 0, 0, 1]),
        (8, &[0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0]),
        (9, &[6]),
        (11, b"\0tcp port 443"),
        (12, b"Linux"),
        (13, &[32]),
        (15, b"ixgbe"),
        (18, b"Europe/Berlin"),
        (0x8123, b"local"),
        (1, b"a comment"),
    ];
    let describe = |file: &mut Pcapng| {
        file.section(&[]).interface(1, 262_144, options);
    };
    let (case, source) = talk(Endian::Little, describe, &[]);
    let file = build(&case, &source, &Options::default());
    let expected: Vec<_> = options.iter().map(|(c, v)| (*c, v.to_vec())).collect();
    assert_eq!(file.interfaces[0].options, expected);
    assert_eq!(file.interfaces[0].snaplen, 262_144);
}

/// 1.4: packet options stay in order, our comments follow the source's.
#[test]
fn packet_options_stay() {
    let mut options: Vec<(u16, &[u8])> = vec![
        (2, &[1, 0, 0, 0]),
        (1, b"first"),
        (3, &[2, 1, 2, 3, 4]),
        (4, &[3, 0, 0, 0, 0, 0, 0, 0]),
        (5, &[99, 0, 0, 0, 0, 0, 0, 0]),
        (6, &[1, 0, 0, 0]),
        (7, &[1, 9, 0, 0, 0, 0, 0, 0, 0]),
        (8, &[0, 0, 0, 1, 0, 0, 0, 2]),
        (2989, &[1, 0, 0, 0, 5, 6]),
        (0x8222, &[1, 2, 3]),
        (1, b""),
    ];
    let (case, source) = talk(Endian::Little, plain, &options);
    let file = build(&case, &source, &Options::default());
    let expected: Vec<_> = options.iter().map(|(c, v)| (*c, v.to_vec())).collect();
    let rst = &file.packets[4];
    assert_eq!(rst.options[..expected.len()], expected);
    let ours = comments(&rst.options[expected.len()..]);
    assert_eq!(
        ours[0],
        "reset by the server 0.1 ms after 5 bytes of the client: reset-after-client-hello, \
         who high / why medium [rstcap role=rst case=3 orig=5]"
    );
    assert!(ours.iter().all(|c| c.len() <= 200 && !c.contains('\n')));
    // options not to be copied are not
    options.push((19373, &[1, 0, 0, 0]));
    let (case, source) = talk(Endian::Little, plain, &options);
    let file = build(&case, &source, &Options::default());
    assert!(only(&file.packets[0].options, 19373).is_none());
}

/// 1.0 rule 2: a big-endian section stays one.
#[test]
fn byte_order_of_the_source() {
    let options: &[(u16, &[u8])] = &[(7, &[1, 0, 0, 0, 0, 0, 0, 0, 9]), (2989, &[0, 0, 0, 1, 5])];
    let (case, source) = talk(Endian::Big, plain, options);
    let file = build(&case, &source, &Options::default());
    assert!(file.big);
    assert_eq!(file.packets[0].options[0].1, options[0].1);
    assert_eq!(file.packets[0].options[1].1, options[1].1);
    assert_eq!(
        only(&file.packets[1].options, 5).unwrap(),
        2_u64.to_be_bytes()
    );
    assert_eq!(file.packets[1].ticks, START + 100);
}

/// 1.0 rule 3, 1.2: only used interfaces, renumbered, with the source's number in a comment.
#[test]
fn unused_interfaces_are_dropped() {
    let mut file = Pcapng::new(Endian::Little);
    file.section(&[])
        .interface(101, 96, &[(2, b"tun0")])
        .interface(1, 40, &[(2, b"eth0")])
        .interface(1, 0, &[(2, b"eth1")]);
    for (index, data) in talk_frames().iter().enumerate() {
        let interface = if index % 2 == 0 { 2 } else { 1 };
        file.packet(interface, START, data, 60, &[]);
    }
    let source = Memory::new(&[("x.pcapng", file.bytes())]);
    let case = talk_case(&source.frames);
    let out = build(&case, &source, &Options::default());
    let names: Vec<_> = out
        .interfaces
        .iter()
        .map(|i| only(&i.options, 2).unwrap())
        .collect();
    assert_eq!(names, [b"eth0", b"eth1"]);
    let ids: Vec<u32> = out.packets.iter().map(|p| p.interface).collect();
    assert_eq!(ids, [1, 0, 1, 0, 1]);
    assert_eq!(comments(&out.interfaces[1].options), ["source interface 2"]);
    // packets longer than the snaplen raise it
    assert_eq!(out.interfaces[0].snaplen, 59);
    // libpcap wants one snaplen
    let options = Options {
        libpcap: true,
        ..Options::default()
    };
    let out = build(&case, &source, &options);
    assert_eq!(out.interfaces[0].snaplen, out.interfaces[1].snaplen);
    assert!(comments(&out.interfaces[1].options).contains(&"source snaplen 0".to_string()));
}

/// 1.3: an offset is folded into the ticks, other clocks become nanoseconds.
#[test]
fn clocks_that_wireshark_gets_wrong() {
    let hour = 3600_i64.to_le_bytes();
    let start = u128::from(START);
    let cases: [(RawOptions<'_>, u128, u8); 3] = [
        (&[(9, &[6]), (14, &hour)], start + 3_600_000_000, 6),
        (
            &[(9, &[12]), (14, &hour)],
            start / 1000 + 3_600_000_000_000,
            9,
        ),
        (&[(9, &[0x80 | 30])], (start * 1_000_000_000) >> 30, 9),
    ];
    for (options, expected, resolution) in cases {
        let describe = |file: &mut Pcapng| {
            file.section(&[]).interface(1, 0, options);
        };
        let (case, source) = talk(Endian::Little, describe, &[]);
        let file = build(&case, &source, &Options::default());
        let kept = &file.interfaces[0].options;
        assert_eq!(only(kept, 9), Some(&[resolution][..]));
        assert_eq!(only(kept, 14), None);
        assert_eq!(comments(kept).len(), 1, "the change is told");
        assert_eq!(u128::from(file.packets[0].ticks), expected);
    }
}

/// 1.3, 1.4: Simple Packet Blocks and obsolete Packet Blocks become Enhanced ones.
#[test]
fn old_packet_blocks() {
    let frames = talk_frames();
    let mut file = Pcapng::new(Endian::Little);
    file.section(&[]).interface(1, 56, &[]);
    file.obsolete(0, 7, START, &frames[0]);
    file.obsolete(0, u16::MAX, START + 1, &frames[1]);
    file.packet(0, START + 2, &frames[2], 54, &[]);
    file.simple(&frames[3][..56], 59);
    file.packet(0, START + 3, &frames[4], 54, &[]);
    let source = Memory::new(&[("x.pcapng", file.bytes())]);
    let out = build(&talk_case(&source.frames), &source, &Options::default());
    let [first, second, _, simple, _] = &out.packets[..] else {
        panic!()
    };
    assert_eq!((first.ticks, &first.data), (START, &frames[0]));
    assert_eq!(first.options[0], (1, b"old".to_vec()));
    assert_eq!(only(&first.options, 4), Some(&7_u64.to_le_bytes()[..]));
    assert_eq!(only(&second.options, 4), None);
    assert_eq!((simple.ticks, simple.original_len), (0, 59));
    assert_eq!(simple.data, frames[3][..56]);
    assert_eq!(comments(&simple.options)[0], "no time stamp in source");
}
