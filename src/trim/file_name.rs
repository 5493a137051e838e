//! Names of case files: sortable, safe in every file system, and never like those of a ring
//! buffer, which Wireshark would open as one file set (peers 5.3).

use crate::diagnosis::Case;
use crate::flow::Endpoint;
use crate::units::Timestamp;

/// Longest class id in a name; the ids of the registry are shorter.
const MAX_CLASS: usize = 64;

/// `0003_20240714T120117.123456Z_10.0.0.1-40000_192.0.2.7-443_reset-after-client-hello.pcapng`:
/// case, time of the primary RST in UTC, client, server, class. ASCII letters, digits and
/// `.-_` only; colons of IPv6 addresses become `-`, with `ip6-` before them.
#[must_use]
pub fn file_name(case: &Case) -> String {
    let connection = &case.connection;
    let time = connection
        .segments
        .get(
            case.episode
                .resets
                .get(case.episode.primary)
                .map_or(0, |r| r.segment),
        )
        .map_or(Timestamp::default(), |segment| segment.time);
    let name = format!(
        "{:04}_{}_{}_{}_{:.MAX_CLASS$}.pcapng",
        case.id,
        stamp(time),
        endpoint(connection.client),
        endpoint(connection.server),
        case.diagnosis.class
    );
    safe(&name)
}

/// `20240714T120117.123456Z`.
fn stamp(time: Timestamp) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(time.0)) {
        Ok(time) => {
            let micros = time.subsec_nanosecond().unsigned_abs() / 1000;
            // the strftime fraction is not used: it has no fixed width
            let seconds = time.strftime("%Y%m%dT%H%M%S");
            format!("{seconds}.{micros:06}Z")
        }
        Err(_) => "unknown-time".to_string(),
    }
}

fn endpoint(endpoint: Endpoint) -> String {
    let ip = endpoint.ip.to_string();
    if ip.contains(':') {
        format!("ip6-{}-{}", ip.replace(':', "-"), endpoint.port)
    } else {
        format!("{ip}-{}", endpoint.port)
    }
}

fn safe(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => c,
            '.' | '-' | '_' => c,
            _ => '-',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_utc_with_microseconds() {
        let time = Timestamp(1_720_958_477_123_456_789);
        assert_eq!(stamp(time), "20240714T120117.123456Z");
        assert_eq!(stamp(Timestamp(0)), "19700101T000000.000000Z");
        assert!(!stamp(Timestamp(-1)).contains(':'));
    }

    #[test]
    fn addresses_without_colons() {
        let of = |text: &str| {
            endpoint(Endpoint {
                ip: text.parse().unwrap(),
                port: 443,
            })
        };
        assert_eq!(of("192.0.2.7"), "192.0.2.7-443");
        assert_eq!(of("2001:db8::7"), "ip6-2001-db8--7-443");
    }

    #[test]
    fn nothing_else_gets_through() {
        assert_eq!(safe("a/b\\c:d\u{202e}é %.pcapng"), "a-b-c-d----.pcapng");
    }
}
