//! Segments to connections: incarnations, roles, per-direction sequence state, and beside
//! them what is known of hosts, services and names.

pub mod attempts;
pub mod baseline;
pub mod build;
mod connection;
pub mod conversation;
pub mod datagram;
pub mod duplicates;
pub mod ended;
pub mod fact;
pub mod fragments;
pub mod key;
pub mod kinds;
pub mod links;
pub mod loc;
pub mod names;
pub mod reassembly;
pub mod resets;
pub mod roles;
mod sample;
mod segment;
mod slab;
pub mod state;
pub mod table;
#[cfg(test)]
mod table_tests;

pub use connection::{
    Connection, Endpoint, FlowTotals, HostBaseline, IcmpError, NameLookup, RoleBasis,
    ServiceOutcome, ServiceRecord,
};
pub use segment::{FrameRef, MptcpOption, Segment, Side, TcpOptions};
