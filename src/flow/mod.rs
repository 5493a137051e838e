//! Segments to connections: incarnations, roles, per-direction sequence state, and beside
//! them what is known of hosts, services and names.

pub mod baseline;
mod connection;
pub mod conversation;
pub mod fact;
pub mod key;
pub mod loc;
pub mod names;
pub mod resets;
mod segment;
pub mod state;
pub mod table;

pub use connection::{
    Connection, Endpoint, FlowTotals, HostBaseline, IcmpError, NameLookup, RoleBasis,
    ServiceOutcome, ServiceRecord,
};
pub use segment::{FrameRef, MptcpOption, Segment, Side, TcpOptions};
