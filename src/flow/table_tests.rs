//! Incarnations, roles and late segments, by hand-made facts.

use super::ended::Ends;
use super::fact::{Fact, mark};
use super::key::Key4;
use super::resets::Finished;
use super::table::{Base, FlowTable, Limits};
use crate::packet::TunnelId;
use crate::packet::tcp_flags::{ACK, FIN, RST, SYN};

const SECOND: i64 = 1_000_000_000;
/// Client 10.0.0.1:40000 is the key's first endpoint, server 10.0.0.2:80 its second.
const SERVER: u16 = mark::FROM_SECOND;

fn key() -> Key4 {
    let (key, swapped) = Key4::new([[10, 0, 0, 1], [10, 0, 0, 2]], [40000, 80], TunnelId(0));
    assert!(!swapped, "the lower address comes first");
    key
}

/// `(time in ns, flags and side, seq, ack, len)` of each segment, in order.
fn run(segments: &[(i64, u16, u32, u32, u32)]) -> Vec<Finished> {
    let facts: Vec<Fact<Key4>> = segments
        .iter()
        .enumerate()
        .map(|(i, &(time, flags, seq, ack, len))| Fact {
            key: key(),
            hash: 7,
            time,
            offset: i as u32 * 100,
            frame: i as u32,
            seq,
            ack,
            len,
            flags,
            ttl: 64,
            shard: 0,
        })
        .collect();
    let mut table = FlowTable::new(Limits::default());
    let mut ends = Ends::default();
    let base = Base {
        frame: 0,
        offset: 24,
    };
    for fact in &facts {
        table.take(fact, table.guess(fact), base, &mut ends);
    }
    table.number_streams(|frame| frame);
    let mut finished = table.finish_reset(&mut ends).0;
    finished.sort_by_key(|f| f.order);
    finished
}

fn frames(f: &Finished) -> Vec<u64> {
    f.kept.iter().map(|k| k.loc.frame()).collect()
}

#[test]
fn a_refused_syn_and_its_retry_are_one_connection() {
    let got = run(&[
        (0, SYN, 100, 0, 0),
        (1, SERVER | RST | ACK, 0, 101, 0),
        (SECOND / 2, SYN, 100, 0, 0),
        (SECOND / 2 + 1, SERVER | RST | ACK, 0, 101, 0),
    ]);
    assert_eq!(got.len(), 1);
    assert_eq!((frames(&got[0]), got[0].resets), (vec![1, 2, 3, 4], [0, 2]));
    assert!(got[0].saw_syn && got[0].opener == Some(0));
}

#[test]
fn a_new_syn_after_the_end_opens_the_next_incarnation() {
    let got = run(&[
        (0, SYN, 100, 0, 0),
        (1, SERVER | SYN | ACK, 900, 101, 0),
        (2, ACK, 101, 901, 0),
        (3, RST | ACK, 101, 901, 0),
        (4, SYN, 5_000_000, 0, 0),
        (5, SERVER | SYN | ACK, 77_000_000, 5_000_001, 0),
        (6, RST, 5_000_001, 0, 0),
    ]);
    let incarnations: Vec<_> = got.iter().map(|f| (f.incarnation, frames(f))).collect();
    assert_eq!(incarnations, [(0, vec![1, 2, 3, 4]), (1, vec![5, 6, 7])]);
}

#[test]
fn a_syn_on_a_living_connection_stays_until_a_syn_ack_answers_it() {
    let alive = [
        (0, SYN, 100, 0, 0),
        (1, SERVER | SYN | ACK, 900, 101, 0),
        (2, ACK, 101, 901, 0),
    ];
    // challenge ACK, then RST: the old connection (RFC 9293 3.10.7.4)
    let mut challenged = alive.to_vec();
    challenged.extend([
        (3, SYN, 90_000_000, 0, 0),
        (4, SERVER | ACK, 901, 101, 0),
        (5, RST, 101, 0, 0),
    ]);
    assert_eq!(
        run(&challenged).iter().map(frames).collect::<Vec<_>>(),
        [vec![1, 2, 3, 4, 5, 6]]
    );
    // answered: a new connection that begins with the SYN
    let mut answered = alive.to_vec();
    answered.extend([
        (3, SYN, 90_000_000, 0, 0),
        (4, SERVER | SYN | ACK, 50_000_000, 90_000_001, 0),
        (5, RST, 90_000_001, 0, 0),
    ]);
    let got = run(&answered);
    assert_eq!(
        got.iter()
            .map(|f| (f.incarnation, frames(f)))
            .collect::<Vec<_>>(),
        [(1, vec![4, 5, 6])]
    );
    assert!(got[0].saw_syn && got[0].opener == Some(0));
}

#[test]
fn a_late_segment_of_the_reset_connection_is_not_the_new_ones() {
    let got = run(&[
        (0, SYN, 100, 0, 0),
        (1, SERVER | SYN | ACK, 900, 101, 0),
        (2, ACK, 101, 901, 0),
        (3, RST | ACK, 101, 901, 0),
        (4, SYN, 2_000_000_000, 0, 0),
        (5, SERVER | ACK, 901, 101, 1000),
        (6, SERVER | SYN | ACK, 3_000_000_000, 2_000_000_001, 0),
        (7, RST, 2_000_000_001, 0, 0),
    ]);
    assert_eq!(
        got.iter().map(frames).collect::<Vec<_>>(),
        [vec![1, 2, 3, 4, 6], vec![5, 7, 8]]
    );
}

#[test]
fn what_comes_long_after_the_end_is_no_part_of_it() {
    let got = run(&[
        (0, SYN, 100, 0, 0),
        (1, SERVER | RST | ACK, 0, 101, 0),
        (301 * SECOND, SERVER | RST, 101, 0, 0),
    ]);
    assert_eq!(
        got.iter().map(frames).collect::<Vec<_>>(),
        [vec![1, 2], vec![3]]
    );
    assert_eq!(got[1].opener, None);
}

#[test]
fn both_fins_and_silence_end_a_connection() {
    let got = run(&[
        (0, ACK | FIN, 100, 900, 0),
        (1, SERVER | ACK | FIN, 900, 101, 0),
        (61 * SECOND, SYN, 7, 0, 0),
        (61 * SECOND + 1, SERVER | RST | ACK, 0, 8, 0),
    ]);
    assert_eq!(
        got.iter()
            .map(|f| (f.incarnation, frames(f)))
            .collect::<Vec<_>>(),
        [(1, vec![3, 4])]
    );
}

#[test]
fn a_million_resets_of_one_connection_stay_bounded() {
    let mut segments = vec![(0, SYN, 100, 0, 0)];
    segments.extend((1..100_000).map(|i| (i, SERVER | RST | ACK, 0, 101, 0)));
    let got = run(&segments);
    assert_eq!(got[0].resets, [0, 99_999]);
    assert!(
        got[0].kept.len() < 6_000,
        "{} places kept",
        got[0].kept.len()
    );
}

#[test]
fn resets_between_endless_data_stay_bounded() {
    let mut segments = vec![(0, SYN, 100, 0, 0)];
    for i in 0..50_000 {
        segments.push((i, ACK, 101 + i as u32, 1, 1));
        segments.push((i, SERVER | RST, 1, 0, 0));
    }
    let got = run(&segments);
    assert_eq!(got[0].resets, [0, 50_000]);
    assert!(
        got[0].kept.len() < 6_000,
        "{} places kept",
        got[0].kept.len()
    );
}
