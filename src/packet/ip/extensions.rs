//! IPv6 extension headers (RFC 8200 4) and the Authentication Header (RFC 4302).

use crate::packet::layer::Layer;
use crate::packet::{Fragment, Stop};

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
pub(super) const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// Where a chain of extension headers leads.
pub(in crate::packet) struct Chain<'a> {
    /// The protocol after the last extension header that was read.
    pub protocol: u8,
    /// What follows it.
    pub payload: Layer<'a>,
    /// Set by a fragment header, unless the fragment is the whole datagram (RFC 6946).
    pub fragment: Option<Fragment>,
    /// A routing header has segments left: the destination field is not the final one.
    pub source_routed: bool,
    /// Why the chain could not be followed to its end.
    pub stop: Option<Stop>,
}

/// Whether a next-header value is an extension header.
#[inline]
pub(in crate::packet) fn is_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | MOBILITY | HIP | SHIM6
    )
}

/// Follows the extension headers to the transport, or to the payload of a later fragment.
pub(in crate::packet) fn walk(protocol: u8, payload: Layer<'_>) -> Chain<'_> {
    let mut chain = Chain {
        protocol,
        payload,
        fragment: None,
        source_routed: false,
        stop: None,
    };
    while is_extension(chain.protocol) {
        if let Err(stop) = step(&mut chain) {
            chain.stop = Some(stop);
            break;
        }
        if chain.fragment.is_some_and(|f| f.offset != 0) {
            break;
        }
    }
    chain
}

fn step(chain: &mut Chain<'_>) -> Result<(), Stop> {
    let here = chain.payload;
    let &[next, len, b2, b3, i0, i1, i2, i3] = here.header("ipv6 extension")?;
    let len = match chain.protocol {
        FRAGMENT => 8,
        AUTHENTICATION => usize::from(len) * 4 + 8,
        _ => usize::from(len) * 8 + 8,
    };
    if here.data.len() < len {
        return Err(here.cut("ipv6 extension", len));
    }
    match chain.protocol {
        FRAGMENT => {
            let (offset, more) = (u16::from_be_bytes([b2, b3]) & 0xfff8, b3 & 1 != 0);
            if offset != 0 || more {
                chain.fragment = Some(Fragment {
                    id: u32::from_be_bytes([i0, i1, i2, i3]),
                    offset: offset.into(),
                    more,
                });
            }
        }
        ROUTING => chain.source_routed |= b3 != 0,
        _ => {}
    }
    chain.protocol = next;
    chain.payload = here.skip(len);
    chain.payload.partial |= chain.fragment.is_some_and(|f| f.more);
    Ok(())
}
