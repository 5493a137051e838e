//! One integration binary.

mod cli;
mod properties;
mod support;
