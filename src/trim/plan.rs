//! Which interfaces the output has: those its packets use, numbered from 0 in the source's
//! order, and one where several sections or files describe the same (pcapng-fidelity 1.1-1.3).

use super::block::{Blocks, Endian, codes, types};
use super::interface::{Clock, Interface};
use super::options::Lost;
use super::packet::Packet;
use super::source::Origin;
use crate::selection::{MAX_COMMENT, clean};
use crate::units::{FileId, LinkType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Snaplen that stands for "no limit" where a number is needed: libpcap's own maximum.
const MAX_SNAPLEN: u32 = 262_144;

/// An interface of the source: file, section, id.
pub(super) type InterfaceKey = (FileId, u32, u32);

/// One interface of the output.
struct Planned {
    link_type: LinkType,
    snaplen: u32,
    clock: Clock,
    /// Option bytes of the source, in the output's byte order.
    options: Vec<u8>,
    /// Comments to add.
    notes: Vec<String>,
    existing: Vec<Vec<u8>>,
}

/// The interfaces of the output.
pub(super) struct Plan {
    planned: Vec<Planned>,
    of: BTreeMap<InterfaceKey, usize>,
}

/// What the kept packets say of one interface.
#[derive(Default)]
struct Use {
    ticks: Vec<u64>,
    longest: u32,
}

impl Plan {
    /// Plans the interfaces of the packets. `None` when a packet names an interface that its
    /// section does not have.
    pub fn of(
        packets: &[(Packet<'_>, &Arc<Origin>)],
        endian: Endian,
        libpcap: bool,
        lost: &mut Lost,
    ) -> Option<Self> {
        let mut used: BTreeMap<InterfaceKey, (Use, &Origin)> = BTreeMap::new();
        for (packet, origin) in packets {
            let (file, section) = origin.key();
            let key = (file, section, packet.interface);
            let (uses, _) = used.entry(key).or_insert_with(|| (Use::default(), origin));
            uses.ticks.extend(packet.ticks);
            uses.longest = uses.longest.max(packet.data.len() as u32);
        }
        let several = used.len() > 1;
        let mut plan = Self {
            planned: Vec::new(),
            of: BTreeMap::new(),
        };
        for (key, (uses, origin)) in &used {
            let id = usize::try_from(key.2).ok()?;
            let interface = origin.interfaces.get(id)?;
            let at = plan.place(interface, uses, endian, lost);
            plan.of.insert(*key, at);
            plan.annotate(
                at,
                *key,
                interface,
                several.then(|| origin.label.base_name()),
            );
        }
        if libpcap {
            plan.even_out();
        }
        Some(plan)
    }

    /// Index of the output interface for one of the source: a new one, unless all of it is
    /// as in one that is there.
    fn place(
        &mut self,
        interface: &Interface,
        uses: &Use,
        endian: Endian,
        lost: &mut Lost,
    ) -> usize {
        let clock = interface.clock(uses.ticks.iter().copied());
        let mut list = Blocks::new(endian);
        interface.write_options(&mut list, clock, lost);
        let same = self.planned.iter().position(|p| {
            p.link_type == interface.link_type
                && p.options == list.out
                && p.clock == clock
                && (p.snaplen == interface.snaplen || p.snaplen == raised(interface, uses))
        });
        let at = same.unwrap_or_else(|| {
            self.planned.push(Planned {
                link_type: interface.link_type,
                snaplen: interface.snaplen,
                clock,
                options: list.out,
                notes: Vec::new(),
                existing: interface.comments().map(<[u8]>::to_vec).collect(),
            });
            self.planned.len() - 1
        });
        let snaplen = raised(interface, uses);
        if let Some(planned) = self.planned.get_mut(at)
            && planned.snaplen != 0
            && snaplen > planned.snaplen
        {
            planned.snaplen = snaplen;
            planned.note(format!(
                "snaplen in the source is {}, and packets are longer",
                interface.snaplen
            ));
        }
        at
    }

    fn annotate(
        &mut self,
        at: usize,
        key: InterfaceKey,
        interface: &Interface,
        file: Option<&str>,
    ) {
        let Some(planned) = self.planned.get_mut(at) else {
            return;
        };
        if usize::try_from(key.2) != Ok(at) {
            planned.note(format!("source interface {}", key.2));
        }
        if let Some(note) = planned.clock.note() {
            planned.note(note);
        }
        if let Some(statistics) = &interface.statistics {
            let text = statistics.text(interface);
            planned.note(match file {
                Some(file) => format!("{file}: {text}"),
                None => text,
            });
        }
    }

    /// One snaplen for all.
    fn even_out(&mut self) {
        let limit = |snaplen: u32| if snaplen == 0 { MAX_SNAPLEN } else { snaplen };
        let largest = self.planned.iter().map(|p| limit(p.snaplen)).max();
        let differ = self
            .planned
            .iter()
            .any(|p| Some(p.snaplen) != self.planned.first().map(|f| f.snaplen));
        if let (Some(largest), true) = (largest, differ) {
            for planned in &mut self.planned {
                if planned.snaplen != largest {
                    planned.note(format!("source snaplen {}", planned.snaplen));
                    planned.snaplen = largest;
                }
            }
        }
    }

    /// Number in the output of a packet's interface, and its ticks there.
    pub fn number(&self, key: InterfaceKey, ticks: u64) -> Option<(u32, u64)> {
        let at = *self.of.get(&key)?;
        let ticks = self.planned.get(at)?.clock.convert(ticks)?;
        Some((u32::try_from(at).ok()?, ticks))
    }

    /// Writes the IDBs.
    pub fn write(&self, blocks: &mut Blocks) {
        for planned in &self.planned {
            let begun = blocks.begin(types::INTERFACE);
            blocks.u16(planned.link_type.0);
            blocks.u16(0);
            blocks.u32(planned.snaplen);
            blocks.out.extend_from_slice(&planned.options);
            for note in &planned.notes {
                blocks.option(codes::COMMENT, note.as_bytes());
            }
            if !planned.options.is_empty() || !planned.notes.is_empty() {
                blocks.end_of_options();
            }
            blocks.end(begun);
        }
    }
}

impl Planned {
    /// Adds a comment unless it is there, from this run or from an earlier one.
    fn note(&mut self, text: String) {
        let text = clean(&text, MAX_COMMENT);
        let there = self.existing.iter().any(|c| *c == text.as_bytes());
        if !there && !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

/// The snaplen, raised to the longest packet: libpcap refuses packets longer than it.
fn raised(interface: &Interface, uses: &Use) -> u32 {
    match interface.snaplen {
        0 => 0,
        snaplen => snaplen.max(uses.longest),
    }
}
