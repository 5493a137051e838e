//! MongoDB wire protocol: `OP_MSG`, `OP_QUERY`, `OP_COMPRESSED`.

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let len = c.le32()?;
    c.skip(8)?;
    let opcode = c.le32()?;
    let known = matches!(opcode, 1 | 2001..=2007 | 2010..=2013);
    (known && (16..=48_000_000).contains(&len)).then_some(u64::from(len))
}

/// Elements of a BSON document: type, name, value (as far as there).
fn elements(document: &[u8]) -> impl Iterator<Item = (u8, &[u8], &[u8])> {
    let mut c = Cursor::from(document, 4);
    std::iter::from_fn(move || {
        let kind = c.u8().filter(|&k| k != 0)?;
        let name = c.c_str();
        let size = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x02 | 0x0d | 0x0e => Cursor::new(c.rest()).le32()? as usize + 4,
            0x03 | 0x04 | 0x0f => Cursor::new(c.rest()).le32()? as usize,
            0x05 => Cursor::new(c.rest()).le32()? as usize + 5,
            0x07 => 12,
            0x08 => 1,
            0x06 | 0x0a | 0xff | 0x7f => 0,
            0x10 => 4,
            0x13 => 16,
            _ => return None,
        };
        Some((kind, name, c.take_some(size)))
    })
}

/// A string, a number, or nothing, for people.
fn shown(kind: u8, value: &[u8]) -> Option<String> {
    let mut c = Cursor::new(value);
    match kind {
        0x02 => {
            c.le32()?;
            Some(clean(c.c_str(), 80))
        }
        0x10 => c.le32().map(|n| n.to_string()),
        0x01 => Some(f64::from_le_bytes(value.try_into().ok()?).to_string()),
        _ => None,
    }
}

/// The main document of a message.
fn document<'a>(frame: &Frame<'a>) -> Option<&'a [u8]> {
    let mut c = Cursor::from(frame.data, 12);
    match c.le32()? {
        2013 => {
            c.le32()?;
            // Only the body section; document sequences come with it, before or after.
            (c.u8()? == 0).then(|| c.rest())
        }
        2004 => {
            c.le32()?;
            c.c_str();
            c.skip(8)?;
            Some(c.rest())
        }
        1 => {
            c.skip(20)?;
            Some(c.rest())
        }
        _ => None,
    }
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    length(d.client.bytes)?;
    let opcode = Cursor::from(d.client.bytes, 12).le32()?;
    let replied = length(d.server.bytes).is_some();
    if !matches!(opcode, 2004 | 2012 | 2013) || !replied && !d.server.bytes.is_empty() {
        return None;
    }
    let mut story = AppStory::of(Protocol::MongoDb, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [length, length],
        |frame, _| request(frame),
        |frame, story| {
            story.error = error(frame);
            story.last_response = Some(match &story.error {
                Some(e) => format!("MongoDB error {} {}", e.code, e.text),
                None => "MongoDB reply".to_owned(),
            });
            true
        },
    ))
}

fn request(frame: &Frame<'_>) -> Option<Request> {
    let opcode = Cursor::from(frame.data, 12).le32()?;
    if opcode == 2012 {
        return Some(Request::framed(
            frame,
            "compressed",
            "MongoDB compressed message".to_owned(),
        ));
    }
    let document = document(frame)?;
    let (kind, name, value) = elements(document).next()?;
    let verb = clean(name, 32);
    // The first element names the command; a string is the collection. Others are never shown.
    let secret = verb.starts_with("sasl") || verb == "authenticate";
    let collection = shown(kind, value)
        .filter(|_| kind == 2 && !secret)
        .unwrap_or_default();
    let database = elements(document)
        .find(|e| e.1 == b"$db")
        .and_then(|e| shown(e.0, e.2))
        .unwrap_or_default();
    let on = match (database.is_empty(), collection.is_empty()) {
        (false, false) => format!(" {database}.{collection}"),
        (false, true) => format!(" {database}"),
        (true, false) => format!(" {collection}"),
        (true, true) => String::new(),
    };
    let mut request = Request::framed(frame, verb.clone(), format!("MongoDB {verb}{on}"));
    (request.target, request.host) = (collection, database);
    Some(request)
}

fn error(frame: &Frame<'_>) -> Option<AppError> {
    let document = document(frame)?;
    let find = |name: &[u8]| {
        elements(document)
            .find(|e| e.1 == name)
            .and_then(|e| shown(e.0, e.2))
    };
    let text = find(b"errmsg").or_else(|| find(b"$err"))?;
    let code = find(b"codeName")
        .or_else(|| find(b"code"))
        .unwrap_or_default();
    let shutdown = code.contains("Shutdown") || code == "91" || code == "11600";
    Some(AppError {
        fatal: shutdown,
        blame: if shutdown || code.contains("NotPrimary") {
            Blame::Server
        } else {
            Blame::Either
        },
        code,
        text,
        from_server: true,
        offset: frame.offset,
        explains_close: shutdown,
    })
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn message(document: &[u8]) -> Vec<u8> {
        let body = [
            &[0; 5][..],
            &(document.len() as u32 + 5).to_le_bytes(),
            document,
            &[0],
        ]
        .concat();
        let mut out = (body.len() as u32 + 16).to_le_bytes().to_vec();
        out.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(2013_u32.to_le_bytes());
        out.extend(body);
        out
    }

    const FIND: &[u8] = b"\x02find\0\x06\0\0\0users\0\x02$db\0\x05\0\0\0shop\0";

    #[test]
    fn a_find_and_its_error() {
        let s = story(27017, &[("c", &message(FIND))]);
        assert_eq!(s.protocol, Some(Protocol::MongoDb));
        assert_eq!(s.last_request.unwrap().summary, "MongoDB find shop.users");
        assert_eq!(s.outstanding, Some(true));
        let reply = message(b"\x02errmsg\0\x05\0\0\0oops\0\x10code\0\x5b\0\0\0");
        let s = story(27017, &[("c", &message(FIND)), ("s", &reply)]);
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.text.as_str(), e.fatal),
            ("91", "oops", true)
        );
    }

    #[test]
    fn cuts_and_near_misses() {
        let whole = message(FIND);
        let s = story(27017, &[("c", &whole[..40])]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        let mut other = whole;
        other[12] = 0xff;
        assert_ne!(
            story(27017, &[("c", &other)]).protocol,
            Some(Protocol::MongoDb)
        );
    }
}
