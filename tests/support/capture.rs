//! Captures as lists of frames, read from pcap and written as pcap or pcapng in either byte
//! order. Made for tests: it reads sound files only, and knows nothing of the program.

use std::path::Path;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since 1970.
    pub ns: u64,
    pub original_len: u32,
    pub data: Vec<u8>,
}

/// The frames of a file with one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    pub link_type: u32,
    pub snaplen: u32,
    pub frames: Vec<Frame>,
}

/// Container and byte order to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Pcap { big: bool, nanos: bool },
    Pcapng { big: bool },
}

impl Shape {
    pub const PLAIN: Self = Self::Pcap {
        big: false,
        nanos: true,
    };
    pub const ALL: [Self; 6] = [
        Self::PLAIN,
        Self::Pcap {
            big: true,
            nanos: true,
        },
        Self::Pcap {
            big: false,
            nanos: false,
        },
        Self::Pcap {
            big: true,
            nanos: false,
        },
        Self::Pcapng { big: false },
        Self::Pcapng { big: true },
    ];
}

impl Capture {
    /// Reads a sound little-endian pcap file.
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::parse(&bytes)
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let scale = match word(0) {
            0xa1b2_c3d4 => 1000,
            0xa1b2_3c4d => 1,
            other => panic!("not a little-endian pcap file: {other:#x}"),
        };
        let mut frames = Vec::new();
        let mut at = 24;
        while at < bytes.len() {
            let len = word(at + 8) as usize;
            frames.push(Frame {
                ns: u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4)) * scale,
                original_len: word(at + 12),
                data: bytes[at + 16..at + 16 + len].to_vec(),
            });
            at += 16 + len;
        }
        Self {
            link_type: word(20),
            snaplen: word(16),
            frames,
        }
    }

    /// Another capture of the same interface.
    pub fn with(&self, frames: Vec<Frame>) -> Self {
        Self { frames, ..*self }
    }

    pub fn bytes(&self, shape: Shape) -> Vec<u8> {
        match shape {
            Shape::Pcap { big, nanos } => self.pcap(Order(big), nanos),
            Shape::Pcapng { big } => self.pcapng(Order(big)),
        }
    }

    fn pcap(&self, order: Order, nanos: bool) -> Vec<u8> {
        let (magic, unit) = if nanos {
            (0xa1b2_3c4d, 1)
        } else {
            (0xa1b2_c3d4, 1000)
        };
        let mut out = Vec::new();
        order.u32(&mut out, magic);
        order.u16(&mut out, 2);
        order.u16(&mut out, 4);
        for word in [0, 0, self.snaplen, self.link_type] {
            order.u32(&mut out, word);
        }
        for frame in &self.frames {
            order.u32(&mut out, (frame.ns / 1_000_000_000) as u32);
            order.u32(&mut out, (frame.ns % 1_000_000_000 / unit) as u32);
            order.u32(&mut out, frame.data.len() as u32);
            order.u32(&mut out, frame.original_len);
            out.extend(&frame.data);
        }
        out
    }

    fn pcapng(&self, order: Order) -> Vec<u8> {
        let mut section = Vec::new();
        order.u32(&mut section, 0x1a2b_3c4d);
        order.u16(&mut section, 1);
        order.u16(&mut section, 0);
        section.extend([0xff; 8]);
        let mut out = Vec::new();
        order.block(&mut out, 0x0a0d_0d0a, &section);
        let mut interface = Vec::new();
        order.u16(&mut interface, self.link_type as u16);
        order.u16(&mut interface, 0);
        order.u32(&mut interface, self.snaplen);
        order.u16(&mut interface, 9); // if_tsresol: nanoseconds
        order.u16(&mut interface, 1);
        interface.extend([9, 0, 0, 0, 0, 0, 0, 0]);
        order.block(&mut out, 1, &interface);
        for frame in &self.frames {
            let mut packet = Vec::new();
            let (high, low) = ((frame.ns >> 32) as u32, frame.ns as u32);
            for word in [0, high, low, frame.data.len() as u32, frame.original_len] {
                order.u32(&mut packet, word);
            }
            packet.extend(&frame.data);
            packet.resize(packet.len().next_multiple_of(4), 0);
            order.block(&mut out, 6, &packet);
        }
        out
    }
}

/// Byte order; true: big-endian.
#[derive(Clone, Copy)]
struct Order(bool);

impl Order {
    fn u16(self, out: &mut Vec<u8>, value: u16) {
        let little = value.to_le_bytes();
        out.extend(if self.0 { value.to_be_bytes() } else { little });
    }

    fn u32(self, out: &mut Vec<u8>, value: u32) {
        let little = value.to_le_bytes();
        out.extend(if self.0 { value.to_be_bytes() } else { little });
    }

    fn block(self, out: &mut Vec<u8>, kind: u32, body: &[u8]) {
        let len = body.len() as u32 + 12;
        self.u32(out, kind);
        self.u32(out, len);
        out.extend(body);
        self.u32(out, len);
    }
}
