//! What `--version` prints: the version, then what this build reads and writes.

/// First line: name and version come from clap.
pub const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\n",
    "reads pcap, pcapng, snoop, ERF, Network Monitor; plain, gzip, zstd, lz4\n",
    "writes pcapng 1.0, text, JSON (schema 1), CSV, Markdown",
);
