//! Well-known idle and request timers (diagnosis 6). Hints, never verdicts: values are
//! defaults of common products and are often changed.

/// A timer of some product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timer {
    /// Seconds.
    pub seconds: f64,
    /// Who has it.
    pub products: &'static str,
}

const fn t(seconds: f64, products: &'static str) -> Timer {
    Timer { seconds, products }
}

/// By seconds.
pub const TIMERS: [Timer; 31] = [
    t(1.0, "common client and test time-outs of 1 s"),
    t(2.0, "gunicorn keepalive"),
    t(3.0, "common dial time-outs of 3 s"),
    t(
        5.0,
        "Apache httpd KeepAliveTimeout, Node.js keepAliveTimeout, uvicorn keep-alive",
    ),
    t(10.0, "MySQL connect_timeout, RabbitMQ handshake_timeout"),
    t(15.0, "Envoy transport socket connect timeout, LDAP clients"),
    t(20.0, "Tomcat connectionTimeout, Puma persistent_timeout"),
    t(
        30.0,
        "Jetty idleTimeout, AWS API Gateway, GCP backend service, ASA embryonic",
    ),
    t(50.0, "HAProxy timeout client/server (sample configuration)"),
    t(
        60.0,
        "AWS ALB and CLB idle, nginx proxy_read_timeout and client_body_timeout, Apache Timeout, PostgreSQL authentication_timeout",
    ),
    t(75.0, "nginx keepalive_timeout"),
    t(
        90.0,
        "Go http.Transport IdleConnTimeout, BGP hold time (Junos)",
    ),
    t(100.0, "Cloudflare origin response"),
    t(115.0, "Firefox keep-alive"),
    t(
        120.0,
        "IIS connectionTimeout, SSH LoginGraceTime, A10 TCP idle",
    ),
    t(130.0, "Kestrel KeepAliveTimeout"),
    t(
        180.0,
        "Traefik idleTimeout, BGP hold time (Cisco), NetScaler client idle",
    ),
    t(240.0, "Azure Load Balancer, Azure NAT Gateway"),
    t(
        300.0,
        "F5 BIG-IP TCP idle, Node.js requestTimeout, Envoy stream_idle_timeout, Chrome idle sockets",
    ),
    t(350.0, "AWS NLB, GWLB, NAT gateway, Network Firewall"),
    t(
        600.0,
        "GCP VPC firewall and passthrough load balancer, Kafka connections.max.idle.ms, pgbouncer server_idle_timeout",
    ),
    t(900.0, "IPVS TCP, SonicWall, AD LDAP MaxConnIdleTime"),
    t(1200.0, "GCP Cloud NAT established"),
    t(1800.0, "Juniper SRX TCP"),
    t(
        3600.0,
        "Cisco ASA/FTD, Palo Alto, FortiGate session-ttl, Check Point, Envoy idle_timeout",
    ),
    t(7200.0, "TCP keepalive default of most systems"),
    t(9000.0, "NetScaler server idle"),
    t(10800.0, "Sophos XG"),
    t(28800.0, "MySQL wait_timeout"),
    t(
        86400.0,
        "pf established, kube-proxy conntrack, Cisco IOS NAT",
    ),
    t(
        432_000.0,
        "Linux nf_conntrack established, AWS security group tracking",
    ),
];

/// A timer-driven reset comes within this of the timer: half a second or one percent.
const ABSOLUTE: f64 = 0.5;
const RELATIVE: f64 = 0.01;

/// The timer that a silence of this length fits.
#[must_use]
pub fn matching(silence: f64) -> Option<Timer> {
    TIMERS
        .into_iter()
        .filter(|t| (silence - t.seconds).abs() <= tolerance(t.seconds))
        .min_by(|a, b| {
            let off = |t: &Timer| (silence - t.seconds).abs();
            off(a).total_cmp(&off(b))
        })
}

/// Half a second of slack on a one-second timer would match anything.
fn tolerance(seconds: f64) -> f64 {
    (ABSOLUTE.min(seconds * 0.06)).max(seconds * RELATIVE)
}

/// The longest timers not longer than a silence: what may have forgotten the connection.
#[must_use]
pub fn expired(silence: f64, at_most: usize) -> Vec<Timer> {
    TIMERS
        .into_iter()
        .rev()
        .filter(|t| t.seconds >= 30.0 && t.seconds <= silence + ABSOLUTE)
        .take(at_most)
        .collect()
}

/// Waiting times a client sets: round numbers of seconds, within 3 % or 60 ms.
#[must_use]
pub fn client_timeout(waited: f64) -> Option<f64> {
    const ROUND: [f64; 16] = [
        1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0,
    ];
    ROUND
        .into_iter()
        .chain([100.0, 180.0, 600.0])
        .find(|t| (waited - t).abs() <= (t * 0.03).clamp(0.06, 1.0))
}

#[cfg(test)]
mod tests {
    use super::{TIMERS, client_timeout, expired, matching};

    #[test]
    fn ordered_and_distinct() {
        assert!(TIMERS.windows(2).all(|w| w[0].seconds < w[1].seconds));
    }

    #[test]
    fn matches_are_narrow() {
        assert_eq!(matching(60.3).map(|t| t.seconds), Some(60.0));
        assert_eq!(matching(62.0), None);
        assert_eq!(matching(352.0).map(|t| t.seconds), Some(350.0));
        assert_eq!(matching(1.2), None);
        assert_eq!(client_timeout(0.98), Some(1.0));
        assert_eq!(client_timeout(1.2), None);
    }

    #[test]
    fn expired_lists_the_longest_first() {
        let seconds: Vec<f64> = expired(400.0, 2).iter().map(|t| t.seconds).collect();
        assert_eq!(seconds, [350.0, 300.0]);
        assert!(expired(12.0, 2).is_empty());
    }
}
