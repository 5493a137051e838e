//! Files to records, and never what is inside a packet.
//!
//! A capture is walked over buffers of its bytes: [`walk`] takes the [`State`] at a record
//! boundary and a buffer that starts there, hands every whole record to a [`Sink`], and says
//! how many bytes it used. The same function serves a file read by chunks, a decompressed
//! stream and a single record fetched again by its span.

mod record;

pub use record::{Direction, Record, RecordKind, Sink, Structure};
