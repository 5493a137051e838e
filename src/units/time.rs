//! Capture time.

use std::fmt;

/// Nanoseconds since 1970-01-01T00:00:00Z, as the capture says. Values beyond what 64 bits
/// hold (years 1677 to 2262) are clamped; finer resolutions are floored. The raw ticks of a
/// record are never derived from this: copies carry the source's own bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds from `earlier` to `self`; negative when time goes back.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.nanos_since(earlier) as f64 / 1e9
    }

    /// Nanoseconds from `earlier` to `self`, clamped so that the negative of them fits as well.
    #[inline]
    #[must_use]
    pub fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(-i64::MAX)
    }
}

/// How many ticks a second has: `if_tsresol` (pcapng 4.2) or the magic of a pcap file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TsResolution(pub u8);

impl TsResolution {
    /// 10^-6 s, the default of both formats.
    pub const MICRO: Self = Self(6);
    /// 10^-9 s.
    pub const NANO: Self = Self(9);

    /// Nanoseconds since the epoch of `ticks` units plus `offset_seconds` (`if_tsoffset`),
    /// floored, clamped to 64 bits. The high bit of the resolution byte means a power of two.
    #[inline]
    #[must_use]
    pub fn to_timestamp(self, ticks: u64, offset_seconds: i64) -> Timestamp {
        let fast = match self.0 {
            9 => i64::try_from(ticks).ok(),
            6 => i64::try_from(ticks).ok().and_then(|t| t.checked_mul(1000)),
            _ => None,
        };
        if let (Some(nanos), 0) = (fast, offset_seconds) {
            return Timestamp(nanos);
        }
        self.to_timestamp_wide(ticks, offset_seconds)
    }

    fn to_timestamp_wide(self, ticks: u64, offset_seconds: i64) -> Timestamp {
        let exponent = u32::from(self.0 & 0x7f);
        let ticks = i128::from(ticks);
        let nanos = if self.0 & 0x80 != 0 {
            // ticks < 2^64 and 10^9 < 2^30: the product fits; shifting out more than that is 0
            if exponent < 127 {
                (ticks * 1_000_000_000) >> exponent
            } else {
                0
            }
        } else if exponent <= 9 {
            ticks * 10_i128.pow(9 - exponent)
        } else {
            10_i128
                .checked_pow(exponent - 9)
                .map_or(0, |unit| ticks / unit)
        };
        let nanos = nanos + i128::from(offset_seconds) * 1_000_000_000;
        Timestamp(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// Digits after the decimal point that show every tick (Wireshark shows a decimal
    /// resolution with that many), at most 9.
    #[must_use]
    pub fn decimal_digits(self) -> u8 {
        if self.0 & 0x80 == 0 { self.0.min(9) } else { 9 }
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with nanoseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) => write!(f, "{t:.9}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, TsResolution};

    #[test]
    fn a_difference_of_any_times_has_a_magnitude() {
        let (first, last) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        assert_eq!(first.nanos_since(last).abs(), i64::MAX);
        assert_eq!(last.nanos_since(first), i64::MAX);
    }

    #[test]
    fn every_kind_of_resolution() {
        assert_eq!(
            TsResolution::MICRO.to_timestamp(1_500_000, 0),
            Timestamp(1_500_000_000)
        );
        assert_eq!(
            TsResolution::NANO.to_timestamp(7, -1),
            Timestamp(-999_999_993)
        );
        assert_eq!(TsResolution(0).to_timestamp(3, 0), Timestamp(3_000_000_000));
        assert_eq!(TsResolution(12).to_timestamp(1_999, 0), Timestamp(1));
        assert_eq!(
            TsResolution(0x80 | 20).to_timestamp(1 << 19, 0),
            Timestamp(500_000_000)
        );
        assert_eq!(
            TsResolution(0x80 | 32).to_timestamp(1 << 31, 3600),
            Timestamp(3_600_500_000_000)
        );
        assert_eq!(TsResolution(0x7f).to_timestamp(u64::MAX, 0), Timestamp(0));
        assert_eq!(
            TsResolution::NANO.to_timestamp(u64::MAX, 0),
            Timestamp(i64::MAX)
        );
    }

    #[test]
    fn shown_in_utc() {
        assert_eq!(
            Timestamp(1_700_000_000_000_000_001).to_string(),
            "2023-11-14T22:13:20.000000001Z"
        );
    }
}
