//! Text inside `<script>` elements, where HTML knows no escapes (HTML 4.12.1.3): what would end
//! or change the element is written so that it cannot.

use crate::report::hostile::is_hostile;
use std::fmt::Write as _;

/// JSON for a script element: `<`, `>`, `&` and every hostile character (U+2028 and U+2029
/// among them) become `\u` escapes, which mean the same to a JSON parser.
pub(super) fn json(text: &str) -> String {
    // nearly all text is harmless
    if text
        .bytes()
        .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'<' | b'>' | b'&'))
    {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        if matches!(c, '<' | '>' | '&') || is_hostile(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// HTML of ours for a script element. Text from packets has no `<` of its own any more when it
/// comes here; should any of the three sequences that matter appear all the same, its `<` is
/// replaced by the entity, which turns markup into text and nothing into markup.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for at in memchr::memchr_iter(b'<', text.as_bytes()) {
        let ends = ["<!--", "<script", "</script"];
        let dangerous = ends.iter().any(|e| {
            let start = text.as_bytes().get(at..at + e.len());
            start.is_some_and(|s| s.eq_ignore_ascii_case(e.as_bytes()))
        });
        if dangerous {
            out.push_str(text.get(done..at).unwrap_or_default());
            out.push_str("&lt;");
            done = at + 1;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::{html, json};

    #[test]
    fn nothing_ends_the_element() {
        let evil = "</script><script>alert(1)</script><!-- & \u{2028}\u{2029}\u{202e}\u{e0041}";
        let text = serde_json::to_string(evil).unwrap();
        let safe = json(&text);
        assert!(!safe.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\u{202e}']));
        assert!(safe.contains("\\udb40\\udc41"), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), evil);
    }

    #[test]
    fn markup_stays_but_for_scripts() {
        assert_eq!(html("<p>a</p>"), "<p>a</p>");
        assert_eq!(
            html("<SCRIPT>x</Script ><!--"),
            "&lt;SCRIPT>x&lt;/Script >&lt;!--"
        );
    }
}
