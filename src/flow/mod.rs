//! Segments to connections: incarnations, roles, per-direction sequence state, and beside
//! them what is known of hosts, services and names.

mod connection;
pub mod reassembly;
mod segment;

pub use connection::{
    Connection, Endpoint, FlowTotals, HostBaseline, IcmpError, NameLookup, RoleBasis,
    ServiceOutcome, ServiceRecord,
};
pub use segment::{FrameRef, MptcpOption, Segment, Side, TcpOptions};
