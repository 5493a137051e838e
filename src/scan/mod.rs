//! The driver: cuts the input, has the pool it is called in work on it, stitches the results.

mod again;
mod chunk;
mod collector;
mod connections;
mod dns;
mod dns_fragments;
mod fetch;
mod group;
mod plan;
mod reducer;
mod retained;
mod shards;
mod source;
mod spool;
mod stream;
#[cfg(test)]
mod tests;
mod timeline;
mod wave;

pub use plan::{CHUNK_SIZE, FileStatus, Outcome, Plan, Progress, Silent, Storm, Timeline, Totals};
pub use source::{FileJob, Files};
pub use timeline::scan;
