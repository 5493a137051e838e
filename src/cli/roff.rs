//! man(7) source.

use super::markup::{Block, Inline};

/// Text of a line: backslashes, hyphens, and a leading dot or quote are escaped.
pub(super) fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    if plain.starts_with(['.', '\'']) {
        out.push_str("\\&");
    }
    for c in plain.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A quoted macro argument.
pub(super) fn argument(plain: &str) -> String {
    format!("\"{}\"", text(plain).replace('"', "\\(dq"))
}

/// Pieces of a line on one line of source.
pub(super) fn pieces(pieces: &[Inline]) -> String {
    let piece = |p: &Inline| match p {
        Inline::Text(t) => text(t).trim_start_matches("\\&").to_owned(),
        Inline::Code(t) | Inline::Strong(t) => format!("\\fB{}\\fR", text(t)),
    };
    let line: String = pieces.iter().map(piece).collect();
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

/// Blocks of a manual entry; their headings are set bold within the entry's subsection.
pub(super) fn blocks(blocks: &[Block]) -> String {
    let mut out = String::new();
    for block in blocks {
        match block {
            Block::Heading(h) => out.push_str(&format!(".PP\n\\fB{}\\fR\n", text(h))),
            Block::Paragraph(p) => out.push_str(&format!(".PP\n{}\n", pieces(p))),
            Block::Item(p) => out.push_str(&format!(".IP \\(bu 2\n{}\n", pieces(p))),
            Block::Code(lines) => {
                out.push_str(".PP\n.nf\n");
                for line in lines {
                    out.push_str(&format!("{}\n", text(line)));
                }
                out.push_str(".fi\n");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::markup::{inline, parse};

    #[test]
    fn nothing_is_taken_for_a_request() {
        assert_eq!(text(".so file"), "\\&.so file");
        assert_eq!(text("a\\b -x"), "a\\eb \\-x");
        assert_eq!(pieces(&inline("'tis `a.b`")), "\\&'tis \\fBa.b\\fR");
        assert_eq!(argument("a \"b\""), "\"a \\(dqb\\(dq\"");
        assert_eq!(
            blocks(&parse("# H\n* x")),
            ".PP\n\\fBH\\fR\n.IP \\(bu 2\nx\n"
        );
    }
}
