//! Header compression of HTTP/2, as far as requests need it (RFC 7541).

use super::cursor::Cursor;
use std::collections::VecDeque;

/// Static table entries 1 to 16, and the names of the others that requests use.
const STATIC: &[(&str, &str)] = &[
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
];

/// Entries of the static table (RFC 7541 appendix A).
const STATIC_LEN: usize = 61;
/// Index of `host`.
const STATIC_HOST: usize = 38;

/// Decoder state of one direction.
pub(super) struct Hpack {
    table: VecDeque<(String, String)>,
    size: usize,
    limit: usize,
    /// A header block was missed or not understood: dynamic entries cannot be trusted.
    broken: bool,
}

impl Hpack {
    pub(super) fn new() -> Self {
        Hpack {
            table: VecDeque::new(),
            size: 0,
            limit: 4096,
            broken: false,
        }
    }

    /// Says that a header block was not seen.
    pub(super) fn lose(&mut self) {
        self.broken = true;
    }

    /// Calls `field` with each header of a block. A cut block yields what is there.
    pub(super) fn decode(&mut self, block: &[u8], mut field: impl FnMut(&str, &str)) {
        let mut c = Cursor::new(block);
        while let Some(&first) = c.rest().first() {
            let Some((name, value)) = self.next(&mut c, first) else {
                self.broken |= !c.rest().is_empty();
                return;
            };
            if !name.is_empty() {
                field(&name, &value);
            }
        }
    }

    fn next(&mut self, c: &mut Cursor<'_>, first: u8) -> Option<(String, String)> {
        match first {
            0x80.. => {
                let index = integer(c, 7)?;
                Some(self.get(index))
            }
            0x40.. => {
                let pair = self.literal(c, 6)?;
                self.insert(pair.clone());
                Some(pair)
            }
            0x20.. => {
                self.limit = integer(c, 5)?.min(65_536);
                self.evict();
                Some(Default::default())
            }
            _ => self.literal(c, 4),
        }
    }

    fn literal(&self, c: &mut Cursor<'_>, bits: u32) -> Option<(String, String)> {
        let index = integer(c, bits)?;
        let name = if index == 0 {
            string(c)?
        } else {
            self.get(index).0
        };
        Some((name, string(c)?))
    }

    fn get(&self, index: usize) -> (String, String) {
        if let Some((name, value)) = index.checked_sub(1).and_then(|i| STATIC.get(i)) {
            return ((*name).to_owned(), (*value).to_owned());
        }
        if index == STATIC_HOST {
            return ("host".to_owned(), String::new());
        }
        match index
            .checked_sub(STATIC_LEN + 1)
            .and_then(|i| self.table.get(i))
        {
            Some(pair) if !self.broken => pair.clone(),
            _ => Default::default(),
        }
    }

    fn insert(&mut self, pair: (String, String)) {
        self.size += pair.0.len() + pair.1.len() + 32;
        self.table.push_front(pair);
        self.evict();
    }

    fn evict(&mut self) {
        while self.size > self.limit {
            let Some((name, value)) = self.table.pop_back() else {
                break;
            };
            self.size = self.size.saturating_sub(name.len() + value.len() + 32);
        }
    }
}

/// An integer with an N-bit prefix (RFC 7541 5.1).
fn integer(c: &mut Cursor<'_>, bits: u32) -> Option<usize> {
    let mask = (1_usize << bits) - 1;
    let mut value = usize::from(c.u8()?) & mask;
    if value < mask {
        return Some(value);
    }
    for shift in [0, 7, 14] {
        let byte = c.u8()?;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn string(c: &mut Cursor<'_>) -> Option<String> {
    let coded = *c.rest().first()? & 0x80 != 0;
    let len = integer(c, 7)?;
    let bytes = c.take(len)?;
    if coded {
        huffman(bytes)
    } else {
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Symbols of the Huffman code by length in bits (RFC 7541 appendix B). The code is canonical, so this is
/// all there is to it. Longer codes stand for bytes that no path or host name has.
const CODES: &[(u32, &[u8])] = &[
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];

fn huffman(bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    let (mut code, mut len) = (0_u32, 0_u32);
    for bit in bytes
        .iter()
        .flat_map(|b| (0..8).rev().map(move |n| u32::from(b >> n & 1)))
    {
        code = code << 1 | bit;
        len += 1;
        if let Some(symbol) = symbol(code, len) {
            out.push(char::from(symbol));
            (code, len) = (0, 0);
        } else if len > 15 {
            return None;
        }
    }
    // Padding is up to 7 one bits.
    (len < 8 && code == (1 << len) - 1).then_some(out)
}

fn symbol(code: u32, len: u32) -> Option<u8> {
    let (mut first, mut bits) = (0_u32, 5_u32);
    for (n, symbols) in CODES {
        first <<= n - bits;
        bits = *n;
        if bits == len {
            return code
                .checked_sub(first)
                .and_then(|i| symbols.get(i as usize))
                .copied();
        }
        first += symbols.len() as u32;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(hpack: &mut Hpack, block: &[u8]) -> String {
        let mut out = Vec::new();
        hpack.decode(block, |n, v| out.push(format!("{n}: {v}")));
        out.join("\n")
    }

    #[test]
    fn rfc_7541_c_3_requests_without_huffman() {
        let mut h = Hpack::new();
        let first = b"\x82\x86\x84\x41\x0fwww.example.com";
        let expected = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com";
        assert_eq!(fields(&mut h, first), expected);
        let second = b"\x82\x86\x84\xbe\x58\x08no-cache";
        assert!(fields(&mut h, second).starts_with(expected));
    }

    #[test]
    fn rfc_7541_c_4_1_with_huffman() {
        let block = [
            0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab,
            0x90, 0xf4, 0xff,
        ];
        assert!(fields(&mut Hpack::new(), &block).ends_with(":authority: www.example.com"));
    }

    #[test]
    fn a_cut_block_yields_what_is_there() {
        assert_eq!(
            fields(&mut Hpack::new(), b"\x82\x41\x0fwww"),
            ":method: GET"
        );
        assert_eq!(fields(&mut Hpack::new(), b"\xff\xff\xff\xff\xff"), "");
    }
}
