//! TCP options (RFC 9293 3.2).

const END: u8 = 0;
const NOP: u8 = 1;

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOption<'a> {
    /// Kind. No-operation (1) and end of list (0) are given like any other: their places are
    /// part of a stack's fingerprint.
    pub kind: u8,
    /// What follows the length octet.
    pub data: &'a [u8],
}

/// Walks the options of a header; see [`tcp_options`].
#[derive(Clone, Debug)]
pub struct TcpOptionWalk<'a> {
    rest: &'a [u8],
    incomplete: bool,
}

/// Walks option bytes, as many as were captured. Ends at the end-of-list option, at the end of
/// the bytes, or before an option that is cut or whose length is impossible.
#[must_use]
pub fn tcp_options(bytes: &[u8]) -> TcpOptionWalk<'_> {
    TcpOptionWalk {
        rest: bytes,
        incomplete: false,
    }
}

impl TcpOptionWalk<'_> {
    /// Whether the walk has ended before an option that is cut or malformed. Only known once
    /// the iterator has returned `None`. Options cut exactly between two of them look whole:
    /// compare [`super::super::TcpView::header_captured`] with `header_len`.
    #[must_use]
    pub fn incomplete(&self) -> bool {
        self.incomplete
    }
}

impl<'a> Iterator for TcpOptionWalk<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<TcpOption<'a>> {
        let (&kind, rest) = self.rest.split_first()?;
        if kind == END || kind == NOP {
            self.rest = if kind == END { &[] } else { rest };
            return Some(TcpOption { kind, data: &[] });
        }
        let whole = rest
            .first()
            .and_then(|&len| self.rest.split_at_checked(len.into()));
        let Some(([_, _, data @ ..], rest)) = whole else {
            self.incomplete = true;
            self.rest = &[];
            return None;
        };
        self.rest = rest;
        Some(TcpOption { kind, data })
    }
}

#[cfg(test)]
mod tests {
    use super::{TcpOption, tcp_options};

    #[test]
    fn a_whole_list() {
        let bytes = [2, 4, 5, 0xb4, 1, 3, 3, 7, 0, 9, 9];
        let mut options = tcp_options(&bytes);
        let kinds: Vec<u8> = options.by_ref().map(|o| o.kind).collect();
        assert_eq!(kinds, [2, 1, 3, 0]);
        assert!(!options.incomplete());
        assert_eq!(
            tcp_options(&bytes).next(),
            Some(TcpOption {
                kind: 2,
                data: &[5, 0xb4]
            })
        );
    }

    #[test]
    fn cut_and_impossible_options_end_the_walk() {
        for bytes in [&[1, 8, 10, 0][..], &[1, 8], &[1, 8, 0], &[1, 8, 1, 1, 1]] {
            let mut options = tcp_options(bytes);
            assert_eq!(options.by_ref().count(), 1, "{bytes:?}");
            assert!(options.incomplete(), "{bytes:?}");
        }
    }

    #[test]
    fn an_empty_list_and_a_list_without_end() {
        let mut options = tcp_options(&[]);
        assert_eq!(options.next(), None);
        assert!(!options.incomplete());
        assert_eq!(tcp_options(&[1; 40]).count(), 40);
    }
}
