//! What a walker must know at a record boundary.

use super::format::{Container, Format};
use crate::units::{LinkType, Span, TsResolution};
use std::sync::Arc;

/// An interface that packets were captured on: an IDB (pcapng 4.2), or a pcap file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Link type of its packets.
    pub link_type: LinkType,
    /// Most bytes captured of a packet; 0 is no limit.
    pub snaplen: u32,
    /// Ticks per second of its time stamps.
    pub resolution: TsResolution,
    /// Seconds to add to its time stamps (`if_tsoffset`).
    pub offset_seconds: i64,
    /// Bits of frame check sequence at the end of each packet (`if_fcslen`; pcap: bits 28-31
    /// of the link type, in units of 16 bits), 0 if not said.
    pub fcs_bits: u8,
    /// The IDB, or the pcap file header.
    pub span: Span,
}

/// All that the records from one boundary on depend on. Two equal states read the same bytes
/// in the same way. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(super) format: Format,
    /// The file header, or the first section header, was read.
    pub(super) begun: bool,
    pub(super) big_endian: bool,
    /// Lengths stand in either order: pcap 2.2 and some 2.3 have the original length first.
    pub(super) lengths_swapped: bool,
    pub(super) interfaces: Arc<Vec<Interface>>,
    /// Set while damaged bytes are being skipped.
    pub(super) skip: Option<Skip>,
}

/// Damage being skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skip {
    /// Offset of the first byte that is no record.
    pub start: u64,
    /// What is there could be a record that the end of the file cuts.
    pub cut: bool,
}

impl State {
    /// The same, with nothing that other threads share: counting who shares it is slow when
    /// done for every record.
    #[must_use]
    pub fn alone(self) -> Self {
        Self {
            interfaces: Arc::new(Vec::clone(&self.interfaces)),
            ..self
        }
    }

    /// Before byte 0 of a file: the walk reads the file header first.
    #[must_use]
    pub fn start(format: Format) -> Self {
        let big_endian = match format.0 {
            Container::Pcap(shape) => shape.big_endian,
            Container::Snoop => true,
            Container::Pcapng | Container::Erf => false,
        };
        Self {
            format,
            begun: false,
            big_endian,
            lengths_swapped: false,
            interfaces: Arc::new(Vec::new()),
            skip: None,
        }
    }

    /// The interfaces of the current section, by interface id.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Byte order of the current section.
    #[must_use]
    pub fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// Whether records are pcapng blocks.
    #[must_use]
    pub fn is_pcapng(&self) -> bool {
        self.format.0 == Container::Pcapng
    }

    /// The container.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.format
    }
}
