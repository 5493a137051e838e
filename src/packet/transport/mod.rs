//! What an IP packet carries.

pub(super) mod checksum;
pub(super) mod icmp;
mod quote;
pub(super) mod tcp;
pub(super) mod tcp_options;
pub(super) mod udp;
