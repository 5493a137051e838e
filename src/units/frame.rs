//! Frame numbers.

use std::fmt;

/// Number of a captured packet, from 1, counted as Wireshark counts: packet blocks, and
/// also pcapng custom blocks and systemd journal blocks (pcapng-fidelity 1.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNumber(pub u64);

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
