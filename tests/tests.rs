//! One integration binary.

mod cli;
mod fuzz;
mod properties;
mod records;
mod scenarios;
mod support;
mod trimming;
