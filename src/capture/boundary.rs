//! Finding the next record where there is no telling where one begins: after damage, and at
//! the start of a chunk. A boundary is believed when a chain of records hangs from it.

use super::MAX_RECORD_LEN;
use super::erf;
use super::format::{Appended, Container, SHB_TYPE, appended, section_order, u32_in};
use super::pcap;
use super::pcapng::{FRAME_LEN, Framing, block_type, framing, is_known};
use super::snoop;
use super::state::State;
use super::window::Window;

/// Whether a position is a record boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    /// More bytes are needed to say; never so at the end of the file, nor when
    /// [`MAX_RECORD_LEN`] bytes are there.
    More,
}

/// Outcome of a search after damage.
pub(super) enum Found {
    /// A boundary is here.
    At(usize),
    /// None before this position; whether there is one here, more bytes will tell.
    More(usize),
    /// None up to the end of the file.
    Nowhere,
}

/// Interface ids beyond this are not believed when searching.
const MAX_INTERFACE: u32 = 4096;

/// What a position is tested against.
#[derive(Clone, Copy)]
enum Prober {
    Pcap(pcap::Probe),
    Pcapng { begun: bool, big_endian: bool },
    Snoop,
    Erf,
}

/// What one link of a chain looks like.
enum Link {
    /// A record of this length; where records have them, also its seconds.
    Fits { len: usize, seconds: Option<u32> },
    /// Another capture's file header.
    Appended,
    /// No record.
    No,
    /// It goes on beyond the window.
    Beyond,
}

impl Prober {
    fn new(state: &State) -> Self {
        let pcapng = Self::Pcapng {
            begun: state.begun,
            big_endian: state.big_endian,
        };
        match state.format.0 {
            Container::Pcap(shape) => pcap::Probe::new(state, shape).map_or(pcapng, Self::Pcap),
            Container::Snoop => Self::Snoop,
            Container::Erf => Self::Erf,
            Container::Pcapng => pcapng,
        }
    }

    /// Records that must hang together.
    fn depth(&self) -> usize {
        match self {
            Self::Pcap(_) | Self::Snoop | Self::Erf => 4,
            Self::Pcapng { .. } => 3,
        }
    }

    /// Records that are enough where the file ends or the view does.
    fn depth_at_end(&self) -> usize {
        match self {
            Self::Pcap(_) | Self::Snoop | Self::Erf => 2,
            Self::Pcapng { .. } => 1,
        }
    }

    /// Whether a position deserves a look; must not reject what [`Self::link`] accepts first.
    #[inline]
    fn worth(&self, window: &Window<'_>, pos: usize) -> bool {
        match self {
            Self::Snoop | Self::Erf => true,
            Self::Pcap(probe) => {
                let bytes = window.from(pos);
                let short = bytes.len() < pcap::Probe::NEEDED;
                short || probe.at(window, pos).is_some() || first_byte_of_header(bytes)
            }
            Self::Pcapng { begun, big_endian } => {
                let bytes = window.from(pos);
                let known = *begun && u32_in(bytes, 0, *big_endian).is_none_or(is_known);
                known || first_byte_of_header(bytes)
            }
        }
    }

    /// The link at a position.
    fn link(&mut self, window: &Window<'_>, pos: usize, links: usize) -> Link {
        let bytes = window.from(pos);
        match self {
            Self::Pcap(probe) => {
                if bytes.len() < pcap::Probe::NEEDED {
                    return Link::Beyond;
                }
                if let Some((len, seconds)) = probe.at(window, pos) {
                    let seconds = Some(seconds);
                    return Link::Fits { len, seconds };
                }
            }
            Self::Snoop => {
                if bytes.len() < snoop::RECORD_HEADER_LEN {
                    return Link::Beyond;
                }
                if let Some((len, seconds)) = snoop::probe(bytes) {
                    let seconds = Some(seconds);
                    return Link::Fits { len, seconds };
                }
            }
            Self::Erf => match erf::probe(bytes) {
                erf::Probed::More => return Link::Beyond,
                // a chain begins with a packet
                erf::Probed::Fits(len, seconds) if links > 0 || seconds.is_some() => {
                    return Link::Fits { len, seconds };
                }
                _ => {}
            },
            Self::Pcapng { begun, big_endian } => {
                return block_link(window, pos, begun, big_endian, links);
            }
        }
        if !first_byte_of_header(bytes) {
            return Link::No;
        }
        match appended(bytes, window.last) {
            Appended::Yes(_) => Link::Appended,
            Appended::More => Link::Beyond,
            Appended::No => Link::No,
        }
    }
}

fn block_link(
    window: &Window<'_>,
    pos: usize,
    begun: &mut bool,
    big_endian: &mut bool,
    links: usize,
) -> Link {
    let bytes = window.from(pos);
    if bytes.len() < FRAME_LEN {
        return Link::Beyond;
    }
    if bytes.starts_with(&SHB_TYPE) {
        let Some(order) = section_order(bytes) else {
            return Link::No;
        };
        (*begun, *big_endian) = (true, order);
    } else if first_byte_of_header(bytes) {
        match appended(bytes, window.last) {
            Appended::Yes(_) => return Link::Appended,
            Appended::More => return Link::Beyond,
            Appended::No => {}
        }
    }
    let field = |i: usize| u32_in(bytes, i * 4, *big_endian).unwrap_or_default();
    let kind = field(0);
    let known = is_known(kind) || kind == block_type::SECTION;
    if !*begun || !known && links == 0 {
        return Link::No;
    }
    let (len, trailer_ok) = match framing(window, pos, *big_endian) {
        Framing::Whole(len, ok) => (len, ok),
        Framing::Incomplete => return Link::Beyond,
        Framing::Bad => return Link::No,
    };
    let packet_fits = kind != block_type::ENHANCED_PACKET
        || (field(5) as usize).saturating_add(32) <= len && field(2) < MAX_INTERFACE;
    if trailer_ok && packet_fits {
        Link::Fits { len, seconds: None }
    } else {
        Link::No
    }
}

/// Whether a file header of any capture format can begin with this byte; a cheap first test.
#[inline]
fn first_byte_of_header(bytes: &[u8]) -> bool {
    matches!(
        bytes.first(),
        Some(0xa1 | 0xd4 | 0x4d | 0x34 | 0x1c | 0xac | 0xab | 0x12 | 0x0a | b's')
    )
}

/// Follows the chain of records from `pos`, seen from `origin`: no byte that lies
/// [`MAX_RECORD_LEN`] or more after it is looked at.
fn verify(mut prober: Prober, window: &Window<'_>, origin: usize, mut pos: usize) -> Verdict {
    let horizon = origin.saturating_add(MAX_RECORD_LEN);
    // what lies beyond the horizon must not matter, wherever the window happens to end
    let view = Window {
        base: window.base,
        buf: window.buf.get(..horizon).unwrap_or(window.buf),
        last: window.last && window.buf.len() < horizon,
    };
    let cut = view.last || view.buf.len() == horizon;
    let yes_if = |holds: bool| if holds { Verdict::Yes } else { Verdict::No };
    let mut links = 0;
    let mut before = None;
    loop {
        if pos == view.buf.len() && view.last {
            return yes_if(links > 0);
        }
        if pos >= view.buf.len() {
            // the record that goes on beyond the view is not counted
            return if cut {
                yes_if(links > prober.depth_at_end())
            } else {
                Verdict::More
            };
        }
        match prober.link(&view, pos, links) {
            Link::No => return Verdict::No,
            Link::Appended => return Verdict::Yes,
            Link::Beyond if !cut => return Verdict::More,
            Link::Beyond => return yes_if(links >= prober.depth_at_end()),
            Link::Fits { len, seconds } => {
                let far = |b| seconds.is_some_and(|s| !pcap::Probe::near(b, s));
                if before.is_some_and(far) {
                    return Verdict::No;
                }
                before = seconds.or(before);
                links += 1;
                if links >= prober.depth() {
                    return Verdict::Yes;
                }
                pos = pos.saturating_add(len);
            }
        }
    }
}

/// Whether sound blocks follow the one of `len` bytes at `pos`.
pub(super) fn follows(window: &Window<'_>, pos: usize, len: usize, big_endian: bool) -> Verdict {
    let prober = Prober::Pcapng {
        begun: true,
        big_endian,
    };
    let end = pos.saturating_add(len);
    if window.last && end == window.buf.len() {
        return Verdict::Yes;
    }
    verify(prober, window, pos, end)
}

/// The next verified boundary at or after a position, for a walk that must be exact.
pub(super) fn search(state: &State, window: &Window<'_>, from: usize) -> Found {
    let scout = Prober::new(state);
    for pos in from..window.buf.len() {
        if !scout.worth(window, pos) {
            continue;
        }
        match verify(scout, window, pos, pos) {
            Verdict::Yes => return Found::At(pos),
            Verdict::More => return Found::More(pos),
            Verdict::No => {}
        }
    }
    if window.last {
        Found::Nowhere
    } else {
        Found::More(window.buf.len().max(from))
    }
}

/// A plausible record boundary in `buf`, whose first byte is at file offset `base`, for a
/// reader that starts in the middle of a file with the state of some earlier place. A guess:
/// who uses it must check that the walk from before lands exactly there.
#[must_use]
pub fn find_boundary(state: &State, base: u64, buf: &[u8]) -> Option<usize> {
    let window = Window {
        base,
        buf,
        last: false,
    };
    if !state.begun && !state.is_pcapng() {
        return None; // nothing is known of the records before the file header is read
    }
    let scout = Prober::new(state);
    (0..buf.len()).find(|&pos| {
        scout.worth(&window, pos)
            && match verify(scout, &window, pos, pos) {
                Verdict::Yes => true,
                Verdict::No => false,
                // the buffer ends before the chain does: believe half of it
                Verdict::More => {
                    let last = true;
                    let window = Window { last, ..window };
                    verify(scout, &window, pos, pos) == Verdict::Yes
                }
            }
    })
}
