//! What the command line means, given the environment.

use super::args::{self, Args, KeepBlocks, Secrets, When};
use super::console::Console;
use super::failure::Failure;
use super::filter::{FailOn, Filter};
use super::progress::Shown;
use super::size;
use crate::report::{Detail, Format, TextOptions};
use crate::trim::Keep;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::path::PathBuf;

/// Packets before or after the primary RST that stand for "all of them".
pub const EVERY_PACKET: u64 = u64::MAX;

/// Where case files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nowhere; the cases are listed.
    None,
    /// Into this directory.
    Directory(PathBuf),
    /// The only case goes to standard output.
    Stdout,
}

/// A scan and what is to become of its cases.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What to read.
    pub paths: Vec<PathBuf>,
    /// Files of a directory to read; `None`: all that are captures.
    pub include: Option<GlobSet>,
    /// Files of a directory to leave out.
    pub exclude: GlobSet,
    /// Every file is a capture of its own.
    pub separate: bool,
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Bytes per piece of a large file, when set by hand.
    pub chunk_size: Option<u64>,
    /// Bytes that the tables of connections may take, when set by hand.
    pub max_memory: Option<u64>,
    /// Packets of the connection before the primary RST, [`EVERY_PACKET`] for all.
    pub context_before: u64,
    /// Packets after it.
    pub context_after: u64,
    /// Where case files go.
    pub output: Output,
    /// Most case files to write.
    pub max_cases: Option<u64>,
    /// Most case files to write per group.
    pub per_group: u64,
    /// Keep the TLS secrets of the connections kept.
    pub matched_secrets: bool,
    /// Which other blocks of the source to keep.
    pub keep_blocks: Keep,
    /// Write a diagram beside each case file.
    pub diagrams: bool,
    /// Write what plain libpcap reads.
    pub libpcap: bool,
    /// Replace existing files.
    pub force: bool,
    /// Show only cases that the directory did not list before.
    pub only_new: bool,
    /// Which cases.
    pub filter: Filter,
    /// Which cases fail the run.
    pub fail_on: FailOn,
    /// Anomalies fail the run.
    pub strict: bool,
    /// The report's format.
    pub format: Format,
    /// How the table looks.
    pub text: TextOptions,
    /// No notes on standard error.
    pub quiet: bool,
    /// How progress is shown.
    pub progress: Shown,
    /// Say how long it took: only where no one compares output.
    pub show_elapsed: bool,
}

impl Settings {
    /// Makes sense of the arguments. `classes` are the known class ids, `processors` how many
    /// threads may run at once.
    ///
    /// # Errors
    /// Wrong use, with the option and what it wants.
    pub fn new(
        args: Args,
        console: Console,
        classes: &[&str],
        processors: usize,
    ) -> Result<Self, Failure> {
        let output = output(&args);
        check(&args, &output, console)?;
        let (context_before, context_after) = context(&args);
        let wanted = globs("--include", &args.include)?;
        Ok(Self {
            include: (!args.include.is_empty()).then_some(wanted),
            exclude: globs("--exclude", &args.exclude)?,
            separate: args.separate,
            threads: if args.threads == 0 {
                processors
            } else {
                args.threads
            }
            .max(1),
            chunk_size: sized("--chunk-size", args.chunk_size.as_deref())?,
            max_memory: sized("--max-memory", args.max_memory.as_deref())?,
            context_before,
            context_after,
            max_cases: args.max_cases,
            per_group: args.per_group,
            matched_secrets: args.secrets == Secrets::Matched,
            keep_blocks: Keep {
                custom: args.keep_blocks.contains(&KeepBlocks::Custom),
                journal: args.keep_blocks.contains(&KeepBlocks::Journal),
            },
            diagrams: args.diagrams,
            libpcap: args.libpcap,
            force: args.force,
            only_new: args.new,
            filter: Filter::parse(&args, classes).map_err(Failure::usage)?,
            fail_on: FailOn::parse(&args.fail_on, classes).map_err(Failure::usage)?,
            strict: args.strict,
            format: format(args.format),
            text: TextOptions {
                columns: console.columns,
                colour: console.colour,
                detail: detail(&args),
            },
            quiet: args.quiet,
            progress: progress(&args, console),
            show_elapsed: console.out_is_terminal,
            output,
            paths: args.paths,
        })
    }
}

/// What cannot be meant.
fn check(args: &Args, output: &Output, console: Console) -> Result<(), Failure> {
    if args.paths.is_empty() {
        return Err(Failure::usage("no input")
            .hint("give capture files, directories or -; rstcap --help shows the options"));
    }
    if *output == Output::Stdout && args.format != args::Format::Text {
        return Err(Failure::usage("-w - and -T both want standard output")
            .hint("write the case file into a directory, or leave out -T"));
    }
    if *output == Output::Stdout && console.out_is_terminal {
        return Err(
            Failure::usage("-w - writes a capture, and standard output is a terminal")
                .hint("redirect it, as in: rstcap CAPTURE -w - | wireshark -k -i -"),
        );
    }
    Ok(())
}

fn output(args: &Args) -> Output {
    match &args.write {
        None => Output::None,
        Some(path) if path.as_os_str() == "-" => Output::Stdout,
        Some(path) => Output::Directory(path.clone()),
    }
}

fn context(args: &Args) -> (u64, u64) {
    if args.whole_connection {
        return (EVERY_PACKET, EVERY_PACKET);
    }
    (
        args.before.unwrap_or(args.context),
        args.after.unwrap_or(args.context),
    )
}

fn detail(args: &Args) -> Detail {
    if args.full {
        Detail::Full
    } else if args.verbose {
        Detail::EveryCase
    } else {
        Detail::Usual
    }
}

fn format(format: args::Format) -> Format {
    match format {
        args::Format::Text => Format::Text,
        args::Format::Json => Format::Json,
        args::Format::Ndjson => Format::Ndjson,
        args::Format::Csv => Format::Csv,
        args::Format::Markdown => Format::Markdown,
    }
}

fn progress(args: &Args, console: Console) -> Shown {
    match args.progress {
        When::Never => Shown::No,
        When::Auto if args.quiet => Shown::No,
        When::Auto | When::Always if console.err_is_terminal => Shown::Bar,
        When::Always => Shown::Lines,
        When::Auto => Shown::No,
    }
}

fn sized(option: &str, text: Option<&str>) -> Result<Option<u64>, Failure> {
    let parsed = text.map(size::parse).transpose();
    parsed.map_err(|e| Failure::usage(format!("{option}: {e}")))
}

/// Patterns for the path below a directory and for the bare name; `*` stops at a slash.
fn globs(option: &str, patterns: &[String]) -> Result<GlobSet, Failure> {
    let wrong = |e: globset::Error| Failure::usage(format!("{option}: {e}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    const CONSOLE: Console = Console {
        columns: 80,
        colour: false,
        out_is_terminal: false,
        err_is_terminal: true,
    };

    fn settings(words: &[&str]) -> Result<Settings, Failure> {
        let args = Args::try_parse_from(["rstcap"].iter().chain(words)).unwrap();
        Settings::new(args, CONSOLE, &["syn-refused"], 4)
    }

    #[test]
    fn context_of_one_or_two_numbers() {
        let of = |words: &[&str]| {
            let s = settings(words).unwrap();
            (s.context_before, s.context_after)
        };
        assert_eq!(of(&["a"]), (20, 20));
        assert_eq!(of(&["a", "-C", "5"]), (5, 5));
        assert_eq!(of(&["a", "-C5", "--after", "0"]), (5, 0));
        assert_eq!(
            of(&["a", "--whole-connection"]),
            (EVERY_PACKET, EVERY_PACKET)
        );
    }

    #[test]
    fn environment_decides_what_is_not_said() {
        let progress = |words: &[&str]| settings(words).unwrap().progress;
        assert_eq!(progress(&["a"]), Shown::Bar);
        assert_eq!(progress(&["a", "-q"]), Shown::No);
        assert_eq!(progress(&["a", "-q", "--progress=always"]), Shown::Bar);
        assert_eq!(progress(&["a", "--progress=never"]), Shown::No);
        assert_eq!(settings(&["a"]).unwrap().threads, 4);
        assert_eq!(settings(&["a", "-j", "2"]).unwrap().threads, 2);
        assert_eq!(settings(&["a"]).unwrap().text.columns, 80);
    }

    #[test]
    fn wrong_use() {
        let message = |words: &[&str]| settings(words).unwrap_err().message;
        assert_eq!(message(&[]), "no input");
        assert!(message(&["a", "-w", "-", "-T", "json"]).contains("standard output"));
        assert!(message(&["a", "--max-memory", "lots"]).starts_with("--max-memory: "));
        assert!(message(&["a", "--include", "{"]).starts_with("--include: "));
        assert!(message(&["a", "--class", "syn-refusd"]).contains("did you mean syn-refused?"));
    }

    #[test]
    fn globs_stop_at_slashes() {
        let s = settings(&["a", "--include", "*.pcap", "--exclude", "old/**"]).unwrap();
        let include = s.include.unwrap();
        assert!(include.is_match("x.pcap") && !include.is_match("deep/x.pcap"));
        assert!(s.exclude.is_match("old/deep/x.pcap") && !s.exclude.is_match("new/x.pcap"));
    }
}
