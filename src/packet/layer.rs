//! The bytes of one layer, with what is known of its length on the wire.

use super::{Stop, StopReason};

/// What is left of a frame from the start of one header on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    /// Captured bytes.
    pub data: &'a [u8],
    /// Bytes on the wire, as far as the headers around this one tell. At least `data.len()`.
    pub wire: u32,
    /// Offset of the first byte in the frame.
    pub offset: u32,
    /// The wire had more of it than `wire`: it is the first fragment of something, or a mirror
    /// truncated it.
    pub partial: bool,
}

impl<'a> Layer<'a> {
    /// A whole frame. A capture that claims more captured bytes than the packet had is
    /// believed in the captured bytes.
    #[inline]
    pub fn frame(data: &'a [u8], original_len: u32) -> Self {
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Self {
            data,
            wire: original_len.max(captured),
            offset: 0,
            partial: false,
        }
    }

    /// What follows after `n` bytes; empty when there are fewer.
    #[inline]
    pub fn skip(self, n: usize) -> Self {
        let n32 = u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            data: self.data.get(n..).unwrap_or_default(),
            wire: self.wire.saturating_sub(n32),
            offset: self.offset.saturating_add(n32),
            ..self
        }
    }

    /// At most `len` bytes of it: a length field ends it before padding and trailers.
    #[inline]
    pub fn clip(self, len: u32) -> Self {
        self.with_len(len.min(self.wire))
    }

    /// Exactly `len` bytes on the wire, whatever the layers around it say.
    #[inline]
    pub fn with_len(self, len: u32) -> Self {
        Self {
            data: self.data.get(..len as usize).unwrap_or(self.data),
            wire: len,
            ..self
        }
    }

    /// The first `N` bytes.
    ///
    /// # Errors
    /// A [`Stop`] in `layer` when fewer were captured.
    #[inline]
    pub fn header<const N: usize>(self, layer: &'static str) -> Result<&'a [u8; N], Stop> {
        match self.data.first_chunk::<N>() {
            Some(header) => Ok(header),
            None => Err(self.cut(layer, N)),
        }
    }

    /// The big-endian 16 bits at `at`, if captured.
    #[inline]
    pub fn be16(self, at: usize) -> Option<u16> {
        let bytes = self.data.get(at..)?.first_chunk::<2>()?;
        Some(u16::from_be_bytes(*bytes))
    }

    /// The stop for `needed` bytes that were not captured: the snaplen's doing if the
    /// packet had them, malformed if it had not.
    #[cold]
    pub fn cut(self, layer: &'static str, needed: usize) -> Stop {
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        let reason = if needed <= self.wire || self.partial {
            StopReason::Snaplen
        } else {
            StopReason::Malformed
        };
        self.stop(layer, needed, reason)
    }

    /// The stop for contents that contradict themselves.
    #[cold]
    pub fn malformed(self, layer: &'static str, needed: usize) -> Stop {
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        self.stop(layer, needed, StopReason::Malformed)
    }

    /// The stop for a protocol that is not read.
    #[cold]
    pub fn not_read(self, layer: &'static str) -> Stop {
        self.stop(layer, 0, StopReason::NotRead)
    }

    /// A stop at the start of this layer.
    #[cold]
    pub fn stop(self, layer: &'static str, needed: u32, reason: StopReason) -> Stop {
        Stop {
            layer,
            offset: self.offset,
            needed,
            had: u32::try_from(self.data.len()).unwrap_or(u32::MAX),
            reason,
        }
    }
}
