//! Numbers and times for people.

use crate::units::Timestamp;
use std::time::Duration;

/// UTC date and time with `digits` decimals, `T` between and `Z` at the end (RFC 3339).
#[must_use]
pub fn time(at: Timestamp, digits: u8) -> String {
    // Timestamp's Display always has nine decimals, or none at all beyond the calendar
    let full = at.to_string();
    let Some((seconds, fraction)) = full.trim_end_matches('Z').split_once('.') else {
        return full;
    };
    match fraction.get(..usize::from(digits.min(9))) {
        Some("") | None => format!("{seconds}Z"),
        Some(kept) => format!("{seconds}.{kept}Z"),
    }
}

/// Date and time of day of [`time`], without the letters.
#[must_use]
pub(super) fn date_and_time(at: Timestamp, digits: u8) -> (String, String) {
    let text = time(at, digits);
    match text.trim_end_matches('Z').split_once('T') {
        Some((date, clock)) => (date.to_owned(), clock.to_owned()),
        None => (String::new(), text),
    }
}

/// Seconds since the epoch with nine decimals, as `frame.time_epoch` takes it.
#[must_use]
pub(super) fn epoch(at: Timestamp) -> String {
    let sign = if at.0 < 0 { "-" } else { "" };
    let nanos = at.0.unsigned_abs();
    format!(
        "{sign}{}.{:09}",
        nanos / 1_000_000_000,
        nanos % 1_000_000_000
    )
}

/// A count: exact with thousands separators below a million, then `1.2 M`, `3.4 G`.
#[must_use]
pub fn count(n: u64) -> String {
    if n < 1_000_000 {
        return thousands(n);
    }
    scaled(
        n,
        &[
            (1_000_000_000_000, "T"),
            (1_000_000_000, "G"),
            (1_000_000, "M"),
        ],
    )
}

/// Bytes: `210 kB`, `93.1 GB`; decimal units, as disks and capinfos count.
#[must_use]
pub fn bytes(n: u64) -> String {
    if n < 1000 {
        return counted(n, "byte");
    }
    scaled(
        n,
        &[
            (1_000_000_000_000, "TB"),
            (1_000_000_000, "GB"),
            (1_000_000, "MB"),
            (1000, "kB"),
        ],
    )
}

fn scaled(n: u64, units: &[(u64, &str)]) -> String {
    for (unit, name) in units {
        if n >= *unit {
            let tenths = n / (unit / 10);
            return if tenths >= 1000 {
                format!("{} {name}", thousands(tenths / 10))
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            };
        }
    }
    n.to_string()
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `n` of something: `1 file`, `3 files`; the plural is the singular with an `s`.
#[must_use]
pub(super) fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A duration in the unit that suits it: `0.4 ms`, `31 s`, `2 h 05 min`.
#[must_use]
pub fn duration(d: Duration) -> String {
    seconds(d.as_secs_f64())
}

/// As [`duration`], from seconds.
#[must_use]
pub(super) fn seconds(s: f64) -> String {
    let whole = s.max(0.0).round() as u64;
    if s < 0.001 {
        format!("{:.0} us", s * 1e6)
    } else if s < 1.0 {
        format!("{:.1} ms", s * 1e3)
    } else if s < 10.0 {
        format!("{s:.1} s")
    } else if whole < 120 {
        format!("{whole} s")
    } else if whole < 7200 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", whole / 3600, whole / 60 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_digits_of_the_capture() {
        let at = Timestamp(1_720_958_477_123_456_789);
        assert_eq!(time(at, 9), "2024-07-14T12:01:17.123456789Z");
        assert_eq!(time(at, 6), "2024-07-14T12:01:17.123456Z");
        assert_eq!(time(at, 0), "2024-07-14T12:01:17Z");
        assert_eq!(epoch(Timestamp(-1)), "-0.000000001");
        assert_eq!(epoch(at), "1720958477.123456789");
    }

    #[test]
    fn figures() {
        assert_eq!(count(8411), "8,411");
        assert_eq!(count(1_234_567), "1.2 M");
        assert_eq!(count(140_200_000), "140 M");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(93_100_000_000), "93.1 GB");
        assert_eq!(bytes(210_000), "210 kB");
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(0, "file"), "0 files");
        assert_eq!(seconds(0.0004), "400 us");
        assert_eq!(seconds(0.0312), "31.2 ms");
        assert_eq!(seconds(31.2), "31 s");
        assert_eq!(seconds(7500.0), "2 h 05 min");
    }
}
