//! DNS messages to facts.

use crate::flow::names::DnsFact;
use crate::packet::Addresses;
use crate::packet::app::{DnsData, dns_message};
use smallvec::SmallVec;
use std::net::IpAddr;

/// Answers read of one message: more only fill memory.
const ANSWERS: usize = 64;
/// Bytes of CNAME targets taken of one message, as compressed names are longer than the message
/// that holds them. Resolvers follow some ten targets of less than 256 bytes.
const CHAIN: usize = 4096;

/// The fact of a message between two addresses, `(frame, offset, time)` relative to its chunk.
/// Only queries with a question and responses that repeat it say anything.
pub fn fact(
    message: &[u8],
    addresses: &Addresses,
    src_port: u16,
    dst_port: u16,
    (frame, offset, time): (u32, u32, i64),
) -> Option<DnsFact> {
    let message = dns_message(message)?;
    let question = message.question()?;
    let response = message.is_response();
    let (src, dst) = (addresses.src(), addresses.dst());
    let (client, client_port, resolver) = if response {
        (dst, dst_port, src)
    } else {
        (src, src_port, dst)
    };
    let mut name = question.name.name_to_string();
    name.make_ascii_lowercase();
    let mut fact = DnsFact {
        frame,
        offset,
        time,
        client,
        client_port,
        resolver,
        id: message.id,
        response,
        name,
        query_type: question.kind.unwrap_or(0),
        cname_chain: String::new(),
        addresses: SmallVec::new(),
    };
    if response {
        for answer in message.answers().take(ANSWERS) {
            match answer.data {
                DnsData::A(ip) => fact.addresses.push(IpAddr::V4(ip)),
                DnsData::Aaaa(ip) => fact.addresses.push(IpAddr::V6(ip)),
                DnsData::Cname(name) if fact.cname_chain.len() < CHAIN => {
                    add_line(&mut fact.cname_chain, name.name_to_string());
                }
                DnsData::Cname(_) | DnsData::Other(_) => {}
            }
        }
    }
    Some(fact)
}

fn add_line(lines: &mut String, line: String) {
    if lines.is_empty() {
        *lines = line;
    } else {
        lines.push('\n');
        lines.push_str(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: [u8; 4] = [10, 0, 0, 1];
    const RESOLVER: [u8; 4] = [10, 0, 0, 53];

    // RFC 1035 4.1: a response to one question, with one CNAME record to every target
    fn response(question: &[u8], targets: &[&[u8]], address: [u8; 4]) -> Vec<u8> {
        let count = targets.len() as u8 + 1;
        let mut message = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0];
        message.extend(question);
        message.extend([0, 1, 0, 1]);
        for target in targets {
            message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, target.len() as u8]);
            message.extend(*target);
        }
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend(address);
        message
    }

    fn read(message: &[u8]) -> DnsFact {
        let addresses = Addresses::V4 {
            src: RESOLVER,
            dst: CLIENT,
        };
        fact(message, &addresses, 53, 4242, (7, 700, 9)).expect("a response to a question")
    }

    #[test]
    fn a_response_says_who_asked_and_what_was_answered() {
        let message = response(
            b"\x03WWW\x07Example\x00",
            &[b"\x04Edge\xc0\x10", b"\x01b\x03net\x00"],
            [192, 0, 2, 7],
        );
        let fact = read(&message);
        assert_eq!(fact.name, "www.example");
        assert_eq!(fact.cname_chain, "Edge.Example\nb.net");
        assert_eq!(fact.addresses[..], [IpAddr::from([192, 0, 2, 7])]);
        assert_eq!((fact.client, fact.client_port), (CLIENT.into(), 4242));
        assert_eq!(fact.resolver, IpAddr::from(RESOLVER));
        assert_eq!((fact.id, fact.query_type, fact.response), (0x1234, 1, true));
    }

    #[test]
    fn compressed_names_do_not_blow_a_message_up() {
        let long = [&[63][..], &[0xff; 63]].concat().repeat(3);
        let question = [&long[..], &[0]].concat();
        let targets = [&[0xc0_u8, 12][..]; 60];
        let message = response(&question, &targets, [192, 0, 2, 7]);
        let chain = read(&message).cname_chain;
        let one = r"\xff".repeat(63).len() * 3 + 2;
        assert_eq!(chain.lines().count(), CHAIN.div_ceil(one + 1));
        assert!(chain.lines().all(|name| name.len() == one), "{chain}");
    }
}
