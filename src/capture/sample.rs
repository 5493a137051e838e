//! Captures made by hand, for tests.

use std::ops::Range;

/// Seconds of the first packet of every sample.
pub(super) const START: u32 = 1_700_000_000;

/// Writes numbers in one byte order.
#[derive(Clone, Copy)]
pub(super) struct Order(pub bool);

impl Order {
    pub(super) fn u16(self, n: u16) -> [u8; 2] {
        if self.0 {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    }

    pub(super) fn u32(self, n: u32) -> [u8; 4] {
        if self.0 {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    }

    pub(super) fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| self.u32(*n)).collect()
    }
}

/// Some bytes of a packet, different for every `seed`.
pub(super) fn packet(seed: u32) -> Vec<u8> {
    (0..14 + seed % 97)
        .map(|i| (seed.wrapping_mul(2_654_435_761).wrapping_add(i * i) >> 3) as u8)
        .collect()
}

/// pcap file header with the version's minor number and the network field.
pub(super) fn pcap_header(
    order: Order,
    magic: u32,
    minor: u16,
    snaplen: u32,
    network: u32,
) -> Vec<u8> {
    let mut out = order.u32(magic).to_vec();
    out.extend(order.u16(2));
    out.extend(order.u16(minor));
    out.extend(order.words(&[0, 0, snaplen, network]));
    out
}

/// pcap record.
pub(super) fn record(
    order: Order,
    seconds: u32,
    fraction: u32,
    data: &[u8],
    extra: usize,
) -> Vec<u8> {
    let len = data.len() as u32;
    let mut out = order.words(&[seconds, fraction, len, len]);
    out.extend(vec![0; extra]);
    out.extend(data);
    out
}

/// A pcap file with the packets of some seeds.
pub(super) fn pcap(order: Order, magic: u32, seeds: Range<u32>) -> Vec<u8> {
    let extra = if matches!(magic, 0xa1b2_cd34 | 0xa1e2_cb12) {
        8
    } else {
        0
    };
    let mut out = pcap_header(order, magic, 4, 65535, 1);
    if matches!(magic, 0x1c00_01ac | 0x1c00_01ab) {
        out.extend([0; 4]);
    }
    for seed in seeds {
        out.extend(record(order, START + seed, seed, &packet(seed), extra));
    }
    out
}

/// A snoop file with the packets of some seeds.
pub(super) fn snoop(seeds: Range<u32>) -> Vec<u8> {
    let order = Order(true);
    let mut out = b"snoop\0\0\0".to_vec();
    out.extend(order.words(&[2, 4]));
    for seed in seeds {
        let data = packet(seed);
        let (len, padding) = (
            data.len() as u32,
            data.len().next_multiple_of(4) - data.len(),
        );
        let record = 24 + len + padding as u32;
        out.extend(order.words(&[len, len, record, 0, START + seed, seed]));
        out.extend(data);
        out.extend(vec![0; padding]);
    }
    out
}

/// An ERF file with the packets of some seeds: Ethernet, some with an extension header, some
/// followed by a record of padding.
pub(super) fn erf(seeds: Range<u32>) -> Vec<u8> {
    let mut out = Vec::new();
    for seed in seeds {
        let data = packet(seed);
        let extended = seed % 3 == 0;
        let nanos = u64::from(seed) * 1001;
        let stamp = (u64::from(START + seed) << 32) | ((nanos << 32) / 1_000_000_000);
        let mut record = stamp.to_le_bytes().to_vec();
        let head = 18 + 8 * usize::from(extended);
        let len = (head + data.len()).next_multiple_of(8);
        record.extend([2 | u8::from(extended) << 7, 4]);
        for half in [len, 0, data.len()] {
            record.extend((half as u16).to_be_bytes());
        }
        record.resize(head, 0);
        record.extend(data);
        record.resize(len, 0);
        out.extend(record);
        if seed % 5 == 0 {
            out.extend(stamp.to_le_bytes());
            out.extend([48, 4, 0, 24, 0, 0, 0, 0]);
            out.extend([0; 8]);
        }
    }
    out
}

/// pcapng block around a body.
pub(super) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let len = 12 + padded as u32;
    let mut out = order.words(&[kind, len]);
    out.extend(body);
    out.extend(vec![0; padded - body.len()]);
    out.extend(order.u32(len));
    out
}

/// SHB.
pub(super) fn shb(order: Order) -> Vec<u8> {
    let mut body = order.u32(0x1a2b_3c4d).to_vec();
    body.extend(order.u16(1));
    body.extend(order.u16(0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

/// Option of any block.
pub(super) fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut out = order.u16(code).to_vec();
    out.extend(order.u16(value.len() as u16));
    out.extend(value);
    out.extend(vec![0; value.len().next_multiple_of(4) - value.len()]);
    out
}

/// IDB for Ethernet.
pub(super) fn idb(order: Order, snaplen: u32, options: &[u8]) -> Vec<u8> {
    let mut body = order.u16(1).to_vec();
    body.extend(order.u16(0));
    body.extend(order.u32(snaplen));
    body.extend(options);
    block(order, 1, &body)
}

/// EPB.
pub(super) fn epb(order: Order, interface: u32, ticks: u64, data: &[u8]) -> Vec<u8> {
    let len = data.len() as u32;
    let mut body = order.words(&[interface, (ticks >> 32) as u32, ticks as u32, len, len]);
    body.extend(data);
    block(order, 6, &body)
}

/// A section with an interface and the packets of some seeds, all block types among them.
pub(super) fn section(order: Order, seeds: Range<u32>) -> Vec<u8> {
    let mut out = shb(order);
    out.extend(idb(order, 0, &[]));
    for seed in seeds {
        let ticks = u64::from(START + seed) * 1_000_000 + u64::from(seed);
        match seed % 11 {
            3 => {
                let data = packet(seed);
                let mut body = order.u32(data.len() as u32).to_vec();
                body.extend(data);
                out.extend(block(order, 3, &body));
            }
            5 => out.extend(block(order, 0xbad, &order.words(&[32473, seed]))),
            7 => out.extend(block(order, 5, &order.words(&[0, 0, seed]))),
            9 => out.extend(idb(order, 0, &option(order, 9, &[9]))),
            _ => out.extend(epb(order, 0, ticks, &packet(seed))),
        }
    }
    out
}
