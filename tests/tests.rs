//! One integration binary.

mod cli;
mod scenarios;
mod properties;
mod support;
