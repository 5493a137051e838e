//! The command line as it was typed: one declaration per option; its doc comment is the help
//! and the manual. What it means is decided in [`super::settings`].

use clap::{ArgAction, Parser, ValueEnum};
use std::path::PathBuf;

/// Find every TCP reset in packet captures, say who sent it and why, and write one annotated
/// pcapng per reset
///
/// A PATH is a capture file, a directory (searched recursively for captures, recognised by
/// content) or - for standard input. pcap, pcapng, snoop, ERF and Network Monitor are read, also
/// compressed with gzip, zstd or lz4. Files of one ring buffer are read as one capture.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "rstcap",
    version,
    long_version = super::version::LONG,
    disable_version_flag = true,
    max_term_width = 100,
    after_help = "Exit status: 0 ran, 1 usage, 2 some input could not be read, 3 output could not be written, 4 --fail-on matched.",
)]
pub struct Args {
    /// Capture files, directories, or - for standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Write the case files, index.html and cases.ndjson into this directory
    ///
    /// Without it the cases are only listed. With - and exactly one case, that case's file goes
    /// to standard output. A directory that an earlier run wrote to gets the cases that it does
    /// not hold yet; what is there stays as it is, see BATCH USE.
    #[arg(short, long, value_name = "DIR", help_heading = "Case files")]
    pub write: Option<PathBuf>,

    /// Packets of the connection to keep before and after the primary RST
    #[arg(
        short = 'C',
        long,
        value_name = "N",
        default_value_t = 20,
        help_heading = "Case files"
    )]
    pub context: u64,

    /// Packets to keep before the primary RST, instead of --context
    #[arg(long, value_name = "N", help_heading = "Case files")]
    pub before: Option<u64>,

    /// Packets to keep after the primary RST, instead of --context
    #[arg(long, value_name = "N", help_heading = "Case files")]
    pub after: Option<u64>,

    /// Keep every packet of the connection
    #[arg(long, conflicts_with_all = ["before", "after"], help_heading = "Case files")]
    pub whole_connection: bool,

    /// Write at most this many case files; the report still counts every case
    #[arg(long, value_name = "N", help_heading = "Case files")]
    pub max_cases: Option<u64>,

    /// Write at most this many case files per group of like cases
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        help_heading = "Case files"
    )]
    pub per_group: u64,

    /// What to do with TLS secrets in the source (decryption secrets blocks)
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "none",
        help_heading = "Case files"
    )]
    pub secrets: Secrets,

    /// Keep these blocks of a pcapng source that hold no packet, too; repeatable
    ///
    /// They stand behind the packets. Custom blocks that must not be copied are never kept.
    #[arg(
        long,
        value_name = "WHICH",
        value_delimiter = ',',
        help_heading = "Case files"
    )]
    pub keep_blocks: Vec<KeepBlocks>,

    /// Write a sequence diagram (SVG) beside each case file
    #[arg(long, help_heading = "Case files")]
    pub diagrams: bool,

    /// Write case files that libpcap reads, too: one snaplen for all interfaces
    #[arg(long, help_heading = "Case files")]
    pub libpcap: bool,

    /// Write again what the directory holds already, and replace existing files
    #[arg(long, help_heading = "Case files")]
    pub force: bool,

    /// Show, and fail on, only cases that the directory of --write did not list before
    #[arg(
        long,
        requires = "write",
        conflicts_with = "force",
        help_heading = "Which cases"
    )]
    pub new: bool,

    /// In directories, read only files whose name or path matches; repeatable
    #[arg(long, value_name = "GLOB", help_heading = "Input")]
    pub include: Vec<String>,

    /// In directories, leave out files whose name or path matches; repeatable
    #[arg(long, value_name = "GLOB", help_heading = "Input")]
    pub exclude: Vec<String>,

    /// Treat every file as a capture of its own, not as part of a ring buffer
    #[arg(long, help_heading = "Input")]
    pub separate: bool,

    /// Only cases of this diagnosis class; repeatable, ! negates, * matches
    #[arg(long, value_name = "CLASS", help_heading = "Which cases")]
    pub class: Vec<String>,

    /// Only cases reset by this party; repeatable, ! negates
    ///
    /// A party as in the JSON report (server-host, middlebox-as-client, ...) or a word for
    /// several: client, server, middlebox, intermediary, unknown.
    #[arg(long, value_name = "PARTY", help_heading = "Which cases")]
    pub party: Vec<String>,

    /// Only cases of this severity; repeatable, ! negates
    ///
    /// harmless, info, warning or error; a + behind it means this or worse, as in warning+.
    #[arg(long, value_name = "SEVERITY", help_heading = "Which cases")]
    pub severity: Vec<String>,

    /// Only connections with an end in this network or at this address; repeatable, ! negates
    #[arg(long, value_name = "CIDR", help_heading = "Which cases")]
    pub host: Vec<String>,

    /// Only connections with an end at this port or in this range N-M; repeatable, ! negates
    #[arg(long, value_name = "PORT", help_heading = "Which cases")]
    pub port: Vec<String>,

    /// Only servers one of whose names (DNS, SNI, Host) matches; repeatable, ! negates
    #[arg(long, value_name = "GLOB", help_heading = "Which cases")]
    pub name: Vec<String>,

    /// Only resets at or after this time
    ///
    /// UTC unless it says otherwise: 2024-07-14, 2024-07-14T12:01:17.5, 2024-07-14T14:01:17+02:00,
    /// or seconds since 1970.
    #[arg(long, value_name = "TIME", help_heading = "Which cases")]
    pub since: Option<String>,

    /// Only resets before this time
    #[arg(long, value_name = "TIME", help_heading = "Which cases")]
    pub until: Option<String>,

    /// The report on standard output
    #[arg(
        short = 'T',
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub format: Format,

    /// List every case, however many there are, and every file
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,

    /// Print the full story of every case
    #[arg(short = 'V', long, help_heading = "Output")]
    pub full: bool,

    /// No progress, no notes on standard error; errors only
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// When to show progress on standard error
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub progress: When,

    /// Exit with status 2 when anything is wrong with the input, such as a cut-short file
    #[arg(long, help_heading = "Output")]
    pub strict: bool,

    /// Exit with status 4 when a shown case has this class, or this severity or worse; repeatable
    #[arg(long, value_name = "CLASS|SEVERITY", help_heading = "Output")]
    pub fail_on: Vec<String>,

    /// Worker threads; 0 means one per processor
    #[arg(
        short = 'j',
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Resources"
    )]
    pub threads: usize,

    /// Let go of the oldest idle connections beyond this much memory, such as 512M or 8G
    ///
    /// Without it, half of the memory that is available when the run starts. Up to a quarter as
    /// much besides holds what compressed captures decompress to.
    #[arg(long, value_name = "SIZE", help_heading = "Resources")]
    pub max_memory: Option<String>,

    /// Bytes per piece of a large file
    #[arg(long, value_name = "SIZE", hide = true, help_heading = "Resources")]
    pub chunk_size: Option<String>,

    /// Print the manual entry of a diagnosis class
    #[arg(long, value_name = "CLASS", help_heading = "Manual")]
    pub explain: Option<String>,

    /// List the diagnosis classes
    #[arg(long, help_heading = "Manual")]
    pub list_classes: bool,

    /// Print a man page or shell completion, or write the Wireshark profile into --write DIR
    #[arg(long, value_name = "WHAT", help_heading = "Manual")]
    pub generate: Option<Generate>,

    /// Print the version
    #[arg(long, action = ArgAction::Version, help_heading = "Manual")]
    version: Option<bool>,
}

/// Values of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table
    Text,
    /// One JSON document
    Json,
    /// One JSON object per case and line
    Ndjson,
    /// One row per case, for spreadsheets
    Csv,
    /// A summary for a ticket
    Markdown,
}

/// Values of `--secrets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Secrets {
    /// Leave them out
    None,
    /// Keep those of the connections that are kept
    Matched,
}

/// Values of `--keep-blocks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepBlocks {
    /// Custom blocks
    Custom,
    /// Entries of the systemd journal of the time of the case
    Journal,
}

/// Values of `--progress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

/// Values of `--generate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// rstcap(1)
    Man,
    /// rstcap-diagnoses(7)
    ManDiagnoses,
    /// Completion for bash
    CompleteBash,
    /// Completion for zsh
    CompleteZsh,
    /// Completion for fish
    CompleteFish,
    /// Columns, colours and buttons for case files
    WiresharkProfile,
}
