//! Decryption secrets: only those of the sessions that are written, and only when asked for
//! (pcapng 4.7; pcapng-fidelity 1.9). Key material is never shown.

use super::Secrets;
use super::block::{Blocks, Endian, Options, padded, types};
use super::options::{self, Lost};
use super::source::{Origin, body};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `TLSK`, an NSS key log.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// A DSB of the source.
#[derive(Clone, Debug)]
pub(super) struct SecretsBlock {
    kind: u32,
    data: Vec<u8>,
    options: Vec<u8>,
    endian: Endian,
}

impl SecretsBlock {
    pub fn read(bytes: &[u8], endian: Endian) -> Self {
        let rest = body(bytes, 16);
        let len = endian
            .u32(bytes, 12)
            .map_or(0, |len| len as usize)
            .min(rest.len());
        Self {
            kind: endian.u32(bytes, 8).unwrap_or(0),
            data: rest.get(..len).unwrap_or_default().to_vec(),
            options: rest.get(padded(len)..).unwrap_or_default().to_vec(),
            endian,
        }
    }

    /// Its secrets one by one: the lines of a key log; any other kind is one secret.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let is_log = self.kind == TLS_KEY_LOG;
        self.data
            .split(move |b| is_log && *b == b'\n')
            .map(|line| line.trim_ascii())
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
    }
}

/// What became of the secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    /// Secrets in the output.
    pub written: u64,
    /// Secrets of the source sections that are not.
    pub left_out: u64,
}

/// Writes the DSBs of a case. `packets`: the data of the packets written.
pub(super) fn write<'a>(
    blocks: &mut Blocks,
    which: Secrets,
    origins: &[Arc<Origin>],
    packets: impl Iterator<Item = &'a [u8]>,
    lost: &mut Lost,
) -> Carried {
    let mut carried = Carried::default();
    let sources = || origins.iter().flat_map(|origin| &origin.secrets);
    if sources().next().is_none() {
        return carried;
    }
    if which == Secrets::None {
        carried.left_out = sources().map(|block| block.lines().count() as u64).sum();
        return carried;
    }
    let sessions = Sessions::of(packets);
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    for block in sources() {
        let mut log = Vec::new();
        for line in block.lines() {
            if !seen.insert(line) {
                continue;
            }
            if block.kind == TLS_KEY_LOG && sessions.include(line) {
                log.extend_from_slice(line);
                log.push(b'\n');
                carried.written += 1;
            } else {
                carried.left_out += 1;
            }
        }
        if !log.is_empty() {
            write_block(blocks, block, &log, lost);
        }
    }
    carried
}

fn write_block(blocks: &mut Blocks, block: &SecretsBlock, log: &[u8], lost: &mut Lost) {
    let begun = blocks.begin(types::SECRETS);
    blocks.u32(block.kind);
    blocks.u32(log.len() as u32);
    blocks.padded(log);
    let mut list = Options::new(&block.options, block.endian).peekable();
    if list.peek().is_some() {
        options::copy(blocks, types::SECRETS, list, block.endian, &[], lost);
        blocks.end_of_options();
    }
    blocks.end(begun);
}

/// What a line of a key log may name a session by.
#[derive(Debug, Default)]
struct Sessions {
    client_randoms: BTreeSet<[u8; 32]>,
    /// Session ids of ServerHellos, for `RSA Session-ID:` lines.
    ids: BTreeSet<Vec<u8>>,
}

impl Sessions {
    /// Finds the hellos that begin in one of the packets. A hello that is no hello does no
    /// harm: nothing matches it.
    fn of<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut found = Self::default();
        for data in packets {
            for at in memchr::memchr_iter(0x16, data) {
                // record: type, version 3.x, length; handshake: type, 24-bit length, version
                let Some(head) = data.get(at..).and_then(|rest| rest.first_chunk::<11>()) else {
                    continue;
                };
                if head[1] != 3 || head[9] != 3 {
                    continue;
                }
                let body = data.get(at + 11..).unwrap_or_default();
                match (head[5], body.first_chunk::<32>()) {
                    (1, Some(random)) => {
                        found.client_randoms.insert(*random);
                    }
                    (2, Some(_)) => {
                        let len = usize::from(body.get(32).copied().unwrap_or(0));
                        if let Some(id) = body.get(33..33 + len).filter(|id| !id.is_empty()) {
                            found.ids.insert(id.to_vec());
                        }
                    }
                    _ => {}
                }
            }
        }
        found
    }

    fn include(&self, line: &[u8]) -> bool {
        let Some(field) = line.split(|b| *b == b' ').nth(1) else {
            return false;
        };
        if let Some(id) = field.strip_prefix(b"Session-ID:") {
            return unhex(id).is_some_and(|id| self.ids.contains(&id));
        }
        unhex(field)
            .and_then(|random| <[u8; 32]>::try_from(random).ok())
            .is_some_and(|random| self.client_randoms.contains(&random))
    }
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2)
        .map(|pair| {
            let [high, low] = <[u8; 2]>::try_from(pair).ok()?;
            u8::try_from(digit(high)? << 4 | digit(low)?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(kind: u8, random: u8, id: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x16, 3, 1, 0, 0, kind, 0, 0, 0, 3, 3];
        bytes.extend([random; 32]);
        bytes.push(id.len() as u8);
        bytes.extend(id);
        bytes
    }

    #[test]
    fn lines_are_matched_by_random_and_by_session_id() {
        let mut frame = vec![0x16; 54]; // what looks like a record and is none
        frame.extend(hello(1, 0xab, &[]));
        let answer = hello(2, 0xcd, &[1, 2, 3]);
        let sessions = Sessions::of([&frame[..], &answer[..]].into_iter());
        let random = "AB".repeat(32);
        assert!(sessions.include(format!("CLIENT_RANDOM {random} 0011").as_bytes()));
        assert!(!sessions.include(format!("CLIENT_RANDOM {} 0011", "cd".repeat(32)).as_bytes()));
        assert!(sessions.include(b"RSA Session-ID:010203 Master-Key:00"));
        assert!(!sessions.include(b"RSA Session-ID:010204 Master-Key:00"));
        assert!(!sessions.include(b"garbage"));
    }

    #[test]
    fn a_cut_hello_matches_nothing() {
        let hello = hello(1, 0xab, &[]);
        let sessions = Sessions::of([&hello[..42]].into_iter());
        assert!(sessions.client_randoms.is_empty());
    }
}
