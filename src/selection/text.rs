//! Text for comments: one line, bounded, and safe whatever a packet put into it
//! (pcapng-fidelity 5.2).

use crate::units::text;

/// Longest packet comment in bytes: Wireshark shows 239 of a line.
pub const MAX_COMMENT: usize = 200;

/// One line of at most `max` bytes in which nothing acts on a terminal or reorders text
/// (see [`text::clean_bytes`]).
#[must_use]
pub fn clean(text: &str, max: usize) -> String {
    text::clean_bytes(text.trim_end(), max)
}

/// A time span in nanoseconds with three digits and its unit.
pub(super) fn duration(nanos: i64) -> String {
    let seconds = nanos as f64 / 1e9;
    let magnitude = seconds.abs();
    let (value, unit) = match magnitude {
        m if m < 1e-3 => (seconds * 1e3, "ms"),
        m if m < 1.0 => (seconds * 1e3, "ms"),
        m if m < 120.0 => (seconds, "s"),
        m if m < 7200.0 => (seconds / 60.0, "min"),
        _ => (seconds / 3600.0, "h"),
    };
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text} {unit}")
}

/// "1 packet", "2 packets", "2 copies".
#[must_use]
pub fn count(n: u64, what: &str) -> String {
    match what.strip_suffix('y') {
        _ if n == 1 => format!("{n} {what}"),
        Some(stem) => format!("{n} {stem}ies"),
        None => format!("{n} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_one_bounded_line() {
        assert_eq!(clean("a\u{9b}c\r\nd  \n", 80), "a\\u{9b}c\\r\\nd");
        let long = clean(&"ü".repeat(70_000), MAX_COMMENT);
        assert!(long.len() <= MAX_COMMENT && long.ends_with('…'));
    }

    #[test]
    fn durations_have_three_digits() {
        assert_eq!(duration(400_000), "0.4 ms");
        assert_eq!(duration(20_140_000), "20.1 ms");
        assert_eq!(duration(1_500_000_000), "1.5 s");
        assert_eq!(duration(350_200_000_000), "5.84 min");
        assert_eq!(duration(100_000_000_000), "100 s");
        assert_eq!(duration(-2_000_000), "-2 ms");
        assert_eq!(duration(0), "0 ms");
    }
}
