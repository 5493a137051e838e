//! One frame's bytes to a view. Pure: no I/O, no state. Every step returns what it could
//! read plus a [`Stop`] that says where and why it ended, so that *cut by the snaplen* is
//! told from *malformed*.

pub mod app;
mod view;

pub use view::{
    Addresses, Fragment, IcmpView, IpView, LinkView, PacketView, Quote, Stop, StopReason, TcpView,
    Transport, TunnelId, UdpView, tcp_flags,
};
