//! Files to records, and never what is inside a packet.
//!
//! A capture is walked over buffers of its bytes: [`walk`] takes the [`State`] at a record
//! boundary and a buffer that starts there, hands every whole record to a [`Sink`], and says
//! how many bytes it used. The same function serves a file read by chunks, a decompressed
//! stream and a single record fetched again by its span. [`find_boundary`] guesses where a
//! walk can begin in the middle of a file, and [`Layout`] remembers the state for any offset.
//!
//! [`collect`] and [`Opened`] lead from paths to bytes, by content and never by name;
//! [`ring`] says which files are one capture in pieces.

mod boundary;
mod collect;
mod compressed;
mod erf;
mod format;
mod identify;
mod layout;
mod netmon;
mod once;
mod opened;
mod options;
mod packet_options;
mod pcap;
mod pcapng;
pub(crate) mod platform;
#[cfg(test)]
mod quirk_tests;
mod record;
pub mod ring;
#[cfg(test)]
mod sample;
mod snoop;
mod state;
#[cfg(test)]
mod tests;
mod variant;
mod walk;
mod window;

pub use boundary::find_boundary;
pub use collect::{Input, collect};
pub use compressed::Ending;
pub use erf::erf_record;
pub use format::Format;
pub use identify::{Compression, Identified, identify};
pub use layout::Layout;
pub use opened::{Opened, same_file};
pub use packet_options::PacketOptions;
pub use record::{Direction, Record, RecordKind, Sink, Structure};
pub use state::{Interface, State};
pub use walk::{MAX_RECORD_LEN, walk};
