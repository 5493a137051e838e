//! Points in time on the command line.

use crate::units::Timestamp;

/// Reads a date, a date and time (UTC unless an offset is given), or seconds since 1970.
///
/// # Errors
/// What was expected.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    let wrong = || {
        format!(
            "'{text}' is not a time; write 2024-07-14, 2024-07-14T12:01:17.5 (UTC), \
             2024-07-14T14:01:17+02:00 or seconds since 1970"
        )
    };
    if let Some(t) = epoch(text) {
        return Ok(t);
    }
    let with_zone: Option<jiff::Timestamp> = text.parse().ok();
    let nanos = match with_zone {
        Some(t) => t.as_nanosecond(),
        None => {
            let civil: jiff::civil::DateTime = text.parse().map_err(|_| wrong())?;
            let zoned = civil
                .to_zoned(jiff::tz::TimeZone::UTC)
                .map_err(|_| wrong())?;
            zoned.timestamp().as_nanosecond()
        }
    };
    i64::try_from(nanos).map(Timestamp).map_err(|_| wrong())
}

/// `1720958477` or `1720958477.25`, to the nanosecond.
fn epoch(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(seconds) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    Some(Timestamp(
        seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_notation() {
        let nanos = |text| parse(text).unwrap().0;
        assert_eq!(nanos("1720958477"), 1_720_958_477_000_000_000);
        assert_eq!(nanos("1720958477.25"), 1_720_958_477_250_000_000);
        assert_eq!(nanos("2024-07-14T12:01:17Z"), 1_720_958_477_000_000_000);
        assert_eq!(nanos("2024-07-14 12:01:17.25"), 1_720_958_477_250_000_000);
        assert_eq!(
            nanos("2024-07-14T14:01:17+02:00"),
            1_720_958_477_000_000_000
        );
        assert_eq!(nanos("2024-07-14"), 1_720_915_200_000_000_000);
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2024-13-01",
            "1.2.3",
            "99999999999999",
            "2024-07-14T25:00",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
