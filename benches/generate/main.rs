//! Writes large captures of sound TCP traffic for benchmarks; the same arguments give the same bytes.
//!
//! `cargo run --release --example generate -- --bytes 1G -o big.pcapng`

// Sizes and counters are cut to the width of their header fields on purpose.
#![allow(clippy::cast_possible_truncation)]

mod content;
mod flow;
mod frame;
mod output;
mod random;
mod read_loop;
mod storm;
mod traffic;
mod wheel;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;

use flow::{Mix, Plan};
use output::{Compression, Format, Output};
use storm::Storm;
use traffic::Traffic;

/// Write a large capture of sound TCP traffic with a known share of resets
#[derive(Debug, Parser)]
struct Args {
    /// Size before compression: a number with K, M or G (1024)
    #[arg(long, default_value = "1G", value_parser = size)]
    bytes: u64,
    /// Packet sizes
    #[arg(long, value_enum, default_value = "mixed")]
    mix: Mix,
    /// Conversations alive at any time
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    flows: u32,
    /// Share of conversations that end by a reset
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    reset_percent: u32,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_enum, default_value = "pcapng")]
    format: Format,
    #[arg(long, value_enum, default_value = "none")]
    compress: Compression,
    /// Write N files named as dumpcap names the files of a ring buffer
    #[arg(long, default_value_t = 0)]
    ring: u32,
    /// Write a storm of resets instead of ordinary traffic
    #[arg(long, value_enum)]
    storm: Option<Storm>,
    /// Read this file with --threads threads and print how long it took; writes nothing
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    read_loop: Option<PathBuf>,
    #[arg(short = 'j', long, default_value_t = 1)]
    threads: usize,
    #[arg(short, long, required_unless_present = "read_loop")]
    output: Option<PathBuf>,
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("{text:?} is not a size"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| format!("{text:?} is too large"))
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(path) = &args.read_loop {
        return Ok(read_loop::run(path, args.threads)?);
    }
    let path = args.output.unwrap_or_default();
    let limit = if args.storm.is_some() {
        u64::MAX
    } else {
        args.bytes
    };
    let mut output = Output::new(&path, args.format, args.compress, args.ring, limit);
    let started = Instant::now();
    match args.storm {
        Some(storm) => storm::run(storm, args.seed, &mut output)?,
        None => {
            let Args {
                mix,
                flows,
                reset_percent,
                seed,
                ..
            } = args;
            Traffic::new(Plan {
                mix,
                flows,
                reset_percent,
                seed,
            })
            .run(&mut output)?;
        }
    }
    output.finish()?;
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = output.bytes as f64 / 1e6;
    eprintln!(
        "{} packets, {megabytes:.1} MB, {:.0} bytes per packet on the wire, {:.0} MB/s",
        output.packets,
        output.wire_bytes as f64 / output.packets.max(1) as f64,
        megabytes / seconds
    );
    Ok(())
}
