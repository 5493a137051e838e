//! What the walker hands out.

use super::format::Format;
use super::state::Interface;
use crate::anomaly::Anomaly;
use crate::units::{LinkType, Span, Timestamp};

/// Which way a packet went, seen from the capturing host (`epb_flags` bits 0-1; SLL packet
/// type 4 says outbound).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Received by the host.
    Inbound,
    /// Sent by the host.
    Outbound,
}

/// Whether a record holds a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A captured packet.
    Packet,
    /// No packet, but Wireshark counts it as a frame (custom block, systemd journal, sysdig event).
    FrameOnly,
}

/// One packet record (pcap) or packet block (pcapng: EPB, SPB, obsolete PB).
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where the whole record lies in the (decompressed) file.
    pub span: Span,
    /// Packet or merely a frame number.
    pub kind: RecordKind,
    /// Interface id within its section; 0 in pcap.
    pub interface: u32,
    /// Link type of that interface.
    pub link_type: LinkType,
    /// Capture time; `None` in SPBs, which carry none.
    pub time: Option<Timestamp>,
    /// Length of the packet on the wire in bytes.
    pub original_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
    /// The whole record, header and options included, as it is in the file.
    pub raw: &'a [u8],
}

/// Something other than a record that a copy of the capture needs to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    /// A section begins (the pcap file header counts as one).
    Section {
        /// Offset and length of the SHB, or of the pcap file header.
        span: Span,
        /// Byte order of the section.
        big_endian: bool,
        /// Container, which changes where one capture was appended to another.
        format: Format,
        /// The record headers have captured and original length in either order (old pcap).
        lengths_swapped: bool,
    },
    /// An interface is described (IDB); pcap's header implies one.
    Interface {
        /// Offset and length of the IDB; of the file header in pcap.
        span: Span,
        /// Its link type.
        link_type: LinkType,
        /// All that was read of it.
        interface: Interface,
    },
    /// Any other block: NRB, DSB, ISB, unknown ones.
    Block {
        /// Where it lies.
        span: Span,
        /// Its type (pcapng 4, block type codes).
        block_type: u32,
    },
}

/// Receives what a walk finds, in file order.
pub trait Sink {
    /// A record.
    fn record(&mut self, record: &Record<'_>);
    /// A section header, interface description or other block.
    fn structure(&mut self, structure: Structure);
    /// A defect.
    fn anomaly(&mut self, anomaly: Anomaly);
}
