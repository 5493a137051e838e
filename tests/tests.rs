//! One integration binary.

mod batch;
mod cli;
mod crowd;
mod documents;
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
