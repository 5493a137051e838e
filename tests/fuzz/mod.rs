//! Mutated input for every part that reads bytes from outside; `cargo run --example mutate`
//! runs it for as long as wanted.

pub mod mutation;
