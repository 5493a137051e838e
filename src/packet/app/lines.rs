//! Protocols of lines: commands one way, replies the other.

use super::frames::{Answer, Frame, Frames};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Request};
use super::talk::Dialogue;
use super::text::clean;
use super::{mask, tls};

/// One line of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub offset: u64,
    /// Offset of the first byte after it.
    pub end: u64,
    /// Without its line end.
    pub text: &'a [u8],
    /// Its line feed was seen.
    pub complete: bool,
}

/// No command or reply line is longer; what is, is something else.
const MAX_LINE: usize = 16_384;

fn length(data: &[u8]) -> Option<u64> {
    if data.is_empty() {
        return None;
    }
    let window = data.get(..MAX_LINE).unwrap_or(data);
    // An unfinished line is one byte longer than what there is of it.
    Some(memchr::memchr(b'\n', window).map_or(window.len() as u64 + 1, |at| at as u64 + 1))
}

impl<'a> Line<'a> {
    fn of(frame: &Frame<'a>) -> Self {
        let complete = frame.data.last() == Some(&b'\n');
        let text = frame.data.strip_suffix(b"\n").unwrap_or(frame.data);
        Line {
            offset: frame.offset,
            end: frame.offset.saturating_add(frame.data.len() as u64),
            text: text.strip_suffix(b"\r").unwrap_or(text),
            complete,
        }
    }

    /// The word at `index`, counted from 0; empty if there is none.
    pub(super) fn word(&self, index: usize) -> &'a [u8] {
        let mut words = self.text.split(|&b| b == b' ').filter(|w| !w.is_empty());
        words.nth(index).unwrap_or_default()
    }

    /// The first word in upper case, cleaned.
    pub(super) fn verb(&self) -> String {
        const LONGEST: usize = 24;
        let word = self.word(0);
        // no more of a longer one is shown
        let word = word.get(..4 * LONGEST + 4).unwrap_or(word);
        clean(word.to_ascii_uppercase(), LONGEST)
    }

    /// A request of this line, credentials hidden.
    pub(super) fn request(&self, verb: impl Into<String>) -> Request {
        let masked = mask::line(self.text);
        let rest = masked.get(self.word(0).len()..).unwrap_or_default();
        Request {
            summary: clean(&masked, 160),
            verb: verb.into(),
            target: clean(rest.trim_ascii(), 120),
            offset: self.offset,
            complete: Some(self.complete),
            ..Request::default()
        }
    }
}

/// The lines of one side, from an offset on.
pub(super) fn lines<'a>(
    d: &Dialogue<'a>,
    client: bool,
    from: u64,
) -> impl Iterator<Item = Line<'a>> + use<'a> {
    Frames::new(d, client, from, length).map(|f| Line::of(&f))
}

/// The first line of a side.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let window = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let end = memchr::memchr(b'\n', window).unwrap_or(window.len());
    window.get(..end).unwrap_or_default().trim_ascii_end()
}

/// The code of a three-digit reply line, and whether it is the reply's last line.
pub(super) fn reply_code(text: &[u8]) -> Option<(u16, bool)> {
    let (digits, rest) = text.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(digits[0], b'1'..=b'6') {
        return None;
    }
    let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match rest.first() {
        None | Some(b' ') => Some((code, true)),
        Some(b'-') => Some((code, false)),
        _ => None,
    }
}

/// What a server that answers with three-digit codes (SMTP, FTP, NNTP) has said.
pub(super) struct Replies {
    /// Final replies, the greeting included.
    pub count: u32,
    /// Code of the first reply.
    pub greeting: Option<u16>,
    /// Code, text and offset of the last reply's last line.
    pub last: Option<(u16, String, u64)>,
    pub answer: Answer,
}

/// Reads the replies of the server. `None` if its first line is none.
pub(super) fn replies(d: &Dialogue<'_>) -> Option<Replies> {
    let mut out = Replies {
        count: 0,
        greeting: None,
        last: None,
        answer: Answer::Unknown,
    };
    for line in lines(d, false, 0) {
        let Some((code, last)) = reply_code(line.text) else {
            // Continuation lines need no code in FTP.
            out.last.as_ref()?;
            continue;
        };
        out.greeting.get_or_insert(code);
        out.last = Some((code, clean(mask::line(line.text), 160), line.offset));
        let whole = last && line.complete;
        out.count += u32::from(whole && code >= 200);
        out.answer = if whole && code >= 200 {
            Answer::Complete
        } else {
            Answer::Partial {
                expected: None,
                seen: line.text.len() as u64,
            }
        };
    }
    Some(out)
}

/// Puts replies into the common words. `closing` are the codes that end the connection.
pub(super) fn tell_replies(story: &mut AppStory, replies: &Replies, closing: &[u16]) {
    story.banner_first = true;
    story.banner_seen = replies.greeting.is_some();
    story.responses = replies
        .count
        .saturating_sub(u32::from(replies.greeting.is_some()));
    let Some((code, text, offset)) = &replies.last else {
        return;
    };
    story.last_response = Some(text.clone());
    let refused_at_once = *code >= 400 && replies.greeting == Some(*code) && replies.count <= 1;
    if *code >= 400 {
        let closes = closing.contains(code) || refused_at_once;
        story.error = Some(AppError {
            code: code.to_string(),
            text: text.get(4..).unwrap_or_default().to_owned(),
            from_server: true,
            offset: *offset,
            fatal: closes,
            blame: if *code < 500 {
                Blame::Server
            } else {
                Blame::Client
            },
            explains_close: closes,
        });
    }
}

/// The story of the TLS that follows an upgrade command, if the server granted it.
///
/// `granted` judges the first line of the server's answer. `None` if it was not granted or no TLS
/// byte followed.
pub(super) fn upgraded(
    d: &Dialogue<'_>,
    command: &Line<'_>,
    outer: Protocol,
    granted: impl Fn(&[u8]) -> bool,
) -> Option<AppStory> {
    let start = d.answer_start(command.offset)?;
    let answer = lines(d, false, start)
        .next()
        .filter(|l| l.complete && granted(l.text))?;
    let inner = d.inner(command.end, answer.end, tls::recognise)?;
    let mut story = inner.nested(&[outer], command.end, answer.end);
    story.banner_first = true;
    story.banner_seen = true;
    Some(story)
}

/// What every line protocol's recogniser ends with.
pub(super) fn finish(
    mut story: AppStory,
    d: &Dialogue<'_>,
    last: Option<Request>,
    answer: Answer,
) -> AppStory {
    story.client_is_first_endpoint = Some(true);
    if let Some(request) = last {
        super::frames::settle(&mut story, d, request, answer);
    }
    story
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::Script;
    use super::*;

    #[test]
    fn lines_end_with_or_without_carriage_return() {
        let s = Script::new(1, &[("c", b"a b\r\nc\nd")]);
        let got: Vec<_> = lines(&s.dialogue(), true, 0)
            .map(|l| (l.text, l.offset, l.complete))
            .collect();
        assert_eq!(
            got,
            [
                (&b"a b"[..], 0, true),
                (&b"c"[..], 5, true),
                (&b"d"[..], 7, false)
            ]
        );
    }

    #[test]
    fn reply_codes() {
        assert_eq!(reply_code(b"220 hi"), Some((220, true)));
        assert_eq!(reply_code(b"250-SIZE"), Some((250, false)));
        assert_eq!(reply_code(b"2200 x"), None);
        assert_eq!(reply_code(b"22"), None);
        assert_eq!(reply_code(b"999 x"), None);
    }
}
