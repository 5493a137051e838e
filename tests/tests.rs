//! One integration binary.

mod cli;
mod fuzz;
mod hostile;
mod properties;
mod records;
mod scenarios;
mod support;
mod trimming;
