//! Tag-length-value of ASN.1 BER, definite lengths only (X.690).

use super::cursor::Cursor;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub tag: u8,
    /// Its content as far as it is there.
    pub data: &'a [u8],
    /// The announced length of header and content.
    pub whole: u64,
}

/// Reads the element at the cursor; its content may be cut.
pub(super) fn element<'a>(c: &mut Cursor<'a>) -> Option<Element<'a>> {
    let start = c.position();
    let tag = c.u8()?;
    let first = c.u8()?;
    let len = match first {
        0..=0x7f => u64::from(first),
        0x81..=0x84 => {
            let bytes = c.take(usize::from(first & 0x7f))?;
            bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))
        }
        _ => return None,
    };
    let head = (c.position() - start) as u64;
    let data = c.take_some(usize::try_from(len).unwrap_or(usize::MAX));
    Some(Element {
        tag,
        data,
        whole: len + head,
    })
}

/// The element with this tag among those in `data`.
pub(super) fn find(data: &[u8], tag: u8) -> Option<Element<'_>> {
    let mut c = Cursor::new(data);
    while let Some(e) = element(&mut c) {
        if e.tag == tag {
            return Some(e);
        }
    }
    None
}

/// A non-negative integer of at most 4 bytes.
pub(super) fn integer(data: &[u8]) -> Option<u32> {
    (1..=4)
        .contains(&data.len())
        .then(|| data.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_cut_lengths() {
        let mut c = Cursor::new(&[0x30, 0x82, 1, 0, 0xaa]);
        let e = element(&mut c).unwrap();
        assert_eq!((e.tag, e.data, e.whole), (0x30, &[0xaa][..], 260));
        assert!(element(&mut Cursor::new(&[0x30, 0x80, 0])).is_none());
        assert_eq!(integer(&[1, 0]), Some(256));
        assert_eq!(integer(&[]), None);
    }
}
