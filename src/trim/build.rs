//! The bytes of a case file.

use super::block::{Blocks, Endian};
use super::options::Lost;
use super::packet::{self, Packet, Placed};
use super::plan::Plan;
use super::provenance::{self, Facts};
use super::secrets::{self, Carried};
use super::source::{Origin, Raw, Records, Source};
use super::{Options, again, extra, names, section};
use crate::diagnosis::Case;
use crate::error::{Error, ErrorKind, Result};
use crate::flow::FrameRef;
use crate::selection::{Kept, Selection};
use crate::units::FileId;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A case file in memory.
pub(super) struct Built {
    pub bytes: Vec<u8>,
    pub secrets: Carried,
}

/// Packets with where they come from, in output order.
type Packets<'a> = Vec<(Packet<'a>, &'a Arc<Origin>)>;

/// Fetches the frames and puts the file together: section header, interfaces, names,
/// secrets, process information, packets.
pub(super) fn build(
    case: &Case,
    selection: &Selection,
    source: &dyn Source,
    options: &Options,
) -> Result<Built> {
    let raws = selection
        .frames
        .iter()
        .map(|kept| source.record(kept.frame))
        .collect::<Result<Vec<Raw>>>()?;
    let packets = read(&raws, &selection.frames)?;
    let origins = origins(&raws);
    let Some(main) = main_origin(case, selection, &raws) else {
        return Err(Error::new(ErrorKind::Output(
            "a case without frames".into(),
        )));
    };
    let endian = byte_order(&origins);
    let mut lost = Lost::default();
    let mut blocks = Blocks::new(endian);
    let plan = Plan::of(&packets, endian, options.libpcap, &mut lost)
        .ok_or_else(|| damaged("a packet names an interface that is not there", &main))?;
    plan.write(&mut blocks);
    names::write(&mut blocks, case, &origins, &mut lost);
    let data = packets.iter().map(|(packet, _)| packet.data);
    let secrets = secrets::write(&mut blocks, options.secrets, &origins, data, &mut lost);
    let processes = write_processes(&mut blocks, &packets);
    write_packets(
        &mut blocks,
        selection,
        &packets,
        &plan,
        &processes,
        &mut lost,
    )
    .ok_or_else(|| damaged("a packet's time or interface is not as before", &main))?;
    let window = extra::window(&packets);
    let extras = extra::write(&mut blocks, options.keep, &origins, window, source)?;
    let mut head = Blocks::new(endian);
    let begun = section::begin(&mut head, &main, &origins, &mut lost);
    let facts = Facts {
        case,
        selection,
        origins: &origins,
        main: &main,
        secrets,
        extras,
        lost,
    };
    let comment = provenance::comment(&facts);
    section::end(&mut head, begun, comment.as_deref());
    head.out.extend_from_slice(&blocks.out);
    Ok(Built {
        bytes: head.out,
        secrets,
    })
}

fn damaged(what: &str, origin: &Origin) -> Error {
    Error::new(ErrorKind::Damaged(what.to_string())).at(Path::new(origin.label.base_name()))
}

fn read<'a>(raws: &'a [Raw], frames: &[Kept]) -> Result<Packets<'a>> {
    let pairs = raws.iter().zip(frames);
    pairs
        .map(|(raw, kept)| {
            let FrameRef { in_file, span, .. } = kept.frame;
            let packet = Packet::read(&raw.bytes, &raw.origin).ok_or_else(|| {
                damaged(&format!("frame {in_file} is not what it was"), &raw.origin)
                    .at_offset(span.offset)
            })?;
            Ok((packet, &raw.origin))
        })
        .collect()
}

/// The sections that supplied packets, in order.
fn origins(raws: &[Raw]) -> Vec<Arc<Origin>> {
    let mut found: BTreeMap<(FileId, u32), Arc<Origin>> = BTreeMap::new();
    for raw in raws {
        found
            .entry(raw.origin.key())
            .or_insert_with(|| Arc::clone(&raw.origin));
    }
    found.into_values().collect()
}

/// The origin of the primary RST.
fn main_origin(case: &Case, selection: &Selection, raws: &[Raw]) -> Option<Arc<Origin>> {
    let reset = case.episode.resets.get(case.episode.primary);
    let segment = reset.and_then(|reset| case.connection.segments.get(reset.segment));
    let index = segment
        .and_then(|segment| selection.number_of(segment.frame))
        .and_then(|number| usize::try_from(number.saturating_sub(1)).ok())
        .unwrap_or(0);
    raws.get(index).map(|raw| Arc::clone(&raw.origin))
}

/// That of the sections if they agree; little-endian otherwise and for what is not pcapng.
fn byte_order(origins: &[Arc<Origin>]) -> Endian {
    let big = |o: &Arc<Origin>| o.records == Records::Pcapng && o.endian == Endian::Big;
    Endian::of(!origins.is_empty() && origins.iter().all(big))
}

/// Copies Apple's process information of every section whose packets refer to it, and
/// returns where in the output's list that of each section begins.
fn write_processes(blocks: &mut Blocks, packets: &Packets<'_>) -> BTreeMap<(FileId, u32), u32> {
    let mut begins = BTreeMap::new();
    let mut count = 0;
    for (packet, origin) in packets {
        let wanted = origin.endian == blocks.endian && packet.refers_to_process();
        if wanted && !begins.contains_key(&origin.key()) {
            begins.insert(origin.key(), count);
            for block in &origin.processes {
                blocks.out.extend_from_slice(block);
            }
            count += origin.processes.len() as u32;
        }
    }
    begins
}

/// `None` when the plan does not have a packet's interface.
fn write_packets(
    blocks: &mut Blocks,
    selection: &Selection,
    packets: &Packets<'_>,
    plan: &Plan,
    processes: &BTreeMap<(FileId, u32), u32>,
    lost: &mut Lost,
) -> Option<()> {
    let told = packets
        .iter()
        .any(|(packet, _)| again::is_judged(packet, &selection.verdict));
    for ((packet, origin), kept) in packets.iter().zip(&selection.frames) {
        let (file, section) = origin.key();
        let key = (file, section, packet.interface);
        let (interface, ticks) = match packet.ticks {
            Some(ticks) => plan.number(key, ticks)?,
            // no clock moves a time that is not there
            None => (plan.number(key, 0).map_or(0, |(id, _)| id), 0),
        };
        // what there is to say of this case was said when its case file was written
        let said = told && packet.has_id();
        let comments = if said {
            Vec::new()
        } else {
            comments(packet, kept, &selection.verdict)
        };
        let placed = Placed {
            interface,
            ticks,
            source_frame: kept.frame.number.0,
            comments: &comments,
            process_base: processes.get(&origin.key()).copied().unwrap_or(0),
        };
        packet::write(blocks, packet, &placed, lost);
    }
    Some(())
}

/// What is to be said of a packet and does not stand there yet from an earlier run.
fn comments(packet: &Packet<'_>, kept: &Kept, verdict: &str) -> Vec<String> {
    let mut comments = Vec::new();
    if packet.ticks.is_none() {
        comments.push("no time stamp in source".to_string());
    }
    comments.extend(kept.comments.iter().cloned());
    again::new_comments(packet, comments, verdict)
}
