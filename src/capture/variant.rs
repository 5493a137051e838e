//! pcap files whose record headers are longer than their magic number says: patched tcpdumps
//! kept libpcap's number. As Wireshark does, the records at the beginning decide.

use super::format::{PCAP_HEADER_LEN, Shape, Variant, u16_in, u32_in};

/// Most bytes of one packet that is believed (Wireshark's and libpcap's limit).
const MAX_CAPTURED: u32 = 262_144;

/// Most bytes that a packet can have had on the wire.
const MAX_ORIGINAL: u32 = 1 << 24;

/// Longest time between neighbouring records: 30 days, in seconds.
const MAX_GAP: u32 = 30 * 24 * 3600;

/// Records that must fit before a length other than the magic number's is believed, unless
/// the file ends with fewer.
const ENOUGH: usize = 2;

/// Link types of AIX are those of RFC 1573: Ethernet, token ring, FDDI, loopback.
pub(super) const AIX_LINKS: [(u32, u16); 4] = [(6, 1), (9, 6), (15, 10), (24, 0)];

/// The shape of a file that begins with `prefix`, which the magic number says is `shape`.
pub(super) fn settle(shape: Shape, prefix: &[u8]) -> Shape {
    if is_aix(shape, prefix) {
        return Shape {
            variant: Variant::Aix,
            nanos: true,
            ..shape
        };
    }
    let others: &[Variant] = match shape.variant {
        Variant::Standard if !shape.nanos => &[Variant::Modified, Variant::Suse, Variant::Nokia],
        Variant::Modified => &[Variant::Suse],
        _ => return shape,
    };
    if fits(shape, prefix) {
        return shape;
    }
    let candidates = others.iter().map(|&variant| Shape { variant, ..shape });
    candidates
        .into_iter()
        .find(|&s| fits(s, prefix))
        .unwrap_or(shape)
}

/// AIX writes version 2.2, nanoseconds, and link types of its own.
fn is_aix(shape: Shape, prefix: &[u8]) -> bool {
    let order = shape.big_endian;
    let network = u32_in(prefix, 20, order);
    shape.variant == Variant::Standard
        && !shape.nanos
        && u16_in(prefix, 4, order) == Some(2)
        && u16_in(prefix, 6, order) == Some(2)
        && AIX_LINKS.iter().any(|(aix, _)| network == Some(*aix))
}

/// Whether sound records of this shape follow the file header.
fn fits(shape: Shape, prefix: &[u8]) -> bool {
    let mut at = PCAP_HEADER_LEN;
    let mut before = None;
    let mut records = 0;
    while records < ENOUGH && at < prefix.len() {
        let field = |i: usize| u32_in(prefix, at + i * 4, shape.big_endian);
        let (Some(seconds), Some(fraction), Some(captured), Some(original)) =
            (field(0), field(1), field(2), field(3))
        else {
            return records > 0;
        };
        let near = before.is_none_or(|b: u32| b.abs_diff(seconds) <= MAX_GAP);
        let sound = fraction < 1_000_000
            && captured <= MAX_CAPTURED
            && original <= MAX_ORIGINAL
            && captured <= original;
        if !near || !sound {
            return false;
        }
        before = Some(seconds);
        records += 1;
        at += shape.record_header_len() + captured as usize;
    }
    // a file may end after its first record, but only where that does
    records >= ENOUGH || records > 0 && at >= prefix.len()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Order};
    use super::*;

    fn file(magic: u32, extra: usize, big: bool) -> Vec<u8> {
        let order = Order(big);
        let mut out = sample::pcap_header(order, magic, 4, 65535, 1);
        for seed in 0..20 {
            let data = sample::packet(seed);
            out.extend(sample::record(order, sample::START, seed, &data, extra));
        }
        out
    }

    #[test]
    fn the_records_decide() {
        for (magic, extra, variant) in [
            (0xa1b2_c3d4, 0, Variant::Standard),
            (0xa1b2_c3d4, 4, Variant::Nokia),
            (0xa1b2_c3d4, 8, Variant::Modified),
            (0xa1b2_c3d4, 12, Variant::Suse),
            (0xa1b2_cd34, 8, Variant::Modified),
            (0xa1b2_cd34, 12, Variant::Suse),
        ] {
            for big in [false, true] {
                let bytes = file(magic, extra, big);
                let shape = Shape::of_magic(bytes.first_chunk().unwrap()).unwrap();
                assert_eq!(settle(shape, &bytes).variant, variant, "{magic:x} {extra}");
            }
        }
    }

    #[test]
    fn damage_does_not_make_a_variant() {
        let mut bytes = file(0xa1b2_c3d4, 0, false);
        bytes[24 + 8] ^= 0x40; // a wrong length
        let shape = Shape::of_magic(bytes.first_chunk().unwrap()).unwrap();
        assert_eq!(settle(shape, &bytes), shape);
    }

    #[test]
    fn aix_is_told_by_version_and_link_type() {
        let order = Order(true);
        let shape = Shape::of_magic(&[0xa1, 0xb2, 0xc3, 0xd4]).unwrap();
        for (minor, network, aix) in [(2, 6, true), (2, 1, false), (4, 6, false)] {
            let bytes = sample::pcap_header(order, 0xa1b2_c3d4, minor, 96, network);
            assert_eq!(settle(shape, &bytes).variant == Variant::Aix, aix);
        }
    }
}
