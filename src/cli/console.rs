//! What is at the other end of standard output and standard error.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

/// Columns assumed when there is no terminal and COLUMNS is not set.
const COLUMNS: usize = 120;
/// Narrower than this nothing is laid out.
const LEAST_COLUMNS: usize = 40;

/// The environment as far as it changes output for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console {
    /// Columns of standard output.
    pub columns: usize,
    /// Colours may be used on standard output (a terminal, `NO_COLOR`, `CLICOLOR_FORCE`).
    pub colour: bool,
    /// Standard output is a terminal.
    pub out_is_terminal: bool,
    /// Standard error is a terminal.
    pub err_is_terminal: bool,
}

impl Console {
    /// Looks.
    #[must_use]
    pub fn look() -> Self {
        let out = std::io::stdout();
        let out_is_terminal = out.is_terminal();
        let choice = anstream::AutoStream::choice(&out);
        let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        let terminal = terminal_size::terminal_size_of(&out).map(|(w, _)| usize::from(w.0));
        Self {
            columns: terminal.or(asked).unwrap_or(COLUMNS).max(LEAST_COLUMNS),
            colour: !matches!(choice, anstream::ColorChoice::Never),
            out_is_terminal,
            err_is_terminal: std::io::stderr().is_terminal(),
        }
    }
}

/// Writes a line to standard error. That nobody takes it is no reason to stop.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
