use super::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 53));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

fn message(id: u16, name: &str, query_type: u16, time: i64, answers: &[IpAddr]) -> DnsFact {
    DnsFact {
        frame: 0,
        offset: 0,
        time,
        client: CLIENT,
        client_port: 5353,
        resolver: RESOLVER,
        id,
        response: !answers.is_empty(),
        name: name.into(),
        query_type,
        cname_chain: String::new(),
        addresses: answers.into(),
    }
}

fn at(frame: u64) -> Loc {
    Loc::new(frame, frame * 100)
}

fn host(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + n))
}

fn frames(l: &Lookup<'_>) -> (Option<u64>, Option<u64>) {
    (l.query.map(Loc::frame), l.answer.map(|a| a.0.frame()))
}

#[test]
fn the_latest_answer_before_the_connection_counts() {
    let mut names = Names::default();
    for (frame, name) in [(1, "old.example"), (3, "new.example"), (9, "later.example")] {
        names.add(message(frame as u16, name, 1, 0, &[]), at(frame));
        names.add(message(frame as u16, name, 1, 0, &[SERVER]), at(frame + 1));
    }
    let (found, _) = names
        .find(CLIENT, SERVER, 8)
        .expect("two answers come before frame 8");
    assert_eq!(found.name, "new.example");
    assert_eq!(frames(&found), (Some(3), Some(4)));
    assert_eq!(found.query, Some(at(3)), "with its offset");
    assert!(names.find(CLIENT, SERVER, 2).is_none());
    assert!(
        names.find(RESOLVER, SERVER, 8).is_none(),
        "another client's lookup says nothing"
    );
}

#[test]
fn a_repeated_query_is_one_lookup_and_the_aaaa_twin_belongs_to_it() {
    let mut names = Names::default();
    names.add(message(1, "a.example", 1, 0, &[]), at(1));
    names.add(message(2, "a.example", 28, 0, &[]), at(2));
    names.add(message(1, "a.example", 1, 1_000_000_000, &[]), at(3));
    names.add(message(1, "a.example", 1, 1_000_000_001, &[SERVER]), at(4));
    let (found, twins) = names.find(CLIENT, SERVER, 10).expect("answered");
    assert_eq!(frames(&found), (Some(1), Some(4)));
    assert_eq!(found.answer.map(|a| a.1), Some(1_000_000_001));
    assert_eq!(twins.iter().map(|t| t.query_type).collect::<Vec<_>>(), [28]);
    assert_eq!(names.count(), 2);
}

#[test]
fn twins_come_in_order_and_near_in_time_from_any_resolver() {
    let mut names = Names::default();
    let second = 1_000_000_000;
    names.add(message(1, "a.example", 28, 0, &[]), at(1));
    names.add(message(2, "a.example", 65, 4 * second, &[]), at(2));
    names.add(message(3, "a.example", 1, 6 * second, &[]), at(3));
    let elsewhere = DnsFact {
        resolver: host(9),
        ..message(4, "a.example", 28, 7 * second, &[])
    };
    names.add(elsewhere, at(4));
    let strangers = DnsFact {
        client: host(1),
        ..message(5, "a.example", 28, 7 * second, &[])
    };
    names.add(strangers, at(5));
    names.add(message(6, "b.example", 28, 7 * second, &[]), at(6));
    names.add(message(3, "a.example", 1, 7 * second, &[SERVER]), at(7));
    names.add(message(8, "a.example", 28, 8 * second, &[]), at(8));
    let (found, twins) = names.find(CLIENT, SERVER, 8).expect("answered");
    assert_eq!(frames(&found), (Some(3), Some(7)));
    let got: Vec<_> = twins.iter().map(|t| (frames(t).0, t.resolver)).collect();
    assert_eq!(got, [(Some(2), RESOLVER), (Some(4), host(9))]);
}

#[test]
fn the_chain_and_addresses_of_both_families_are_given_back() {
    let v6 = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
    let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped());
    let mut names = Names::default();
    let fact = DnsFact {
        client: v6,
        resolver: mapped,
        cname_chain: "b.example\nc.example".into(),
        ..message(1, "a.example", 28, 5, &[v6, mapped])
    };
    names.add(fact, at(1));
    for server in [v6, mapped] {
        let (found, twins) = names.find(v6, server, 2).expect("answered without a query");
        let want = Lookup {
            name: "a.example",
            query_type: 28,
            cname_chain: vec!["b.example", "c.example"],
            resolver: mapped,
            query: None,
            answer: Some((at(1), 5)),
        };
        assert_eq!((found, twins), (want, Vec::new()));
    }
    assert!(
        names.find(v6, SERVER, 2).is_none(),
        "an IPv4-mapped address is another one"
    );
}

#[test]
fn an_answer_to_another_name_ends_the_waiting() {
    let mut names = Names::default();
    names.add(message(1, "a.example", 1, 0, &[]), at(1));
    names.add(message(1, "b.example", 1, 0, &[SERVER]), at(2));
    names.add(message(1, "a.example", 1, 0, &[host(1)]), at(3));
    let found = |server| {
        names
            .find(CLIENT, server, 9)
            .map(|f| (f.0.name, frames(&f.0)))
    };
    assert_eq!(found(SERVER), Some(("b.example", (None, Some(2)))));
    assert_eq!(found(host(1)), Some(("a.example", (None, Some(3)))));
    assert_eq!(names.count(), 3);
}

#[test]
fn the_same_lookup_again_and_again_hides_no_earlier_one() {
    let mut names = Names::default();
    for n in 1..=2_000_u64 {
        let time = n as i64 * 60_000_000_000;
        names.add(message(n as u16, "a.example", 1, time, &[]), at(3 * n));
        names.add(message(n as u16, "a.example", 28, time, &[]), at(3 * n + 1));
        names.add(
            message(n as u16, "a.example", 1, time, &[SERVER]),
            at(3 * n + 2),
        );
    }
    for n in [1, 2, 777, 1_999] {
        let (found, _) = names.find(CLIENT, SERVER, 3 * n + 3).expect("answered");
        assert_eq!(frames(&found).1, Some(3 * n + 2));
    }
}

#[test]
fn a_hash_that_two_clients_share_gives_no_wrong_name() {
    let mut names = Names::default();
    names.add(message(1, "a.example", 1, 0, &[SERVER]), at(1));
    let stranger = DnsFact {
        client: host(1),
        ..message(2, "b.example", 1, 0, &[host(2)])
    };
    names.add(stranger, at(2));
    // the stranger's answer is put where the client's own would be
    let key = names.hasher.hash_one((CLIENT, SERVER));
    names.answers.add(key, 1, 2);
    let (found, _) = names.find(CLIENT, SERVER, 9).expect("its own is behind");
    assert_eq!(found.name, "a.example");
}

/// The same by looking at every lookup.
#[derive(Default)]
struct Plain(Vec<PlainLookup>);

struct PlainLookup {
    fact: DnsFact,
    query: u64,
    answer: u64,
    addresses: Vec<IpAddr>,
    waits: bool,
}

impl Plain {
    fn add(&mut self, fact: DnsFact, frame: u64) {
        let same_id = |f: &DnsFact| {
            (f.client, f.client_port, f.resolver, f.id)
                == (fact.client, fact.client_port, fact.resolver, fact.id)
        };
        let waiting = self.0.iter_mut().find(|l| l.waits && same_id(&l.fact));
        if let Some(l) = waiting {
            let same_name = l.fact.name == fact.name;
            let repeated =
                l.fact.query_type == fact.query_type && fact.time - l.fact.time < 5_000_000_000;
            if same_name && !fact.response && repeated {
                return;
            }
            l.waits = false;
            if same_name && fact.response {
                l.answer = frame;
                l.addresses = fact.addresses.to_vec();
                return;
            }
        }
        self.0.push(PlainLookup {
            query: if fact.response { 0 } else { frame },
            answer: if fact.response { frame } else { 0 },
            addresses: fact.addresses.to_vec(),
            waits: !fact.response,
            fact,
        });
    }

    fn find(&self, client: IpAddr, server: IpAddr, frame: u64) -> Option<Vec<(u64, u64)>> {
        let found = self
            .0
            .iter()
            .filter(|l| l.fact.client == client && l.answer > 0 && l.answer < frame)
            .filter(|l| l.addresses.contains(&server))
            .max_by_key(|l| l.answer)?;
        let twins = self.0.iter().filter(|l| {
            let begins = if l.query > 0 { l.query } else { l.answer };
            (l.fact.client, &l.fact.name) == (client, &found.fact.name)
                && l.fact.query_type != found.fact.query_type
                && (l.fact.time - found.fact.time).abs() < 5_000_000_000
                && begins < frame
        });
        let all = std::iter::once(found).chain(twins);
        Some(all.map(|l| (l.query, l.answer)).collect())
    }
}

#[test]
fn a_plain_search_through_all_lookups_finds_the_same() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % n
    };
    let (mut names, mut plain) = (Names::default(), Plain::default());
    for frame in 1..=4_000 {
        let mut fact = message(below(6) as u16, "", [1, 28][below(2) as usize], 0, &[]);
        fact.name = format!("{}.example", below(5));
        fact.time = frame as i64 * 300_000_000 - below(2_000_000_000) as i64;
        fact.client = host(below(3) as u32);
        fact.resolver = host(100 + below(2) as u32);
        if below(2) == 0 {
            fact.response = true;
            fact.addresses = (0..below(4))
                .map(|_| host(200 + below(20) as u32))
                .collect();
        }
        names.add(fact.clone(), at(frame));
        plain.add(fact, frame);
    }
    assert_eq!(names.count(), plain.0.len() as u64);
    let mut answered = 0;
    for _ in 0..3_000 {
        let (client, server) = (host(below(3) as u32), host(200 + below(21) as u32));
        let frame = below(4_100);
        let got = names.find(client, server, frame).map(|(found, twins)| {
            let all = std::iter::once(&found).chain(&twins).map(frames);
            all.map(|(q, a)| (q.unwrap_or(0), a.unwrap_or(0)))
                .collect::<Vec<_>>()
        });
        answered += usize::from(got.is_some());
        assert_eq!(
            got,
            plain.find(client, server, frame),
            "{client} {server} {frame}"
        );
    }
    assert!(answered > 2_000, "{answered}");
}

#[test]
fn three_hundred_thousand_lookups_fit_in_45_megabytes() {
    let mut names = Names::default();
    let all = 300_000_u32;
    for n in 0..all {
        let name = format!("host-{n}.corp.example");
        let time = i64::from(n) * 1_000;
        let frame = u64::from(n) * 2 + 1;
        names.add(message(n as u16, &name, 1, time, &[]), at(frame));
        names.add(message(n as u16, &name, 1, time, &[host(n)]), at(frame + 1));
    }
    let bytes = names.heap_bytes();
    assert!(bytes < 45_000_000, "{bytes} bytes");
    assert_eq!(names.count(), u64::from(all));
    assert_eq!(names.forgotten(), u64::from(all) - LOOKUPS as u64);
    let end = u64::from(all) * 2 + 1;
    let find = |n| names.find(CLIENT, host(n), end).map(|f| f.0.name);
    let oldest = all - LOOKUPS as u32;
    assert_eq!(find(oldest - 1), None);
    assert_eq!(find(oldest), Some(&*format!("host-{oldest}.corp.example")));
    assert_eq!(find(all - 1), Some("host-299999.corp.example"));
}

#[test]
fn queries_that_nobody_answers_leave_nothing_behind() {
    let mut names = Names::default();
    for n in 0..400_000_u32 {
        let fact = DnsFact {
            client: if n % 2 == 0 { CLIENT } else { host(n) },
            client_port: (n >> 4) as u16,
            ..message(n as u16, &format!("{:x}.example", n ^ 0x5a5a), 1, 0, &[])
        };
        names.add(fact, at(u64::from(n) + 1));
    }
    assert_eq!(names.lookups.len(), LOOKUPS);
    assert_eq!(names.waiting.len(), LOOKUPS);
    assert_eq!(names.by_name.len(), LOOKUPS);
    assert_eq!(names.interner.len(), LOOKUPS + LOOKUPS / 2 + 1);
    assert_eq!(names.answers.len(), (0, 0));
    let bytes = names.heap_bytes();
    assert!(bytes < 60_000_000, "{bytes} bytes");
}

#[test]
fn answers_with_many_addresses_push_the_oldest_lookups_out() {
    let mut names = Names::default();
    for n in 0..20_000_u32 {
        let addresses: Vec<_> = (0..64).map(|i| host(n * 64 + i)).collect();
        let fact = message(n as u16, &format!("{n}.example"), 1, 0, &addresses);
        names.add(fact, at(u64::from(n) + 1));
    }
    let held = ANSWERS / 64;
    assert_eq!(names.answers.len(), (ANSWERS, ANSWERS));
    assert_eq!(names.lookups.len(), held);
    assert_eq!(names.by_name.len(), held);
    assert_eq!(names.interner.len(), held + 1);
    assert_eq!(names.forgotten(), 20_000 - held as u64);
    let last = names.find(CLIENT, host(20_000 * 64 - 1), u64::MAX);
    assert_eq!(last.map(|f| f.0.name), Some("19999.example"));
}

#[test]
fn long_names_and_chains_push_the_oldest_lookups_out() {
    let mut names = Names::default();
    for n in 0..40_000_u32 {
        let fact = DnsFact {
            cname_chain: format!("{n}{}", ".chain".repeat(600)),
            ..message(
                n as u16,
                &format!("{n}{}", ".long".repeat(50)),
                1,
                0,
                &[SERVER],
            )
        };
        names.add(fact, at(u64::from(n) + 1));
    }
    assert!(names.interner.held_bytes() <= NAME_BYTES);
    assert_eq!(names.lookups.len() as u64 + names.forgotten(), 40_000);
    assert_eq!(names.interner.len(), names.lookups.len() * 2 + 1);
    let bytes = names.heap_bytes();
    assert!(bytes < 25_000_000, "{bytes} bytes");
    let found = names
        .find(CLIENT, SERVER, 40_001)
        .expect("the last is held")
        .0;
    assert_eq!(frames(&found).1, Some(40_000));
}

#[test]
fn one_client_and_one_name_again_and_again_are_two_keys() {
    let mut names = Names::default();
    for n in 0..400_000_u64 {
        let (id, time) = (n as u16, n as i64);
        names.add(message(id, "a.example", 1, time, &[]), at(2 * n + 1));
        names.add(
            message(id, "a.example", 1, time, &[SERVER, SERVER]),
            at(2 * n + 2),
        );
    }
    assert_eq!(names.lookups.len(), LOOKUPS);
    assert_eq!((names.by_name.len(), names.waiting.len()), (1, 0));
    assert_eq!(names.answers.len(), (LOOKUPS, 1));
    assert_eq!(names.interner.len(), 2);
    assert_eq!(names.forgotten(), 400_000 - LOOKUPS as u64);
    let bytes = names.heap_bytes();
    assert!(bytes < 28_000_000, "{bytes} bytes");
    let frame = 700_000;
    let (found, _) = names.find(CLIENT, SERVER, frame).expect("held");
    assert_eq!(frames(&found).1, Some(frame - 2));
}

#[test]
fn an_answer_far_behind_its_query_leaves_the_others_reachable() {
    let mut names = Names::default();
    names.add(message(1, "late.example", 1, 0, &[]), at(1));
    names.add(message(2, "early.example", 1, 0, &[SERVER]), at(2));
    names.add(message(1, "late.example", 1, 0, &[SERVER]), at(3));
    assert_eq!(
        names.find(CLIENT, SERVER, 9).map(|f| f.0.name),
        Some("late.example")
    );
    names.let_go();
    assert_eq!(
        names.find(CLIENT, SERVER, 9).map(|f| f.0.name),
        Some("early.example")
    );
    names.let_go();
    assert!(names.find(CLIENT, SERVER, 9).is_none());
    assert_eq!(names.answers.len(), (0, 0));
    assert_eq!((names.interner.len(), names.by_name.len()), (0, 0));
    assert_eq!((names.count(), names.forgotten()), (2, 2));
}
