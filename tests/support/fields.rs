//! Fields of captured TCP segments, read and changed so that a packet that was sound stays
//! sound: right checksums stay right, partial ones of checksum offload stay partial.

use super::capture::{Capture, Frame};
use std::net::IpAddr;

pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMP6: u8 = 58;

/// Where the headers of a frame lie.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    ip: usize,
    v6: bool,
    /// First byte of the TCP header.
    pub tcp: usize,
    /// First byte after the packet, as the IP header says.
    end: usize,
    /// The headers are quoted by an ICMP error.
    quoted: bool,
}

/// An address and a port.
pub type End = (IpAddr, u16);

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

fn put(data: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(to) = data.get_mut(at..at + bytes.len()) {
        to.copy_from_slice(bytes);
    }
}

/// Finds the TCP header of an Ethernet or SLL2 frame, also inside an ICMP error.
pub fn place(link_type: u32, data: &[u8]) -> Option<Place> {
    let (mut kind, mut at) = match link_type {
        1 => (u16_at(data, 12)?, 14),
        276 => (u16_at(data, 0)?, 20),
        _ => return None,
    };
    while kind == 0x8100 || kind == 0x88a8 {
        (kind, at) = (u16_at(data, at + 2)?, at + 4);
    }
    matches!(kind, 0x0800 | 0x86dd).then_some(())?;
    in_ip(data, at, false)
}

fn in_ip(data: &[u8], ip: usize, quoted: bool) -> Option<Place> {
    let v6 = data.get(ip)? >> 4 == 6;
    let (protocol, next, end) = if v6 {
        let len = usize::from(u16_at(data, ip + 4)?);
        (*data.get(ip + 6)?, ip + 40, ip + 40 + len)
    } else {
        let len = usize::from(u16_at(data, ip + 2)?);
        let header = usize::from(data.get(ip)? & 15) * 4;
        (*data.get(ip + 9)?, ip + header, ip + len)
    };
    match protocol {
        TCP => Some(Place {
            ip,
            v6,
            tcp: next,
            end,
            quoted,
        }),
        ICMP if !quoted && matches!(data.get(next)?, 3 | 11) => in_ip(data, next + 8, true),
        ICMP6 if !quoted && matches!(data.get(next)?, 1..=4) => in_ip(data, next + 8, true),
        _ => None,
    }
}

impl Place {
    fn address_at(self, second: bool) -> (usize, usize) {
        match (self.v6, second) {
            (false, false) => (self.ip + 12, 4),
            (false, true) => (self.ip + 16, 4),
            (true, false) => (self.ip + 8, 16),
            (true, true) => (self.ip + 24, 16),
        }
    }

    fn set_header_checksum(self, data: &mut [u8]) {
        if !self.v6 {
            put(data, self.ip + 10, &[0, 0]);
            let value = !fold(sum(&data[self.ip..self.tcp.min(data.len())]));
            put(data, self.ip + 10, &value.to_be_bytes());
        }
    }

    /// Sender and receiver.
    pub fn ends(self, data: &[u8]) -> Option<(End, End)> {
        let ip = |second| {
            let (at, len) = self.address_at(second);
            let bytes = data.get(at..at + len)?;
            match <[u8; 4]>::try_from(bytes) {
                Ok(four) => Some(IpAddr::from(four)),
                Err(_) => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
            }
        };
        let port = |at| u16_at(data, self.tcp + at);
        Some(((ip(false)?, port(0)?), (ip(true)?, port(2)?)))
    }

    pub fn flags(self, data: &[u8]) -> u8 {
        data.get(self.tcp + 13).copied().unwrap_or(0)
    }

    /// Where the payload begins.
    pub fn payload(self, data: &[u8]) -> Option<usize> {
        Some(self.tcp + usize::from(data.get(self.tcp + 12)? >> 4) * 4)
    }

    /// Whether the segment is in the frame by itself, not as a quotation.
    pub fn is_own(self) -> bool {
        !self.quoted
    }

    pub fn seq(self, data: &[u8]) -> u32 {
        u32_at(data, self.tcp + 4).unwrap_or(0)
    }

    /// The ones' complement sum of the pseudo-header.
    fn pseudo(self, data: &[u8]) -> u32 {
        let (at, len) = self.address_at(false);
        let segment = self.end.saturating_sub(self.tcp) as u32;
        sum(data.get(at..at + 2 * len).unwrap_or_default()) + u32::from(TCP) + segment
    }

    fn checksum(self, data: &[u8]) -> Checksum {
        let is = u16_at(data, self.tcp + 16);
        let whole = data.get(self.tcp..self.end);
        match (whole, is) {
            (Some(segment), _) if fold(sum(segment) + self.pseudo(data)) == 0xffff => {
                Checksum::Right
            }
            (_, Some(is)) if is == fold(self.pseudo(data)) => Checksum::Partial,
            _ => Checksum::Other,
        }
    }

    fn set_checksum(self, data: &mut [u8], kind: Checksum) {
        match kind {
            Checksum::Right => {
                put(data, self.tcp + 16, &[0, 0]);
                let all = sum(data.get(self.tcp..self.end).unwrap_or_default());
                let value = !fold(all + self.pseudo(data));
                put(data, self.tcp + 16, &value.to_be_bytes());
            }
            Checksum::Partial => {
                let value = fold(self.pseudo(data));
                put(data, self.tcp + 16, &value.to_be_bytes());
            }
            Checksum::Other => {}
        }
    }
}

#[derive(Clone, Copy)]
enum Checksum {
    Right,
    Partial,
    /// Wrong, or not to be told because the segment is cut.
    Other,
}

fn sum(bytes: &[u8]) -> u32 {
    let word = |w: &[u8]| u32::from(w[0]) << 8 | w.get(1).map_or(0, |b| u32::from(*b));
    bytes.chunks(2).map(word).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Changes the frames of a capture that hold TCP.
pub fn edit(capture: &Capture, mut change: impl FnMut(Place, &mut [u8])) -> Capture {
    let mut frames = capture.frames.clone();
    for frame in &mut frames {
        if let Some(place) = place(capture.link_type, &frame.data) {
            let kind = place.checksum(&frame.data);
            change(place, &mut frame.data);
            place.set_checksum(&mut frame.data, kind);
        }
    }
    capture.with(frames)
}

/// Adds a constant to every sequence number of each host, the lower address first. A RST that
/// no segment of its host precedes has no number of its own space and is left alone.
pub fn shift_numbers(capture: &Capture, by: [u32; 2]) -> Capture {
    let mut spoke = std::collections::HashSet::new();
    edit(capture, |place, data| {
        let Some((from, to)) = place.ends(data) else {
            return;
        };
        let lower = from < to;
        let (mine, theirs) = if lower {
            (by[0], by[1])
        } else {
            (by[1], by[0])
        };
        let flags = place.flags(data);
        let silent = !spoke.contains(&(from, to)) && place.seq(data) == 0;
        if flags & RST == 0 || !silent {
            spoke.insert((from, to));
            put(
                data,
                place.tcp + 4,
                &place.seq(data).wrapping_add(mine).to_be_bytes(),
            );
        }
        if flags & ACK != 0
            && let Some(ack) = u32_at(data, place.tcp + 8)
        {
            put(data, place.tcp + 8, &ack.wrapping_add(theirs).to_be_bytes());
        }
        shift_sack(place, data, theirs);
    })
}

/// SACK blocks (RFC 2018) hold numbers of the other side, too.
fn shift_sack(place: Place, data: &mut [u8], by: u32) {
    let Some(end) = place.payload(data) else {
        return;
    };
    let mut at = place.tcp + 20;
    while at + 1 < end.min(data.len()) {
        let (kind, len) = (data[at], usize::from(data[at + 1]));
        match kind {
            0 => return,
            1 => at += 1,
            _ if len < 2 => return,
            5 => {
                for edge in (at + 2..at + len).step_by(4) {
                    if let Some(value) = u32_at(data, edge) {
                        put(data, edge, &value.wrapping_add(by).to_be_bytes());
                    }
                }
                at += len;
            }
            _ => at += len,
        }
    }
}

/// Gives every host another address in another network, prefixes kept, and every client port
/// of the dynamic range another one of that range (RFC 6335: from 49152; Linux: from 32768).
pub fn rename(capture: &Capture) -> Capture {
    edit(capture, |place, data| {
        for second in [false, true] {
            let (at, len) = place.address_at(second);
            if let Some(byte) = data.get_mut(at + len / 4) {
                *byte ^= 0x14;
            }
            let port = place.tcp + if second { 2 } else { 0 };
            if let Some(value) = u16_at(data, port).filter(|p| *p >= 32_768) {
                put(data, port, &(value ^ 0x0155).to_be_bytes());
            }
        }
        place.set_header_checksum(data);
    })
}

/// Gives every host an address in networks of the capture's own, told from others' by a number,
/// prefixes kept; but the one that opens connections in IPv4 the address `client`, if given.
pub fn number(capture: &Capture, number: u8, client: Option<[u8; 4]>) -> Capture {
    let opens = |f: &Frame| {
        let place = place(capture.link_type, &f.data)?;
        let (at, len) = place.address_at(false);
        let own = place.is_own() && place.flags(&f.data) & (SYN | ACK) == SYN;
        f.data.get(at..at + len).filter(|_| own).map(<[u8]>::to_vec)
    };
    let opener = capture.frames.iter().find_map(opens);
    edit(capture, |place, data| {
        for second in [false, true] {
            let (at, len) = place.address_at(second);
            match (len, data.get_mut(at..at + len)) {
                (4, Some(ip)) if client.is_some() && opener.as_deref() == Some(&*ip) => {
                    ip.copy_from_slice(&client.unwrap_or_default());
                }
                (4, Some(ip)) => {
                    let net = ip[1].wrapping_mul(16).wrapping_add(ip[2]);
                    ip[..3].copy_from_slice(&[20, number, net]);
                }
                (_, Some(ip)) => ip[5] = number,
                (_, None) => {}
            }
        }
        place.set_header_checksum(data);
    })
}

/// Moves everything in time.
pub fn later(capture: &Capture, ns: u64) -> Capture {
    let moved = |f: &Frame| Frame {
        ns: f.ns + ns,
        ..f.clone()
    };
    capture.with(capture.frames.iter().map(moved).collect())
}

/// Cuts every TCP segment after its header, as a snaplen would.
pub fn without_payload(capture: &Capture) -> Capture {
    let mut frames = capture.frames.clone();
    for frame in &mut frames {
        let end = place(capture.link_type, &frame.data)
            .filter(|p| p.is_own())
            .and_then(|p| p.payload(&frame.data));
        if let Some(end) = end {
            frame.data.truncate(end);
        }
    }
    capture.with(frames)
}
