//! What a recogniser is given: the payload of both directions and who spoke when.

/// One direction's payload, put in order by sequence number by the caller.
///
/// `bytes` is contiguous, from the first byte of the stream (`starts_at_zero`) or from wherever
/// the capture begins. Offsets everywhere count from `bytes[0]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stream<'a> {
    /// The captured bytes, contiguous.
    pub bytes: &'a [u8],
    /// `bytes[0]` is the first byte after the handshake.
    pub starts_at_zero: bool,
    /// Bytes known to exist after `bytes` that are not in it (snaplen, gap, or the limit of the
    /// reassembly).
    pub missing_after: u64,
    /// When `bytes` does not reach the end: the last bytes of the direction (up to 16 KiB),
    /// contiguous to the end. Else empty.
    pub tail: &'a [u8],
}

/// A run of bytes of one side with nothing of the other side in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Which side spoke.
    pub from_client: bool,
    /// Offset of the first byte in that side's stream.
    pub offset: u64,
    /// Bytes of the run.
    pub len: u64,
}

/// Both directions of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Dialogue<'a> {
    /// What the client sent.
    pub client: Stream<'a>,
    /// What the server sent.
    pub server: Stream<'a>,
    /// Runs of bytes in time order; empty if the order is not known.
    pub turns: &'a [Turn],
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
}

impl<'a> Stream<'a> {
    /// Bytes known to have been sent from `bytes[0]` on.
    #[must_use]
    pub fn total(&self) -> u64 {
        (self.bytes.len() as u64).saturating_add(self.missing_after)
    }

    /// All that is captured from `offset` on without a gap; empty where nothing is.
    #[must_use]
    pub fn at(&self, offset: u64) -> &'a [u8] {
        if let Some(rest) = usize::try_from(offset)
            .ok()
            .and_then(|at| self.bytes.get(at..))
            && !rest.is_empty()
        {
            return rest;
        }
        let tail_start = self.total().saturating_sub(self.tail.len() as u64);
        offset
            .checked_sub(tail_start)
            .and_then(|at| usize::try_from(at).ok())
            .and_then(|at| self.tail.get(at..))
            .unwrap_or_default()
    }

    /// The stream without its first `n` bytes.
    pub(super) fn without(&self, n: u64) -> Stream<'a> {
        let have = self.bytes.len() as u64;
        let cut = usize::try_from(n)
            .unwrap_or(usize::MAX)
            .min(self.bytes.len());
        let missing_after = self.missing_after.saturating_sub(n.saturating_sub(have));
        let total = (self.bytes.len() - cut) as u64 + missing_after;
        let tail_len = usize::try_from(total)
            .unwrap_or(usize::MAX)
            .min(self.tail.len());
        Stream {
            bytes: self.bytes.get(cut..).unwrap_or_default(),
            starts_at_zero: self.starts_at_zero,
            missing_after,
            tail: self
                .tail
                .get(self.tail.len() - tail_len..)
                .unwrap_or_default(),
        }
    }
}

impl<'a> Dialogue<'a> {
    /// The stream of one side.
    #[must_use]
    pub fn side(&self, client: bool) -> Stream<'a> {
        if client { self.client } else { self.server }
    }

    /// Bytes the server sent after the client began the message at `offset`; `None` if the
    /// order of talk is not known.
    pub(super) fn answered_bytes(&self, offset: u64) -> Option<u64> {
        let mut after = None;
        for turn in self.turns {
            if turn.from_client {
                if offset >= turn.offset && offset < turn.offset.saturating_add(turn.len) {
                    after = Some(0);
                }
            } else if let Some(sum) = &mut after {
                *sum = u64::saturating_add(*sum, turn.len);
            }
        }
        match after {
            None if self.server.total() == 0 => Some(0),
            other => other,
        }
    }

    /// Where the server's answer to the client message at `offset` begins.
    pub(super) fn answer_start(&self, offset: u64) -> Option<u64> {
        let mut asked = false;
        for turn in self.turns {
            if turn.from_client {
                asked |= offset >= turn.offset && offset < turn.offset.saturating_add(turn.len);
            } else if asked {
                return Some(turn.offset);
            }
        }
        None
    }

    /// Where one side's last run of bytes that is (partly) captured begins.
    pub(super) fn last_turn(&self, client: bool) -> Option<u64> {
        let stream = self.side(client);
        self.turns
            .iter()
            .rev()
            .filter(|t| t.from_client == client)
            .map(|t| t.offset)
            .find(|&offset| !stream.at(offset).is_empty())
    }

    /// The same with the sides swapped.
    pub(super) fn swapped<'t>(&self, turns: &'t [Turn]) -> Dialogue<'t>
    where
        'a: 't,
    {
        Dialogue {
            client: self.server,
            server: self.client,
            turns,
            client_port: self.server_port,
            server_port: self.client_port,
        }
    }

    /// Runs `f` on what is left after the first bytes of each side.
    pub(super) fn inner<R>(
        &self,
        client_from: u64,
        server_from: u64,
        f: impl FnOnce(&Dialogue<'_>) -> R,
    ) -> R {
        let turns: Vec<Turn> = self
            .turns
            .iter()
            .filter_map(|t| {
                let from = if t.from_client {
                    client_from
                } else {
                    server_from
                };
                let end = t.offset.saturating_add(t.len);
                (end > from).then(|| Turn {
                    from_client: t.from_client,
                    offset: t.offset.saturating_sub(from),
                    len: end - t.offset.max(from),
                })
            })
            .collect();
        f(&Dialogue {
            client: self.client.without(client_from),
            server: self.server.without(server_from),
            turns: &turns,
            client_port: self.client_port,
            server_port: self.server_port,
        })
    }
}

/// Turns with the sides swapped.
pub(super) fn swap_turns(turns: &[Turn]) -> Vec<Turn> {
    turns
        .iter()
        .map(|t| Turn {
            from_client: !t.from_client,
            ..*t
        })
        .collect()
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::packet::app::AppStory;

    /// A conversation written down as turns: `("c", bytes)` or `("s", bytes)`.
    pub(in crate::packet::app) struct Script {
        pub client: Vec<u8>,
        pub server: Vec<u8>,
        pub turns: Vec<Turn>,
        pub port: u16,
    }

    impl Script {
        pub(in crate::packet::app) fn new(port: u16, says: &[(&str, &[u8])]) -> Self {
            let mut s = Script {
                client: vec![],
                server: vec![],
                turns: vec![],
                port,
            };
            for (who, bytes) in says {
                let from_client = *who == "c";
                let stream = if from_client {
                    &mut s.client
                } else {
                    &mut s.server
                };
                s.turns.push(Turn {
                    from_client,
                    offset: stream.len() as u64,
                    len: bytes.len() as u64,
                });
                stream.extend_from_slice(bytes);
            }
            s
        }

        pub(in crate::packet::app) fn dialogue(&self) -> Dialogue<'_> {
            let whole = |bytes| Stream {
                bytes,
                starts_at_zero: true,
                missing_after: 0,
                tail: &[],
            };
            Dialogue {
                client: whole(&self.client),
                server: whole(&self.server),
                turns: &self.turns,
                client_port: 50000,
                server_port: self.port,
            }
        }
    }

    /// The story of a conversation.
    pub(in crate::packet::app) fn story(port: u16, says: &[(&str, &[u8])]) -> AppStory {
        crate::packet::app::recognise(&Script::new(port, says).dialogue())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Script;
    use super::*;

    #[test]
    fn at_reads_from_the_tail_behind_a_gap() {
        let s = Stream {
            bytes: b"abcd",
            starts_at_zero: true,
            missing_after: 10,
            tail: b"xyz",
        };
        assert_eq!(s.at(2), b"cd");
        assert_eq!(s.at(4), b"");
        assert_eq!(s.at(11), b"xyz");
        assert_eq!(s.at(13), b"z");
        assert_eq!(s.at(14), b"");
        let rest = s.without(6);
        assert_eq!(
            (rest.bytes, rest.total(), rest.at(6)),
            (&b""[..], 8, &b"yz"[..])
        );
    }

    #[test]
    fn answers_are_paired_by_turns() {
        let s = Script::new(
            80,
            &[("c", b"one"), ("s", b"1"), ("c", b"two"), ("s", b"22")],
        );
        let d = s.dialogue();
        assert_eq!(d.answered_bytes(0), Some(3));
        assert_eq!(d.answered_bytes(3), Some(2));
        assert_eq!(d.answer_start(3), Some(1));
        assert_eq!(d.answered_bytes(9), None);
        d.inner(3, 1, |d| {
            assert_eq!((d.client.bytes, d.server.bytes), (&b"two"[..], &b"22"[..]));
            assert_eq!(d.turns.len(), 2);
            assert_eq!(d.answered_bytes(0), Some(2));
        });
    }
}
