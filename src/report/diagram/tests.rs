//! Tests of layout and drawing.

use super::*;
use crate::diagnosis::{Case, Party};
use crate::flow::Side;
use crate::packet::tcp_flags::{ACK, PSH, RST};
use crate::report::hostile;
use crate::report::testing::{case, segment};
use crate::reset::{Effect, Form, Reset, Role};
use crate::selection::{Context, select};

fn of(case: &Case) -> Diagram {
    layout(case, &select(case, &Context::default()))
}

fn arrows(diagram: &Diagram) -> Vec<&Arrow> {
    let of_row = |r: &'_ Row| matches!(r, Row::Arrow(_));
    let rows = diagram.rows.iter().filter(|r| of_row(r));
    rows.filter_map(|r| match r {
        Row::Arrow(a) => Some(a),
        _ => None,
    })
    .collect()
}

/// A case with `n` data segments between the ClientHello and the RST, each answered.
fn long(n: u64, forged: bool) -> Case {
    let mut c = case(1);
    if !forged {
        c.diagnosis.party = Party::ServerHost;
    }
    let rst = c.connection.segments.pop().unwrap();
    for i in 0..n {
        let at = 50_000_000 + i as i64 * 1_000_000;
        let mut data = segment(20 + 2 * i, at, Side::Server, ACK | PSH, &[0x55; 100]);
        data.seq = crate::units::Seq(2001 + 100 * i as u32);
        let mut ack = segment(21 + 2 * i, at + 500_000, Side::Client, ACK, b"");
        ack.window = 500;
        ack.seq = crate::units::Seq(1003);
        c.connection.segments.extend([data, ack]);
    }
    let last = 60_000_000 + n as i64 * 1_000_000;
    let mut rst_late = segment(100_000, last, Side::Server, RST | ACK, b"");
    rst_late.seq = rst.seq;
    c.connection.segments.push(rst_late);
    let at = c.connection.segments.len() - 1;
    c.episode.resets[0].segment = at;
    c.episode.resets[0].trigger = Some(at - 1);
    c.connection.totals.last_time = c.connection.segments[at].time;
    c.diagnosis.evidence.clear();
    c
}

#[test]
fn a_forged_reset_starts_at_the_device() {
    let d = of(&case(1));
    assert_eq!(d.device.as_ref().unwrap().address, "as 192.0.2.7");
    let all = arrows(&d);
    assert_eq!(all.len(), 4);
    let rst = all[3];
    assert_eq!((rst.from, rst.to), (Place::Device, Place::Client));
    assert_eq!(rst.look, Look::Primary);
    assert_eq!(rst.label, "forged RST, ACK");
    assert_eq!(rst.time, "0.043400");
    assert_eq!(all[2].look, Look::Trigger);
    assert_eq!(
        (all[0].label.as_str(), all[1].label.as_str()),
        ("SYN", "SYN, ACK")
    );
    assert!(matches!(&d.rows[0], Row::Note { text, .. } if text.contains("www.example.net")));
}

#[test]
fn a_reset_of_the_server_starts_at_the_server() {
    let mut c = case(1);
    c.diagnosis.party = Party::ServerHost;
    let d = of(&c);
    assert_eq!(d.device, None);
    assert_eq!(arrows(&d)[3].from, Place::Server);
    // what the victim answers to its real peer is its own
    c.diagnosis.party = Party::MiddleboxBoth;
    let mut reply = segment(13, 60_000_000, Side::Client, RST, b"");
    reply.seq = crate::units::Seq(1003);
    c.connection.segments.push(reply);
    c.episode.resets.push(Reset {
        segment: 4,
        from: Side::Client,
        form: Form::Stateless,
        role: Role::VictimReply,
        effect: Effect::Unknown,
        trigger_first: None,
        trigger: None,
    });
    let d = of(&c);
    assert_eq!(arrows(&d)[3].from, Place::Device);
    assert_eq!(arrows(&d)[4].from, Place::Client);
}

#[test]
fn runs_of_data_become_one_row() {
    let c = long(12, false);
    let d = layout(
        &c,
        &select(
            &c,
            &Context {
                before: 100,
                after: 100,
                whole_connection: true,
            },
        ),
    );
    let runs: Vec<&Run> = d
        .rows
        .iter()
        .filter_map(|r| match r {
            Row::Run(run) => Some(run),
            _ => None,
        })
        .collect();
    assert_eq!(runs.len(), 1, "{:#?}", d.rows);
    assert!(
        runs[0].label.contains("data segments, 1,") && runs[0].label.contains("bytes"),
        "{}",
        runs[0].label
    );
    assert_eq!((runs[0].from, runs[0].to), (Place::Server, Place::Client));
    assert!(d.rows.len() < 14);
}

#[test]
fn never_more_than_sixty_arrows() {
    for n in [0, 5, 40, 400] {
        let c = long(n, true);
        let d = layout(
            &c,
            &select(
                &c,
                &Context {
                    before: 2000,
                    after: 2000,
                    whole_connection: true,
                },
            ),
        );
        let drawn = d
            .rows
            .iter()
            .filter(|r| !matches!(r, Row::Break(_) | Row::Note { .. }))
            .count();
        assert!(drawn <= 60, "{n}: {drawn}");
        let primary = arrows(&d)
            .iter()
            .filter(|a| a.look == Look::Primary)
            .count();
        assert_eq!(primary, 1, "{n}");
    }
}

#[test]
fn silence_is_a_break() {
    let mut c = case(1);
    for s in c.connection.segments.iter_mut().skip(3) {
        s.time.0 += 63_000_000_000;
    }
    let d = of(&c);
    assert!(
        d.rows.contains(&Row::Break("63 s without a packet".into())),
        "{:#?}",
        d.rows
    );
}

#[test]
fn copies_are_not_drawn() {
    let mut c = case(1);
    let mut copy = c.connection.segments[0].clone();
    copy.frame = crate::report::testing::frame(11);
    copy.duplicate_of = Some(0);
    c.connection.segments.insert(3, copy);
    c.episode.resets[0].segment = 4;
    assert_eq!(arrows(&of(&c)).len(), 4);
}

#[test]
fn text_fits_the_terminal() {
    for case in [case(1), long(12, false), long(200, true)] {
        let d = of(&case);
        for columns in [80, 120, 200] {
            for line in lines(&d, columns) {
                assert!(hostile::width(&line) <= columns, "{columns}: {line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
    let drawn = lines(&of(&case(1)), 80).join("\n");
    assert!(drawn.contains("0.043400       12 ! |<X="), "{drawn}");
    assert!(drawn.contains("0.043000       10 * |--"), "{drawn}");
}

#[test]
fn hostile_names_are_inert() {
    let mut c = case(1);
    c.connection.name.as_mut().unwrap().name =
        "</svg><script>alert(1)</script>\u{202e}\u{1b}[2J".into();
    let d = of(&c);
    let svg = document(&d);
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;/svg&gt;&lt;script&gt;"), "{svg}");
    assert!(!svg.chars().any(|ch| ch != '\n' && hostile::is_hostile(ch)));
    for line in lines(&d, 120) {
        assert!(!line.chars().any(hostile::is_hostile), "{line:?}");
    }
}

#[test]
fn probes_and_repetitions_are_named() {
    let mut c = case(1);
    let closed = segment(13, 50_000_000, Side::Client, ACK, b"");
    let mut probe = segment(14, 60_000_000, Side::Server, ACK, b"");
    probe.window = 100;
    probe.seq = crate::units::Seq(1000);
    let mut open = closed.clone();
    open.window = 500;
    open.frame = crate::report::testing::frame(15);
    let mut again = probe.clone();
    again.frame = crate::report::testing::frame(16);
    let rst = c.connection.segments.pop().unwrap();
    let hello = c.connection.segments[2].clone();
    let mut repeated = hello.clone();
    repeated.frame = crate::report::testing::frame(12);
    c.connection
        .segments
        .extend([repeated, closed, probe, open, again]);
    c.connection.segments.push(crate::flow::Segment {
        frame: crate::report::testing::frame(17),
        ..rst
    });
    c.episode.resets[0].segment = 8;
    let places = relative::places(&c.connection);
    assert!(places[3].repeated && !places[2].repeated);
    assert!(places[5].window_probe && !places[5].keep_alive);
    assert!(places[7].keep_alive && !places[7].window_probe);
    // relative to the SYN's number, as Wireshark counts
    assert_eq!((places[0].seq, places[0].ack), (0, None));
}
