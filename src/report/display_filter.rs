//! The Wireshark display filter that shows a case in its source.

use super::figures::epoch;
use crate::diagnosis::Case;
use crate::flow::Connection;

/// A filter in absolute terms (addresses, ports, time range), so that it works in any file that
/// holds the packets: stream numbers differ from file to file.
#[must_use]
pub fn display_filter(case: &Case) -> String {
    let c: &Connection = &case.connection;
    let mut terms = vec![address(c.client.ip)];
    if c.server.ip != c.client.ip {
        terms.push(address(c.server.ip));
    }
    terms.push(format!("tcp.port == {}", c.client.port));
    if c.server.port != c.client.port {
        terms.push(format!("tcp.port == {}", c.server.port));
    }
    terms.push(format!(
        "frame.time_epoch >= {}",
        epoch(c.totals.first_time)
    ));
    terms.push(format!("frame.time_epoch <= {}", epoch(c.totals.last_time)));
    terms.join(" && ")
}

fn address(ip: std::net::IpAddr) -> String {
    if ip.is_ipv6() {
        format!("ipv6.addr == {ip}")
    } else {
        format!("ip.addr == {ip}")
    }
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
            "ip.addr == 10.0.0.1 && ip.addr == 192.0.2.7 && tcp.port == 40000 && tcp.port == 443 \
             && frame.time_epoch >= 1720958477.080000000 && frame.time_epoch <= 1720958477.123400000"
        );
        c.connection.client.ip = "2001:db8::1".parse().unwrap();
        c.connection.server.ip = "2001:db8::1".parse().unwrap();
        c.connection.server.port = 40000;
        assert!(
            display_filter(&c).starts_with(
                "ipv6.addr == 2001:db8::1 && tcp.port == 40000 && frame.time_epoch >= "
            )
        );
    }
}
