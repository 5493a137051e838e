//! Builds Ethernet frames with sound IPv4/IPv6, TCP and UDP headers and right checksums.

/// TCP flag bits (RFC 9293 3.1).
pub mod flag {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
}

/// A host of the generated network: `index` decides its address in both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    pub role: Role,
    pub index: u32,
}

/// Which part of the address plan a host lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// 10.0.0.0/8 and 2001:db8:c::/48
    Client,
    /// 198.18.0.0/15 (RFC 2544) and 2001:db8:5::/48
    Server,
    /// 192.0.2.53 and 2001:db8:53::53
    Resolver,
}

impl Host {
    /// The IPv4 address.
    pub fn v4(self) -> [u8; 4] {
        let [_, b, c, d] = (self.index + 1).to_be_bytes();
        match self.role {
            Role::Client => [10, b, c, d],
            Role::Server => [198, 18 | (b & 1), c, d],
            Role::Resolver => [192, 0, 2, 53],
        }
    }

    /// The IPv6 address.
    pub fn v6(self) -> [u8; 16] {
        let net: u16 = match self.role {
            Role::Client => 0x000c,
            Role::Server => 0x0005,
            Role::Resolver => 0x0053,
        };
        let mut a = [0u8; 16];
        a[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        a[4..6].copy_from_slice(&net.to_be_bytes());
        a[12..].copy_from_slice(&(self.index + 1).to_be_bytes());
        a
    }
}

/// What the IP layer of one packet says.
#[derive(Debug, Clone, Copy)]
pub struct Ip {
    pub v6: bool,
    pub source: Host,
    pub destination: Host,
    pub ttl: u8,
    /// IPv4 identification; IPv6 has none.
    pub id: u16,
}

/// TCP options of one segment.
#[derive(Debug, Clone, Copy)]
pub enum Options {
    None,
    /// MSS 1460, SACK permitted, timestamps, window scale 7.
    Syn {
        value: u32,
        echo: u32,
    },
    Timestamps {
        value: u32,
        echo: u32,
    },
}

/// One TCP segment without its payload.
#[derive(Debug, Clone, Copy)]
pub struct Tcp {
    pub source_port: u16,
    pub destination_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub options: Options,
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Replaces the content of `frame` by a TCP segment.
pub fn tcp(frame: &mut Vec<u8>, ip: &Ip, tcp: &Tcp, payload: &[u8]) {
    let mut options = [1u8; 20];
    let options: &[u8] = match tcp.options {
        Options::None => &[],
        Options::Syn { value, echo } => {
            options[..8].copy_from_slice(&[2, 4, 0x05, 0xb4, 4, 2, 8, 10]);
            options[8..12].copy_from_slice(&value.to_be_bytes());
            options[12..16].copy_from_slice(&echo.to_be_bytes());
            options[16..].copy_from_slice(&[1, 3, 3, 7]);
            &options
        }
        Options::Timestamps { value, echo } => {
            options[2..4].copy_from_slice(&[8, 10]);
            options[4..8].copy_from_slice(&value.to_be_bytes());
            options[8..12].copy_from_slice(&echo.to_be_bytes());
            &options[..12]
        }
    };
    let length = 20 + options.len() + payload.len();
    let pseudo = network_layer(frame, ip, TCP, length);
    let start = frame.len();
    let mut header = [0u8; 20];
    header[..2].copy_from_slice(&tcp.source_port.to_be_bytes());
    header[2..4].copy_from_slice(&tcp.destination_port.to_be_bytes());
    header[4..8].copy_from_slice(&tcp.seq.to_be_bytes());
    header[8..12].copy_from_slice(&tcp.ack.to_be_bytes());
    header[12] = ((5 + options.len() / 4) as u8) << 4;
    header[13] = tcp.flags;
    header[14..16].copy_from_slice(&tcp.window.to_be_bytes());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(options);
    frame.extend_from_slice(payload);
    let check = fold(pseudo + sum(&frame[start..]));
    frame[start + 16..start + 18].copy_from_slice(&check);
}

/// Replaces the content of `frame` by a UDP datagram.
pub fn udp(frame: &mut Vec<u8>, ip: &Ip, ports: (u16, u16), payload: &[u8]) {
    let length = 8 + payload.len();
    let pseudo = network_layer(frame, ip, UDP, length);
    let start = frame.len();
    frame.extend_from_slice(&ports.0.to_be_bytes());
    frame.extend_from_slice(&ports.1.to_be_bytes());
    frame.extend_from_slice(&(length as u16).to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(payload);
    let mut check = fold(pseudo + sum(&frame[start..]));
    if check == [0, 0] {
        check = [0xff, 0xff]; // 0 would mean "no checksum" (RFC 768)
    }
    frame[start + 6..start + 8].copy_from_slice(&check);
}

/// Writes Ethernet and IP; returns the sum of the pseudo header.
fn network_layer(frame: &mut Vec<u8>, ip: &Ip, protocol: u8, length: usize) -> u64 {
    frame.clear();
    // The tap sees two routers, so the direction decides both MAC addresses.
    let (to, from) = match ip.source.role {
        Role::Client => (0x02, 0x01),
        Role::Server | Role::Resolver => (0x01, 0x02),
    };
    frame.extend_from_slice(&[0x02, 0, 0, 0, 0, to, 0x02, 0, 0, 0, 0, from]);
    let addresses = if ip.v6 {
        frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend_from_slice(&(length as u16).to_be_bytes());
        frame.extend_from_slice(&[protocol, ip.ttl]);
        frame.extend_from_slice(&ip.source.v6());
        frame.extend_from_slice(&ip.destination.v6());
        sum(&frame[22..])
    } else {
        let mut header = [
            0x45, 0, 0, 0, 0, 0, 0x40, 0, ip.ttl, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        header[2..4].copy_from_slice(&((length + 20) as u16).to_be_bytes());
        header[4..6].copy_from_slice(&ip.id.to_be_bytes());
        header[12..16].copy_from_slice(&ip.source.v4());
        header[16..].copy_from_slice(&ip.destination.v4());
        let check = fold(sum(&header));
        header[10..12].copy_from_slice(&check);
        frame.extend_from_slice(&[0x08, 0x00]);
        frame.extend_from_slice(&header);
        sum(&frame[26..])
    };
    addresses + u64::from(u16::from(protocol).to_be()) + u64::from((length as u16).to_be())
}

/// Sum of the 16-bit words in native order (RFC 1071: the order does not matter until the end).
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0u8; 4];
    last[..rest.len()].copy_from_slice(rest);
    words
        .iter()
        .map(|w| u64::from(u32::from_ne_bytes(*w)))
        .sum::<u64>()
        + u64::from(u32::from_ne_bytes(last))
}

/// The one's complement of the folded sum, as it stands in the packet.
fn fold(mut sum: u64) -> [u8; 2] {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_ne_bytes()
}
