//! Flow keys: addresses, ports and tunnel, in an order-free form.

use super::Endpoint;
use crate::packet::TunnelId;
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
#[derive(Clone, Copy, Eq, Debug)]
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

// Words instead of derived field by field: these run once per packet.
impl Key4 {
    #[inline]
    fn words(&self) -> [u64; 2] {
        let [a, b] = self.addr.map(u32::from_ne_bytes);
        let addresses = u64::from(a) << 32 | u64::from(b);
        [addresses, u64::from(self.tunnel) << 32 | ports(self.port)]
    }
}

impl Hash for Key4 {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().into_iter().for_each(|w| state.write_u64(w));
    }
}

impl PartialEq for Key4 {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
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

impl Key4 {
    /// Key of a packet between two addresses and ports, and whether its source is the key's
    /// second endpoint.
    #[inline(always)]
    #[must_use]
    pub fn new(addresses: [[u8; 4]; 2], port: [u16; 2], tunnel: TunnelId) -> (Self, bool) {
        let [a, b] = addresses.map(|a| u64::from(u32::from_be_bytes(a)) << 16);
        let swapped = b + u64::from(port[1]) < a + u64::from(port[0]);
        let (addr, port) = in_order(addresses, port, swapped);
        let tunnel = tunnel.0;
        (Self { addr, port, tunnel }, swapped)
    }
}

impl Key6 {
    /// Key of a packet between two addresses and ports, and whether its source is the key's
    /// second endpoint.
    #[inline(always)]
    #[must_use]
    pub fn new(addresses: [[u8; 16]; 2], port: [u16; 2], tunnel: TunnelId) -> (Self, bool) {
        let [a, b] = addresses.map(u128::from_be_bytes);
        let swapped = (b, port[1]) < (a, port[0]);
        let (addr, port) = in_order(addresses, port, swapped);
        let tunnel = tunnel.0;
        (Self { addr, port, tunnel }, swapped)
    }
}

#[inline(always)]
fn in_order<A>([src, dst]: [A; 2], [from, to]: [u16; 2], swapped: bool) -> ([A; 2], [u16; 2]) {
    if swapped {
        ([dst, src], [to, from])
    } else {
        ([src, dst], [from, to])
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
    use super::{Key, Key4};
    use crate::packet::TunnelId;

    #[test]
    fn both_directions_have_one_key() {
        let (near, far) = ([10, 0, 0, 1], [10, 0, 0, 9]);
        let (a, swapped_a) = Key4::new([far, near], [40000, 80], TunnelId(0));
        let (b, swapped_b) = Key4::new([near, far], [80, 40000], TunnelId(0));
        assert!(a == b && swapped_a && !swapped_b);
        assert_eq!(a.endpoints()[1].port, 40000);
        assert_eq!(a.fixed_hash(), b.fixed_hash());
    }

    #[test]
    fn equal_addresses_are_told_apart_by_port() {
        let same = [[127, 0, 0, 1]; 2];
        let (a, x) = Key4::new(same, [5, 7], TunnelId(0));
        let (b, y) = Key4::new(same, [7, 5], TunnelId(0));
        assert!(a == b && x != y);
    }
}
