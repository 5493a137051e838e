//! Name resolution blocks: only addresses of the case, and last the one best name of each,
//! which is the one that every Wireshark shows (pcapng 4.5; pcapng-fidelity 1.7).

use super::block::{Blocks, Endian, Options, codes, padded, types};
use super::options::{self, Lost};
use super::source::{Origin, body};
use crate::diagnosis::Case;
use crate::selection::{MAX_COMMENT, clean};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Longest DNS name in text (RFC 1035 2.3.4).
const MAX_NAME: usize = 255;

const END: u16 = 0;
const IPV4: u16 = 1;
const IPV6: u16 = 2;
const EUI48: u16 = 3;
/// `ns_dnsIP4addr` and `ns_dnsIP6addr`: the server that was asked.
const SERVER_V4: u16 = 3;
const SERVER_V6: u16 = 4;

/// A record of an NRB.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    kind: u16,
    /// Address and names as they stand in the block.
    value: Vec<u8>,
}

impl Record {
    fn address(&self) -> Option<IpAddr> {
        match self.kind {
            IPV4 => Some(IpAddr::from(*self.value.first_chunk::<4>()?)),
            IPV6 => Some(IpAddr::from(*self.value.first_chunk::<16>()?)),
            _ => None,
        }
    }

    fn mac(&self) -> Option<[u8; 6]> {
        match self.kind {
            EUI48 => self.value.first_chunk::<6>().copied(),
            _ => None,
        }
    }

    /// Bytes before the names; `None` in a record of another kind.
    fn address_len(&self) -> Option<usize> {
        match self.kind {
            IPV4 => Some(4),
            IPV6 => Some(16),
            EUI48 => Some(6),
            _ => None,
        }
    }

    /// The first of its names.
    fn first_name(&self) -> Option<String> {
        let names = self.value.get(if self.kind == IPV4 { 4 } else { 16 }..)?;
        let name = names.split(|b| *b == 0).find(|name| !name.is_empty())?;
        Some(String::from_utf8_lossy(name).into_owned())
    }
}

/// An NRB of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameBlock {
    records: Vec<Record>,
    options: Vec<u8>,
    endian: Endian,
}

impl NameBlock {
    pub fn read(bytes: &[u8], endian: Endian) -> Self {
        let mut rest = body(bytes, 8);
        let mut records = Vec::new();
        while let (Some(kind), Some(len)) = (endian.u16(rest, 0), endian.u16(rest, 2)) {
            let len = usize::from(len);
            let after = rest.get(4 + padded(len)..).unwrap_or_default();
            if kind == END {
                rest = after;
                break;
            }
            let Some(value) = rest.get(4..4 + len) else {
                rest = &[];
                break;
            };
            records.push(Record {
                kind,
                value: value.to_vec(),
            });
            rest = after;
        }
        Self {
            records,
            options: rest.to_vec(),
            endian,
        }
    }
}

/// What the addresses of a case are called.
struct Best {
    names: BTreeMap<IpAddr, String>,
    /// Asked to learn the server's name.
    resolver: Option<IpAddr>,
    comment: Option<String>,
}

/// Writes the NRBs of a case.
pub(super) fn write(blocks: &mut Blocks, case: &Case, origins: &[Arc<Origin>], lost: &mut Lost) {
    let addresses = addresses(case);
    let macs: BTreeSet<[u8; 6]> = case
        .connection
        .segments
        .iter()
        .filter_map(|s| s.src_mac)
        .collect();
    let kept = |record: &Record| {
        record.address().is_some_and(|a| addresses.contains(&a))
            || record.mac().is_some_and(|m| macs.contains(&m))
    };
    let mut best = Best {
        names: BTreeMap::new(),
        resolver: None,
        comment: None,
    };
    let mut written: Vec<&NameBlock> = Vec::new();
    for block in origins.iter().flat_map(|origin| &origin.names) {
        let records: Vec<&Record> = block.records.iter().filter(|r| kept(r)).collect();
        for record in &records {
            if let (Some(address), Some(name)) = (record.address(), record.first_name()) {
                best.names.insert(address, name);
            }
        }
        if !records.is_empty() && !written.contains(&block) {
            write_block(blocks, block, &records, lost);
            written.push(block);
        }
    }
    from_case(case, &mut best);
    let says_nothing_new = written
        .last()
        .is_some_and(|last| is_best(last, &best.names));
    if !best.names.is_empty() && !says_nothing_new {
        write_best(blocks, &best);
    }
}

/// Addresses that occur in the output.
fn addresses(case: &Case) -> BTreeSet<IpAddr> {
    let connection = &case.connection;
    let mut found = BTreeSet::from([connection.client.ip, connection.server.ip]);
    found.extend(connection.icmp.iter().map(|icmp| icmp.source));
    found.extend(connection.name.iter().map(|name| name.resolver));
    found
}

/// The name the client asked for is the best one of the server, whatever its CNAME chain
/// says; without any other, the name in the ClientHello is.
fn from_case(case: &Case, best: &mut Best) {
    let server = case.connection.server.ip;
    if let Some(lookup) = &case.connection.name {
        let name = clean(lookup.name.trim_end_matches('.'), MAX_NAME);
        if !lookup.cname_chain.is_empty() {
            let chain = lookup.cname_chain.join(", ");
            best.comment = Some(clean(&format!("{name} is an alias: {chain}"), MAX_COMMENT));
        }
        if !name.is_empty() {
            best.names.insert(server, name);
            best.resolver = Some(lookup.resolver);
        }
        return;
    }
    let tls = case.story.tls.as_ref();
    let sni = tls.and_then(|tls| tls.client_hello.as_ref()?.sni.as_ref());
    if let (Some(sni), false) = (sni, best.names.contains_key(&server)) {
        let name = clean(sni, MAX_NAME);
        let comment =
            format!("{name} is what the ClientHello asked {server} for, not a DNS answer");
        best.comment = Some(clean(&comment, MAX_COMMENT));
        best.names.insert(server, name);
    }
}

/// The block holds exactly these names, so that another one would only repeat it.
fn is_best(block: &NameBlock, names: &BTreeMap<IpAddr, String>) -> bool {
    let mut of_block = BTreeMap::new();
    for record in &block.records {
        if let (Some(address), Some(name)) = (record.address(), record.first_name())
            && of_block.insert(address, name).is_some()
        {
            return false;
        }
    }
    of_block == *names
}

fn write_block(blocks: &mut Blocks, block: &NameBlock, records: &[&Record], lost: &mut Lost) {
    let begun = blocks.begin(types::NAMES);
    for record in records {
        // a record has the form of an option
        let names = record.address_len();
        blocks.option(record.kind, &options::readable(&record.value, names, lost));
    }
    blocks.end_of_options();
    let list: Vec<_> = Options::new(&block.options, block.endian).collect();
    if !list.is_empty() {
        options::copy(
            blocks,
            types::NAMES,
            list.into_iter(),
            block.endian,
            &[],
            lost,
        );
        blocks.end_of_options();
    }
    blocks.end(begun);
}

fn write_best(blocks: &mut Blocks, best: &Best) {
    let begun = blocks.begin(types::NAMES);
    for (address, name) in &best.names {
        let (kind, mut value) = match address {
            IpAddr::V4(v4) => (IPV4, v4.octets().to_vec()),
            IpAddr::V6(v6) => (IPV6, v6.octets().to_vec()),
        };
        value.extend_from_slice(name.as_bytes());
        value.push(0);
        blocks.option(kind, &value);
    }
    blocks.end_of_options();
    if best.comment.is_some() || best.resolver.is_some() {
        if let Some(comment) = &best.comment {
            blocks.option(codes::COMMENT, comment.as_bytes());
        }
        match best.resolver {
            Some(IpAddr::V4(v4)) => blocks.option(SERVER_V4, &v4.octets()),
            Some(IpAddr::V6(v6)) => blocks.option(SERVER_V6, &v6.octets()),
            None => {}
        }
        blocks.end_of_options();
    }
    blocks.end(begun);
}
