//! X11: the connection setup, in which the server may say why it refuses.

use super::cursor::Cursor;
use super::frames::{Answer, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

/// Protocol major version, in use since 1987.
const MAJOR: u16 = 11;

/// X11 (X Window System Protocol, chapter 8): `B` or `l` for the byte order, then the version.
pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let mut c = Cursor::new(d.client.bytes);
    let big = match c.u8()? {
        b'B' => true,
        b'l' => false,
        _ => return None,
    };
    let word = |c: &mut Cursor<'_>| if big { c.be16() } else { c.le16() };
    if c.u8()? != 0 || word(&mut c)? != MAJOR {
        return None;
    }
    let mut s = Cursor::new(d.server.bytes);
    let (status, reason) = (s.u8(), s.u8().unwrap_or(0));
    let known = s.take(2).map(|b| word(&mut Cursor::new(b)) == Some(MAJOR));
    if status.is_some_and(|n| n > 2) || known == Some(false) {
        return None;
    }
    let confidence = match known {
        Some(_) => Confidence::High,
        None => Confidence::Medium,
    };
    let mut story = AppStory::of(Protocol::X11, confidence);
    story.client_is_first_endpoint = Some(true);
    let setup = d.last_turn(true).unwrap_or(0) == 0;
    let (verb, summary) = match setup {
        true => ("setup", "X11 connection setup"),
        false => ("requests", "X11 requests"),
    };
    let request = Request {
        summary: summary.to_owned(),
        verb: verb.to_owned(),
        offset: d.last_turn(true).unwrap_or(0),
        ..Request::default()
    };
    if status == Some(0) {
        let mut s = Cursor::from(d.server.bytes, 8);
        story.error = Some(AppError {
            code: "refused".to_owned(),
            text: clean(s.take_some(usize::from(reason)), 120),
            from_server: true,
            offset: 0,
            fatal: true,
            blame: Blame::Client,
            explains_close: true,
        });
    }
    let answer = match (setup, status) {
        (true, Some(0)) => Answer::Complete,
        _ => Answer::Unknown,
    };
    settle(&mut story, d, request, answer);
    Some(story)
}
