//! Whatever carries a frame or a packet inside a packet.

mod capwap;
mod erspan;
mod geneve;
pub(super) mod gre;
mod gtp;
mod gue;
pub(super) mod l2tp;
pub(super) mod nsh;
pub(super) mod over_udp;
mod teredo;
mod tzsp;
mod vxlan;
