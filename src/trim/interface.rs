//! Interface descriptions: copied with all their options, renumbered, and their clocks
//! brought into a form that every Wireshark reads right (pcapng-fidelity 1.2, 1.3, 1.6).

use super::block::{Blocks, Endian, Options, RawOption, codes, types};
use super::options::{self, Lost};
use super::source::{Records, body};
use crate::capture;
use crate::units::{LinkType, Timestamp, TsResolution};

/// `if_tsresol` and `if_tsoffset` (pcapng 4.2).
pub(super) const TSRESOL: u16 = 9;
pub(super) const TSOFFSET: u16 = 14;
const FCSLEN: u16 = 13;
const NANOS: TsResolution = TsResolution::NANO;

/// An interface of the source.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub link_type: LinkType,
    /// 0 is no limit.
    pub snaplen: u32,
    /// Option bytes, in the byte order `endian`.
    pub options: Vec<u8>,
    pub endian: Endian,
    pub resolution: TsResolution,
    /// Seconds.
    pub offset: i64,
    pub statistics: Option<Statistics>,
}

impl Interface {
    /// From what the walk read of it and the bytes that describe it: an IDB, or the file
    /// header in other formats, which becomes options of the same meaning.
    pub fn new(known: &capture::Interface, bytes: &[u8], records: Records, endian: Endian) -> Self {
        let options = if records == Records::Pcapng {
            body(bytes, 16).to_vec()
        } else {
            let mut list = Blocks::new(endian);
            if known.resolution != TsResolution::MICRO {
                list.option(TSRESOL, &[known.resolution.0]);
            }
            if known.fcs_bits != 0 {
                list.option(FCSLEN, &[known.fcs_bits]);
            }
            list.out
        };
        Self {
            link_type: raw_ip(known.link_type),
            snaplen: known.snaplen,
            options,
            endian,
            resolution: known.resolution,
            offset: known.offset_seconds,
            statistics: None,
        }
    }

    /// The time of some ticks.
    pub fn time(&self, ticks: u64) -> Timestamp {
        self.resolution.to_timestamp(ticks, self.offset)
    }

    /// How its time stamps are written, if `ticks` are those of its kept packets.
    pub fn clock(&self, mut ticks: impl Iterator<Item = u64>) -> Clock {
        let decimal = self.resolution.0 <= 9;
        let wanted = match (decimal, self.offset) {
            (true, 0) => Clock::Verbatim,
            (true, offset) => {
                let units = 10_i128.pow(u32::from(self.resolution.0));
                Clock::Shifted(i128::from(offset) * units)
            }
            (false, offset) => Clock::Nanos(self.resolution, offset),
        };
        // a time that 64 bits cannot hold in the new form stays in the old one
        if ticks.all(|ticks| wanted.convert(ticks).is_some()) {
            wanted
        } else {
            Clock::Verbatim
        }
    }

    /// Body of the IDB after the snaplen without `opt_endofopt`: what two interfaces must
    /// share to be one in the output.
    pub fn write_options(&self, blocks: &mut Blocks, clock: Clock, lost: &mut Lost) {
        // one of the wrong length was passed over in reading, and readers refuse the file for it
        let sound = |option: &RawOption<'_>| match option.code {
            TSRESOL | FCSLEN => option.value.len() == 1,
            TSOFFSET => option.value.len() == 8,
            _ => true,
        };
        let list = Options::new(&self.options, self.endian).filter(sound);
        let skip: &[u16] = match clock {
            Clock::Verbatim => &[],
            Clock::Shifted(_) => &[TSOFFSET],
            Clock::Nanos(..) => &[TSRESOL, TSOFFSET],
        };
        if matches!(clock, Clock::Nanos(..)) {
            blocks.option(TSRESOL, &[NANOS.0]);
        }
        options::copy(blocks, types::INTERFACE, list, self.endian, skip, lost);
    }

    /// The comments it has already.
    pub fn comments(&self) -> impl Iterator<Item = &[u8]> {
        Options::new(&self.options, self.endian)
            .filter(|o| o.code == codes::COMMENT)
            .map(|o| o.value)
    }
}

/// Link types 12 and 14 mean raw IP on the systems that wrote them; 101 means it everywhere.
fn raw_ip(link_type: LinkType) -> LinkType {
    match link_type {
        LinkType::RAW_12 | LinkType::RAW_14 => LinkType::RAW,
        other => other,
    }
}

/// How the ticks of an interface are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// The source's own 64 bits.
    Verbatim,
    /// `if_tsoffset`, in ticks, is added and its option removed: some Wireshark versions
    /// double it on saving. Exact.
    Shifted(i128),
    /// Nanoseconds, floored, with the offset in seconds added: powers of two and resolutions
    /// finer than nanoseconds are read or saved wrongly by some Wireshark versions.
    Nanos(TsResolution, i64),
}

impl Clock {
    /// The ticks to write; `None` when 64 bits do not hold them.
    pub fn convert(self, ticks: u64) -> Option<u64> {
        match self {
            Self::Verbatim => Some(ticks),
            Self::Shifted(by) => u64::try_from(i128::from(ticks).checked_add(by)?).ok(),
            Self::Nanos(resolution, offset) => {
                // clamped values are at the ends of i64, and are refused
                let time = resolution.to_timestamp(ticks, offset).0;
                if time == i64::MAX {
                    None
                } else {
                    u64::try_from(time).ok()
                }
            }
        }
    }

    /// What happened, for the interface's comment.
    pub fn note(self) -> Option<String> {
        match self {
            Self::Verbatim => None,
            Self::Shifted(_) => Some("if_tsoffset of the source is added to the times".into()),
            Self::Nanos(resolution, offset) => {
                let exponent = resolution.0 & 0x7f;
                let base = if resolution.0 & 0x80 == 0 { 10 } else { 2 };
                let folded = if offset == 0 {
                    ""
                } else {
                    "; if_tsoffset is added to the times"
                };
                Some(format!(
                    "times in the source have a resolution of {base}^-{exponent} s, here 10^-9 s{folded}"
                ))
            }
        }
    }
}

/// Counters of an ISB (pcapng 4.6). They become text: an ISB in a cut-out makes Wireshark
/// print a loss rate that is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    pub received: Option<u64>,
    pub dropped: Option<u64>,
    pub accepted: Option<u64>,
    pub os_dropped: Option<u64>,
    pub delivered: Option<u64>,
    /// Ticks of the interface.
    pub start: Option<u64>,
    pub end: Option<u64>,
}

impl Statistics {
    /// From an ISB; `None` when it holds no counter.
    pub fn read(bytes: &[u8], endian: Endian) -> Option<Self> {
        let mut found = Self::default();
        for option in Options::new(body(bytes, 20), endian) {
            let number = endian.u64(option.value, 0);
            match option.code {
                2 => found.start = endian.ticks(option.value, 0),
                3 => found.end = endian.ticks(option.value, 0),
                4 => found.received = number,
                5 => found.dropped = number,
                6 => found.accepted = number,
                7 => found.os_dropped = number,
                8 => found.delivered = number,
                _ => {}
            }
        }
        (found != Self::default()).then_some(found)
    }

    /// In words: `source capture: 1000 received, 1 dropped by interface, 2 by OS, A..B`.
    pub fn text(&self, interface: &Interface) -> String {
        let counted = [
            (self.received, "received"),
            (self.dropped, "dropped by interface"),
            (self.accepted, "accepted by filter"),
            (self.os_dropped, "dropped by OS"),
            (self.delivered, "delivered"),
        ];
        let mut parts: Vec<String> = counted
            .iter()
            .filter_map(|(count, what)| count.map(|n| format!("{n} {what}")))
            .collect();
        let time = |ticks: u64| interface.time(ticks);
        match (self.start.map(time), self.end.map(time)) {
            (Some(start), Some(end)) => parts.push(format!("{start}..{end}")),
            (Some(start), None) => parts.push(format!("from {start}")),
            (None, Some(end)) => parts.push(format!("until {end}")),
            (None, None) => {}
        }
        format!("source capture: {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(resolution: u8, offset: i64) -> Interface {
        Interface {
            link_type: LinkType::ETHERNET,
            snaplen: 0,
            options: Vec::new(),
            endian: Endian::Little,
            resolution: TsResolution(resolution),
            offset,
            statistics: None,
        }
    }

    #[test]
    fn options_of_the_wrong_length_are_left_out() {
        let mut source = interface(6, 0);
        let mut list = Blocks::new(Endian::Little);
        list.option(TSOFFSET, &[1]);
        list.option(TSRESOL, &[6]);
        list.option(FCSLEN, &[4, 0]);
        source.options = list.out;
        let mut written = Blocks::new(Endian::Little);
        source.write_options(&mut written, Clock::Verbatim, &mut Lost::default());
        let kept: Vec<u16> = Options::new(&written.out, Endian::Little)
            .map(|o| o.code)
            .collect();
        assert_eq!(kept, [TSRESOL]);
    }

    /// pcapng-fidelity 1.3: the rows of the table of rules.
    #[test]
    fn clocks() {
        let ticks = 1_700_000_000_000_000_u64;
        let clock = interface(6, 0).clock([ticks].into_iter());
        assert_eq!(clock, Clock::Verbatim);
        let clock = interface(6, 3600).clock([ticks].into_iter());
        assert_eq!(clock.convert(ticks), Some(1_700_003_600_000_000));
        let clock = interface(0, -10).clock([100].into_iter());
        assert_eq!(clock.convert(100), Some(90));
        let clock = interface(12, 0).clock([1_999].into_iter());
        assert_eq!(clock.convert(1_999), Some(1));
        let clock = interface(0x80 | 30, 0).clock([1 << 29].into_iter());
        assert_eq!(clock.convert(1 << 29), Some(500_000_000));
    }

    #[test]
    fn times_that_do_not_fit_stay_as_they_are() {
        assert_eq!(interface(6, -1).clock([5].into_iter()), Clock::Verbatim);
        assert_eq!(
            interface(6, 1).clock([u64::MAX].into_iter()),
            Clock::Verbatim
        );
        let far = interface(0x80, 0).clock([u64::MAX].into_iter());
        assert_eq!(far, Clock::Verbatim);
    }

    #[test]
    fn statistics_in_words() {
        let stats = Statistics {
            received: Some(1000),
            dropped: Some(1),
            os_dropped: Some(2),
            start: Some(1_700_000_000_000_000),
            ..Statistics::default()
        };
        assert_eq!(
            stats.text(&interface(6, 0)),
            "source capture: 1000 received, 1 dropped by interface, 2 dropped by OS, \
             from 2023-11-14T22:13:20.000000000Z"
        );
    }
}
