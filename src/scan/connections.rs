//! Finished flows to connections: their records are fetched, dissected and given their roles.

use super::fetch::{self, Wanted};
use super::source::Files;
use crate::capture::Record;
use crate::flow::build::{self, Place};
use crate::flow::datagram::{self, Part};
use crate::flow::loc::{Kept, Loc};
use crate::flow::names::{Lookup, Names};
use crate::flow::resets::Finished;
use crate::flow::{
    Connection, FlowTotals, FrameRef, IcmpError, NameLookup, Segment, Side, duplicates, roles,
};
use crate::packet::{self, Transport};
use crate::units::{FrameNumber, Seq, Span, Timestamp};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Connections whose records are asked for at a time.
const BATCH: usize = 32;

/// What was made of a connection's records, but for the segments in no order.
#[derive(Default)]
struct Pieces {
    /// Each in the place of its record among those kept.
    segments: Vec<Option<Segment>>,
    firsts: Vec<(FrameNumber, First)>,
    /// Later fragments, with the first one of each and where it is.
    parts: Vec<(FrameRef, FrameRef, Part)>,
    icmp: Vec<IcmpError>,
    lookup: Vec<FrameRef>,
}

/// A segment that is the first fragment of its datagram.
#[derive(Clone, Copy)]
struct First {
    /// Where the TCP payload begins in the datagram's payload.
    start: u32,
    tunnelled: bool,
}

/// What a wanted record is for.
#[derive(Clone, Copy)]
struct Purpose {
    connection: u32,
    frame: u64,
    role: Role,
}

#[derive(Clone, Copy)]
enum Role {
    /// Its place among the kept records.
    Segment(u32),
    /// The endpoint whose segment is quoted.
    Icmp(u8),
    /// A part of the name's lookup.
    Lookup,
    /// The frame of the first fragment.
    Part(u64),
}

/// Makes connections of finished flows, in their order. Names are looked up if given; `parts`
/// are the later fragments of datagrams by the frame of the first one.
pub fn make(
    files: &Files,
    finished: &[Finished],
    names: Option<&Names>,
    parts: &BTreeMap<u64, Vec<Loc>>,
) -> Vec<Connection> {
    let clients: Vec<_> = finished.iter().map(roles::client_of).collect();
    let asked: Vec<_> = finished
        .par_iter()
        .zip(&clients)
        .map(|(f, c)| lookup(files, f, c.0, names))
        .collect();
    let wanted = wishes(files, finished, &asked, parts);
    let room = |f: &Finished| {
        let segments = vec![None; f.kept.len()];
        Mutex::new(Pieces {
            segments,
            ..Pieces::default()
        })
    };
    // each made where it belongs; two threads seldom want the same place
    let pieces: Vec<Mutex<Pieces>> = finished.par_iter().map(room).collect();
    fetch::all(files, wanted, |wanted, record| {
        let index = wanted.purpose.connection as usize;
        let (f, client) = (&finished[index], clients[index].0);
        Pieces::add(&pieces[index], files, wanted, record, f, client);
    });
    pieces
        .into_par_iter()
        .zip(finished)
        .zip(&clients)
        .zip(asked)
        .map(|(((pieces, f), &client), name)| {
            let pieces = pieces.into_inner().unwrap_or_else(PoisonError::into_inner);
            assemble(skeleton(f, client, name), &f.kept, pieces)
        })
        .collect()
}

impl Pieces {
    // Locked no longer than a piece takes to be put in its place.
    fn add(
        pieces: &Mutex<Self>,
        files: &Files,
        wanted: &Wanted<Purpose>,
        record: &Record<'_>,
        f: &Finished,
        client: usize,
    ) {
        let Purpose { frame, role, .. } = wanted.purpose;
        let place = |number: u64| files.frame_ref(Loc::new(number, wanted.offset));
        let Some(frame) = place(frame) else {
            return;
        };
        let frame = FrameRef {
            span: record.span,
            ..frame
        };
        let lock = || pieces.lock().unwrap_or_else(PoisonError::into_inner);
        match role {
            Role::Segment(at) => {
                let Some((segment, first)) = segment(record, frame, f.endpoints[client]) else {
                    return;
                };
                let mut pieces = lock();
                pieces.firsts.extend(first.map(|f| (frame.number, f)));
                if let Some(room) = pieces.segments.get_mut(at as usize) {
                    *room = Some(segment);
                }
            }
            Role::Part(first) => {
                if let (Some(first), Some(part)) = (place(first), part(record)) {
                    lock().parts.push((first, frame, part));
                }
            }
            Role::Icmp(about) => {
                if let Some(error) = icmp(record, frame, side(usize::from(about), client)) {
                    lock().icmp.push(error);
                }
            }
            Role::Lookup => lock().lookup.push(frame),
        }
    }
}

/// Where the records lie that [`make`] fetches: index of the file, and offset.
pub fn places(
    files: &Files,
    finished: &[Finished],
    names: &Names,
    parts: &BTreeMap<u64, Vec<Loc>>,
) -> Vec<(usize, u64)> {
    let of_batch = |batch: &[Finished]| {
        let mut wanted = Vec::new();
        for f in batch {
            let name = lookup(files, f, roles::client_of(f).0, Some(names));
            wishes_of(files, 0, f, name.as_ref(), parts, &mut wanted);
        }
        wanted.into_iter().map(|w| (w.file, w.offset)).collect()
    };
    let batches = finished.par_chunks(BATCH);
    batches.flat_map_iter::<_, Vec<_>>(of_batch).collect()
}

// A connection of its pieces.
fn assemble(mut connection: Connection, kept: &[Kept], pieces: Pieces) -> Connection {
    connection.icmp = pieces.icmp;
    for frame in pieces.lookup {
        complete_name(&mut connection, frame);
    }
    fill(&mut connection, kept, pieces.segments);
    let mut datagrams: BTreeMap<FrameNumber, Datagram> = BTreeMap::new();
    for (number, first) in pieces.firsts {
        datagrams.entry(number).or_default().first = Some(first);
    }
    for (first, frame, part) in pieces.parts {
        connection.fragments.push((first, frame));
        datagrams.entry(first.number).or_default().parts.push(part);
    }
    put_together(&mut connection, &mut datagrams);
    connection
}

/// A fragmented datagram.
#[derive(Default)]
struct Datagram {
    first: Option<First>,
    parts: Vec<Part>,
}

// Gives segments what the later fragments of their datagrams hold.
fn put_together(connection: &mut Connection, datagrams: &mut BTreeMap<FrameNumber, Datagram>) {
    connection
        .fragments
        .sort_unstable_by_key(|(first, part)| (first.number, part.number));
    for segment in &mut connection.segments {
        let Some(datagram) = datagrams.get_mut(&segment.frame.number) else {
            continue;
        };
        let Some(First { start, tunnelled }) = datagram.first else {
            continue;
        };
        let parts = &mut datagram.parts;
        let len = datagram::complete(&mut segment.payload, segment.len, start, tunnelled, parts);
        let grown = len.saturating_sub(segment.len);
        segment.len = len;
        let side = segment.from.index();
        connection.totals.bytes[side] += u64::from(grown);
        let end = segment.end();
        if grown > 0
            && !segment.is_rst()
            && connection.totals.next[side].is_some_and(|next| end.after(next))
        {
            connection.totals.next[side] = Some(end);
        }
    }
}

fn side(endpoint: usize, client: usize) -> Side {
    if endpoint == client {
        Side::Client
    } else {
        Side::Server
    }
}

fn lookup(files: &Files, f: &Finished, client: usize, names: Option<&Names>) -> Option<NameLookup> {
    let first = f.kept.first()?.loc.frame();
    let (found, twins) = names?.find(f.endpoints[client].ip, f.endpoints[1 - client].ip, first)?;
    let (answer, answer_time) = found.answer?;
    let frame = |loc: Loc| files.frame_ref(loc);
    let frames_of = |l: &Lookup<'_>| {
        [l.query, l.answer.map(|a| a.0)]
            .into_iter()
            .flatten()
            .filter_map(frame)
            .collect::<Vec<_>>()
    };
    Some(NameLookup {
        name: found.name.to_owned(),
        cname_chain: found.cname_chain.iter().map(ToString::to_string).collect(),
        query: found.query.and_then(frame),
        answer: frame(answer)?,
        answer_time: Timestamp(answer_time),
        resolver: found.resolver,
        related: twins.iter().flat_map(frames_of).collect(),
    })
}

fn wishes(
    files: &Files,
    finished: &[Finished],
    lookups: &[Option<NameLookup>],
    parts: &BTreeMap<u64, Vec<Loc>>,
) -> Vec<Wanted<Purpose>> {
    let all: Vec<Vec<_>> = finished
        .par_chunks(BATCH)
        .zip(lookups.par_chunks(BATCH))
        .enumerate()
        .map(|(batch, (finished, lookups))| {
            let mut wanted = Vec::new();
            for (nth, (f, name)) in finished.iter().zip(lookups).enumerate() {
                let connection = (batch * BATCH + nth) as u32;
                wishes_of(files, connection, f, name.as_ref(), parts, &mut wanted);
            }
            wanted
        })
        .collect();
    all.concat()
}

fn wishes_of(
    files: &Files,
    connection: u32,
    f: &Finished,
    name: Option<&NameLookup>,
    parts: &BTreeMap<u64, Vec<Loc>>,
    wanted: &mut Vec<Wanted<Purpose>>,
) {
    let mut want = |loc: Loc, role: Role| {
        let purpose = Purpose {
            connection,
            frame: loc.frame(),
            role,
        };
        wanted.extend(files.index_of(loc.frame()).map(|file| Wanted {
            file,
            offset: loc.offset(),
            purpose,
        }));
    };
    let looked_up = || {
        let frames = |n: &'_ NameLookup| n.query.into_iter().chain([n.answer]);
        let all = name.map(|n| frames(n).chain(n.related.iter().copied()));
        all.into_iter().flatten()
    };
    f.kept
        .iter()
        .zip(0..)
        .for_each(|(k, at)| want(k.loc, Role::Segment(at)));
    f.icmp
        .iter()
        .for_each(|&(loc, about)| want(loc, Role::Icmp(about)));
    looked_up().for_each(|f| want(Loc::new(f.number.0, f.span.offset), Role::Lookup));
    if parts.is_empty() {
        return;
    }
    let own = f.kept.iter().map(|kept| kept.loc.frame());
    for number in own.chain(looked_up().map(|frame| frame.number.0)) {
        let later = parts.get(&number).into_iter().flatten();
        later.for_each(|&loc| want(loc, Role::Part(number)));
    }
}

fn segment(
    record: &Record<'_>,
    frame: FrameRef,
    client: crate::flow::Endpoint,
) -> Option<(Segment, Option<First>)> {
    let view = packet::dissect(record.link_type, record.data, record.original_len);
    let (Some(ip), Transport::Tcp(tcp)) = (&view.ip, &view.transport) else {
        return None;
    };
    let from = build::side_of(ip, tcp.src_port, client);
    let segment = build::segment(record, &view, Place { frame, from })?;
    let datagram = if view.fragmented {
        packet::fragment(record.link_type, record.data, record.original_len)
    } else {
        None
    };
    let first = datagram.filter(|d| d.fragment.offset == 0).map(|d| First {
        start: d.payload.len().saturating_sub(tcp.payload.len()) as u32,
        tunnelled: ip.fragment.is_none(),
    });
    Some((segment, first))
}

/// A later fragment.
pub(super) fn part(record: &Record<'_>) -> Option<Part> {
    let part = packet::fragment(record.link_type, record.data, record.original_len)?;
    Some(Part {
        offset: part.fragment.offset,
        len: part.payload_len,
        more: part.fragment.more,
        data: part.payload.to_vec(),
    })
}

fn icmp(record: &Record<'_>, frame: FrameRef, about: Side) -> Option<IcmpError> {
    let view = packet::dissect(record.link_type, record.data, record.original_len);
    let (Some(ip), Transport::Icmp(icmp)) = (&view.ip, &view.transport) else {
        return None;
    };
    Some(IcmpError {
        frame,
        time: record.time.unwrap_or(Timestamp(0)),
        source: ip.addresses.src(),
        v6: icmp.v6,
        icmp_type: icmp.icmp_type,
        code: icmp.code,
        mtu: icmp.mtu,
        about,
        seq: Seq(icmp.quote?.seq),
    })
}

fn skeleton(
    f: &Finished,
    client: (usize, crate::flow::RoleBasis),
    name: Option<NameLookup>,
) -> Connection {
    let (c, role_basis) = client;
    let by_side = [c, 1 - c];
    Connection {
        client: f.endpoints[c],
        server: f.endpoints[1 - c],
        role_basis,
        stream: f.stream.number().unwrap_or(0),
        incarnation: u32::from(f.incarnation),
        tunnel: f.tunnel,
        segments: Vec::new(),
        left_out: Vec::new(),
        totals: FlowTotals {
            segments: by_side.map(|i| f.segments[i]),
            bytes: by_side.map(|i| f.bytes[i]),
            next: by_side.map(|i| f.next[i].map(Seq)),
            resets: by_side.map(|i| f.resets[i]),
            first_time: Timestamp(f.times.0),
            last_time: Timestamp(f.times.1),
        },
        icmp: Vec::new(),
        fragments: Vec::new(),
        name: name.map(Box::new),
        past_lost: f.past_lost,
    }
}

fn complete_name(connection: &mut Connection, frame: FrameRef) {
    let Some(name) = &mut connection.name else {
        return;
    };
    let own = name
        .query
        .iter_mut()
        .chain([&mut name.answer])
        .chain(&mut name.related);
    own.filter(|f| f.number == frame.number)
        .for_each(|f| f.span = Span { ..frame.span });
}

// Takes the segments in, which are in order, and notes what lies between them.
fn fill(connection: &mut Connection, kept: &[Kept], segments: Vec<Option<Segment>>) {
    let mut next = 0_u64;
    let found = kept.iter().zip(&segments).filter(|(_, s)| s.is_some());
    for (at, (kept, _)) in found.enumerate() {
        let nth = u64::from(kept.nth);
        if nth > next {
            connection.left_out.push((at, nth - next));
        }
        next = nth + 1;
    }
    connection.segments = segments.into_iter().flatten().collect();
    // a packet without a time (SPB) among others that have one: not half a century earlier
    let mut before = Timestamp(0);
    for segment in &mut connection.segments {
        if segment.time == Timestamp(0) {
            segment.time = before;
        }
        before = segment.time;
    }
    let total = connection.totals.segments[0] + connection.totals.segments[1];
    if total > next {
        connection
            .left_out
            .push((connection.segments.len(), total - next));
    }
    connection.icmp.sort_unstable_by_key(|e| e.frame.number);
    duplicates::mark(connection);
    roles::settle(connection);
}
