//! Walking a stream of messages that announce their length, over gaps where the order of talk
//! tells where a later message begins.

use super::story::{AppStory, Request, ResponseState};
use super::talk::{Dialogue, Stream, Turn};

/// One message of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// Offset of its first byte.
    pub offset: u64,
    /// What is captured of it, header included.
    pub data: &'a [u8],
    /// Its length as announced, header included.
    pub len: u64,
    /// Bytes of it that are known to have been sent.
    pub sent: u64,
}

impl Frame<'_> {
    /// All of it was sent (not necessarily captured).
    pub(super) fn complete(&self) -> bool {
        self.sent >= self.len
    }
}

/// Walks one side's messages.
///
/// `length` is given all captured bytes from a message's start and returns the whole
/// length of the message, or `None` if these bytes begin no message (or too few to tell).
pub(super) struct Frames<'a, F> {
    stream: Stream<'a>,
    /// Turns that are left, ascending: where the walk may go on after a gap.
    turns: std::slice::Iter<'a, Turn>,
    client: bool,
    /// How many more turns may be tried, so that hostile input costs little.
    tries: u32,
    next: u64,
    length: F,
    /// Something lies between the messages seen that could not be read.
    pub(super) lost: bool,
    /// A message began here whose header could not be read (cut or invalid).
    pub(super) stopped_at: Option<u64>,
}

impl<'a, F: Fn(&[u8]) -> Option<u64>> Frames<'a, F> {
    pub(super) fn new(d: &Dialogue<'a>, client: bool, from: u64, length: F) -> Self {
        Frames {
            stream: d.side(client),
            turns: d.turns.iter(),
            client,
            tries: 4096,
            next: from,
            length,
            lost: false,
            stopped_at: None,
        }
    }

    /// The first turn after `offset` that is captured and begins a message. Turns passed over
    /// are not looked at again.
    fn restart(&mut self, offset: u64) -> Option<u64> {
        let client = self.client;
        while let Some(turn) = self.turns.find(|t| t.from_client == client) {
            let at = turn.offset;
            if at > offset && self.tries > 0 {
                self.tries -= 1;
                if (self.length)(self.stream.at(at)).is_some_and(|len| len > 0) {
                    return Some(at);
                }
            }
        }
        None
    }
}

impl<'a, F: Fn(&[u8]) -> Option<u64>> Iterator for Frames<'a, F> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let total = self.stream.total();
        if self.next >= total || self.stopped_at.is_some() {
            return None;
        }
        let mut data = self.stream.at(self.next);
        let mut len = (self.length)(data).filter(|&len| len > 0);
        if len.is_none() {
            // Without a gap this is the end of what follows the protocol.
            let end = self.next.saturating_add(data.len() as u64);
            let in_gap = end >= self.stream.bytes.len() as u64 && self.stream.missing_after > 0;
            let in_gap = in_gap || self.next == 0 && !self.stream.starts_at_zero;
            let restart = if in_gap {
                self.restart(self.next)
            } else {
                None
            };
            match restart {
                Some(at) => {
                    self.lost = true;
                    self.next = at;
                    data = self.stream.at(at);
                    len = (self.length)(data);
                }
                None => {
                    self.lost |= in_gap;
                    self.stopped_at = Some(self.next);
                    return None;
                }
            }
        }
        let len = len?;
        let offset = self.next;
        let captured = usize::try_from(len).unwrap_or(usize::MAX);
        self.next = offset.saturating_add(len);
        Some(Frame {
            offset,
            data: data.get(..captured).unwrap_or(data),
            len,
            sent: len.min(total - offset),
        })
    }
}

/// How whole the server's last message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The protocol's framing does not tell.
    Unknown,
    /// Whole.
    Complete,
    /// Not whole: announced and seen bytes.
    Partial { expected: Option<u64>, seen: u64 },
}

impl Answer {
    /// From the last frame of a side.
    pub(super) fn of(frame: &Frame<'_>) -> Self {
        if frame.complete() {
            Answer::Complete
        } else {
            Answer::Partial {
                expected: Some(frame.len),
                seen: frame.sent,
            }
        }
    }
}

/// Sets `last_request`, `outstanding` and `response` by the order of talk: whatever the server
/// said after the request began is its answer.
pub(super) fn settle(story: &mut AppStory, d: &Dialogue<'_>, request: Request, answer: Answer) {
    let answered = d.answered_bytes(request.offset);
    story.response = match (answered, answer) {
        (Some(0), _) => ResponseState::NotStarted,
        (_, Answer::Complete) => ResponseState::Complete,
        (_, Answer::Partial { expected, seen }) => ResponseState::Partial { expected, seen },
        (_, Answer::Unknown) => ResponseState::Unknown,
    };
    story.outstanding = match (request.complete, answered) {
        (Some(false), _) => Some(false),
        (_, Some(n)) if n > 0 => Some(false),
        (Some(true), Some(_)) => Some(true),
        _ => None,
    };
    story.last_request = Some(request);
}

impl Request {
    /// A request from a frame: complete if the frame is.
    pub(super) fn framed(frame: &Frame<'_>, verb: impl Into<String>, summary: String) -> Self {
        Request {
            verb: verb.into(),
            summary: super::text::clean(summary, 160),
            offset: frame.offset,
            complete: Some(frame.complete()),
            ..Request::default()
        }
    }
}

/// Gives the whole length of the message that begins here, if one does.
pub(super) type Length = fn(&[u8]) -> Option<u64>;

/// Walks both sides of a protocol of announced lengths and fills in the counts, the last request
/// and the state of its answer.
///
/// `ask` turns a client message into a request (`None`: not one that wants an answer); `tell` looks
/// at a server message and says whether it is a final response.
pub(super) fn exchange(
    d: &Dialogue<'_>,
    mut story: AppStory,
    lengths: [Length; 2],
    mut ask: impl FnMut(&Frame<'_>, &mut AppStory) -> Option<Request>,
    mut tell: impl FnMut(&Frame<'_>, &mut AppStory) -> bool,
) -> AppStory {
    let mut last = None;
    for frame in Frames::new(d, true, 0, lengths[0]) {
        if let Some(request) = ask(&frame, &mut story) {
            story.requests = story.requests.saturating_add(u32::from(frame.complete()));
            last = Some(request);
        }
    }
    let mut answer = Answer::Unknown;
    for frame in Frames::new(d, false, 0, lengths[1]) {
        let fin = tell(&frame, &mut story);
        story.responses = story
            .responses
            .saturating_add(u32::from(fin && frame.complete()));
        answer = match Answer::of(&frame) {
            Answer::Complete if !fin => Answer::Partial {
                expected: None,
                seen: frame.sent,
            },
            other => other,
        };
    }
    if let Some(request) = last {
        settle(&mut story, d, request, answer);
    }
    story
}

#[cfg(test)]
mod tests {
    use super::super::talk::Turn;
    use super::*;

    fn length(data: &[u8]) -> Option<u64> {
        let (&magic, rest) = data.split_first()?;
        (magic == b'#').then_some(())?;
        rest.first().map(|&n| u64::from(n) + 2)
    }

    fn dialogue<'a>(client: Stream<'a>, turns: &'a [Turn]) -> Dialogue<'a> {
        Dialogue {
            client,
            server: Stream::default(),
            turns,
            client_port: 1,
            server_port: 2,
        }
    }

    #[test]
    fn walks_and_marks_the_last_one_incomplete() {
        let s = Stream {
            bytes: b"#\x01a#\x03bc",
            starts_at_zero: true,
            ..Stream::default()
        };
        let frames: Vec<_> = Frames::new(&dialogue(s, &[]), true, 0, length).collect();
        assert_eq!(frames.len(), 2);
        assert!(frames[0].complete());
        assert_eq!(
            (frames[1].len, frames[1].sent, frames[1].complete()),
            (5, 4, false)
        );
    }

    #[test]
    fn goes_on_behind_a_gap_at_a_turn() {
        let s = Stream {
            bytes: b"#\x01a#",
            starts_at_zero: true,
            missing_after: 20,
            tail: b"zz#\x01q",
        };
        let turns = [
            Turn {
                from_client: true,
                offset: 0,
                len: 3,
            },
            Turn {
                from_client: true,
                offset: 21,
                len: 3,
            },
        ];
        let mut frames = Frames::new(&dialogue(s, &turns), true, 0, length);
        let seen: Vec<_> = frames.by_ref().map(|f| f.offset).collect();
        assert_eq!(seen, [0, 21]);
        assert!(frames.lost);
    }

    #[test]
    fn stops_where_the_protocol_ends() {
        let s = Stream {
            bytes: b"#\x01a!!",
            starts_at_zero: true,
            ..Stream::default()
        };
        let mut frames = Frames::new(&dialogue(s, &[]), true, 0, length);
        assert_eq!(frames.by_ref().count(), 1);
        assert_eq!((frames.stopped_at, frames.lost), (Some(3), false));
    }
}
