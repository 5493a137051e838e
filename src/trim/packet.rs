//! One packet: what of a record must be known to copy it, and the Enhanced Packet Block it
//! becomes (pcapng 4.3; pcapng-fidelity 1.3, 1.4).

use super::block::{Blocks, Endian, Options, codes, padded, types};
use super::options::{self, Lost};
use super::source::{Origin, Records, body};
use crate::capture;
use crate::units::TsResolution;

const DROP_COUNT: u16 = 4;
const PACKET_ID: u16 = 5;
/// Apple's options that are indexes into its process information blocks: process, and the
/// process on whose behalf it acted.
pub(super) const PROCESS_INDEXES: [u16; 2] = [0x8001, 0x8003];

/// A record, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Interface id in the source.
    pub interface: u32,
    /// In ticks of that interface; `None` in a Simple Packet Block.
    pub ticks: Option<u64>,
    pub original_len: u32,
    pub data: &'a [u8],
    /// Option bytes; empty outside pcapng.
    pub options: &'a [u8],
    /// The drop counter of an obsolete Packet Block.
    pub drops: Option<u64>,
    pub endian: Endian,
}

impl<'a> Packet<'a> {
    /// `None` when the record contradicts itself, which the walk that found it rules out.
    pub fn read(bytes: &'a [u8], origin: &Origin) -> Option<Self> {
        match origin.records {
            Records::Pcap => pcap(bytes, origin),
            Records::Snoop => snoop(bytes),
            Records::Erf => erf(bytes),
            Records::Pcapng => match origin.endian.u32(bytes, 0)? {
                types::ENHANCED_PACKET => enhanced(bytes, origin.endian),
                types::PACKET => obsolete(bytes, origin.endian),
                types::SIMPLE_PACKET => simple(bytes, origin),
                _ => None,
            },
        }
    }

    pub fn options(&self) -> Options<'a> {
        Options::new(self.options, self.endian)
    }

    /// Text of the comments it has already.
    pub fn comments(&self) -> impl Iterator<Item = &'a [u8]> {
        self.options()
            .filter(|o| o.code == codes::COMMENT)
            .map(|o| o.value)
    }

    /// Whether it has an `epb_packetid`.
    pub fn has_id(&self) -> bool {
        self.options().any(|o| o.code == PACKET_ID)
    }

    pub fn refers_to_process(&self) -> bool {
        self.options().any(|o| PROCESS_INDEXES.contains(&o.code))
    }
}

/// Variants of pcap differ in what follows the first 16 bytes of the record header; some old
/// writers have the two lengths the other way round.
fn pcap<'a>(bytes: &'a [u8], origin: &Origin) -> Option<Packet<'a>> {
    let endian = origin.endian;
    let nanos = origin.interfaces.first()?.resolution == TsResolution::NANO;
    let units = if nanos { 1_000_000_000 } else { 1_000_000 };
    let first = endian.u32(bytes, 8)?;
    let second = endian.u32(bytes, 12)?;
    let header = |len: u32| {
        let header = bytes.len().checked_sub(usize::try_from(len).ok()?)?;
        matches!(header, 16 | 20 | 24 | 28).then_some(header)
    };
    let (header, original_len) = match (header(first), header(second)) {
        (Some(header), _) => (header, second),
        (None, Some(header)) => (header, first),
        (None, None) => return None,
    };
    let seconds = u64::from(endian.u32(bytes, 0)?);
    let fraction = u64::from(endian.u32(bytes, 4)?);
    Some(Packet {
        interface: 0,
        // below 2^32 * 10^9 + 2^32, which 64 bits hold
        ticks: Some(seconds * units + fraction),
        original_len,
        data: bytes.get(header..)?,
        options: &[],
        drops: None,
        endian,
    })
}

/// RFC 1761: original length, included length, record length, drops, seconds, microseconds.
fn snoop(bytes: &[u8]) -> Option<Packet<'_>> {
    let endian = Endian::Big;
    let included = usize::try_from(endian.u32(bytes, 4)?).ok()?;
    let seconds = u64::from(endian.u32(bytes, 16)?);
    let micros = u64::from(endian.u32(bytes, 20)?);
    Some(Packet {
        interface: 0,
        ticks: Some(seconds * 1_000_000 + micros),
        original_len: endian.u32(bytes, 0)?,
        data: bytes.get(24..)?.get(..included)?,
        options: &[],
        drops: None,
        endian,
    })
}

/// The record is the packet, as in any file of `LINKTYPE_ERF`.
fn erf(bytes: &[u8]) -> Option<Packet<'_>> {
    let (nanos, original_len, data) = capture::erf_record(bytes)?;
    Some(Packet {
        interface: 0,
        ticks: Some(nanos),
        original_len,
        data,
        options: &[],
        drops: None,
        endian: Endian::Little,
    })
}

fn enhanced(bytes: &[u8], endian: Endian) -> Option<Packet<'_>> {
    let captured = usize::try_from(endian.u32(bytes, 20)?).ok()?;
    let rest = body(bytes, 28);
    Some(Packet {
        interface: endian.u32(bytes, 8)?,
        ticks: endian.ticks(bytes, 12),
        original_len: endian.u32(bytes, 24)?,
        // a block that holds fewer bytes than it says: the walk took what is there, too
        data: rest.get(..captured).unwrap_or(rest),
        options: rest.get(padded(captured)..).unwrap_or_default(),
        drops: None,
        endian,
    })
}

/// The obsolete Packet Block: a 16-bit interface id and a 16-bit drop count instead of the
/// 32-bit id, and the same options (pcapng appendix A).
fn obsolete(bytes: &[u8], endian: Endian) -> Option<Packet<'_>> {
    let interface = endian.u16(bytes, 8)?;
    let drops = endian.u16(bytes, 10)?;
    Some(Packet {
        interface: u32::from(interface),
        drops: (drops != u16::MAX).then_some(u64::from(drops)),
        ..enhanced(bytes, endian)?
    })
}

/// A Simple Packet Block: the snaplen of interface 0 tells the captured length.
fn simple<'a>(bytes: &'a [u8], origin: &Origin) -> Option<Packet<'a>> {
    let original_len = origin.endian.u32(bytes, 8)?;
    let rest = body(bytes, 12);
    let captured = match origin.interfaces.first()?.snaplen {
        0 => original_len,
        snaplen => original_len.min(snaplen),
    };
    let captured = usize::try_from(captured).ok()?.min(rest.len());
    Some(Packet {
        interface: 0,
        ticks: None,
        original_len,
        data: rest.get(..captured)?,
        options: &[],
        drops: None,
        endian: origin.endian,
    })
}

/// What is new about a packet in the output.
pub(super) struct Placed<'a> {
    pub interface: u32,
    pub ticks: u64,
    /// Number of the frame in the source, for `epb_packetid` where there is none.
    pub source_frame: u64,
    /// Our comments, after the source's own.
    pub comments: &'a [String],
    /// Added to Apple's process indexes.
    pub process_base: u32,
}

/// Writes the packet as an Enhanced Packet Block: data and lengths as they are, the original
/// options as they are and first.
pub(super) fn write(
    blocks: &mut Blocks,
    packet: &Packet<'_>,
    placed: &Placed<'_>,
    lost: &mut Lost,
) {
    let begun = blocks.begin(types::ENHANCED_PACKET);
    blocks.u32(placed.interface);
    blocks.ticks(placed.ticks);
    blocks.u32(packet.data.len() as u32);
    blocks.u32(packet.original_len);
    blocks.padded(packet.data);
    let from = packet.endian;
    let kind = types::ENHANCED_PACKET;
    if placed.process_base == 0 || from != blocks.endian {
        options::copy(blocks, kind, packet.options(), from, &[], lost);
    } else {
        copy_with_processes(blocks, packet, placed.process_base, lost);
    }
    if let Some(drops) = packet.drops {
        blocks.option(DROP_COUNT, &blocks.endian.bytes64(drops));
    }
    for comment in placed.comments {
        blocks.option(codes::COMMENT, comment.as_bytes());
    }
    if !packet.has_id() {
        blocks.option(PACKET_ID, &blocks.endian.bytes64(placed.source_frame));
    }
    blocks.end_of_options();
    blocks.end(begun);
}

/// As [`options::copy`], with the process indexes moved behind those of the sections before.
fn copy_with_processes(blocks: &mut Blocks, packet: &Packet<'_>, base: u32, lost: &mut Lost) {
    let from = packet.endian;
    for option in packet.options() {
        match from.u32(option.value, 0) {
            Some(index) if PROCESS_INDEXES.contains(&option.code) => {
                let moved = from.bytes32(index.wrapping_add(base));
                blocks.option(option.code, &moved);
            }
            _ => {
                let one = std::iter::once(option);
                options::copy(blocks, types::ENHANCED_PACKET, one, from, &[], lost);
            }
        }
    }
}
