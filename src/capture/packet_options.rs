//! The options of a packet block that say something about the capture itself.

use super::format::u32_in;
use super::options::Options;
use super::record::{Direction, Record};

/// `epb_flags` and `epb_dropcount` (pcapng 4.3.1).
const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;

/// EPB header, block type to original length.
const EPB_HEADER_LEN: usize = 28;

/// What the options of an EPB say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketOptions {
    /// Which way the packet went: bits 0-1 of `epb_flags`.
    pub direction: Option<Direction>,
    /// Packets lost by the interface and the system between the previous packet of this
    /// interface and this one (`epb_dropcount`).
    pub drop_count: Option<u64>,
}

impl Record<'_> {
    /// The options, if the record is an EPB that has any; costs next to nothing if not.
    #[inline]
    #[must_use]
    pub fn packet_options(&self) -> Option<PacketOptions> {
        // the least option is 4 bytes; EPBs without any end with the padding and 4 more bytes
        let least = EPB_HEADER_LEN + self.data.len() + 8;
        if self.raw.len() < least {
            return None;
        }
        read(self.raw, self.data.len())
    }
}

fn read(raw: &[u8], captured: usize) -> Option<PacketOptions> {
    let is_block =
        |be: &bool| u32_in(raw, 0, *be) == Some(6) && u32_in(raw, 4, *be) == Some(raw.len() as u32);
    let big_endian = [false, true].into_iter().find(is_block)?;
    let end = raw.len().checked_sub(4)?;
    let options = raw.get(EPB_HEADER_LEN + captured.next_multiple_of(4)..end)?;
    let mut found = PacketOptions::default();
    for (code, value) in Options::new(options, big_endian) {
        match (code, value.len()) {
            (EPB_FLAGS, 4) => {
                found.direction = match u32_in(value, 0, big_endian)? & 3 {
                    1 => Some(Direction::Inbound),
                    2 => Some(Direction::Outbound),
                    _ => None,
                };
            }
            (EPB_DROPCOUNT, 8) => {
                let (first, second) =
                    (u32_in(value, 0, big_endian)?, u32_in(value, 4, big_endian)?);
                let (high, low) = if big_endian {
                    (first, second)
                } else {
                    (second, first)
                };
                found.drop_count = Some(u64::from(high) << 32 | u64::from(low));
            }
            _ => {}
        }
    }
    Some(found)
}
