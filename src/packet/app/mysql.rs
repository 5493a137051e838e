//! MySQL and MariaDB client/server protocol.

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;
use super::{mask, tls};
use std::cell::Cell;

fn length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let len = c.le24()?;
    c.u8()?;
    Some(u64::from(len) + 4)
}

fn payload<'a>(frame: &Frame<'a>) -> &'a [u8] {
    frame.data.get(4..).unwrap_or_default()
}

/// Version text of a protocol 10 greeting.
fn greeting(data: &[u8]) -> Option<String> {
    let mut c = Cursor::new(data);
    let (len, seq, protocol) = (c.le24()?, c.u8()?, c.u8()?);
    if !(20..=512).contains(&len) || seq != 0 || protocol != 10 {
        return None;
    }
    let version = c.c_str();
    let printable = version.iter().all(|b| (0x20..0x7f).contains(b));
    (printable && version.first().is_some_and(u8::is_ascii_digit)).then(|| clean(version, 60))
}

/// An error packet sent instead of a greeting: too many connections, host not allowed.
fn refusal(data: &[u8]) -> bool {
    let mut c = Cursor::new(data);
    let (Some(len), Some(0), Some(0xff), Some(code)) = (c.le24(), c.u8(), c.u8(), c.le16()) else {
        return false;
    };
    (10..=512).contains(&len) && (1000..5000).contains(&code)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let version = greeting(d.server.bytes);
    let mid = version.is_none() && mid_stream(d);
    if version.is_none() && !mid && !refusal(d.server.bytes) {
        return None;
    }
    if let Some(story) = encrypted(d) {
        return Some(story);
    }
    let confidence = if mid {
        Confidence::Medium
    } else {
        Confidence::High
    };
    let mut story = AppStory::of(Protocol::MySql, confidence);
    story.banner_first = true;
    story.banner_seen = version.is_some();
    story.client_is_first_endpoint = Some(true);
    story.last_response = version.map(|v| format!("MySQL server {v}"));
    // The client's side is walked first, so this ends up telling of its last command.
    let in_query = Cell::new(false);
    let mut replies = Replies {
        logged_in: mid,
        ..Replies::default()
    };
    let mut story = exchange(
        d,
        story,
        [length, length],
        |frame, story| {
            let request = request(frame)?;
            story.clean_quit |= request.verb == "COM_QUIT";
            let query = matches!(request.verb.as_str(), "COM_QUERY" | "COM_STMT_EXECUTE");
            in_query.set(query);
            Some(request)
        },
        |frame, story| replies.read(frame, story) || replies.rows && !in_query.get(),
    );
    if story.clean_quit {
        // COM_QUIT has no answer.
        story.outstanding = Some(false);
    }
    Some(story)
}

/// A capture that begins later: a command of the client that fills its turn, and an answer that
/// counts on from it.
fn mid_stream(d: &Dialogue<'_>) -> bool {
    let command = |data: &[u8]| {
        let known = data.get(4).is_some_and(|&c| command_name(c).is_some());
        data.get(3) == Some(&0) && known && length(data) == Some(data.len() as u64)
    };
    let first = d.client.bytes;
    let turn = d
        .turns
        .iter()
        .find(|t| t.from_client)
        .and_then(|t| usize::try_from(t.len).ok());
    let first = turn.and_then(|n| first.get(..n)).unwrap_or(first);
    !d.client.starts_at_zero
        && d.server_port == 3306
        && command(first)
        && (d.server.bytes.is_empty() || d.server.bytes.get(3) == Some(&1))
}

/// Where the walk over the server's packets stands.
#[derive(Default)]
struct Replies {
    /// Within a result set.
    rows: bool,
    logged_in: bool,
}

impl Replies {
    /// Returns whether the packet ends an answer.
    fn read(&mut self, frame: &Frame<'_>, story: &mut AppStory) -> bool {
        let data = payload(frame);
        let sequence = frame.data.get(3).copied().unwrap_or(0);
        match data.first() {
            Some(10) if frame.offset == 0 => false,
            Some(0xff) => {
                let error = error(frame, data, !self.logged_in);
                story.last_response = Some(format!("ERR {} {}", error.code, error.text));
                story.error = Some(error);
                self.rows = false;
                true
            }
            // More is asked of the client before it is logged in.
            Some(0xfe | 1) if !self.logged_in => true,
            Some(0) if !self.logged_in || sequence == 1 || !self.rows => {
                self.logged_in = true;
                story.last_response = Some("OK".to_owned());
                story.error = None;
                true
            }
            Some(0xfe) if self.rows && frame.len < 0xff_ffff => {
                // Column definitions may end with one, too.
                self.rows = false;
                true
            }
            _ => {
                self.rows = true;
                story.last_response = Some("result set".to_owned());
                story.error = None;
                false
            }
        }
    }
}

/// TLS after the client's `SSLRequest`.
fn encrypted(d: &Dialogue<'_>) -> Option<AppStory> {
    let request = d.client.bytes.get(..36)?;
    let mut c = Cursor::new(request);
    let (len, flags) = (c.le24()?, {
        c.u8()?;
        c.le32()?
    });
    if len != 32 || flags & 0x800 == 0 {
        return None;
    }
    let greeting = length(d.server.bytes)?;
    let story = d.inner(36, greeting, tls::recognise)?;
    let mut story = story.nested(&[Protocol::MySql], 36, greeting);
    (story.banner_first, story.banner_seen) = (true, true);
    Some(story)
}

fn request(frame: &Frame<'_>) -> Option<Request> {
    let data = payload(frame);
    let sequence = *frame.data.get(3)?;
    if sequence == 1 && data.len() >= 28 {
        return Some(login(frame, data));
    }
    if sequence != 0 {
        return None;
    }
    let command = *data.first()?;
    let name = command_name(command)?;
    let text = match command {
        // A prefix is enough, and masking is linear.
        3 | 0x16 => mask::sql(
            data.get(1..4096).or(data.get(1..)).unwrap_or_default(),
            true,
        ),
        2 => data.get(1..).unwrap_or_default().to_vec(),
        _ => Vec::new(),
    };
    let target = clean(text, 120);
    let mut request = Request::framed(
        frame,
        name,
        format!("{name} {target}").trim_end().to_owned(),
    );
    request.target = target;
    Some(request)
}

fn login(frame: &Frame<'_>, data: &[u8]) -> Request {
    let user = Cursor::from(data, 32).c_str();
    let mut request = Request::framed(
        frame,
        "login",
        format!("MySQL login user {}", clean(user, 40)),
    );
    request.target = clean(user, 40);
    request
}

fn command_name(command: u8) -> Option<&'static str> {
    Some(match command {
        1 => "COM_QUIT",
        2 => "COM_INIT_DB",
        3 => "COM_QUERY",
        4 => "COM_FIELD_LIST",
        5 => "COM_CREATE_DB",
        6 => "COM_DROP_DB",
        7 => "COM_REFRESH",
        8 => "COM_SHUTDOWN",
        9 => "COM_STATISTICS",
        10 => "COM_PROCESS_INFO",
        12 => "COM_PROCESS_KILL",
        13 => "COM_DEBUG",
        14 => "COM_PING",
        17 => "COM_CHANGE_USER",
        18 => "COM_BINLOG_DUMP",
        21 => "COM_REGISTER_SLAVE",
        22 => "COM_STMT_PREPARE",
        23 => "COM_STMT_EXECUTE",
        24 => "COM_STMT_SEND_LONG_DATA",
        25 => "COM_STMT_CLOSE",
        26 => "COM_STMT_RESET",
        27 => "COM_SET_OPTION",
        28 => "COM_STMT_FETCH",
        30 => "COM_BINLOG_DUMP_GTID",
        31 => "COM_RESET_CONNECTION",
        _ => return None,
    })
}

fn error(frame: &Frame<'_>, data: &[u8], at_login: bool) -> AppError {
    let mut c = Cursor::from(data, 1);
    let code = c.le16().unwrap_or(0);
    let text = c.rest();
    let (state, text) = match text.split_at_checked(6) {
        Some((state, text)) if state.first() == Some(&b'#') => (state, text),
        _ => (&b""[..], text),
    };
    let fatal = at_login || matches!(code, 1053 | 1152 | 1158..=1161 | 1184 | 1927 | 3169 | 4031);
    AppError {
        code: format!("{code} {}", clean(state, 8).trim_start_matches('#'))
            .trim_end()
            .to_owned(),
        text: clean(text, 120),
        from_server: true,
        offset: frame.offset,
        fatal,
        blame: match code {
            1040 | 1053 | 1129 | 1203 | 1226 | 2013 => Blame::Server,
            1044 | 1045 | 1130 | 1049 | 1064 | 1146 | 1153 => Blame::Client,
            _ => Blame::Either,
        },
        explains_close: fatal || code == 1153,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::ResponseState;
    use super::super::talk::testing::{Script, story};
    use super::*;

    fn packet(seq: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = (payload.len() as u32).to_le_bytes()[..3].to_vec();
        out.push(seq);
        out.extend_from_slice(payload);
        out
    }

    fn hello() -> Vec<u8> {
        packet(0, b"\x0a8.0.36\0\x01\0\0\0abcdefgh\0\xff\xf7\x08\x02\0")
    }

    fn login() -> Vec<u8> {
        packet(
            1,
            &[
                &[0x85, 0xa2, 0, 0][..],
                &[0; 28],
                b"joe\0\x14secretsecretsecret12",
            ]
            .concat(),
        )
    }

    #[test]
    fn a_query_in_the_middle_of_its_rows() {
        let ask = packet(0, b"\x03SELECT * FROM t WHERE p='hunter2'");
        let rows = [
            packet(1, b"\x01"),
            packet(2, b"\x03def"),
            packet(3, b"\xfe\0\0\x02\0"),
            packet(4, b"\x03abc"),
        ]
        .concat();
        let says = [
            ("s", &hello()[..]),
            ("c", &login()),
            ("s", &packet(2, &[0, 0, 0, 2, 0, 0, 0])),
            ("c", &ask),
            ("s", &rows),
        ];
        let s = story(3306, &says);
        assert_eq!((s.protocol, s.banner_seen), (Some(Protocol::MySql), true));
        assert_eq!(
            s.last_request.as_ref().unwrap().summary,
            "COM_QUERY SELECT * FROM t WHERE p='...'"
        );
        assert!(
            matches!(s.response, ResponseState::Partial { .. }),
            "{:?}",
            s.response
        );
        assert!(!format!("{s:?}").contains("secret"));
        let s = story(3306, &says[..4]);
        assert_eq!((s.outstanding, s.requests), (Some(true), 2));
    }

    #[test]
    fn errors_and_quit() {
        let s = story(
            3306,
            &[("s", &packet(0, b"\xff\x10\x04Too many connections"))],
        );
        let e = s.error.unwrap();
        assert_eq!(
            (e.code.as_str(), e.blame, e.fatal),
            ("1040", Blame::Server, true)
        );
        let s = story(
            3306,
            &[
                ("s", &hello()),
                ("c", &login()),
                ("s", &packet(2, b"\xff\x15\x04#28000Access denied")),
            ],
        );
        assert_eq!(s.error.unwrap().code, "1045 28000");
        let s = story(
            3306,
            &[
                ("s", &hello()),
                ("c", &login()),
                ("s", &packet(2, &[0; 7])),
                ("c", &packet(0, &[1])),
            ],
        );
        assert_eq!((s.clean_quit, s.outstanding), (true, Some(false)));
    }

    #[test]
    fn tls_after_ssl_request() {
        let mut sent = packet(1, &[&[0x85, 0xae, 0, 0][..], &[0; 28]].concat());
        sent.extend_from_slice(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03");
        let s = story(3306, &[("s", &hello()), ("c", &sent)]);
        assert_eq!(s.layers, [Protocol::MySql, Protocol::Tls]);
        assert_eq!(s.last_request.unwrap().offset, 36);
    }

    #[test]
    fn a_capture_that_begins_later() {
        let script = Script::new(
            3306,
            &[
                ("c", &packet(0, b"\x03SELECT 1")),
                ("s", &packet(1, b"\x01")),
            ],
        );
        let mut d = script.dialogue();
        d.client.starts_at_zero = false;
        let s = crate::packet::app::recognise(&d);
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::MySql), Confidence::Medium)
        );
        assert_eq!(s.last_request.unwrap().summary, "COM_QUERY SELECT 1");
        d.client.starts_at_zero = true;
        assert_eq!(crate::packet::app::recognise(&d).protocol, None);
    }

    #[test]
    fn a_switched_authentication_is_no_result() {
        let ok = packet(4, &[0, 0, 0, 2, 0, 0, 0]);
        let says = [
            ("s", &hello()[..]),
            ("c", &login()),
            ("s", &packet(2, b"\xfecaching\0")),
            ("c", &packet(3, b"secret")),
            ("s", &ok),
        ];
        let s = story(3306, &says);
        assert_eq!(s.last_response.unwrap(), "OK");
        assert_eq!(s.response, ResponseState::Complete);
    }

    #[test]
    fn near_misses_and_cuts() {
        let mut other = hello();
        other[4] = 9;
        assert_ne!(
            story(3306, &[("s", &other)]).protocol,
            Some(Protocol::MySql)
        );
        assert_eq!(
            story(3306, &[("s", &hello()[..12])]).protocol,
            Some(Protocol::MySql)
        );
    }
}
