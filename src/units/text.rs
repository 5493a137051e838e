//! Text from packets and file names is hostile: it may hold terminal escapes, line breaks, and
//! characters that hide or turn round what stands beside them. The one place that says which
//! characters those are and what is shown in their stead; what a format needs besides (HTML,
//! CSV, a shell) is added where that format is written.

use std::fmt::Write as _;

/// Whether a character must not reach a terminal, a page or a comment as it is: C0 and C1
/// controls, DEL, line and paragraph separators, the bidirectional controls of UAX #9,
/// zero-width and other invisible characters, variation selectors, tags, and noncharacters.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    let code = u32::from(c);
    matches!(code,
        0..=0x1f | 0x7f..=0x9f | 0xad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5
        | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164
        | 0xfdd0..=0xfdef | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
        || code & 0xfffe == 0xfffe
}

/// Adds a character; a hostile one as `\n`, `\r`, `\t`, `\x1b` (ASCII) or `\u{202e}`.
fn push_visible(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_ascii_control() => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if is_hostile(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// One line of visible characters, not shortened.
#[must_use]
pub fn plain(text: &str) -> String {
    // nearly all text is
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut out, c);
    }
    out
}

/// [`clean`] with a limit in bytes, as options of pcapng have one. What is cut ends with `…`.
#[must_use]
pub fn clean_bytes(text: &str, max: usize) -> String {
    const MARK: &str = "…";
    // a character is at least a byte
    let mut text = clean(text, max);
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max.saturating_sub(MARK.len())));
        if max >= MARK.len() {
            text.push_str(MARK);
        }
    }
    text
}

/// Makes packet bytes safe to show on one line.
///
/// Characters that are [hostile](is_hostile) and bytes that are not UTF-8 become visible
/// escapes (`\n`, `\x1b`, `\u{202e}`, `\xff`). The result has at most `max` characters; if something was cut it ends
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
            if !out.push_byte(*byte) {
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
            ' '..='~' => self.push_piece(c.encode_utf8(&mut [0; 4]), 1),
            c if is_hostile(c) => {
                let mut escape = String::new();
                push_visible(&mut escape, c);
                self.push_piece(&escape, escape.len())
            }
            c => self.push_piece(c.encode_utf8(&mut [0; 4]), 1),
        }
    }

    /// `\xff`.
    fn push_byte(&mut self, byte: u8) -> bool {
        let [high, low] = hex(byte);
        let escape = ['\\', 'x', high, low];
        let escape = escape.map(|c| c as u8);
        self.push_piece(std::str::from_utf8(&escape).unwrap_or_default(), 4)
    }

    /// Takes a piece of so many characters as a whole or not at all.
    fn push_piece(&mut self, piece: &str, chars: usize) -> bool {
        let chars = self.chars + chars;
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
    let mut pairs = String::with_capacity(3 * first.len());
    for byte in first {
        if !pairs.is_empty() {
            pairs.push(' ');
        }
        pairs.extend(hex(*byte));
    }
    pairs
}

/// A byte's two digits.
fn hex(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|v| char::from_digit(u32::from(v), 16).unwrap_or('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_escapes_become_visible() {
        assert_eq!(clean("a\x1b[31mb\r\n", 80), "a\\x1b[31mb\\r\\n");
        assert_eq!(clean("\u{9b}31m\u{7f}", 80), "\\u{9b}31m\\x7f");
        assert_eq!(
            clean("exe.\u{202e}gpj\u{200b}\u{2028}", 80),
            "exe.\\u{202e}gpj\\u{200b}\\u{2028}"
        );
    }

    /// What is hostile in one place is so in all, and nothing hostile comes out of any.
    #[test]
    fn every_character_is_treated_alike() {
        for c in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let text = c.to_string();
            let shown = clean(&text, 80);
            assert_eq!(shown, plain(&text), "{c:?}");
            assert_eq!(shown, clean_bytes(&text, 80), "{c:?}");
            assert_eq!(shown == text, !is_hostile(c), "{c:?}");
            assert!(!shown.contains(is_hostile), "{c:?}");
            assert!(!c.is_control() || is_hostile(c), "{c:?}");
        }
        // UAX #9, and what is invisible by definition
        for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}\u{3164}".chars() {
            assert!(is_hostile(c), "{c:?}");
        }
        assert_eq!(plain("bücher.example 漢"), "bücher.example 漢");
    }

    #[test]
    fn a_limit_in_bytes_cuts_at_a_character() {
        assert_eq!(clean_bytes("abcdef", 6), "abcdef");
        assert_eq!(clean_bytes("abcdefg", 6), "abc…");
        assert_eq!(clean_bytes("äöüäöü", 8), "äö…");
        assert_eq!(clean_bytes("üüü", 4), "…");
        let long = clean_bytes(&"ü".repeat(70_000), 200);
        assert!(long.len() <= 200 && long.ends_with('…'));
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
