//! Blocks without a packet that Wireshark numbers as frames: custom blocks and entries of the
//! systemd journal (pcapng 4.7, 4.8; pcapng-fidelity 1.10). They are kept only when asked for,
//! and stand behind the packets, so that the packets' numbers are those of the case.

use super::Keep;
use super::block::{Blocks, Endian, types};
use super::packet::Packet;
use super::source::{Origin, Source, body};
use crate::error::Result;
use crate::units::{FileId, Span, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A log entry this long before the first packet or after the last one belongs to the case,
/// in nanoseconds.
const MARGIN: i64 = 1_000_000_000;
/// Blocks of the sources that are looked at for one case, and bytes that are kept.
const MAX_BLOCKS: usize = 1 << 16;
const MAX_BYTES: usize = 16 << 20;

/// Such a block of a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extra {
    pub kind: u32,
    pub span: Span,
}

/// Whether a block type is one of them.
pub(super) fn is_extra(block_type: u32) -> bool {
    matches!(block_type, types::CUSTOM | types::JOURNAL)
}

/// What was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extras {
    pub custom: u64,
    pub journal: u64,
    /// Both together, by source file.
    pub by_file: BTreeMap<FileId, u64>,
}

/// First and last time of some packets.
pub(super) fn window(packets: &[(Packet<'_>, &Arc<Origin>)]) -> Option<(Timestamp, Timestamp)> {
    let times = packets.iter().filter_map(|(packet, origin)| {
        let interface = origin.interfaces.get(packet.interface as usize)?;
        Some(interface.time(packet.ticks?))
    });
    times.fold(None, |window, time| {
        let (first, last) = window.unwrap_or((time, time));
        Some((time.min(first), time.max(last)))
    })
}

/// Writes those blocks of the sections that are asked for: custom blocks, and journal entries
/// of the time of the packets.
///
/// # Errors
/// A block cannot be read again.
pub(super) fn write(
    blocks: &mut Blocks,
    keep: Keep,
    origins: &[Arc<Origin>],
    window: Option<(Timestamp, Timestamp)>,
    source: &dyn Source,
) -> Result<Extras> {
    let mut kept = Extras::default();
    let all = origins
        .iter()
        .flat_map(|origin| origin.extras.iter().map(move |extra| (origin, extra)));
    let wanted = |kind| {
        if kind == types::CUSTOM {
            keep.custom
        } else {
            keep.journal
        }
    };
    let end = blocks.out.len().saturating_add(MAX_BYTES);
    for (origin, extra) in all.filter(|(_, e)| wanted(e.kind)).take(MAX_BLOCKS) {
        if blocks.out.len().saturating_add(extra.span.len as usize) > end {
            continue;
        }
        let bytes = source.block(origin.file(), extra.span)?;
        let content = body(&bytes, 8);
        if extra.kind == types::CUSTOM {
            write_custom(blocks, content, origin.endian);
            kept.custom += 1;
        } else if is_within(content, window) {
            let begun = blocks.begin(types::JOURNAL);
            blocks.padded(content);
            blocks.end(begun);
            kept.journal += 1;
        } else {
            continue;
        }
        *kept.by_file.entry(origin.file()).or_default() += 1;
    }
    Ok(kept)
}

/// The enterprise number is in the section's byte order; what follows is its owner's business.
fn write_custom(blocks: &mut Blocks, content: &[u8], from: Endian) {
    let begun = blocks.begin(types::CUSTOM);
    match (from.u32(content, 0), content.get(4..)) {
        (Some(enterprise), Some(rest)) => {
            blocks.u32(enterprise);
            blocks.padded(rest);
        }
        _ => blocks.padded(content),
    }
    blocks.end(begun);
}

/// Whether the wall clock of a journal entry (Journal Export Format) lies in the window.
fn is_within(entry: &[u8], window: Option<(Timestamp, Timestamp)>) -> bool {
    let (Some((first, last)), Some(time)) = (window, journal_time(entry)) else {
        return false;
    };
    let (first, last) = (
        first.0.saturating_sub(MARGIN),
        last.0.saturating_add(MARGIN),
    );
    (first..=last).contains(&time)
}

/// `__REALTIME_TIMESTAMP`, in microseconds in the entry, in nanoseconds here.
fn journal_time(entry: &[u8]) -> Option<i64> {
    let value = entry
        .split(|b| *b == b'\n')
        .find_map(|line| line.strip_prefix(b"__REALTIME_TIMESTAMP="))?;
    let micros: i64 = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
    micros.checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_entry() {
        let entry = b"__CURSOR=x\n__REALTIME_TIMESTAMP=1700000000000001\nMESSAGE=a\n\0\0";
        assert_eq!(journal_time(entry), Some(1_700_000_000_000_001_000));
        let at = |nanos| Some((Timestamp(nanos), Timestamp(nanos)));
        assert!(is_within(entry, at(1_700_000_000_999_999_999)));
        assert!(!is_within(entry, at(1_700_000_002_000_000_000)));
        assert!(!is_within(entry, None));
        assert!(!is_within(b"MESSAGE=a\n", at(0)));
    }
}
