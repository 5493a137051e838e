//! Credentials do not leave the capture by way of a summary.

/// What stands for something hidden.
pub(super) const HIDDEN: &str = "...";

/// A request target with its query and any user information hidden: `/a?...`.
pub(super) fn target(target: &[u8]) -> Vec<u8> {
    let cut = memchr::memchr3(b'?', b'#', b';', target);
    let (path, query) = match cut {
        Some(at) => target.split_at(at),
        None => (target, &[][..]),
    };
    let mut out = Vec::with_capacity(path.len() + 4);
    out.extend_from_slice(&without_user(path));
    if let Some(&mark) = query.first() {
        out.push(mark);
        out.extend_from_slice(HIDDEN.as_bytes());
    }
    out
}

/// `scheme://user:password@host/path` without the user part.
fn without_user(url: &[u8]) -> Vec<u8> {
    let start = memchr::memmem::find(url, b"://").map_or(0, |at| at + 3);
    let authority = url.get(start..).unwrap_or_default();
    let end = memchr::memchr(b'/', authority).unwrap_or(authority.len());
    // A path that merely contains an `@` has no scheme before it.
    if start == 0 && url.first() == Some(&b'/') {
        return url.to_vec();
    }
    match authority.get(..end).and_then(|a| memchr::memrchr(b'@', a)) {
        Some(at) if memchr::memchr(b':', &authority[..at]).is_some() => {
            let mut out = url.get(..start).unwrap_or_default().to_vec();
            out.extend_from_slice(HIDDEN.as_bytes());
            out.extend_from_slice(authority.get(at..).unwrap_or_default());
            out
        }
        _ => url.to_vec(),
    }
}

/// SQL text with the content of every literal replaced by `...`.
///
/// Knows `''`, comments (an apostrophe inside one opens no literal), PostgreSQL dollar quotes
/// and `E''`, and treats `"` as a literal too: in MySQL it is one. `backslash`: a backslash
/// escapes in every literal (MySQL). A literal that is cut off is hidden to its end.
pub(super) fn sql(text: &[u8], backslash: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len().min(512));
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        match b {
            b'\'' | b'"' => {
                let end = literal_end(
                    rest,
                    b,
                    backslash || matches!(out.last(), Some(b'E' | b'e')),
                );
                out.push(b);
                out.extend_from_slice(HIDDEN.as_bytes());
                out.push(b);
                at += end;
            }
            b'$' if dollar_tag(rest).is_some() => {
                let tag = dollar_tag(rest).unwrap_or_default();
                let body = rest.get(tag.len()..).unwrap_or_default();
                let end = memchr::memmem::find(body, tag).map_or(body.len(), |e| e + tag.len());
                out.extend_from_slice(b"$...$");
                at += tag.len() + end;
            }
            b'-' if rest.starts_with(b"--") => at += comment(rest, b"\n"),
            b'#' if rest.starts_with(b"# ") => at += comment(rest, b"\n"),
            b'/' if rest.starts_with(b"/*") => at += comment(rest, b"*/"),
            b'\r' | b'\n' | b'\t' | b' ' => {
                if out.last() != Some(&b' ') {
                    out.push(b' ');
                }
                at += 1;
            }
            _ => {
                out.push(b);
                at += 1;
            }
        }
    }
    out
}

/// Length of a comment, its end mark included.
fn comment(rest: &[u8], end: &[u8]) -> usize {
    memchr::memmem::find(rest.get(2..).unwrap_or_default(), end)
        .map_or(rest.len(), |at| at + 2 + end.len())
}

/// Length of a literal that begins with `quote`, both quotes included.
fn literal_end(rest: &[u8], quote: u8, backslash: bool) -> usize {
    let mut at = 1;
    while let Some(&b) = rest.get(at) {
        if b == b'\\' && backslash {
            at += 2;
        } else if b == quote {
            if rest.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A dollar quote's tag at the beginning of `rest`: `$$` or `$tag$`.
fn dollar_tag(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().skip(1).position(|&b| b == b'$')? + 2;
    let tag = rest.get(..end)?;
    let name = tag.get(1..end - 1)?;
    let valid = name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !name.first().is_some_and(u8::is_ascii_digit);
    valid.then_some(tag)
}

/// Words after which the rest of a text command is a secret.
const SECRET_VERBS: &[&str] = &[
    "PASS",
    "AUTH",
    "AUTHENTICATE",
    "LOGIN",
    "APOP",
    "ACCT",
    "ADAT",
    "OPER",
    "AUTHINFO",
    "AUTHORIZATION",
    "PROXY-AUTHORIZATION",
    "COOKIE",
    "SET-COOKIE",
    "IDENTIFY",
];

/// One line of a text protocol with everything after a credential verb hidden. The verb may be
/// the first or (behind an IMAP tag) the second word.
pub(super) fn line(text: &[u8]) -> Vec<u8> {
    let mut at = 0;
    for _ in 0..2 {
        let rest = text.get(at..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|&b| b == b' ' || b == b':')
            .unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let secret = SECRET_VERBS
            .iter()
            .any(|v| word.eq_ignore_ascii_case(v.as_bytes()));
        if secret && end + 1 < rest.len() {
            let mut out = text.get(..at + end + 1).unwrap_or_default().to_vec();
            out.extend_from_slice(HIDDEN.as_bytes());
            return out;
        }
        at += end + 1;
    }
    text.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(f: fn(&[u8]) -> Vec<u8>, text: &str) -> String {
        String::from_utf8(f(text.as_bytes())).unwrap()
    }

    #[test]
    fn queries_and_user_information_are_hidden() {
        assert_eq!(shown(target, "/a/b?token=1&x=2"), "/a/b?...");
        assert_eq!(shown(target, "/a/b"), "/a/b");
        assert_eq!(
            shown(target, "http://joe:pw@h.example/x"),
            "http://...@h.example/x"
        );
        assert_eq!(
            shown(target, "ftp://joe@h.example/x"),
            "ftp://joe@h.example/x"
        );
        assert_eq!(shown(target, "/users/a:b@c"), "/users/a:b@c");
        assert_eq!(shown(target, "/app;jsessionid=42"), "/app;...");
    }

    #[test]
    fn literals_are_hidden() {
        let sql = |text: &[u8]| super::sql(text, true);
        let shown = |f: &dyn Fn(&[u8]) -> Vec<u8>, text: &str| {
            String::from_utf8(f(text.as_bytes())).unwrap()
        };
        assert_eq!(
            shown(
                &sql,
                "SELECT * FROM u WHERE n = 'o''brien' AND p=\"s\\\"x\" LIMIT 1"
            ),
            "SELECT * FROM u WHERE n = '...' AND p=\"...\" LIMIT 1"
        );
        assert_eq!(
            shown(&sql, "ALTER USER x PASSWORD 'cut off her"),
            "ALTER USER x PASSWORD '...'"
        );
        assert_eq!(
            shown(&sql, "SELECT 1 -- don't\nFROM t WHERE a='secret'"),
            "SELECT 1 FROM t WHERE a='...'"
        );
        assert_eq!(
            shown(&sql, "SELECT /* it's */ 'x', $q$ it's $q$, $1"),
            "SELECT '...', $...$, $1"
        );
    }

    #[test]
    fn a_backslash_is_only_an_escape_where_it_is_one() {
        assert_eq!(
            sql(br"VALUES ('C:\', 'secret')", false),
            b"VALUES ('...', '...')"
        );
        assert_eq!(
            sql(br"VALUES (E'a\'b', 'secret')", false),
            b"VALUES (E'...', '...')"
        );
    }

    #[test]
    fn credential_commands_keep_only_their_verb() {
        assert_eq!(shown(line, "PASS hunter2"), "PASS ...");
        assert_eq!(shown(line, "a1 LOGIN joe pw"), "a1 LOGIN ...");
        assert_eq!(shown(line, "Authorization: Basic x"), "Authorization:...");
        assert_eq!(shown(line, "USER joe"), "USER joe");
        assert_eq!(shown(line, "PASS"), "PASS");
        assert_eq!(shown(line, "PASSIVE mode"), "PASSIVE mode");
    }
}
