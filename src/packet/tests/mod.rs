//! Frames from outside to inside: links, IP and transport, tunnels, and hostile ones.

mod hostile;
mod ip;
mod links;
mod speed;
mod transport;
mod tunnels;
