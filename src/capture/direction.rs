//! Which way a packet went, as its block says.

use super::format::u32_in;
use super::options::Options;
use super::record::{Direction, Record};
use super::state::State;

/// Enhanced Packet Block and obsolete Packet Block: same place of the lengths and options.
const EPB: u32 = 6;
const PB: u32 = 2;
/// Bytes before the packet data in both.
const HEADER: usize = 28;
/// `epb_flags`, `pack_flags` (pcapng 4.3): bits 0-1 are the direction.
const FLAGS: u16 = 2;

/// The direction in the flags option of a pcapng packet block. `state` is the one the record
/// was walked with.
#[must_use]
pub fn direction(record: &Record<'_>, state: &State) -> Option<Direction> {
    let raw = record.raw;
    let big_endian = state.big_endian();
    if !state.is_pcapng() || !matches!(u32_in(raw, 0, big_endian)?, EPB | PB) {
        return None;
    }
    let after_data = HEADER + record.data.len().next_multiple_of(4);
    let end = raw.len().checked_sub(4)?;
    let flags =
        Options::new(raw.get(after_data..end)?, big_endian).find(|(code, _)| *code == FLAGS)?;
    match u32_in(flags.1, 0, big_endian)? & 3 {
        1 => Some(Direction::Inbound),
        2 => Some(Direction::Outbound),
        _ => None,
    }
}
