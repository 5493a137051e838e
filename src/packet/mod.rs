//! One frame's bytes to a view. Pure: no I/O, no state. Every step returns what it could
//! read plus a [`Stop`] that says where and why it ended, so that *cut by the snaplen* is
//! told from *malformed*.
//!
//! ```text
//! link ─► ip ─► transport      link types and EtherTypes; IP and what is in it
//!  ▲      ▲         │
//!  └──────┴─ tunnel ◄          whatever carries another frame or packet
//! ```

pub mod app;
mod dissection;
mod ip;
mod layer;
mod link;
mod plain;
mod probe;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;
mod view;

pub use plain::PlainTcp;
pub use transport::checksum::{TcpChecksum, tcp_checksum};
pub use transport::tcp_options::{TcpOption, TcpOptionWalk, tcp_options};
pub use view::{
    Addresses, Fragment, FragmentView, IcmpView, IpView, LinkView, PacketView, Quote, Stop,
    StopReason, TcpView, Transport, TunnelId, UdpView, tcp_flags,
};

use crate::units::LinkType;
use dissection::Dissection;
use layer::Layer;

/// Dissects one frame of `original_len` bytes, of which `data` were captured. Never fails: what
/// could be read is in the view, and [`PacketView::stop`] says where and why it ended. No
/// allocation; checksums are not computed (see [`tcp_checksum`]).
#[inline]
#[must_use]
pub fn dissect(link_type: LinkType, data: &[u8], original_len: u32) -> PacketView<'_> {
    let frame = Layer::frame(data, original_len);
    if link_type == LinkType::ETHERNET
        && let Some(view) = plain::dissect(frame)
    {
        return view;
    }
    dissect_any(link_type, frame)
}

/// The short way for a TCP segment in IPv4 on Ethernet that nothing is odd about, which nearly
/// all frames are: what [`dissect`] says of it. `None` means that the frame wants [`dissect`].
#[inline(always)]
#[must_use]
pub fn plain_tcp4(
    link_type: LinkType,
    data: &[u8],
    original_len: u32,
) -> Option<PlainTcp<'_, [u8; 4]>> {
    if link_type != LinkType::ETHERNET {
        return None;
    }
    plain::tcp4(Layer::frame(data, original_len))
}

/// The same for IPv6.
#[inline(always)]
#[must_use]
pub fn plain_tcp6(
    link_type: LinkType,
    data: &[u8],
    original_len: u32,
) -> Option<PlainTcp<'_, [u8; 16]>> {
    if link_type != LinkType::ETHERNET {
        return None;
    }
    plain::tcp6(Layer::frame(data, original_len))
}

/// The outermost fragmented datagram of a frame; for those whose view says that there is one.
#[cold]
#[must_use]
pub fn fragment(link_type: LinkType, data: &[u8], original_len: u32) -> Option<FragmentView<'_>> {
    let mut d = Dissection::new();
    // where and why it ends is in the view already
    let _ = link::dissect(&mut d, link_type, Layer::frame(data, original_len));
    d.fragment
}

#[inline(never)]
fn dissect_any(link_type: LinkType, frame: Layer<'_>) -> PacketView<'_> {
    let mut d = Dissection::new();
    if let Err(stop) = link::dissect(&mut d, link_type, frame) {
        d.note(stop);
    }
    if d.view.ip.is_none() {
        d.view.link = d.link;
    }
    d.view
}
