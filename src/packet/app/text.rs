//! Text from packets is hostile. Whatever is shown to people goes through [`clean`].

/// Makes packet bytes safe to show on one line.
///
/// Control characters (C0, DEL, C1), terminal escapes, bidirectional overrides, zero-width and
/// line-separator characters, and bytes that are not UTF-8 become visible escapes (`\n`,
/// `\x1b`, `\u{202e}`). The result has at most `max` characters; if something was cut it ends
/// with `…`. An escape is never cut in two.
#[must_use]
pub fn clean(text: impl AsRef<[u8]>, max: usize) -> String {
    let bytes = text.as_ref();
    // nearly all text is short and plain
    if bytes.len() <= max
        && bytes.iter().all(|b| matches!(b, b' '..=b'~'))
        && let Ok(plain) = std::str::from_utf8(bytes)
    {
        return plain.to_string();
    }
    // No character takes more than 4 bytes, so this much decides the result.
    let bytes = bytes
        .get(..max.saturating_mul(4).saturating_add(4))
        .unwrap_or(bytes);
    let mut out = Bounded {
        text: String::with_capacity(bytes.len().min(max)),
        chars: 0,
        safe_end: 0,
        max,
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if !out.push(c) {
                return out.cut();
            }
        }
        for byte in chunk.invalid() {
            if !out.push_str(&format!("\\x{byte:02x}")) {
                return out.cut();
            }
        }
    }
    out.text
}

/// A string that knows how many characters it holds.
struct Bounded {
    text: String,
    chars: usize,
    /// Length in bytes of the longest prefix that leaves room for `…`.
    safe_end: usize,
    max: usize,
}

impl Bounded {
    fn push(&mut self, c: char) -> bool {
        match c {
            '\n' => self.push_str("\\n"),
            '\r' => self.push_str("\\r"),
            '\t' => self.push_str("\\t"),
            c if (c as u32) < 0x100 && c.is_control() => {
                self.push_str(&format!("\\x{:02x}", c as u32))
            }
            c if is_deceptive(c) => self.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => self.push_str(c.encode_utf8(&mut [0; 4])),
        }
    }

    fn push_str(&mut self, piece: &str) -> bool {
        let chars = self.chars + piece.chars().count();
        if chars > self.max {
            return false;
        }
        self.text.push_str(piece);
        self.chars = chars;
        if chars < self.max {
            self.safe_end = self.text.len();
        }
        true
    }

    fn cut(mut self) -> String {
        if self.max == 0 {
            return String::new();
        }
        self.text.truncate(self.safe_end);
        self.text.push('…');
        self.text
    }
}

/// Characters that are invisible or change the order or lines of what is shown.
fn is_deceptive(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x061c | 0x115f | 0x1160 | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e
        | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0xe0000..=0xe0fff)
}

/// The first 16 bytes in a form for people: text in quotes if printable, else hex pairs.
#[must_use]
pub fn first_bytes(bytes: &[u8]) -> String {
    let first = bytes.get(..16).unwrap_or(bytes);
    if first.is_empty() {
        return String::new();
    }
    let printable = first
        .iter()
        .filter(|b| matches!(b, 0x20..=0x7e | b'\r' | b'\n' | b'\t'))
        .count();
    if printable == first.len() {
        return format!("\"{}\"", clean(first, 64));
    }
    first
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_escapes_become_visible() {
        assert_eq!(clean("a\x1b[31mb\r\n", 80), "a\\x1b[31mb\\r\\n");
        assert_eq!(clean("\u{9b}31m\u{7f}", 80), "\\x9b31m\\x7f");
        assert_eq!(
            clean("exe.\u{202e}gpj\u{200b}\u{2028}", 80),
            "exe.\\u{202e}gpj\\u{200b}\\u{2028}"
        );
    }

    #[test]
    fn invalid_utf8_is_shown_byte_by_byte() {
        assert_eq!(clean(b"a\xff\xc3(b", 80), "a\\xff\\xc3(b");
        assert_eq!(clean("grün", 80), "grün");
    }

    #[test]
    fn is_cut_between_characters_and_escapes() {
        assert_eq!(clean("abcdef", 6), "abcdef");
        assert_eq!(clean("abcdefg", 6), "abcde…");
        assert_eq!(clean("äöüäöü", 4), "äöü…");
        assert_eq!(clean("ab\x01\x01", 7), "ab\\x01…");
        assert_eq!(clean("ab\x01", 5), "ab…");
        assert_eq!(clean("abc", 0), "");
    }

    #[test]
    fn first_bytes_are_text_or_hex() {
        assert_eq!(
            first_bytes(b"GET / HTTP/1.1\r\nHost"),
            "\"GET / HTTP/1.1\\r\\n\""
        );
        assert_eq!(first_bytes(b"\x16\x03\x01"), "16 03 01");
        assert_eq!(first_bytes(b""), "");
    }
}
