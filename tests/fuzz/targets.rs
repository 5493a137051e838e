//! The parts of the program that read bytes from outside, each as a function of some bytes
//! that must return.

use super::seeds::Kind;
use crate::records;
use crate::support::random::Random;
use crate::support::run;
use rstcap::capture::{Identified, State, find_boundary, identify};
use rstcap::packet::{self, Transport, app};
use rstcap::units::LinkType;

/// One part under test.
pub struct Target {
    pub name: &'static str,
    pub kind: Kind,
    pub run: fn(&[u8], &mut Random),
}

/// All of them.
pub static TARGETS: &[Target] = &[
    Target {
        name: "walker",
        kind: Kind::File,
        run: walker,
    },
    Target {
        name: "resync",
        kind: Kind::File,
        run: resync,
    },
    Target {
        name: "dissector",
        kind: Kind::Frame,
        run: dissector,
    },
    Target {
        name: "recognisers",
        kind: Kind::Stream,
        run: recognisers,
    },
    Target {
        name: "messages",
        kind: Kind::Stream,
        run: messages,
    },
    Target {
        name: "scan",
        kind: Kind::File,
        run: scan,
    },
    Target {
        name: "whole",
        kind: Kind::File,
        run: whole,
    },
];

/// Records and skipped bytes are the file, however it is buffered.
fn walker(bytes: &[u8], random: &mut Random) {
    records::sums_agree(bytes, 1 + random.below(3000));
}

/// A boundary that is found lies in the buffer.
fn resync(bytes: &[u8], random: &mut Random) {
    let Identified::Capture(format) = identify(bytes) else {
        return;
    };
    let mut state = State::start(format);
    let mut sink = records::Sum::default();
    let at = random.below(bytes.len() + 1);
    rstcap::capture::walk(&mut state, 0, bytes, true, at as u64, &mut sink);
    let from = random.below(bytes.len() + 1);
    if let Some(found) = find_boundary(&state, from as u64, &bytes[from..]) {
        assert!(found <= bytes.len() - from);
    }
}

/// The view's slices lie in the frame whatever the link type.
fn dissector(bytes: &[u8], random: &mut Random) {
    const USUAL: [u16; 12] = [0, 1, 9, 101, 105, 107, 113, 127, 192, 197, 228, 276];
    let link = match random.below(4) {
        0 => *random.pick(&USUAL),
        1 => random.below(300) as u16,
        _ => 1,
    };
    let longer = random.below(2000) as u32 * u32::from(random.one_in(3));
    let original = (bytes.len() as u32).wrapping_add(longer);
    let view = packet::dissect(LinkType(link), bytes, original);
    let frame = bytes.as_ptr_range();
    let inside = |part: &[u8]| {
        part.is_empty() || frame.contains(&part.as_ptr()) && part.len() <= bytes.len()
    };
    match view.transport {
        Transport::Tcp(tcp) => {
            assert!(inside(tcp.payload) && inside(tcp.options));
            let _ = packet::tcp_options(tcp.options).count();
            let _ = packet::tcp_checksum(&view);
        }
        Transport::Udp(udp) => assert!(inside(udp.payload)),
        _ => {}
    }
}

/// What a connection is about, from any bytes of both sides in any order.
fn recognisers(bytes: &[u8], random: &mut Random) {
    let (client, server) = bytes.split_at(random.below(bytes.len() + 1));
    let (client, server) = if random.one_in(3) {
        (bytes, server)
    } else {
        (client, server)
    };
    let side = |bytes, random: &mut Random| app::Stream {
        bytes,
        starts_at_zero: random.one_in(2),
        missing_after: random.below(3) as u64 * 1000,
        tail: &[],
    };
    let turn = |from_client, len: usize| app::Turn {
        from_client,
        offset: 0,
        len: len as u64,
    };
    let turns = [turn(true, client.len()), turn(false, server.len())];
    let ports = [
        25,
        53,
        80,
        443,
        1433,
        3306,
        5432,
        6379,
        8080,
        random.next() as u16,
    ];
    let dialogue = app::Dialogue {
        client: side(client, random),
        server: side(server, random),
        turns: if random.one_in(4) { &[] } else { &turns },
        client_port: 40_000,
        server_port: *random.pick(&ports),
    };
    let story = app::recognise(&dialogue);
    let text = format!("{story:?}");
    assert!(text.len() < 400_000, "a story of {} bytes", text.len());
}

/// Single messages.
fn messages(bytes: &[u8], random: &mut Random) {
    let _ = app::rst_payload(bytes);
    let _ = app::client_hello(bytes);
    let from = random.below(bytes.len() + 1);
    for bytes in [bytes, &bytes[from..]] {
        if let Some(message) = app::dns_message(bytes) {
            let names: usize = message.answers().map(|a| format!("{a:?}").len()).sum();
            assert!(
                names < 100 * bytes.len().max(4096),
                "{names} bytes of names"
            );
            let _ = (message.question_name(), message.question());
        }
    }
    let _ = packet::tcp_options(&bytes[from..]).count();
}

/// A scan gives the same list however it is split.
fn scan(bytes: &[u8], random: &mut Random) {
    let file = run::temporary(bytes);
    let whole = run::list(file.path(), &["-j1"]);
    let size = *random.pick(&["100", "300", "1000", "5000"]);
    let split = run::list(file.path(), &["-j2", "--chunk-size", size]);
    assert!(whole.ndjson == split.ndjson && whole.anomalies == split.anomalies);
}

/// Everything: scan, diagnosis, all reports, and the case files, which can be read again.
fn whole(bytes: &[u8], _: &mut Random) {
    let ran = run::run_bytes(bytes, &["-j1", "--secrets", "matched", "-V"]);
    for file in &ran.files {
        let again = run::list_bytes(file, &["-j1"]);
        assert!(again.errors.is_empty() && again.resets > 0);
        let harmless = |kind: &str| {
            matches!(
                kind,
                "captured-over-original" | "time-goes-back" | "impossible-time"
            ) || matches!(kind, "header-cut" | "malformed-packet" | "missing-segments")
                || matches!(kind, "duplicate-frames" | "unknown-link-type")
        };
        let wrong: Vec<_> = again.anomalies.iter().filter(|a| !harmless(&a.0)).collect();
        assert!(wrong.is_empty(), "a case file has {wrong:?}");
    }
}
