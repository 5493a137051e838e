//! One integration binary.

mod cli;
mod fuzz;
mod house;
mod properties;
mod records;
mod scenarios;
mod support;
