//! Which option bytes go into a copy, and how, when the byte order changes
//! (pcapng-fidelity 1.1, 1.2, 1.4).

use super::block::{Blocks, Endian, RawOption, codes, types};
use std::borrow::Cow;

/// What could not be carried over, for the section comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Options marked as not to be copied.
    pub no_copy: u64,
    /// Options whose meaning, and so whose byte order, is unknown.
    pub unknown: u64,
    /// Texts with bytes that are no UTF-8, which pcapng 3.5 wants of every text option.
    pub no_utf8: u64,
}

/// Copies a list of options in order without `opt_endofopt`; `skip` says which codes the
/// caller writes itself.
pub(super) fn copy<'a>(
    blocks: &mut Blocks,
    block_type: u32,
    list: impl Iterator<Item = RawOption<'a>>,
    from: Endian,
    skip: &[u16],
    lost: &mut Lost,
) {
    for option in list {
        if skip.contains(&option.code) {
            continue;
        }
        if matches!(
            option.code,
            codes::CUSTOM_TEXT_NO_COPY | codes::CUSTOM_BYTES_NO_COPY
        ) {
            lost.no_copy += 1;
            continue;
        }
        match convert(block_type, option, from, blocks.endian) {
            Some(value) => {
                let at = text_at(block_type, option);
                blocks.option(option.code, &readable(&value, at, lost));
            }
            None => lost.unknown += 1,
        }
    }
}

/// Where in an option's value text begins; `None` when it holds none (pcapng 3.5, 4).
fn text_at(block_type: u32, option: RawOption<'_>) -> Option<usize> {
    match (block_type, option.code) {
        (_, codes::COMMENT) => Some(0),
        (_, codes::CUSTOM_TEXT) => Some(4),
        (types::SECTION_HEADER, 2..=4) | (types::NAMES, 2) => Some(0),
        (types::INTERFACE, 2 | 3 | 12 | 15 | 18) => Some(0),
        (types::INTERFACE, 11) => (option.value.first() == Some(&0)).then_some(1),
        _ => None,
    }
}

/// The value as it is, unless its text is no UTF-8: readers reject such a file or show
/// nothing, so U+FFFD takes the place of the bytes that are none.
pub(super) fn readable<'a>(
    value: &'a [u8],
    text_at: Option<usize>,
    lost: &mut Lost,
) -> Cow<'a, [u8]> {
    let Some((head, text)) = text_at.and_then(|at| value.split_at_checked(at)) else {
        return Cow::Borrowed(value);
    };
    match String::from_utf8_lossy(text) {
        Cow::Borrowed(_) => Cow::Borrowed(value),
        Cow::Owned(text) => {
            lost.no_utf8 += 1;
            Cow::Owned([head, text.as_bytes()].concat())
        }
    }
}

/// The value in the other byte order; `None` when it is not known what it holds.
fn convert<'a>(
    block_type: u32,
    option: RawOption<'a>,
    from: Endian,
    to: Endian,
) -> Option<Cow<'a, [u8]>> {
    if from == to {
        return Some(Cow::Borrowed(option.value));
    }
    let width = match (block_type, option.code) {
        (_, codes::COMMENT) => 0,
        (_, codes::CUSTOM_TEXT | codes::CUSTOM_BYTES) => {
            return Some(swapped_head(option.value, 4));
        }
        (types::SECTION_HEADER, 2..=4) | (types::NAMES, 2..=4) => 0,
        // if_filter 1: BPF instructions of 16-bit code, two bytes, 32-bit operand
        (types::INTERFACE, 11) if option.value.first() == Some(&1) => {
            return Some(Cow::Owned(swapped_bpf(option.value)));
        }
        (types::INTERFACE, 2..=7 | 9 | 11..=13 | 15 | 18) => 0,
        (types::INTERFACE, 8 | 14 | 16 | 17) => 8,
        (types::INTERFACE, 10) => 4,
        (types::ENHANCED_PACKET, 2 | 6) => 4,
        (types::ENHANCED_PACKET, 4 | 5) => 8,
        // epb_hash has no byte order, epb_processid_threadid is in network order
        (types::ENHANCED_PACKET, 3 | 8) => 0,
        (types::ENHANCED_PACKET, 7) => return Some(swapped_verdict(option.value)),
        _ => return None,
    };
    Some(swapped_head(option.value, width))
}

/// The first `width` bytes reversed, the rest as it is.
fn swapped_head(value: &[u8], width: usize) -> Cow<'_, [u8]> {
    let mut owned = value.to_vec();
    match owned.get_mut(..width) {
        Some(head) if width > 0 => head.reverse(),
        _ => return Cow::Borrowed(value),
    }
    Cow::Owned(owned)
}

fn swapped_bpf(value: &[u8]) -> Vec<u8> {
    let mut owned = value.to_vec();
    for instruction in owned.get_mut(1..).unwrap_or_default().chunks_exact_mut(8) {
        instruction.swap(0, 1);
        instruction.swap(4, 7);
        instruction.swap(5, 6);
    }
    owned
}

/// Types 1 and 2 (Linux eBPF TC and XDP) hold a 64-bit number in section byte order.
fn swapped_verdict(value: &[u8]) -> Cow<'_, [u8]> {
    if !matches!(value.first(), Some(1 | 2)) {
        return Cow::Borrowed(value);
    }
    let mut owned = value.to_vec();
    if let Some(number) = owned.get_mut(1..9) {
        number.reverse();
    }
    Cow::Owned(owned)
}

#[cfg(test)]
mod tests {
    use super::super::block::Options;
    use super::*;

    fn converted(block_type: u32, code: u16, value: &[u8]) -> Option<Vec<u8>> {
        let option = RawOption { code, value };
        convert(block_type, option, Endian::Big, Endian::Little).map(Cow::into_owned)
    }

    #[test]
    fn numbers_turn_round_and_data_does_not() {
        let epb = types::ENHANCED_PACKET;
        assert_eq!(converted(epb, 2, &[0, 0, 0, 1]), Some(vec![1, 0, 0, 0]));
        assert_eq!(
            converted(epb, 3, &[2, 1, 2, 3, 4]),
            Some(vec![2, 1, 2, 3, 4])
        );
        assert_eq!(
            converted(epb, 7, &[1, 0, 0, 0, 0, 0, 0, 0, 9]),
            Some(vec![1, 9, 0, 0, 0, 0, 0, 0, 0])
        );
        assert_eq!(converted(epb, 7, &[0, 1, 2]), Some(vec![0, 1, 2]));
        assert_eq!(
            converted(epb, 2989, &[0, 0, 0x7e, 0xd9, 1, 2]),
            Some(vec![0xd9, 0x7e, 0, 0, 1, 2])
        );
        assert_eq!(converted(epb, 0x8001, &[0, 0, 0, 1]), None);
        assert_eq!(
            converted(types::INTERFACE, 11, &[1, 0, 0x28, 1, 2, 0, 0, 8, 0]),
            Some(vec![1, 0x28, 0, 1, 2, 0, 8, 0, 0])
        );
        assert_eq!(
            converted(types::INTERFACE, 11, b"\0tcp"),
            Some(b"\0tcp".to_vec())
        );
    }

    #[test]
    fn a_text_that_is_no_utf8_becomes_one() {
        let written = |block_type, code, value: &[u8]| {
            let mut blocks = Blocks::new(Endian::Little);
            let mut lost = Lost::default();
            let list = std::iter::once(RawOption { code, value });
            copy(
                &mut blocks,
                block_type,
                list,
                Endian::Little,
                &[],
                &mut lost,
            );
            let option = Options::new(&blocks.out, Endian::Little).next();
            (option.map(|o| o.value.to_vec()), lost.no_utf8)
        };
        let latin = b"K\xf6ln";
        let text = "K\u{fffd}ln".as_bytes();
        assert_eq!(
            written(types::SECTION_HEADER, 2, latin),
            (Some(text.into()), 1)
        );
        assert_eq!(written(types::INTERFACE, 2, latin), (Some(text.into()), 1));
        let filter = [&[0], text].concat();
        assert_eq!(
            written(types::INTERFACE, 11, b"\0K\xf6ln"),
            (Some(filter), 1)
        );
        // what is no text stays as it is, and so does text that needs no repair
        let hash = b"\x02\xf6\xf6\xf6\xf6";
        assert_eq!(
            written(types::ENHANCED_PACKET, 3, hash),
            (Some(hash.into()), 0)
        );
        let fine = "K\u{f6}ln".as_bytes();
        assert_eq!(
            written(types::SECTION_HEADER, 1, fine),
            (Some(fine.into()), 0)
        );
    }

    #[test]
    fn unchanged_order_copies_the_unknown() {
        let option = RawOption {
            code: 0x9999,
            value: &[1, 2, 3],
        };
        let same = convert(types::ENHANCED_PACKET, option, Endian::Big, Endian::Big);
        assert_eq!(same.as_deref(), Some(&[1, 2, 3][..]));
    }
}
