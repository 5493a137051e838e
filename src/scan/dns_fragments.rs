//! DNS answers in fragmented datagrams: the worker that met the first fragment read what it
//! holds; addresses that stand further back are read here, from all fragments.

use super::fetch::{self, Wanted};
use super::source::Files;
use crate::flow::datagram::{self, Part};
use crate::flow::loc::Loc;
use crate::flow::names::{DnsFact, Names};
use crate::packet::{self, Addresses, Transport};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Answers put together of one timeline: with 64 KiB each, 32 MiB at once.
const MAX_ANSWERS: usize = 512;

/// What a first fragment holds of an answer.
struct First {
    message: Vec<u8>,
    /// Where the message begins in the datagram's payload.
    start: u32,
    wire: u32,
    addresses: Addresses,
    ports: (u16, u16),
    time: i64,
}

/// The answers in fragments and how many there are beyond the limit.
fn answers(names: &Names, parts: &BTreeMap<u64, Vec<Loc>>) -> (Vec<(u32, Loc)>, u64) {
    if parts.is_empty() {
        return (Vec::new(), 0);
    }
    let mut answers: Vec<(u32, Loc)> = names
        .answers()
        .filter(|(_, loc)| parts.contains_key(&loc.frame()))
        .collect();
    let too_many = answers.len().saturating_sub(MAX_ANSWERS);
    answers.truncate(MAX_ANSWERS);
    (answers, too_many as u64)
}

// The fragments of some answers: whose each is, and whether it is the first.
fn wishes(
    files: &Files,
    answers: &[(u32, Loc)],
    parts: &BTreeMap<u64, Vec<Loc>>,
) -> Vec<Wanted<(usize, bool)>> {
    let base = files.jobs().first().map_or(0, |job| job.id.0);
    let mut wanted = Vec::new();
    for (at, (_, first)) in answers.iter().enumerate() {
        let later = parts.get(&first.frame()).into_iter().flatten();
        for &loc in std::iter::once(first).chain(later) {
            if let Some(frame) = files.frame_ref(loc) {
                wanted.push(Wanted {
                    file: (frame.file.0 - base) as usize,
                    offset: frame.span.offset,
                    purpose: (at, loc.frame() == first.frame()),
                });
            }
        }
    }
    wanted
}

/// Where the records lie that [`complete`] fetches: index of the file, and offset.
pub fn places(files: &Files, names: &Names, parts: &BTreeMap<u64, Vec<Loc>>) -> Vec<(usize, u64)> {
    let wanted = wishes(files, &answers(names, parts).0, parts);
    wanted.into_iter().map(|w| (w.file, w.offset)).collect()
}

/// Reads the fragmented answers again. `parts` are the later fragments by the frame of the
/// first one. Returns how many answers were too many.
pub fn complete(files: &Files, names: &mut Names, parts: &BTreeMap<u64, Vec<Loc>>) -> u64 {
    let (answers, too_many) = answers(names, parts);
    let wanted = wishes(files, &answers, parts);
    let firsts: Mutex<BTreeMap<usize, First>> = Mutex::default();
    let later: Mutex<BTreeMap<usize, Vec<Part>>> = Mutex::default();
    fetch::all(files, wanted, |wanted, record| match wanted.purpose {
        (at, true) => {
            if let Some(first) = first(record) {
                lock(&firsts).insert(at, first);
            }
        }
        (at, false) => {
            let part = super::connections::part(record);
            lock(&later).entry(at).or_default().extend(part);
        }
    });
    let mut later = std::mem::take(&mut *lock(&later));
    let firsts = std::mem::take(&mut *lock(&firsts));
    for (at, first) in firsts {
        let mut parts = later.remove(&at).unwrap_or_default();
        if let (Some((number, _)), Some(fact)) = (answers.get(at), whole(first, &mut parts)) {
            names.complete(*number, &fact);
        }
    }
    too_many
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn first(record: &crate::capture::Record<'_>) -> Option<First> {
    let view = packet::dissect(record.link_type, record.data, record.original_len);
    let (Some(ip), Transport::Udp(udp)) = (&view.ip, &view.transport) else {
        return None;
    };
    let datagram = packet::fragment(record.link_type, record.data, record.original_len)?;
    let start = datagram.payload.len().checked_sub(udp.payload.len())?;
    Some(First {
        message: udp.payload.to_vec(),
        start: u32::try_from(start).ok()?,
        wire: u32::try_from(udp.payload.len()).ok()?,
        addresses: ip.addresses,
        ports: (udp.src_port, udp.dst_port),
        time: record.time.map_or(0, |t| t.0),
    })
}

fn whole(mut first: First, parts: &mut [Part]) -> Option<DnsFact> {
    datagram::complete(&mut first.message, first.wire, first.start, false, parts);
    let (from, to) = first.ports;
    super::dns::fact(
        &first.message,
        &first.addresses,
        from,
        to,
        (0, 0, first.time),
    )
}
