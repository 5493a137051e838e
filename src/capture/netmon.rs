//! Microsoft Network Monitor 1 and 2: packets that a table at some place of the file finds, so
//! that they cannot be read in one go. The file is rewritten as pcapng, packet for packet in the
//! order of the table, and that is read.

use super::format::{u16_in, u32_in};
use crate::error::{Error, ErrorKind, Result};
use std::io::{self, Write};

/// First bytes of version 2, and of version 1.
pub(super) const MAGIC_2: &[u8] = b"GMBU";
pub(super) const MAGIC_1: &[u8] = b"RTSS";

/// Bytes of the file header that are read.
const HEADER_LEN: usize = 64;

/// Most bytes of one packet that are believed: Wireshark's limit (262144).
const MAX_CAPTURED: u32 = 262_144;

/// Entries of the table that are read at once.
const BATCH: usize = 1 << 14;

/// Ticks of 100 ns from 1601 to 1970, the beginnings of Windows' and of Unix time.
const FILETIME_1970: u64 = 116_444_736_000_000_000;

/// Stands for a link type that has no number: its packets are numbered and not dissected.
const NO_LINK_TYPE: u16 = u16::MAX;

/// Reads as many bytes as there are from an offset on.
pub(super) type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> io::Result<usize> + 'a;

/// How the records of a version look.
struct Version {
    major: u8,
    /// Bytes before the data.
    header_len: usize,
    /// Bytes behind it.
    trailer_len: usize,
    /// Decimal digits of a second in the times.
    digits: u8,
    /// Link of all packets, unless the trailer says another.
    network: u16,
    /// Begin of the capture in ticks of `digits`.
    start: u64,
}

impl Version {
    fn read(head: &[u8; HEADER_LEN]) -> Self {
        let old = head.starts_with(MAGIC_1);
        let (minor, major) = (head[4], head[5]);
        let trailer_len = match (major, minor) {
            _ if old => 0,
            (2, 0) => 0,
            (2, 1) => 2,
            (2, 2) => 6,
            _ => 15,
        };
        let digits = match trailer_len {
            _ if old => 3,
            15 => 7,
            _ => 6,
        };
        let word = |at| u16_in(head, at, false).unwrap_or_default();
        let millis = u64::from(word(22));
        let seconds = seconds([8, 10, 14, 16, 18, 20].map(word));
        Self {
            major: if old { 1 } else { major },
            header_len: if old { 8 } else { 16 },
            trailer_len,
            digits,
            network: word(6),
            start: (seconds * 1000 + millis) * 10_u64.pow(u32::from(digits) - 3),
        }
    }
}

/// Seconds since 1970 of year, month, day, hour, minute and second: the header has no time
/// zone, and what a trailer has is better.
fn seconds([year, month, day, hour, minute, second]: [u16; 6]) -> u64 {
    let (Ok(year), Ok(month), Ok(day)) = (year.try_into(), month.try_into(), day.try_into()) else {
        return 0;
    };
    let Ok(date) = jiff::civil::Date::new(year, month, day) else {
        return 0;
    };
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = epoch.until(date).map_or(0, |span| span.get_days());
    let of_day = u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second);
    u64::try_from(days).unwrap_or(0) * 86_400 + of_day
}

/// One packet.
struct Packet {
    link_type: u16,
    /// No packet, but an event or a comment that Network Monitor numbers like one.
    told: bool,
    ticks: u64,
    original_len: u32,
    data: Vec<u8>,
}

/// What came of a conversion.
pub(super) struct Converted {
    /// Entries of the table that lead to no packet, or again to packets that were there.
    pub lost: u64,
    /// The format's name.
    pub name: String,
}

/// Writes the packets of a Network Monitor file of `len` bytes as pcapng.
///
/// # Errors
/// Reading or writing failed, or the header is cut.
pub(super) fn convert(
    read_at: &mut ReadAt<'_>,
    len: u64,
    out: &mut impl Write,
) -> Result<Converted> {
    let mut head = [0; HEADER_LEN];
    if read_at(0, &mut head)? < 32 {
        return Err(Error::new(ErrorKind::NotACapture(
            "the header of a Network Monitor capture is cut".to_owned(),
        )));
    }
    let version = Version::read(&head);
    let field = |at| u32_in(&head, at, false).unwrap_or_default();
    let (table, entries) = (u64::from(field(24)), field(28) as usize / 4);
    let mut pcapng = Pcapng {
        out,
        digits: version.digits,
        links: Vec::new(),
    };
    pcapng.section()?;
    let mut lost = 0;
    // packets do not overlap: a table of a million entries for one packet fills no disk
    let mut room = len;
    let mut buf = vec![0; BATCH * 4];
    let mut done = 0;
    while done < entries {
        let part = (entries - done).min(BATCH) * 4;
        let part = buf.get_mut(..part).unwrap_or_default();
        let had = read_at(table + done as u64 * 4, part)? / 4;
        for entry in part.as_chunks::<4>().0.iter().take(had) {
            let at = u64::from(u32::from_le_bytes(*entry));
            let packet = packet(&version, read_at, at, room)?;
            match packet {
                Some(packet) => {
                    room -= packet.data.len() as u64;
                    pcapng.packet(&packet)?;
                }
                None => lost += 1,
            }
        }
        done += had;
        if had * 4 < part.len() {
            lost += (entries - done) as u64; // the table is cut
            break;
        }
    }
    let zone = if version.trailer_len == 15 {
        ""
    } else {
        " (times without a zone, taken as UTC)"
    };
    let name = format!("Network Monitor {}{zone}", version.major);
    Ok(Converted { lost, name })
}

/// The packet at an offset; `None` when there is none of at most `room` bytes.
fn packet(
    version: &Version,
    read_at: &mut ReadAt<'_>,
    at: u64,
    room: u64,
) -> io::Result<Option<Packet>> {
    let mut head = [0; 16];
    let head = head.get_mut(..version.header_len).unwrap_or_default();
    if read_at(at, head)? < version.header_len {
        return Ok(None);
    }
    let word = |at| u32_in(head, at, false).unwrap_or_default();
    let half = |at| u32::from(u16_in(head, at, false).unwrap_or_default());
    let (after, original_len, captured) = if version.header_len == 8 {
        (u64::from(word(0)), half(4), half(6))
    } else {
        (
            u64::from(word(0)) | u64::from(word(4)) << 32,
            word(8),
            word(12),
        )
    };
    if captured > MAX_CAPTURED || u64::from(captured) > room {
        return Ok(None);
    }
    let mut data = vec![0; captured as usize];
    let from = at + version.header_len as u64;
    if read_at(from, &mut data)? < data.len() {
        return Ok(None);
    }
    let mut trailer = [0; 15];
    let trailer = trailer.get_mut(..version.trailer_len).unwrap_or_default();
    let whole = read_at(from + data.len() as u64, trailer)? == trailer.len();
    let trailer: &[u8] = if whole { trailer } else { &[] };
    let network = u16_in(trailer, 0, false).unwrap_or(version.network);
    let units = if version.digits == 7 { 10 } else { 1 };
    let stamp = stamp(trailer).unwrap_or_else(|| {
        let since = after.saturating_mul(units);
        version.start.saturating_add(since)
    });
    Ok(Some(Packet {
        link_type: link_type(network),
        told: network >= 0xffe0,
        ticks: stamp,
        original_len: original_len.max(captured),
        data,
    }))
}

/// The time of a trailer of version 2.3, in units of 100 ns since 1970.
fn stamp(trailer: &[u8]) -> Option<u64> {
    let low = u64::from(u32_in(trailer, 6, false)?);
    let high = u64::from(u32_in(trailer, 10, false)?);
    (high << 32 | low).checked_sub(FILETIME_1970)
}

/// Network Monitor's numbers: those of NDIS, and 0xe000 and up those of pcap.
fn link_type(network: u16) -> u16 {
    match network {
        1 => 1,
        2 => 6,       // token ring
        3 => 10,      // FDDI
        7..=9 => 101, // tunnels and mobile networks: IP
        0xe000..0xf000 => network & 0x0fff,
        _ => NO_LINK_TYPE,
    }
}

/// Writes little-endian pcapng.
struct Pcapng<'a, W> {
    out: &'a mut W,
    digits: u8,
    /// Link types of the interfaces so far.
    links: Vec<u16>,
}

impl<W: Write> Pcapng<'_, W> {
    fn block(&mut self, kind: u32, parts: &[&[u8]]) -> io::Result<()> {
        let body: usize = parts.iter().map(|p| p.len()).sum();
        let padded = body.next_multiple_of(4);
        let len = 12 + padded as u32;
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&len.to_le_bytes())?;
        for part in parts {
            self.out.write_all(part)?;
        }
        self.out
            .write_all([0; 3].get(..padded - body).unwrap_or_default())?;
        self.out.write_all(&len.to_le_bytes())
    }

    /// pcapng 4.1.
    fn section(&mut self) -> io::Result<()> {
        let body = [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
        self.block(0x0a0d_0d0a, &[&body, &[0xff; 8]])
    }

    /// pcapng 4.2, with `if_tsresol`.
    fn interface(&mut self, link_type: u16) -> io::Result<u32> {
        if let Some(id) = self.links.iter().position(|l| *l == link_type) {
            return Ok(id as u32);
        }
        let [low, high] = link_type.to_le_bytes();
        let options = [9, 0, 1, 0, self.digits, 0, 0, 0, 0, 0, 0, 0];
        self.block(1, &[&[low, high, 0, 0, 0, 0, 0, 0], &options])?;
        self.links.push(link_type);
        Ok(self.links.len() as u32 - 1)
    }

    /// pcapng 4.3; what is no packet becomes a custom block, which Wireshark numbers, too.
    fn packet(&mut self, packet: &Packet) -> io::Result<()> {
        if packet.told {
            // 32473 is the number for documentation (RFC 5612); the content is nobody's format
            return self.block(0x4000_0bad, &[&32473_u32.to_le_bytes()]);
        }
        let id = self.interface(packet.link_type)?;
        let words = [
            id,
            (packet.ticks >> 32) as u32,
            packet.ticks as u32,
            packet.data.len() as u32,
            packet.original_len,
        ];
        let head = words.map(u32::to_le_bytes);
        self.block(6, &[head.as_flattened(), &packet.data])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 2 with the data of some packets and what stands behind each.
    fn file(minor: u8, packets: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
        let mut out = MAGIC_2.to_vec();
        out.extend([minor, 2, 1, 0]);
        // 2023-11-14 22:13:20.5, a Tuesday
        for half in [2023_u16, 11, 2, 14, 22, 13, 20, 500] {
            out.extend(half.to_le_bytes());
        }
        out.resize(128, 0);
        let mut table = Vec::new();
        for (i, (data, trailer)) in packets.iter().enumerate() {
            table.extend((out.len() as u32).to_le_bytes());
            out.extend((i as u64 * 7).to_le_bytes());
            let len = data.len() as u32;
            out.extend([len + 1, len].map(u32::to_le_bytes).concat());
            out.extend(*data);
            out.extend(trailer);
        }
        let at = (out.len() as u32).to_le_bytes();
        out[24..28].copy_from_slice(&at);
        out[28..32].copy_from_slice(&(table.len() as u32).to_le_bytes());
        out.extend(table);
        out
    }

    fn converted(file: &[u8]) -> (Vec<u8>, Converted) {
        let mut read_at = |offset: u64, buf: &mut [u8]| {
            let rest = usize::try_from(offset).ok().and_then(|o| file.get(o..));
            let rest = rest.unwrap_or_default();
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        };
        let mut out = Vec::new();
        let done = convert(&mut read_at, file.len() as u64, &mut out).unwrap();
        (out, done)
    }

    /// Link type, nanoseconds and data of the packets.
    fn packets(pcapng: &[u8]) -> Vec<(u16, i64, Vec<u8>)> {
        let heard = super::super::tests::walk_whole(pcapng);
        assert!(heard.anomalies.is_empty());
        let packets = heard.records.into_iter();
        packets
            .map(|r| (r.link_type.0, r.time.map_or(0, |t| t.0), r.data))
            .collect()
    }

    const START: i64 = 1_700_000_000_500_000_000;

    #[test]
    fn packets_come_in_the_order_of_the_table() {
        let mut bytes = file(0, &[(b"first", vec![]), (b"second", vec![])]);
        let at = bytes.len() - 8;
        bytes[at..].rotate_left(4);
        let (out, done) = converted(&bytes);
        assert_eq!((done.lost, done.name.contains("UTC")), (0, true));
        assert_eq!(
            packets(&out),
            [
                (1, START + 7000, b"second".to_vec()),
                (1, START, b"first".to_vec())
            ]
        );
    }

    #[test]
    fn trailers_say_link_and_time() {
        let trailer = |network: u16, ticks: u64| {
            let mut out = network.to_le_bytes().to_vec();
            out.extend([0; 4]);
            out.extend((FILETIME_1970 + ticks).to_le_bytes());
            out.push(0);
            out
        };
        let (out, done) = converted(&file(
            3,
            &[
                (b"ethernet", trailer(1, 17_000_000_001_234_567)),
                (b"pcap's", trailer(0xe000 | 113, 17_000_000_001_234_568)),
                (b"event", trailer(0xffe2, 17_000_000_001_234_569)),
            ],
        ));
        assert!(!done.name.contains("UTC"));
        let found = packets(&out);
        assert_eq!(
            found[0],
            (1, 1_700_000_000_123_456_700, b"ethernet".to_vec())
        );
        assert_eq!(
            found[1],
            (113, 1_700_000_000_123_456_800, b"pcap's".to_vec())
        );
        assert_eq!(found.len(), 3, "an event is a frame without a packet");
    }

    #[test]
    fn a_table_that_names_one_packet_often_fills_no_disk() {
        let mut bytes = file(0, &[(&[7; 1000], vec![])]);
        let entry = bytes[bytes.len() - 4..].to_vec();
        for _ in 0..9999 {
            bytes.extend(&entry);
        }
        bytes[28..32].copy_from_slice(&40_000_u32.to_le_bytes());
        let (out, done) = converted(&bytes);
        assert!(done.lost > 9900 && out.len() < 2 * bytes.len());
    }

    #[test]
    fn cut_anywhere_nothing_breaks() {
        let bytes = file(1, &[(b"first", vec![1, 0]), (b"second", vec![1, 0])]);
        for len in 32..bytes.len() {
            let (out, done) = converted(&bytes[..len]);
            assert!(packets(&out).len() as u64 + done.lost <= 2);
        }
    }
}
