//! One integration binary.

mod cli;
mod house;
mod properties;
mod support;
