//! Finished flows to connections: their records are fetched, dissected and given their roles.

use super::fetch::{self, Wanted};
use super::source::Files;
use crate::capture::Record;
use crate::flow::build::{self, Place};
use crate::flow::datagram::{self, Part};
use crate::flow::loc::Loc;
use crate::flow::names::{Lookup, Names};
use crate::flow::resets::Finished;
use crate::flow::{
    Connection, FlowTotals, FrameRef, IcmpError, NameLookup, Segment, Side, duplicates, roles,
};
use crate::packet::{self, Transport};
use crate::units::{FrameNumber, Seq, Span, Timestamp};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Connections whose places are looked for at a time.
const BATCH: usize = 32;

enum Piece {
    Segment(usize, Box<Segment>, Option<First>),
    Part(usize, FrameRef, Part),
    Icmp(usize, IcmpError),
    Frame(usize, FrameRef),
}

/// A segment that is the first fragment of its datagram.
#[derive(Clone, Copy)]
struct First {
    /// Where the TCP payload begins in the datagram's payload.
    start: u32,
    tunnelled: bool,
}

/// What a wanted record is for.
enum Purpose {
    Part { connection: usize, first: FrameRef },
    Segment { connection: usize, nth: u32 },
    Icmp { connection: usize, about: u8 },
    Frame { connection: usize },
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
    let lookups: Vec<_> = finished
        .iter()
        .zip(&clients)
        .map(|(f, c)| lookup(files, f, c.0, names))
        .collect();
    let (purposes, frames, wanted) = wishes(files, finished, &lookups, parts);
    let pieces = fetch::all(files, wanted, |wanted, record| {
        let frame = FrameRef {
            span: record.span,
            ..frames[wanted.ticket]
        };
        match purposes[wanted.ticket] {
            Purpose::Segment { connection, .. } => {
                let client = finished[connection].endpoints[clients[connection].0];
                segment(record, frame, client)
                    .map(|(s, first)| Piece::Segment(connection, Box::new(s), first))
            }
            Purpose::Part { connection, .. } => {
                part(record).map(|part| Piece::Part(connection, frame, part))
            }
            Purpose::Icmp { connection, about } => {
                let about = side(usize::from(about), clients[connection].0);
                icmp(record, frame, about).map(|e| Piece::Icmp(connection, e))
            }
            Purpose::Frame { connection } => Some(Piece::Frame(connection, frame)),
        }
    });
    let mut connections: Vec<Connection> = finished
        .iter()
        .zip(&clients)
        .zip(lookups)
        .map(|((f, &c), name)| skeleton(f, c, name))
        .collect();
    let mut nths: Vec<Vec<(u32, Box<Segment>)>> = finished.iter().map(|_| Vec::new()).collect();
    let mut datagrams: BTreeMap<(usize, FrameNumber), Datagram> = BTreeMap::new();
    for (ticket, piece) in pieces {
        match piece {
            Piece::Segment(i, segment, first) => {
                let Purpose::Segment { nth, .. } = purposes[ticket] else {
                    continue;
                };
                if first.is_some() {
                    let key = (i, segment.frame.number);
                    datagrams.entry(key).or_default().first = first;
                }
                nths[i].push((nth, segment));
            }
            Piece::Part(i, frame, part) => {
                let Purpose::Part { first, .. } = purposes[ticket] else {
                    continue;
                };
                connections[i].fragments.push((first, frame));
                let datagram = datagrams.entry((i, first.number)).or_default();
                datagram.parts.push(part);
            }
            Piece::Icmp(i, error) => connections[i].icmp.push(error),
            Piece::Frame(i, frame) => complete_name(&mut connections[i], frame),
        }
    }
    connections
        .par_iter_mut()
        .zip(nths)
        .for_each(|(connection, segments)| fill(connection, segments));
    for (i, connection) in connections.iter_mut().enumerate() {
        assemble(connection, i, &mut datagrams);
    }
    connections
}

/// Where the records lie that [`make`] fetches: index of the file, and offset.
pub fn places(
    files: &Files,
    finished: &[Finished],
    names: &Names,
    parts: &BTreeMap<u64, Vec<Loc>>,
) -> Vec<(usize, u64)> {
    let of_batch = |batch: &[Finished]| {
        let lookups: Vec<_> = batch
            .iter()
            .map(|f| lookup(files, f, roles::client_of(f).0, Some(names)))
            .collect();
        let (_, _, wanted) = wishes(files, batch, &lookups, parts);
        wanted.into_iter().map(|w| (w.file, w.offset)).collect()
    };
    finished
        .par_chunks(BATCH)
        .flat_map_iter::<_, Vec<_>>(of_batch)
        .collect()
}

/// A fragmented datagram.
#[derive(Default)]
struct Datagram {
    first: Option<First>,
    parts: Vec<Part>,
}

// Gives segments what the later fragments of their datagrams hold.
fn assemble(
    connection: &mut Connection,
    index: usize,
    datagrams: &mut BTreeMap<(usize, FrameNumber), Datagram>,
) {
    connection
        .fragments
        .sort_unstable_by_key(|(first, part)| (first.number, part.number));
    for segment in &mut connection.segments {
        let Some(datagram) = datagrams.get_mut(&(index, segment.frame.number)) else {
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
) -> (Vec<Purpose>, Vec<FrameRef>, Vec<Wanted>) {
    let mut purposes = Vec::new();
    let mut frames: Vec<FrameRef> = Vec::new();
    let mut wanted = Vec::new();
    let first = files.jobs().first().map_or(0, |j| j.id.0);
    let mut want = |purpose: Purpose, frame: FrameRef| {
        wanted.push(Wanted {
            file: (frame.file.0 - first) as usize,
            offset: frame.span.offset,
            ticket: frames.len(),
        });
        frames.push(frame);
        purposes.push(purpose);
    };
    for (connection, (f, name)) in finished.iter().zip(lookups).enumerate() {
        for kept in &f.kept {
            if let Some(frame) = files.frame_ref(kept.loc) {
                want(
                    Purpose::Segment {
                        connection,
                        nth: kept.nth,
                    },
                    frame,
                );
            }
        }
        for &(loc, about) in &f.icmp {
            if let Some(frame) = files.frame_ref(loc) {
                want(Purpose::Icmp { connection, about }, frame);
            }
        }
        for frame in name
            .iter()
            .flat_map(|n| n.query.iter().chain([&n.answer]).chain(&n.related))
        {
            want(Purpose::Frame { connection }, *frame);
        }
        let own = f.kept.iter().map(|kept| kept.loc.frame());
        let looked_up = name
            .iter()
            .flat_map(|n| n.query.iter().chain([&n.answer]).chain(&n.related));
        for number in own.chain(looked_up.map(|frame| frame.number.0)) {
            let later = parts.get(&number).into_iter().flatten();
            let first = |loc: Loc| files.frame_ref(Loc::new(number, loc.offset()));
            for (frame, first) in later.filter_map(|&loc| files.frame_ref(loc).zip(first(loc))) {
                want(Purpose::Part { connection, first }, frame);
            }
        }
    }
    (purposes, frames, wanted)
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

// Puts the segments in order and notes what lies between them.
fn fill(connection: &mut Connection, mut segments: Vec<(u32, Box<Segment>)>) {
    segments.sort_unstable_by_key(|(nth, s)| (*nth, s.frame.number));
    connection.segments.reserve_exact(segments.len());
    let mut next = 0_u64;
    for (nth, mut segment) in segments {
        // a packet without a time (SPB) among others that have one: not half a century earlier
        if segment.time == Timestamp(0)
            && let Some(before) = connection.segments.last()
        {
            segment.time = before.time;
        }
        let nth = u64::from(nth);
        if nth > next {
            connection
                .left_out
                .push((connection.segments.len(), nth - next));
        }
        next = nth + 1;
        connection.segments.push(*segment);
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
