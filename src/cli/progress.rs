//! Progress on standard error: bytes over all inputs, rate, time left, resets so far.

use crate::scan::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};

/// Screen updates per second.
const RATE: u8 = 8;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Not at all.
    No,
    /// As a bar that is redrawn, on a terminal.
    Bar,
    /// As a line per tenth of the input, where there is no terminal.
    Lines,
}

/// The bar, or nothing.
#[derive(Debug)]
pub(super) struct Bars {
    shown: Shown,
    bar: ProgressBar,
    total: AtomicU64,
    read: AtomicU64,
    files: AtomicU64,
    files_done: AtomicU64,
    resets: AtomicU64,
}

impl Bars {
    /// Shows nothing yet.
    pub(super) fn new(shown: Shown) -> Self {
        Self {
            shown,
            bar: match shown {
                Shown::Bar => bar(),
                _ => ProgressBar::hidden(),
            },
            total: AtomicU64::new(0),
            read: AtomicU64::new(0),
            files: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
            resets: AtomicU64::new(0),
        }
    }

    fn line(&self, before: u64, now: u64) {
        let total = self.total.load(Ordering::Relaxed);
        if let Some(percent) = crossed_tenth(before, now, total) {
            let resets = self.resets.load(Ordering::Relaxed);
            super::console::say(format_args!("rstcap: {percent} % read, {resets} RSTs"));
        }
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self) {
        if self.shown != Shown::Bar {
            return;
        }
        let resets = self.resets.load(Ordering::Relaxed);
        let files = self.files.load(Ordering::Relaxed);
        let done = self.files_done.load(Ordering::Relaxed);
        let of_files = if files > 1 {
            format!("{done}/{files} files, ")
        } else {
            String::new()
        };
        self.bar.set_message(format!("{of_files}{resets} RSTs"));
    }
}

impl Progress for Bars {
    fn begin(&self, bytes: u64, files: u64) {
        self.files.store(files, Ordering::Relaxed);
        self.total.store(bytes, Ordering::Relaxed);
        if bytes > 0 {
            self.bar.set_length(bytes);
        } else {
            self.bar.set_style(style(UNKNOWN_LENGTH));
        }
        self.say();
    }

    fn bytes(&self, n: u64) {
        let before = self.read.fetch_add(n, Ordering::Relaxed);
        match self.shown {
            Shown::No => {}
            Shown::Bar => self.bar.inc(n),
            Shown::Lines => self.line(before, before.saturating_add(n)),
        }
    }

    fn again(&self, label: &str, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
        match self.shown {
            Shown::No => {}
            Shown::Bar => self.bar.inc_length(bytes),
            Shown::Lines => {
                super::console::say(format_args!("rstcap: {label} is read a second time"));
            }
        }
    }

    fn resets(&self, n: u64) {
        self.resets.fetch_add(n, Ordering::Relaxed);
        if n > 0 {
            self.say();
        }
    }

    fn file_done(&self, _label: &str) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        self.say();
    }
}

/// The percentage to announce when the bytes read go from `before` to `now`: the last tenth of
/// `total` that was passed.
fn crossed_tenth(before: u64, now: u64, total: u64) -> Option<u64> {
    let tenth = |n: u64| n.min(total).saturating_mul(10).checked_div(total);
    let (before, now) = (tenth(before)?, tenth(now)?);
    (now > before).then_some(now * 10)
}

const KNOWN_LENGTH: &str = "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {msg}";
const UNKNOWN_LENGTH: &str = "{spinner} {bytes}  {bytes_per_sec}  {msg}";

fn bar() -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(RATE);
    ProgressBar::with_draw_target(Some(0), target).with_style(style(KNOWN_LENGTH))
}

fn style(template: &str) -> ProgressStyle {
    // a template that does not parse would be our mistake; the plain bar is as good an answer
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_parse() {
        for template in [KNOWN_LENGTH, UNKNOWN_LENGTH] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }

    #[test]
    fn lines_come_at_tenths() {
        assert_eq!(crossed_tenth(0, 9, 100), None);
        assert_eq!(crossed_tenth(0, 10, 100), Some(10));
        assert_eq!(crossed_tenth(15, 39, 100), Some(30));
        assert_eq!(crossed_tenth(95, 200, 100), Some(100));
        assert_eq!(crossed_tenth(0, 10, 0), None);
    }
}
