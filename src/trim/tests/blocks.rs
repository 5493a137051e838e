//! Names, secrets, statistics, several sections and files (pcapng-fidelity 1.1, 1.6-1.10), and
//! the file as a whole.

use super::super::block::{Endian, types};
use super::super::checker::{self, comments, only};
use super::super::fixture::{Memory, Pcapng, START, talk_case, talk_frames};
use super::super::{Keep, Options, Secrets, case_to_bytes, file_name, write_case};
use super::{build, plain, talk};
use crate::diagnosis::Confidence;
use crate::flow::NameLookup;
use crate::packet::app::{ClientHello, TlsStory};
use crate::selection::{Context, select};
use crate::units::{FrameNumber, Timestamp};

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

/// 1.10: on request, custom blocks stay, and journal entries of the time of the case.
#[test]
fn other_blocks_are_kept_on_request() {
    let entry = |micros: u64| format!("__REALTIME_TIMESTAMP={micros}\nMESSAGE=x\n");
    let (within, before) = (entry(START + 100), entry(START - 2_000_000));
    let describe = |file: &mut Pcapng| {
        plain(file);
        file.other(0x0bad, &[0, 0, 0x7e, 0xd9, 1, 2, 3, 4]);
        file.other(0x4000_0bad, &[0, 0, 0x7e, 0xd9, 1, 2, 3, 4]);
        file.other(9, within.as_bytes());
        file.other(9, before.as_bytes());
    };
    let (case, source) = talk(Endian::Big, describe, &[]);
    let keep = |custom, journal| Options {
        keep: Keep { custom, journal },
        ..Options::default()
    };
    let out = build(&case, &source, &keep(true, true));
    let kinds: Vec<u32> = out.others.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0x0bad, 9]);
    assert_eq!(out.others[0].1, [0, 0, 0x7e, 0xd9, 1, 2, 3, 4]);
    assert!(out.others[1].1.starts_with(within.as_bytes()));
    let told = comments(&out.options).pop().unwrap();
    assert!(
        told.contains("kept behind the packets: 1 custom block, 1 journal entry"),
        "{told}"
    );
    assert!(
        told.contains("(of which 2 custom or journal blocks left out)"),
        "{told}"
    );
    let out = build(&case, &source, &keep(false, true));
    assert_eq!(out.others.len(), 1);
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
    case.connection.name = Some(Box::new(NameLookup {
        name: "www.example.net".into(),
        cname_chain: vec!["edge.cdn.example".into()],
        query: None,
        answer: source.frames[0],
        answer_time: Timestamp(0),
        resolver: [10, 0, 0, 53].into(),
        related: Vec::new(),
    }));
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

/// 1.7: without any other name the SNI is one, and it is said that it is.
#[test]
fn the_sni_names_the_server() {
    let (mut case, source) = talk(Endian::Little, plain, &[]);
    case.story.tls = Some(Box::new(TlsStory {
        client_hello: Some(ClientHello {
            sni: Some("www.example.net".into()),
            ..ClientHello::default()
        }),
        ..TlsStory::default()
    }));
    let out = build(&case, &source, &Options::default());
    let [(best, options)] = &out.names[..] else {
        panic!("{:?}", out.names)
    };
    assert_eq!(
        best[..],
        [(1, b"\xc0\x00\x02\x07www.example.net\0".to_vec())]
    );
    assert!(comments(options)[0].contains("not a DNS answer"));
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
    assert!(
        section[1].contains("(frame 5; in the source b.pcapng#2)"),
        "{}",
        section[1]
    );
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
    // less is known of a case that was cut out
    again.diagnosis.party_confidence = Confidence::Low;
    again.diagnosis.leads.clear();
    let selection = select(&again, &Context::default());
    let twice = case_to_bytes(&again, &selection, &source, &Options::default()).unwrap();
    assert_eq!(once, twice);
    again.diagnosis.class = "another-class";
    let selection = select(&again, &Context::default());
    let other = case_to_bytes(&again, &selection, &source, &Options::default()).unwrap();
    let said = comments(&checker::check(&other).packets[4].options);
    assert!(
        said.iter().any(|c| c.contains(": another-class, who low")),
        "{said:?}"
    );
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
        file_name(&case),
        "0003_20231114T221320.000400Z_10.0.0.1-40000_192.0.2.7-443_reset-after-client-hello.pcapng"
    );
    case.connection.server.ip = "2001:db8::7".parse().unwrap();
    assert!(file_name(&case).contains("_ip6-2001-db8--7-443_"));
}

/// A case file and its name in a directory.
#[test]
fn written_to_a_directory() {
    let (case, source) = talk(Endian::Little, plain, &[]);
    let dir = tempfile::tempdir().unwrap();
    let selection = select(&case, &Context::default());
    let options = Options::default();
    let written = write_case(&case, &selection, &source, &options, dir.path(), &|_| false).unwrap();
    assert_eq!(written.packets, 5);
    let bytes = std::fs::read(&written.path).unwrap();
    assert_eq!(bytes.len() as u64, written.bytes);
    checker::check(&bytes);
    assert!(write_case(&case, &selection, &source, &options, dir.path(), &|_| false).is_err());
    assert_eq!(selection.frames[4].frame.number, FrameNumber(5));
}
