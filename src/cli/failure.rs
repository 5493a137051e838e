//! Why the program ends without having done what was asked, and the exit status for it.

use std::fmt;

/// Exit statuses (see the manual).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Ran; resets or none.
    Ran = 0,
    /// Wrong use.
    Usage = 1,
    /// Some input could not be read; the others were done.
    Input = 2,
    /// Output could not be written.
    Output = 3,
    /// `--fail-on` matched.
    Found = 4,
}

/// A failure: what happened, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit status.
    pub status: Status,
    /// What happened, with the place, without the program's name.
    pub message: String,
    /// What to do next, if there is something.
    pub hint: Option<String>,
}

impl Failure {
    /// Wrong use of the command line.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Status::Usage, message)
    }

    /// Output could not be written.
    #[must_use]
    pub fn output(message: impl Into<String>) -> Self {
        Self::new(Status::Output, message)
    }

    /// Input could not be read.
    #[must_use]
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Status::Input, message)
    }

    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: without_number(message.into()),
            hint: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Leaves out the system's number of an error, and the name of a temporary file that the
/// message may end with: neither helps anybody.
pub(super) fn without_number(text: String) -> String {
    match text.rsplit_once(" (os error ") {
        Some((words, rest)) if rest.split_once(')').is_some_and(is_tail) => words.to_owned(),
        _ => text,
    }
}

fn is_tail((number, rest): (&str, &str)) -> bool {
    number.parse::<i32>().is_ok() && (rest.is_empty() || rest.starts_with(" at path \""))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rstcap: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n        {hint}")?;
        }
        Ok(())
    }
}
