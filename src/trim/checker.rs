//! A small strict reader of pcapng for tests: it shares nothing with the writer, and refuses
//! whatever a writer must not do (pcapng 3, 4; pcapng-fidelity 1.0).

use std::collections::BTreeSet;

/// A value of an option and its code.
pub(super) type Opt = (u16, Vec<u8>);

#[derive(Debug, Default)]
pub(super) struct File {
    pub big: bool,
    pub options: Vec<Opt>,
    pub interfaces: Vec<Interface>,
    pub packets: Vec<Packet>,
    /// `(type, value)` of each record, and the options, per block.
    pub names: Vec<(Vec<Opt>, Vec<Opt>)>,
    pub secrets: Vec<(u32, Vec<u8>)>,
    /// Blocks of other types.
    pub others: Vec<(u32, Vec<u8>)>,
}

#[derive(Debug)]
pub(super) struct Interface {
    pub link_type: u16,
    pub snaplen: u32,
    pub options: Vec<Opt>,
}

#[derive(Debug)]
pub(super) struct Packet {
    pub interface: u32,
    pub ticks: u64,
    pub original_len: u32,
    pub data: Vec<u8>,
    pub options: Vec<Opt>,
}

/// Texts of the comments among options.
pub(super) fn comments(options: &[Opt]) -> Vec<String> {
    let comments = options.iter().filter(|(code, _)| *code == 1);
    comments
        .map(|(_, text)| String::from_utf8(text.clone()).unwrap())
        .collect()
}

/// The only value of an option.
pub(super) fn only(options: &[Opt], code: u16) -> Option<&[u8]> {
    let mut found = options.iter().filter(|(c, _)| *c == code);
    let first = found.next();
    assert!(found.next().is_none(), "option {code} occurs twice");
    first.map(|(_, value)| &value[..])
}

struct Reader<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Reader<'_> {
    fn u16(&self, at: usize) -> u16 {
        let raw: [u8; 2] = self.bytes[at..at + 2].try_into().unwrap();
        if self.big {
            u16::from_be_bytes(raw)
        } else {
            u16::from_le_bytes(raw)
        }
    }

    fn u32(&self, at: usize) -> u32 {
        let raw: [u8; 4] = self.bytes[at..at + 4].try_into().unwrap();
        if self.big {
            u32::from_be_bytes(raw)
        } else {
            u32::from_le_bytes(raw)
        }
    }

    /// A list of options or name records from `at`; its end.
    fn list(&self, mut at: usize, end: usize) -> (Vec<Opt>, usize) {
        let mut found = Vec::new();
        if at == end {
            return (found, at);
        }
        loop {
            let (code, len) = (self.u16(at), usize::from(self.u16(at + 2)));
            at += 4;
            if code == 0 {
                assert_eq!(len, 0);
                return (found, at);
            }
            found.push((code, self.bytes[at..at + len].to_vec()));
            at = self.padding(at + len, end);
        }
    }

    /// Zeros up to the next multiple of four.
    fn padding(&self, at: usize, end: usize) -> usize {
        let next = at.next_multiple_of(4);
        assert!(next <= end, "runs past the block");
        assert!(
            self.bytes[at..next].iter().all(|b| *b == 0),
            "padding at {at}"
        );
        next
    }

    fn options(&self, at: usize, end: usize) -> Vec<Opt> {
        let (options, after) = self.list(at, end);
        assert_eq!(after, end, "bytes after opt_endofopt");
        for (code, value) in &options {
            if *code == 1 {
                let text = std::str::from_utf8(value).unwrap();
                assert!(!text.contains(['\0', '\r', '\x1b']), "{text:?}");
            }
        }
        options
    }
}

/// Reads one section that fills the file.
pub(super) fn check(bytes: &[u8]) -> File {
    assert_eq!(bytes[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    let big = bytes[8] == 0x1a;
    let r = Reader { bytes, big };
    let mut file = File {
        big,
        ..File::default()
    };
    let mut at = 0;
    while at < bytes.len() {
        let (kind, len) = (r.u32(at), r.u32(at + 4) as usize);
        let end = at + len - 4;
        assert!(len % 4 == 0 && len >= 12);
        assert_eq!(r.u32(end) as usize, len, "trailing length");
        match kind {
            0x0a0d_0d0a => {
                assert_eq!(at, 0, "a second section");
                assert_eq!(r.u32(8), 0x1a2b_3c4d);
                assert_eq!((r.u16(12), r.u16(14)), (1, 0));
                assert_eq!((r.u32(16), r.u32(20)), (u32::MAX, u32::MAX));
                file.options = r.options(24, end);
            }
            1 => {
                assert_eq!(r.u16(at + 10), 0, "reserved");
                file.interfaces.push(Interface {
                    link_type: r.u16(at + 8),
                    snaplen: r.u32(at + 12),
                    options: r.options(at + 16, end),
                });
            }
            6 => file.packets.push(packet(&r, at, end, &file)),
            4 => {
                let (records, after) = r.list(at + 8, end);
                assert!(!records.is_empty());
                file.names.push((records, r.options(after, end)));
            }
            10 => {
                assert!(file.packets.is_empty(), "secrets after packets");
                let len = r.u32(at + 12) as usize;
                let after = r.padding(at + 16 + len, end);
                r.options(after, end);
                file.secrets
                    .push((r.u32(at + 8), bytes[at + 16..at + 16 + len].to_vec()));
            }
            other => file.others.push((other, bytes[at + 8..end].to_vec())),
        }
        at += len;
    }
    let used: BTreeSet<u32> = file.packets.iter().map(|p| p.interface).collect();
    assert!(
        used.into_iter().eq(0..file.interfaces.len() as u32),
        "unused interfaces"
    );
    keep(bytes);
    file
}

fn packet(r: &Reader<'_>, at: usize, end: usize, file: &File) -> Packet {
    let captured = r.u32(at + 20) as usize;
    let interface = r.u32(at + 8);
    let snaplen = file.interfaces[interface as usize].snaplen as usize;
    assert!(
        snaplen == 0 || captured <= snaplen,
        "longer than the snaplen"
    );
    let after = r.padding(at + 28 + captured, end);
    Packet {
        interface,
        ticks: u64::from(r.u32(at + 12)) << 32 | u64::from(r.u32(at + 16)),
        original_len: r.u32(at + 24),
        data: r.bytes[at + 28..at + 28 + captured].to_vec(),
        options: r.options(after, end),
    }
}

/// With `RSTCAP_KEEP_FILES` naming a directory, every file a test makes is kept there for
/// other programs to look at.
fn keep(bytes: &[u8]) {
    if let Some(dir) = std::env::var_os("RSTCAP_KEEP_FILES") {
        let test = std::thread::current()
            .name()
            .unwrap_or("main")
            .replace("::", ".");
        let path = std::path::Path::new(&dir).join(format!("{test}-{}.pcapng", bytes.len()));
        std::fs::write(path, bytes).unwrap();
    }
}
