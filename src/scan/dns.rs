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
