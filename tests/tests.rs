//! One integration binary.

mod cli;
mod fuzz;
mod scenarios;
mod properties;
mod records;
mod support;
