//! What a case file needs of its source: the kept records as they stand in the file, and of
//! each section the header, the interfaces and what else describes its packets.

use super::block::{Endian, Options, types};
use super::extra::{self, Extra};
use super::interface::{Interface, Statistics};
use super::names::NameBlock;
use super::secrets::SecretsBlock;
use crate::capture::{Layout, Structure};
use crate::error::Result;
use crate::flow::FrameRef;
use crate::units::{FileId, FrameNumber, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the frames of a case are fetched again.
pub trait Source {
    /// The whole record or block of a frame, header and options included, as in the
    /// (decompressed) file, and where it comes from.
    ///
    /// # Errors
    ///
    /// When the file cannot be read any more or has become shorter.
    fn record(&self, frame: FrameRef) -> Result<Raw>;

    /// The bytes of a block that the walk over a file reported.
    ///
    /// # Errors
    ///
    /// As for [`Source::record`].
    fn block(&self, file: FileId, span: Span) -> Result<Vec<u8>>;
}

/// A record as it stands in its file.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its section.
    pub origin: Arc<Origin>,
}

/// A file as it is named in a case file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileLabel {
    /// Index of the file in the run.
    pub file: FileId,
    /// Its name; anything up to the last separator is left out of the output.
    pub name: String,
    /// Its size on disk in bytes, if it has one.
    pub size: Option<u64>,
    /// Numbers of its first and last frame in the timeline.
    pub frames: Option<(FrameNumber, FrameNumber)>,
    /// Frames among them that hold no packet (custom blocks, journal entries).
    pub other_frames: u64,
}

impl FileLabel {
    /// The name without directories: those are nobody's business.
    #[must_use]
    pub fn base_name(&self) -> &str {
        let parts = self.name.rsplit(['/', '\\']);
        parts.into_iter().next().unwrap_or(&self.name)
    }
}

/// How the records of an origin are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    /// pcap and its variants: a header of at least 16 bytes, then the data.
    Pcap,
    /// Snoop (RFC 1761): a header of 24 bytes, then the data.
    Snoop,
    /// Endace's records, which are kept whole but for their padding.
    Erf,
    /// pcapng blocks.
    Pcapng,
}

/// One section of a pcapng file, or one whole file of another format.
#[derive(Debug)]
pub struct Origin {
    pub(super) label: FileLabel,
    /// From 1 within its file.
    pub(super) section: u32,
    /// Offset of its header.
    pub(super) start: u64,
    pub(super) records: Records,
    pub(super) endian: Endian,
    /// Option bytes of the section header.
    pub(super) options: Vec<u8>,
    pub(super) interfaces: Vec<Interface>,
    pub(super) names: Vec<NameBlock>,
    pub(super) secrets: Vec<SecretsBlock>,
    /// Apple's process information blocks, whole.
    pub(super) processes: Vec<Vec<u8>>,
    /// Blocks that are carried on request.
    pub(super) extras: Vec<Extra>,
    /// Blocks that are not carried, by type.
    pub(super) left_out: BTreeMap<u32, u64>,
}

impl Origin {
    /// File and section: the order of origins, and what keeps them apart.
    pub(super) fn key(&self) -> (FileId, u32) {
        (self.label.file, self.section)
    }

    pub(super) fn file(&self) -> FileId {
        self.label.file
    }

    pub(super) fn section_options(&self) -> Options<'_> {
        Options::new(&self.options, self.endian)
    }
}

/// The origins of one file in the order of their sections.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<Arc<Origin>>);

impl Origins {
    /// Reads what a walk over the file reported. `read` fetches bytes of the (decompressed)
    /// file by their span. Blocks that are not understood are counted and otherwise left alone.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn read(
        label: &FileLabel,
        layout: &Layout,
        read: &mut dyn FnMut(Span) -> Result<Vec<u8>>,
    ) -> Result<Self> {
        let mut origins: Vec<Origin> = Vec::new();
        for structure in layout.sections() {
            if let Structure::Section {
                span,
                big_endian,
                ref format,
                ..
            } = *structure
            {
                let section = origins.len() as u32 + 1;
                let header = read(span)?;
                let mut origin = begin(label, section, span.offset, &header, big_endian);
                if format.is_erf() {
                    origin.records = Records::Erf;
                }
                origins.push(origin);
            }
        }
        for at in 0..origins.len() {
            let end = origins.get(at + 1).map_or(u64::MAX, |next| next.start);
            let state = layout.state_at(end);
            if let Some(origin) = origins.get_mut(at) {
                for interface in state.interfaces() {
                    let bytes = read(interface.span)?;
                    let known = Interface::new(interface, &bytes, origin.records, origin.endian);
                    origin.interfaces.push(known);
                }
            }
        }
        let mut room = MAX_METADATA;
        for structure in layout.blocks() {
            if let Structure::Block { span, block_type } = *structure {
                let after = origins.partition_point(|origin| origin.start <= span.offset);
                let Some(origin) = after.checked_sub(1).and_then(|at| origins.get_mut(at)) else {
                    continue;
                };
                let fits = room.checked_sub(u64::from(span.len));
                if let Some(left) = fits.filter(|_| is_read(block_type)) {
                    room = left;
                    add_block(origin, block_type, &read(span)?);
                } else if extra::is_extra(block_type) {
                    let kind = block_type;
                    origin.extras.push(Extra { kind, span });
                } else {
                    *origin.left_out.entry(block_type).or_default() += 1;
                }
            }
        }
        Ok(Self(origins.into_iter().map(Arc::new).collect()))
    }

    /// The origin of the record at an offset.
    #[must_use]
    pub fn at(&self, offset: u64) -> Option<&Arc<Origin>> {
        let after = self.0.partition_point(|origin| origin.start <= offset);
        self.0.get(after.checked_sub(1)?)
    }
}

/// Bytes of names, secrets and statistics that are read of one file; no capture has as many,
/// but a file of nothing else must not fill the memory. What is beyond counts as left out.
const MAX_METADATA: u64 = 32 << 20;

/// Whether the content of such a block is used here.
fn is_read(block_type: u32) -> bool {
    matches!(
        block_type,
        types::NAMES | types::STATISTICS | types::SECRETS | types::APPLE_PROCESS
    )
}

fn begin(label: &FileLabel, section: u32, start: u64, header: &[u8], big: bool) -> Origin {
    let (records, options) = records(header);
    Origin {
        label: label.clone(),
        section,
        start,
        records,
        endian: Endian::of(big),
        options: options.to_vec(),
        interfaces: Vec::new(),
        names: Vec::new(),
        secrets: Vec::new(),
        processes: Vec::new(),
        extras: Vec::new(),
        left_out: BTreeMap::new(),
    }
}

/// What a file header or section header says of the records after it, and its options.
fn records(header: &[u8]) -> (Records, &[u8]) {
    const SNOOP: &[u8] = b"snoop\0\0\0";
    if header.starts_with(&types::SECTION_HEADER.to_le_bytes()) {
        (Records::Pcapng, body(header, 24))
    } else if header.starts_with(SNOOP) {
        (Records::Snoop, &[])
    } else {
        (Records::Pcap, &[])
    }
}

/// A block from `from` up to its trailing length.
pub(super) fn body(block: &[u8], from: usize) -> &[u8] {
    block
        .get(from..block.len().saturating_sub(4))
        .unwrap_or_default()
}

fn add_block(origin: &mut Origin, block_type: u32, bytes: &[u8]) {
    let endian = origin.endian;
    match block_type {
        types::NAMES => origin.names.push(NameBlock::read(bytes, endian)),
        types::SECRETS => origin.secrets.push(SecretsBlock::read(bytes, endian)),
        types::APPLE_PROCESS => origin.processes.push(with_its_length(bytes)),
        _ => {
            let id = endian.u32(bytes, 8).and_then(|id| usize::try_from(id).ok());
            if let Some(interface) = id.and_then(|id| origin.interfaces.get_mut(id)) {
                interface.statistics = Statistics::read(bytes, endian);
            }
        }
    }
}

/// A block with the length at its end as it is at its start: a damaged one was read, but other
/// readers refuse it.
fn with_its_length(block: &[u8]) -> Vec<u8> {
    let mut block = block.to_vec();
    let len = block.get(4..8).and_then(|l| l.first_chunk::<4>()).copied();
    if let (Some(len), Some(end)) = (len, block.last_chunk_mut::<4>()) {
        *end = len;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_part_of_a_path_is_told() {
        let label = |name: &str| FileLabel {
            name: name.to_string(),
            ..FileLabel::default()
        };
        assert_eq!(label("/home/ann/x.pcap").base_name(), "x.pcap");
        assert_eq!(label("C:\\Users\\ann\\x.pcap").base_name(), "x.pcap");
        assert_eq!(label("x.pcap").base_name(), "x.pcap");
    }
}
