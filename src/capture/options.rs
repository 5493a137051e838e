//! pcapng options, read leniently: whatever Wireshark reads past is read past here.

use super::format::{u16_in, u32_in};
use super::state::Interface;
use crate::units::{LinkType, Span, TsResolution};

/// `if_tsresol`, `if_fcslen`, `if_tsoffset` (pcapng 4.2).
const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;

/// The options of a block, up to `opt_endofopt`, the end, or the first that overruns it.
pub(super) struct Options<'a> {
    rest: &'a [u8],
    big_endian: bool,
    /// An option was longer than the bytes left.
    pub overrun: bool,
}

impl<'a> Options<'a> {
    pub(super) fn new(rest: &'a [u8], big_endian: bool) -> Self {
        Self {
            rest,
            big_endian,
            overrun: false,
        }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = u16_in(self.rest, 0, self.big_endian)?;
        let len = usize::from(u16_in(self.rest, 2, self.big_endian)?);
        if code == 0 {
            return None;
        }
        let Some(value) = self.rest.get(4..4 + len) else {
            self.overrun = true;
            return None;
        };
        self.rest = self
            .rest
            .get(4 + len.next_multiple_of(4)..)
            .unwrap_or_default();
        Some((code, value))
    }
}

/// Reads the body of an IDB, and says what was wrong with it.
pub(super) fn interface_of(
    span: Span,
    body: &[u8],
    big_endian: bool,
) -> (Interface, Option<&'static str>) {
    let mut interface = Interface {
        link_type: LinkType(u16::MAX),
        snaplen: 0,
        resolution: TsResolution::MICRO,
        offset_seconds: 0,
        fcs_bits: 0,
        span,
    };
    let (Some(link_type), Some(snaplen)) =
        (u16_in(body, 0, big_endian), u32_in(body, 4, big_endian))
    else {
        return (interface, Some("an interface description too short"));
    };
    interface.link_type = LinkType(link_type);
    interface.snaplen = snaplen;
    let mut malformed = None;
    let mut options = Options::new(body.get(8..).unwrap_or_default(), big_endian);
    for (code, value) in &mut options {
        match (code, value) {
            (IF_TSRESOL, &[resolution]) => interface.resolution = TsResolution(resolution),
            (IF_FCSLEN, &[bits]) => interface.fcs_bits = bits,
            (IF_TSOFFSET, value) if value.len() == 8 => {
                interface.offset_seconds = i64_of(value, big_endian);
            }
            (IF_TSRESOL | IF_FCSLEN | IF_TSOFFSET, _) => {
                malformed = Some("an interface option of the wrong length was passed over");
            }
            _ => {}
        }
    }
    if options.overrun {
        malformed = Some("an interface option is longer than its block");
    }
    (interface, malformed)
}

fn i64_of(value: &[u8], big_endian: bool) -> i64 {
    let raw = value.first_chunk::<8>().copied().unwrap_or_default();
    if big_endian {
        i64::from_be_bytes(raw)
    } else {
        i64::from_le_bytes(raw)
    }
}
