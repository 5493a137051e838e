//! Flow keys: addresses, ports and tunnel, in an order-free form.

use super::Endpoint;
use crate::packet::{Addresses, TunnelId};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// The two endpoints of a flow, the lower one first, and the tunnel around it. IPv4 and IPv6
/// have types of their own so that the common one stays short (dependencies 4.2).
pub trait Key: Copy + Eq + Hash + Send + 'static {
    /// Both endpoints in the key's order.
    fn endpoints(&self) -> [Endpoint; 2];
    /// The tunnel.
    fn tunnel(&self) -> TunnelId;
    /// A hash that is the same in every run and for both directions, tunnel or not.
    fn fixed_hash(&self) -> u64;
}

// SplitMix64's finaliser, cut short: only a few of its bits are used, and not against attack.
#[inline]
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 29)
}

#[inline]
fn ports(port: [u16; 2]) -> u64 {
    u64::from(port[0]) << 16 | u64::from(port[1])
}

/// Key of an IPv4 flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key4 {
    addr: [[u8; 4]; 2],
    port: [u16; 2],
    tunnel: u32,
}

/// Key of an IPv6 flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key6 {
    addr: [[u8; 16]; 2],
    port: [u16; 2],
    tunnel: u32,
}

// Words instead of derived field by field: this runs once per packet.
impl Hash for Key4 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b] = self.addr.map(u32::from_ne_bytes);
        state.write_u64(u64::from(a) << 32 | u64::from(b));
        state.write_u64(
            u64::from(self.tunnel) << 32 | u64::from(self.port[0]) << 16 | u64::from(self.port[1]),
        );
    }
}

impl Hash for Key6 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.addr
            .map(u128::from_ne_bytes)
            .into_iter()
            .for_each(|a| state.write_u128(a));
        state.write_u64(
            u64::from(self.tunnel) << 32 | u64::from(self.port[0]) << 16 | u64::from(self.port[1]),
        );
    }
}

/// A key of either family, and whether the packet's source is the key's second endpoint.
#[derive(Clone, Copy, Debug)]
pub enum AnyKey {
    #[allow(missing_docs)]
    V4(Key4, bool),
    #[allow(missing_docs)]
    V6(Key6, bool),
}

impl AnyKey {
    /// Key of a packet from `src_port` to `dst_port`.
    #[inline]
    #[must_use]
    pub fn new(addresses: &Addresses, src_port: u16, dst_port: u16, tunnel: TunnelId) -> Self {
        match *addresses {
            Addresses::V4 { src, dst } => {
                let swapped = (dst, dst_port) < (src, src_port);
                let (addr, port) = if swapped {
                    ([dst, src], [dst_port, src_port])
                } else {
                    ([src, dst], [src_port, dst_port])
                };
                Self::V4(
                    Key4 {
                        addr,
                        port,
                        tunnel: tunnel.0,
                    },
                    swapped,
                )
            }
            Addresses::V6 { src, dst } => {
                let swapped = (dst, dst_port) < (src, src_port);
                let (addr, port) = if swapped {
                    ([dst, src], [dst_port, src_port])
                } else {
                    ([src, dst], [src_port, dst_port])
                };
                Self::V6(
                    Key6 {
                        addr,
                        port,
                        tunnel: tunnel.0,
                    },
                    swapped,
                )
            }
        }
    }
}

impl Key for Key4 {
    fn endpoints(&self) -> [Endpoint; 2] {
        [0, 1].map(|i| Endpoint {
            ip: IpAddr::from(self.addr[i]),
            port: self.port[i],
        })
    }

    fn tunnel(&self) -> TunnelId {
        TunnelId(self.tunnel)
    }

    #[inline]
    fn fixed_hash(&self) -> u64 {
        let [a, b] = self.addr.map(u32::from_be_bytes);
        mix(mix(u64::from(a) << 32 | u64::from(b)) ^ ports(self.port))
    }
}

impl Key for Key6 {
    fn endpoints(&self) -> [Endpoint; 2] {
        [0, 1].map(|i| Endpoint {
            ip: IpAddr::from(self.addr[i]),
            port: self.port[i],
        })
    }

    fn tunnel(&self) -> TunnelId {
        TunnelId(self.tunnel)
    }

    #[inline]
    fn fixed_hash(&self) -> u64 {
        let [a, b] = self.addr.map(u128::from_be_bytes);
        let fold = |x: u128| mix(mix((x >> 64) as u64) ^ x as u64);
        mix(fold(a).wrapping_add(fold(b).rotate_left(1)) ^ ports(self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::{AnyKey, Key};
    use crate::packet::{Addresses, TunnelId};

    #[test]
    fn both_directions_have_one_key() {
        let there = Addresses::V4 {
            src: [10, 0, 0, 9],
            dst: [10, 0, 0, 1],
        };
        let back = Addresses::V4 {
            src: [10, 0, 0, 1],
            dst: [10, 0, 0, 9],
        };
        let (AnyKey::V4(a, swapped_a), AnyKey::V4(b, swapped_b)) = (
            AnyKey::new(&there, 40000, 80, TunnelId(0)),
            AnyKey::new(&back, 80, 40000, TunnelId(0)),
        ) else {
            panic!("IPv4 addresses give an IPv4 key");
        };
        assert!(a == b && swapped_a && !swapped_b);
        assert_eq!(a.endpoints()[1].port, 40000);
    }

    #[test]
    fn equal_addresses_are_told_apart_by_port() {
        let same = Addresses::V4 {
            src: [127, 0, 0, 1],
            dst: [127, 0, 0, 1],
        };
        let (AnyKey::V4(a, x), AnyKey::V4(b, y)) = (
            AnyKey::new(&same, 5, 7, TunnelId(0)),
            AnyKey::new(&same, 7, 5, TunnelId(0)),
        ) else {
            panic!("IPv4 addresses give an IPv4 key");
        };
        assert!(a == b && x != y);
    }
}
