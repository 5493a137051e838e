//! `--generate`: the man pages and shell completions, all from the same declarations.

use super::args::{Args, Generate};
use super::{manual, manual_diagnoses};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// The text that was asked for.
pub(super) fn text(what: Generate) -> String {
    match what {
        Generate::Man => manual::page(),
        Generate::ManDiagnoses => manual_diagnoses::page(),
        Generate::CompleteBash => completion(Shell::Bash),
        Generate::CompleteZsh => completion(Shell::Zsh),
        Generate::CompleteFish => completion(Shell::Fish),
        // written to a directory, not printed
        Generate::WiresharkProfile => String::new(),
    }
}

fn completion(shell: Shell) -> String {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "rstcap", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_know_the_options() {
        for shell in [
            Generate::CompleteBash,
            Generate::CompleteZsh,
            Generate::CompleteFish,
        ] {
            let text = text(shell);
            assert!(text.contains("whole-connection") && text.contains("ndjson"));
        }
    }
}
