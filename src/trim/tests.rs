//! The rules of pcapng-fidelity section 1, one fixture each.

use super::block::{Endian, types};
use super::checker::{self, File, comments, only};
use super::fixture::{self, Memory, Pcapng, START, TALK, talk_case, talk_frames};
use super::{Options, Secrets, case_to_bytes};
use crate::diagnosis::Case;
use crate::flow::NameLookup;
use crate::selection::{Context, select};
use crate::units::{FrameNumber, Timestamp};

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

/// 1.6: counters become text.
#[test]
fn statistics_become_a_comment() {
    let mut file = Pcapng::new(Endian::Little);
    plain(&mut file);
    for data in talk_frames() {
        file.packet(0, START, &data, 60, &[]);
    }
    file.statistics(
        0,
        &[(4, &1000_u64.to_le_bytes()), (5, &1_u64.to_le_bytes())],
    );
    let source = Memory::new(&[("x.pcapng", file.bytes())]);
    let out = build(&talk_case(&source.frames), &source, &Options::default());
    assert!(out.others.is_empty());
    let text = comments(&out.interfaces[0].options);
    assert_eq!(
        text,
        ["source capture: 1000 received, 1 dropped by interface"]
    );
}

/// 1.10: custom, journal and unknown blocks are counted and left out.
#[test]
fn other_blocks_are_counted() {
    let describe = |file: &mut Pcapng| {
        plain(file);
        file.other(0x0bad, &[1, 0, 0, 0, 2]);
        file.other(9, b"__REALTIME_TIMESTAMP=1\n");
        file.other(0x8000_0abc, &[1, 2, 3, 4]);
    };
    let (case, source) = talk(Endian::Little, describe, &[]);
    let out = build(&case, &source, &Options::default());
    assert!(out.others.is_empty());
    let told = comments(&out.options).pop().unwrap();
    assert!(told.contains("frames 1-7 (of which 2 custom or journal blocks left out)"));
    assert!(told.contains("- 1 block of type 0x80000abc"), "{told}");
    // they count as frames all the same
    assert_eq!(
        only(&out.packets[0].options, 5),
        Some(&3_u64.to_le_bytes()[..])
    );
}

/// 1.4: Apple's process blocks stay in order when packets refer to them.
#[test]
fn process_information_stays() {
    let describe = |file: &mut Pcapng| {
        plain(file);
        file.other(
            types::APPLE_PROCESS,
            &[1, 0, 0, 0, 2, 0, 4, 0, b'c', b'u', b'r', b'l'],
        );
        file.other(
            types::APPLE_PROCESS,
            &[2, 0, 0, 0, 2, 0, 2, 0, b's', b'h', 0, 0],
        );
    };
    let (case, source) = talk(Endian::Little, describe, &[(0x8001, &[1, 0, 0, 0])]);
    let out = build(&case, &source, &Options::default());
    let kinds: Vec<u32> = out.others.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [types::APPLE_PROCESS; 2]);
    assert_eq!(out.others[1].1[0], 2);
    assert_eq!(
        only(&out.packets[0].options, 0x8001),
        Some(&[1, 0, 0, 0][..])
    );
    let (case, source) = talk(Endian::Little, describe, &[]);
    assert!(build(&case, &source, &Options::default()).others.is_empty());
}

/// 1.7: only addresses of the case; the last block has the one best name of each.
#[test]
fn names_of_the_case() {
    let describe = |file: &mut Pcapng| {
        plain(file);
        let options: &[(u16, &[u8])] = &[(3, &[9, 9, 9, 9])];
        let records: &[(u16, &[u8])] = &[
            (1, b"\x0a\x00\x00\x01laptop\0"),
            (1, b"\xc0\x00\x02\x07edge.cdn.example\0other.example\0"),
            (1, b"\x08\x08\x08\x08dns.google\0"),
            (3, b"\x02\x00\x00\x00\x00\x01nic\0"),
            (3, b"\x02\x00\x00\x00\x00\x99other-nic\0"),
        ];
        file.names(records, options);
    };
    let (mut case, source) = talk(Endian::Little, describe, &[]);
    case.connection.name = Some(NameLookup {
        name: "www.example.net".into(),
        cname_chain: vec!["edge.cdn.example".into()],
        query: None,
        answer: source.frames[0],
        answer_time: Timestamp(0),
        resolver: [10, 0, 0, 53].into(),
        related: Vec::new(),
    });
    let out = build(&case, &source, &Options::default());
    let [(first, options), (best, _)] = &out.names[..] else {
        panic!("{:?}", out.names)
    };
    assert_eq!(first.len(), 3);
    assert_eq!(options[..], [(3, vec![9, 9, 9, 9])]);
    let texts: Vec<&[u8]> = best.iter().map(|(_, value)| &value[..]).collect();
    assert_eq!(
        texts,
        [
            &b"\x0a\x00\x00\x01laptop\0"[..],
            b"\xc0\x00\x02\x07www.example.net\0"
        ]
    );
}

fn key_log() -> Vec<u8> {
    let line = |random: &str| format!("CLIENT_RANDOM {} {}\n", random.repeat(32), "00".repeat(48));
    format!("{}{}{}", line("ab"), line("cd"), line("ef")).into_bytes()
}

/// 1.9, design 5: no secrets by default; those of the written sessions when asked.
#[test]
fn secrets_of_the_session_only() {
    let mut hello = vec![22, 3, 1, 0, 40, 1, 0, 0, 36, 3, 3];
    hello.extend([0xcd; 32]);
    hello.extend([0, 0]);
    let mut file = Pcapng::new(Endian::Little);
    plain(&mut file);
    for (index, data) in talk_frames().into_iter().enumerate() {
        let mut data = data;
        if index == 3 {
            data.truncate(54);
            data.extend(&hello);
        }
        file.packet(0, START, &data, data.len() as u32, &[]);
    }
    // a DSB may follow its packets
    file.secrets(0x544c_534b, &key_log())
        .secrets(0x5353_484b, b"ssh key");
    let source = Memory::new(&[("x.pcapng", file.bytes())]);
    let case = talk_case(&source.frames);
    let out = build(&case, &source, &Options::default());
    assert!(out.secrets.is_empty());
    assert!(comments(&out.options)[0].contains("- 4 decryption secrets"));
    let options = Options {
        secrets: Secrets::Matched,
        ..Options::default()
    };
    let out = build(&case, &source, &options);
    let [(0x544c_534b, log)] = &out.secrets[..] else {
        panic!()
    };
    let log = std::str::from_utf8(log).unwrap();
    assert_eq!(log.lines().count(), 1);
    assert!(log.starts_with(&format!("CLIENT_RANDOM {}", "cd".repeat(32))));
    let told = &comments(&out.options)[0];
    assert!(
        told.contains("- 3 decryption secrets") && !told.contains("cdcd"),
        "{told}"
    );
}

/// 1.1: several files become one section; the same interface is one interface.
#[test]
fn rotated_files() {
    let frames = talk_frames();
    let part = |range: std::ops::Range<usize>, drops: u64| {
        let mut file = Pcapng::new(Endian::Little);
        file.section(&[(1, b"night run"), (4, b"dumpcap")]);
        file.interface(1, 0, &[(2, b"eth0")]);
        for index in range {
            file.packet(0, START + index as u64 * 100, &frames[index], 60, &[]);
        }
        file.statistics(0, &[(5, &drops.to_le_bytes())]);
        file.bytes()
    };
    let source = Memory::new(&[("a.pcapng", part(0..3, 0)), ("b.pcapng", part(3..5, 2))]);
    let out = build(&talk_case(&source.frames), &source, &Options::default());
    assert_eq!(out.interfaces.len(), 1);
    let text = comments(&out.interfaces[0].options);
    assert_eq!(text[1], "b.pcapng: source capture: 2 dropped by interface");
    let section = comments(&out.options);
    assert_eq!(section[0], "[a.pcapng] night run");
    assert_eq!(section.len(), 2, "the same comment once");
    assert_eq!(only(&out.options, 4), Some(&b"dumpcap"[..]));
    assert!(section[1].contains("- a.pcapng,") && section[1].contains("- b.pcapng,"));
    assert_eq!(out.packets.len(), 5);
}

/// 1.1, 1.4: sections of different byte order become a little-endian one.
#[test]
fn sections_of_different_byte_order() {
    let frames = talk_frames();
    let part = |endian, range: std::ops::Range<usize>| {
        let mut file = Pcapng::new(endian);
        let speed = file.0.endian.bytes64(1_000_000_000);
        file.section(&[])
            .interface(1, 0, &[(2, b"eth0"), (8, &speed)]);
        for index in range {
            let flags = endian.bytes32(1);
            file.packet(0, START, &frames[index], 60, &[(2, &flags), (0x8222, &[1])]);
        }
        file.bytes()
    };
    let mut both = part(Endian::Big, 0..2);
    both.extend(part(Endian::Little, 2..5));
    let source = Memory::new(&[("x.pcapng", both)]);
    let out = build(&talk_case(&source.frames), &source, &Options::default());
    assert!(!out.big);
    assert_eq!(out.interfaces.len(), 1, "the same interface in both");
    for packet in &out.packets {
        assert_eq!(only(&packet.options, 2), Some(&[1, 0, 0, 0][..]));
    }
    // an option of unknown meaning cannot be turned round
    assert_eq!(only(&out.packets[0].options, 0x8222), None);
    assert_eq!(only(&out.packets[4].options, 0x8222), Some(&[1][..]));
}

/// Trimming a case file again says nothing twice and keeps the source's frame numbers.
#[test]
fn trimmed_twice() {
    let mut file = Pcapng::new(Endian::Little);
    file.section(&[(1, b"mine")])
        .interface(101, 0, &[])
        .interface(1, 0, &[]);
    file.packet(0, START, b"other", 5, &[]);
    for data in talk_frames() {
        file.packet(1, START, &data, 60, &[(1, b"noted")]);
    }
    file.statistics(1, &[(5, &2_u64.to_le_bytes())]);
    let source = Memory::new(&[("x.pcapng", file.bytes())]);
    let case = talk_case(&source.frames[1..]);
    let selection = select(&case, &Context::default());
    let once = case_to_bytes(&case, &selection, &source, &Options::default()).unwrap();
    let source = Memory::new(&[("case.pcapng", once.clone())]);
    let mut again = talk_case(&source.frames);
    again.id = 1;
    let selection = select(&again, &Context::default());
    let twice = case_to_bytes(&again, &selection, &source, &Options::default()).unwrap();
    assert_eq!(once, twice);
    let file = checker::check(&twice);
    assert_eq!(
        only(&file.packets[0].options, 5),
        Some(&2_u64.to_le_bytes()[..])
    );
}

/// A frame that is not what it was when it was scanned is an error with its place.
#[test]
fn a_changed_file_is_an_error() {
    let (mut case, source) = talk(Endian::Little, plain, &[]);
    case.connection.segments[0].frame.span.offset = 0;
    let selection = select(&case, &Context::default());
    let error = case_to_bytes(&case, &selection, &source, &Options::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("talk.pcapng: at offset 0: "), "{text}");
}

#[test]
fn named_after_the_case() {
    let (mut case, _) = talk(Endian::Little, plain, &[]);
    assert_eq!(
        super::file_name(&case),
        "0003_20231114T221320.000400Z_10.0.0.1-40000_192.0.2.7-443_reset-after-client-hello.pcapng"
    );
    case.connection.server.ip = "2001:db8::7".parse().unwrap();
    assert!(super::file_name(&case).contains("_ip6-2001-db8--7-443_"));
}

/// A case file and its name in a directory.
#[test]
fn written_to_a_directory() {
    let (case, source) = talk(Endian::Little, plain, &[]);
    let dir = tempfile::tempdir().unwrap();
    let selection = select(&case, &Context::default());
    let options = Options::default();
    let written =
        super::write_case(&case, &selection, &source, &options, dir.path(), &|_| false).unwrap();
    assert_eq!(written.packets, 5);
    let bytes = std::fs::read(&written.path).unwrap();
    assert_eq!(bytes.len() as u64, written.bytes);
    checker::check(&bytes);
    assert!(
        super::write_case(&case, &selection, &source, &options, dir.path(), &|_| false).is_err()
    );
    assert_eq!(selection.frames[4].frame.number, FrameNumber(5));
}
