//! One integration binary.

mod cli;
mod fragments;
mod fuzz;
mod hostile;
mod house;
mod properties;
mod records;
mod scenarios;
mod secrets;
mod support;
mod trimming;
