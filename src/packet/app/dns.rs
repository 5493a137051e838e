//! DNS messages, read lazily and allowing any cut (RFC 1035 4.1). No allocation until a name
//! is asked for.

use super::cursor::Cursor;
use super::text::clean;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A DNS message of at least a header. Everything behind the header is read when asked for.
#[derive(Debug, Clone, Copy)]
pub struct DnsMessage<'a> {
    bytes: &'a [u8],
    /// Transaction identifier.
    pub id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
}

/// A name inside a message, possibly compressed.
#[derive(Debug, Clone, Copy)]
pub struct DnsName<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub struct DnsQuestion<'a> {
    /// The name.
    pub name: DnsName<'a>,
    /// The type: 1 A, 28 AAAA ...; `None` if cut.
    pub kind: Option<u16>,
}

/// The data of one answer record.
#[derive(Debug, Clone, Copy)]
pub enum DnsData<'a> {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The canonical name of the owner.
    Cname(DnsName<'a>),
    /// Any other type.
    Other(u16),
}

/// One record of the answer section.
#[derive(Debug, Clone, Copy)]
pub struct DnsAnswer<'a> {
    /// The owner name.
    pub name: DnsName<'a>,
    /// Time to live in seconds.
    pub ttl: u32,
    /// Type and data.
    pub data: DnsData<'a>,
}

/// Reads a DNS message (over UDP, or over TCP without its length prefix).
///
/// Returns `None` for bytes that are shorter than the 12-byte header or that cannot be DNS: an
/// unassigned opcode, or more than 8 questions.
#[must_use]
#[inline]
pub fn dns_message(bytes: &[u8]) -> Option<DnsMessage<'_>> {
    let &[i0, i1, f0, f1, q0, q1, a0, a1, _, _, _, _] = bytes.first_chunk::<12>()?;
    let message = DnsMessage {
        bytes,
        id: u16::from_be_bytes([i0, i1]),
        flags: u16::from_be_bytes([f0, f1]),
        questions: u16::from_be_bytes([q0, q1]),
        answers: u16::from_be_bytes([a0, a1]),
    };
    (matches!(message.opcode(), 0..=2 | 4..=6) && message.questions <= 8).then_some(message)
}

impl<'a> DnsMessage<'a> {
    /// It is a response.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Operation code: 0 query, 4 notify, 5 update.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0xf) as u8
    }

    /// Response code without its EDNS extension: 0 no error, 2 server failure, 3 no such name.
    #[must_use]
    pub fn rcode(&self) -> u8 {
        (self.flags & 0xf) as u8
    }

    /// The TC bit: the answer was too long for its transport.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// Number of answer records the header announces.
    #[must_use]
    pub fn answer_count(&self) -> u16 {
        self.answers
    }

    /// The first question; `None` if there is none or its name is cut.
    #[must_use]
    pub fn question(&self) -> Option<DnsQuestion<'a>> {
        if self.questions == 0 {
            return None;
        }
        let end = name_end(self.bytes, 12)?;
        let name = DnsName {
            bytes: self.bytes,
            at: 12,
        };
        Some(DnsQuestion {
            name,
            kind: be16(self.bytes, end),
        })
    }

    /// The records of the answer section, up to a cut.
    #[must_use]
    pub fn answers(&self) -> DnsAnswers<'a> {
        let mut at = Some(12);
        for _ in 0..self.questions {
            at = at
                .and_then(|at| name_end(self.bytes, at))
                .map(|end| end + 4);
        }
        DnsAnswers {
            bytes: self.bytes,
            at,
            left: self.answers,
        }
    }

    /// The name first asked for as text, with a question; the common case in one call.
    #[must_use]
    pub fn question_name(&self) -> Option<String> {
        self.question().map(|q| q.name.name_to_string())
    }
}

/// Iterator over the answer section.
#[derive(Debug, Clone)]
pub struct DnsAnswers<'a> {
    bytes: &'a [u8],
    at: Option<usize>,
    left: u16,
}

impl<'a> Iterator for DnsAnswers<'a> {
    type Item = DnsAnswer<'a>;

    fn next(&mut self) -> Option<DnsAnswer<'a>> {
        self.left = self.left.checked_sub(1)?;
        let owner = self.at.take()?;
        let end = name_end(self.bytes, owner)?;
        let mut c = Cursor::from(self.bytes, end);
        let (kind, _class, ttl, len) = (c.be16()?, c.be16()?, c.be32()?, c.be16()?);
        let start = c.position();
        let data = c.take(usize::from(len))?;
        self.at = Some(c.position());
        let data = match kind {
            1 => <[u8; 4]>::try_from(data).map_or(DnsData::Other(1), |a| DnsData::A(a.into())),
            28 => {
                <[u8; 16]>::try_from(data).map_or(DnsData::Other(28), |a| DnsData::Aaaa(a.into()))
            }
            5 => DnsData::Cname(DnsName {
                bytes: self.bytes,
                at: start,
            }),
            other => DnsData::Other(other),
        };
        Some(DnsAnswer {
            name: DnsName {
                bytes: self.bytes,
                at: owner,
            },
            ttl,
            data,
        })
    }
}

/// Room for most names, in bytes.
const USUAL_NAME: usize = 48;

// Nearly all labels are as host names are (RFC 1123 2.1): nothing to clean or to escape.
fn push_label(out: &mut String, label: &[u8]) {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    match str::from_utf8(label) {
        Ok(label) if label.as_bytes().iter().all(plain) => out.push_str(label),
        _ => out.push_str(&clean(label, 255).replace('.', "\\.")),
    }
}

impl DnsName<'_> {
    /// The name without its final dot, cleaned; dots inside a label are escaped (`\.`). The root
    /// is `.`. A name that is cut, too long or loops ends with `…`.
    ///
    /// Compression pointers must lead backwards (RFC 1035 4.1.4), so none can loop.
    #[must_use]
    pub fn name_to_string(&self) -> String {
        let mut out = String::with_capacity(USUAL_NAME);
        let mut at = self.at;
        let mut bound = self.at;
        let mut budget = 255_usize;
        loop {
            let Some(&len) = self.bytes.get(at) else {
                return out + "…";
            };
            match len {
                0 if out.is_empty() => return ".".to_owned(),
                0 => return out,
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + usize::from(len));
                    let (Some(label), Some(left)) =
                        (label, budget.checked_sub(usize::from(len) + 1))
                    else {
                        return out + "…";
                    };
                    budget = left;
                    if !out.is_empty() {
                        out.push('.');
                    }
                    push_label(&mut out, label);
                    at += 1 + usize::from(len);
                }
                192.. => {
                    let target = be16(self.bytes, at).map(|p| usize::from(p & 0x3fff));
                    match target.filter(|&t| t < bound) {
                        Some(target) => (at, bound) = (target, target),
                        None => return out + "…",
                    }
                }
                64..=191 => return out + "…",
            }
        }
    }
}

#[inline]
fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)
        .and_then(|b| b.first_chunk::<2>())
        .map(|b| u16::from_be_bytes(*b))
}

/// Offset of the first byte behind the name at `at`.
#[inline]
fn name_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let limit = at.saturating_add(255);
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            192.. => return Some(at + 2),
            64..=191 => return None,
        }
        if at > limit {
            return None;
        }
    }
}

/// Mnemonic of a record type (IANA DNS parameters), or `TYPEn` (RFC 3597).
#[must_use]
pub fn type_name(kind: u16) -> String {
    let name = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        43 => "DS",
        46 => "RRSIG",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        other => return format!("TYPE{other}"),
    };
    name.to_owned()
}

/// Mnemonic of a response code.
#[must_use]
pub fn rcode_name(rcode: u8) -> &'static str {
    match rcode {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        9 => "NOTAUTH",
        _ => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::{
        CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE, rdata,
    };

    fn response() -> Vec<u8> {
        let name = Name::new_unchecked("www.example.com");
        let mut p = Packet::new_reply(0x1234);
        p.set_flags(PacketFlag::RECURSION_AVAILABLE);
        p.questions.push(Question::new(
            name.clone(),
            QTYPE::TYPE(TYPE::A),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        let cname = rdata::RData::CNAME(rdata::CNAME(Name::new_unchecked("cdn.example.com")));
        p.answers
            .push(ResourceRecord::new(name, CLASS::IN, 60, cname));
        let owner = Name::new_unchecked("cdn.example.com");
        let a = rdata::RData::A(rdata::A {
            address: u32::from(Ipv4Addr::new(192, 0, 2, 7)),
        });
        p.answers
            .push(ResourceRecord::new(owner.clone(), CLASS::IN, 30, a));
        let v6: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let aaaa = rdata::RData::AAAA(rdata::AAAA {
            address: u128::from(v6),
        });
        p.answers
            .push(ResourceRecord::new(owner, CLASS::IN, 30, aaaa));
        p.build_bytes_vec_compressed().unwrap()
    }

    #[test]
    fn agrees_with_simple_dns() {
        let bytes = response();
        let m = dns_message(&bytes).unwrap();
        assert!(m.is_response() && !m.truncated());
        assert_eq!((m.id, m.rcode(), m.opcode()), (0x1234, 0, 0));
        let q = m.question().unwrap();
        assert_eq!(
            (q.name.name_to_string().as_str(), q.kind),
            ("www.example.com", Some(1))
        );
        let seen: Vec<_> = m
            .answers()
            .map(|a| {
                (
                    a.name.name_to_string(),
                    a.ttl,
                    match a.data {
                        DnsData::A(ip) => ip.to_string(),
                        DnsData::Aaaa(ip) => ip.to_string(),
                        DnsData::Cname(n) => n.name_to_string(),
                        DnsData::Other(t) => t.to_string(),
                    },
                )
            })
            .collect();
        let expected = [
            ("www.example.com", 60, "cdn.example.com"),
            ("cdn.example.com", 30, "192.0.2.7"),
            ("cdn.example.com", 30, "2001:db8::7"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b, c)| ((*a).to_owned(), *b, (*c).to_owned()))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn keeps_what_a_cut_leaves() {
        let bytes = response();
        let m = dns_message(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(m.answers().count(), 2);
        let m = dns_message(&bytes[..20]).unwrap();
        assert!(m.question().is_none());
        assert_eq!(m.answers().count(), 0);
        assert!(dns_message(&bytes[..11]).is_none());
    }

    #[test]
    fn pointers_cannot_loop() {
        let mut bytes = vec![0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&[1, b'a', 0xc0, 12, 0, 1, 0, 1]);
        let m = dns_message(&bytes).unwrap();
        assert_eq!(m.question_name().unwrap(), "a…");
        bytes[12..16].copy_from_slice(&[0xc0, 14, 0xc0, 12]);
        assert_eq!(dns_message(&bytes).unwrap().question_name().unwrap(), "…");
    }

    #[test]
    fn other_traffic_is_not_dns() {
        assert!(dns_message(b"GET / HTTP/1.1\r\n\r\n").is_none());
        assert!(dns_message(&[0xff; 40]).is_none());
    }
}
