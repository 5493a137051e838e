//! The Markdown of manual entries, as far as doc comments use it: headings, paragraphs, lists,
//! code blocks, and inside a line code, strong, emphasis and links.

/// A block of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// An item of a list.
    Item(Vec<Inline>),
    /// Lines to be shown as they are.
    Code(Vec<String>),
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inline {
    /// As it is.
    Text(String),
    /// `code`
    Code(String),
    /// **strong** or *emphasised*
    Strong(String),
}

/// What stands before the text that is being collected.
enum Open {
    Nothing,
    Paragraph(String),
    Item(String),
    Code(Vec<String>),
}

/// Cuts a manual entry into blocks.
pub(super) fn parse(doc: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open = Open::Nothing;
    for line in doc.lines() {
        // doc comments have a space after the slashes
        let line = line.strip_prefix(' ').unwrap_or(line);
        open = take_line(line, open, &mut blocks);
    }
    close(open, &mut blocks);
    blocks
}

fn take_line(line: &str, open: Open, blocks: &mut Vec<Block>) -> Open {
    let text = line.trim();
    if let Open::Code(mut lines) = open {
        if text.starts_with("```") {
            blocks.push(Block::Code(lines));
            return Open::Nothing;
        }
        lines.push(line.to_owned());
        return Open::Code(lines);
    }
    if text.starts_with("```") {
        close(open, blocks);
        return Open::Code(Vec::new());
    }
    if text.is_empty() {
        close(open, blocks);
        return Open::Nothing;
    }
    if text.starts_with('#') {
        close(open, blocks);
        blocks.push(Block::Heading(
            text.trim_start_matches('#').trim().to_owned(),
        ));
        return Open::Nothing;
    }
    if let Some(item) = text.strip_prefix("* ").or_else(|| text.strip_prefix("- ")) {
        close(open, blocks);
        return Open::Item(item.to_owned());
    }
    match open {
        Open::Paragraph(so_far) => Open::Paragraph(format!("{so_far} {text}")),
        Open::Item(so_far) => Open::Item(format!("{so_far} {text}")),
        _ => Open::Paragraph(text.to_owned()),
    }
}

fn close(open: Open, blocks: &mut Vec<Block>) {
    match open {
        Open::Nothing => {}
        Open::Paragraph(text) => blocks.push(Block::Paragraph(inline(&text))),
        Open::Item(text) => blocks.push(Block::Item(inline(&text))),
        Open::Code(lines) => blocks.push(Block::Code(lines)),
    }
}

/// Cuts a line into pieces. Marks without a partner are text.
pub(super) fn inline(text: &str) -> Vec<Inline> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let piece = marked(rest, "`", Inline::Code)
            .or_else(|| marked(rest, "**", Inline::Strong))
            .or_else(|| marked(rest, "*", Inline::Strong))
            .or_else(|| link(rest));
        if let Some((piece, tail)) = piece {
            if !plain.is_empty() {
                pieces.push(Inline::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = tail;
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !plain.is_empty() {
        pieces.push(Inline::Text(plain));
    }
    pieces
}

/// Text between two `mark`s that touch it.
fn marked<'a>(
    text: &'a str,
    mark: &str,
    make: impl Fn(String) -> Inline,
) -> Option<(Inline, &'a str)> {
    let (inner, tail) = text.strip_prefix(mark)?.split_once(mark)?;
    let touches = !inner.is_empty() && !inner.starts_with(' ') && !inner.ends_with(' ');
    touches.then(|| (make(inner.to_owned()), tail))
}

/// `[text](target)` and rustdoc's [`text`]: the text, and the target where it is an address.
fn link(text: &str) -> Option<(Inline, &str)> {
    let (inner, tail) = text.strip_prefix('[')?.split_once(']')?;
    let words = inner.trim_matches('`').to_owned();
    match tail.strip_prefix('(').and_then(|t| t.split_once(')')) {
        Some((target, tail)) if target.contains("://") => {
            Some((Inline::Text(format!("{words} <{target}>")), tail))
        }
        Some((_, tail)) => Some((Inline::Text(words), tail)),
        None if inner.starts_with('`') => Some((Inline::Code(words), tail)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let doc = " First line\n second line.\n\n # What to do\n * one\n   more of it\n * two\n\n ```text\n a  b\n ```\n end";
        let text = |t: &str| vec![Inline::Text(t.into())];
        assert_eq!(
            parse(doc),
            [
                Block::Paragraph(text("First line second line.")),
                Block::Heading("What to do".into()),
                Block::Item(text("one more of it")),
                Block::Item(text("two")),
                Block::Code(vec!["a  b".into()]),
                Block::Paragraph(text("end")),
            ]
        );
    }

    #[test]
    fn pieces_of_a_line() {
        assert_eq!(
            inline("use `ss -ltn`, **now**; 2 * 3 * 4 and [RFC 9293](https://example.net/9293)"),
            [
                Inline::Text("use ".into()),
                Inline::Code("ss -ltn".into()),
                Inline::Text(", ".into()),
                Inline::Strong("now".into()),
                Inline::Text("; 2 * 3 * 4 and ".into()),
                Inline::Text("RFC 9293 <https://example.net/9293>".into()),
            ]
        );
        assert_eq!(inline("a ` b [1]"), [Inline::Text("a ` b [1]".into())]);
    }
}
