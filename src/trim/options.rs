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
            Some(value) => blocks.option(option.code, &value),
            None => lost.unknown += 1,
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
    fn unchanged_order_copies_the_unknown() {
        let option = RawOption {
            code: 0x9999,
            value: &[1, 2, 3],
        };
        let same = convert(types::ENHANCED_PACKET, option, Endian::Big, Endian::Big);
        assert_eq!(same.as_deref(), Some(&[1, 2, 3][..]));
    }
}
