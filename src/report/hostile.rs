//! Text from packets and file names, made safe for the format in which it will stand. Which
//! characters are hostile everywhere, and what is shown for them, is in [`crate::units::text`].

pub use crate::units::text::{is_hostile, plain};
use unicode_width::UnicodeWidthChar as _;

/// Columns that `text` takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// `text` cut to `columns`, the cut shown as `...`.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(3);
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += char_width(c);
        if used > room {
            break;
        }
        out.push(c);
    }
    out.push_str(&"..."[..columns.min(3)]);
    out
}

/// `text` broken at spaces into lines of at most `columns`; words longer than a line are
/// broken anywhere.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let free = columns.saturating_sub(width(&line) + usize::from(!line.is_empty()));
        if width(word) <= free {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if width(&line) + char_width(c) > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A CSV cell that no spreadsheet executes: a leading `=`, `+`, `-`, `@` (also in full width),
/// tab or carriage return is preceded by `'`. Quoting is left to the writer.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let starts_formula = text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    let text = plain(text);
    if starts_formula {
        format!("'{text}")
    } else {
        text
    }
}

/// Text of a Markdown paragraph or table cell, on one line: characters that start emphasis,
/// code, links, HTML, tables, entities or headings are escaped.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    for (i, c) in text.chars().enumerate() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '+' | '-' | '=' if i == 0 => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A Markdown code span: nothing in it is interpreted. A `|` is still escaped, because a table
/// splits its cells before it looks for code.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    let text = plain(text).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A word of a command line for a POSIX shell: quoted when it has anything but plain characters.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let tame = |c: char| c.is_ascii_alphanumeric() || "._-/:+,@%".contains(c);
    if !text.is_empty() && text.chars().all(tame) && !text.starts_with('-') {
        return text.to_owned();
    }
    if text.chars().any(is_hostile) {
        // $'..' understands the escapes that plain() writes for single bytes
        return format!(
            "$'{}'",
            plain(&text.replace('\\', "\\\\").replace('\'', "\\'"))
        );
    }
    let quoted = format!("'{}'", text.replace('\'', "'\\''"));
    if text.starts_with('-') {
        format!("./{quoted}")
    } else {
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_counts_columns() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("漢字"), 4);
        assert_eq!(cut("漢字漢字", 7), "漢字...");
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 2), "..");
    }

    #[test]
    fn wraps_at_words_and_breaks_long_ones() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl", 8), ["abcdefgh", "ijkl"]);
        assert!(wrap("", 10).is_empty());
        for line in wrap("a bb ccc 漢字漢字漢字漢字 dddd", 9) {
            assert!(width(&line) <= 9, "{line}");
        }
    }

    #[test]
    fn formulas_are_disarmed() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\u{ff1d}1"] {
            assert!(csv_cell(cell).starts_with('\''), "{cell:?}");
        }
        assert_eq!(csv_cell("a=1"), "a=1");
    }

    #[test]
    fn markdown_is_inert() {
        assert_eq!(
            markdown("a|b <script> *x* [y](z)"),
            "a\\|b &lt;script&gt; \\*x\\* \\[y\\](z)"
        );
        assert_eq!(markdown_code("a`b|c"), "`` a`b\\|c ``");
        assert_eq!(markdown_code("plain"), "`plain`");
        assert_eq!(markdown("- item"), "\\- item");
    }

    #[test]
    fn shell_words() {
        assert_eq!(shell_word("a/b.pcap"), "a/b.pcap");
        assert_eq!(shell_word("it's $x"), "'it'\\''s $x'");
        assert_eq!(shell_word("-rf"), "./'-rf'");
        assert_eq!(shell_word("a\nb"), "$'a\\nb'");
    }
}
