//! BSD loopback (`LINKTYPE_NULL`, `LINKTYPE_LOOP`).

use super::ether_type;
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::ip;
use crate::packet::layer::Layer;

const AF_INET: u32 = 2;
/// `AF_INET6` of Linux, NetBSD/OpenBSD, FreeBSD and macOS.
const AF_INET6: [u32; 4] = [10, 24, 28, 30];

/// Dissects from the address family on, which stands in the byte order of the host that
/// captured, or in network byte order: both are tried.
pub(super) fn dissect<'a>(d: &mut Dissection<'a>, frame: Layer<'a>) -> Outcome {
    let header = *frame.header("loopback")?;
    let payload = frame.skip(4);
    let families = [u32::from_le_bytes(header), u32::from_be_bytes(header)];
    if families.contains(&AF_INET) {
        return ip::v4::dissect(d, payload);
    }
    if families.iter().any(|f| AF_INET6.contains(f)) {
        return ip::v6::dissect(d, payload);
    }
    // some writers put an EtherType there
    for family in families {
        if let Ok(t @ (ether_type::IPV4 | ether_type::IPV6)) = u16::try_from(family) {
            return ether_type::dissect(d, t, payload);
        }
    }
    Err(frame.not_read("loopback"))
}
