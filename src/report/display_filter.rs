//! The Wireshark display filter that shows a case in its source.

use super::figures::epoch;
use crate::diagnosis::Case;
use crate::selection;
use std::fmt::Write as _;

/// A filter in absolute terms (addresses, ports, time range), so that it works in any file that
/// holds the packets: stream numbers differ from file to file.
#[must_use]
pub fn display_filter(case: &Case) -> String {
    let totals = &case.connection.totals;
    let mut filter = selection::display_filter(case);
    for (is, at) in [(">=", totals.first_time), ("<=", totals.last_time)] {
        let _ = write!(filter, " && frame.time_epoch {is} {}", epoch(at));
    }
    filter
}

#[cfg(test)]
mod tests {
    use super::display_filter;
    use crate::report::testing::case;

    #[test]
    fn absolute_terms_and_the_right_field_per_family() {
        let mut c = case(1);
        assert_eq!(
            display_filter(&c),
            "ip.addr == 10.0.0.1 && tcp.port == 40000 && ip.addr == 192.0.2.7 && tcp.port == 443 \
             && frame.time_epoch >= 1720958477.080000000 && frame.time_epoch <= 1720958477.123400000"
        );
        c.connection.client.ip = "2001:db8::1".parse().unwrap();
        let v6 = display_filter(&c);
        assert!(
            v6.starts_with("ipv6.addr == 2001:db8::1 && tcp.port == 40000 && "),
            "{v6}"
        );
    }
}
