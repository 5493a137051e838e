//! Networks in CIDR notation (RFC 4632, RFC 4291 2.3).

use std::net::IpAddr;

/// An address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or a plain address. Bits beyond the prefix length
    /// may be set; they do not count.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = match text.split_once('/') {
            Some((a, b)) => (a, Some(b)),
            None => (text, None),
        };
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let address: IpAddr = bare
            .parse()
            .map_err(|_| format!("'{address}' is not an IP address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(b) => b
                .parse()
                .ok()
                .filter(|n| *n <= most && b.bytes().all(|c| c.is_ascii_digit()))
                .ok_or(format!("'/{b}' is not a prefix length from 0 to {most}"))?,
        };
        Ok(Self { address, bits })
    }

    /// Whether the network holds `ip`. An IPv4 network never holds an IPv6 address.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let shift = 32 - u32::from(self.bits);
                (a.to_bits() ^ b.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let shift = 128 - u32::from(self.bits);
                (a.to_bits() ^ b.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    fn holds(network: &str, ip: &str) -> bool {
        Network::parse(network)
            .unwrap()
            .contains(ip.parse().unwrap())
    }

    #[test]
    fn prefixes() {
        assert!(holds("10.0.0.0/8", "10.255.0.1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.0.2.7/31", "192.0.2.6"));
        assert!(!holds("192.0.2.7/31", "192.0.2.8"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(holds("192.0.2.7", "192.0.2.7"));
        assert!(!holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("::/0", "::1"));
        assert!(!holds("::/0", "127.0.0.1"));
    }

    #[test]
    fn what_is_no_network() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "example.net",
        ] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
