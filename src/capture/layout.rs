//! The structure of a file, remembered to fetch single records again.

use super::format::Format;
use super::record::Structure;
use super::state::{Interface, State};
use crate::units::{Span, TsResolution};
use std::sync::Arc;

/// Sections and interfaces of one file, in file order, from [`super::Sink::structure`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    sections: Vec<Section>,
    blocks: Vec<Structure>,
    blocks_left_out: u64,
    interfaces: usize,
    /// Sections that are not remembered, being too many, and interfaces likewise.
    forgotten: u64,
}

/// Most sections, and most interfaces of all sections together, that are remembered. A
/// capture appended every second makes as many sections in a day and a half.
const MAX_SECTIONS: usize = 1 << 17;
const MAX_INTERFACES: usize = 1 << 18;

/// Most blocks that are remembered; a file of nothing else must not fill the memory.
const MAX_BLOCKS: usize = 1 << 18;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    offset: u64,
    structure: Structure,
    /// As before the first interface.
    state: State,
    interfaces: Arc<Vec<Interface>>,
}

impl Layout {
    /// Nothing known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a walk met, in file order.
    pub fn push(&mut self, structure: Structure) {
        match structure {
            Structure::Section {
                span,
                big_endian,
                ref format,
                lengths_swapped,
            } => {
                // nothing refers to a section without interfaces and blocks
                if self.sections.last().is_some_and(|last| self.is_bare(last)) {
                    self.sections.pop();
                }
                if self.sections.len() >= MAX_SECTIONS {
                    self.forgotten += 1;
                    return;
                }
                let state = State {
                    begun: true,
                    big_endian,
                    lengths_swapped,
                    ..State::start(format.clone())
                };
                self.sections.push(Section {
                    offset: span.offset,
                    structure,
                    state,
                    interfaces: Arc::default(),
                });
            }
            Structure::Interface { interface, .. } => {
                if self.forgotten > 0 || self.interfaces >= MAX_INTERFACES {
                    self.forgotten += 1;
                } else if let Some(section) = self.sections.last_mut() {
                    Arc::make_mut(&mut section.interfaces).push(interface);
                    self.interfaces += 1;
                }
            }
            Structure::Block { .. } if self.blocks.len() < MAX_BLOCKS => {
                self.blocks.push(structure);
            }
            Structure::Block { .. } => self.blocks_left_out += 1,
        }
    }

    fn is_bare(&self, section: &Section) -> bool {
        let described = |block: &Structure| match block {
            Structure::Block { span, .. } => span.offset > section.offset,
            _ => false,
        };
        section.state.is_pcapng()
            && section.interfaces.is_empty()
            && !self.blocks.last().is_some_and(described)
    }

    /// How many sections and interfaces are not remembered because there are too many:
    /// packets of them cannot be fetched again.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The state for a walk that begins with the record at `offset`.
    #[must_use]
    pub fn state_at(&self, offset: u64) -> State {
        let before = self.sections.partition_point(|s| s.offset < offset);
        let Some(section) = before.checked_sub(1).and_then(|i| self.sections.get(i)) else {
            let format = self
                .sections
                .first()
                .map_or_else(Format::pcapng, |s| s.state.format.clone());
            return State::start(format);
        };
        let all = &section.interfaces;
        let known = all.partition_point(|i| i.span.offset < offset);
        let interfaces = if known == all.len() {
            Arc::clone(all)
        } else {
            Arc::new(all.iter().take(known).copied().collect())
        };
        State {
            interfaces,
            ..section.state.clone()
        }
    }

    /// As [`Self::state_at`], and the last offset for which it is the same.
    #[must_use]
    pub fn state_until(&self, offset: u64) -> (State, u64) {
        let before = self.sections.partition_point(|s| s.offset < offset);
        let section = before.checked_sub(1).and_then(|i| self.sections.get(i));
        let interface = section.and_then(|section| {
            let known = section
                .interfaces
                .partition_point(|i| i.span.offset < offset);
            section.interfaces.get(known).map(|i| i.span.offset)
        });
        let next = self.sections.get(before).map(|s| s.offset);
        let until = next.into_iter().chain(interface).min();
        (self.state_at(offset).alone(), until.unwrap_or(u64::MAX))
    }

    /// The sections, as they were pushed.
    pub fn sections(&self) -> impl Iterator<Item = &Structure> {
        self.sections.iter().map(|s| &s.structure)
    }

    /// Where the interfaces of all sections are described.
    pub fn interfaces(&self) -> impl Iterator<Item = Span> {
        let all = self.sections.iter().flat_map(|s| s.interfaces.iter());
        all.map(|interface| interface.span)
    }

    /// The offset of the section a record at `offset` is in; 0 if none is known.
    #[must_use]
    pub fn section_offset(&self, offset: u64) -> u64 {
        let before = self.sections.partition_point(|s| s.offset < offset);
        before
            .checked_sub(1)
            .and_then(|i| self.sections.get(i))
            .map_or(0, |s| s.offset)
    }

    /// The header of the section a record at `offset` is in.
    #[must_use]
    pub fn section_at(&self, offset: u64) -> Option<Span> {
        let after = self.sections.partition_point(|s| s.offset <= offset);
        match self.sections.get(after.checked_sub(1)?)?.structure {
            Structure::Section { span, .. } => Some(span),
            _ => None,
        }
    }

    /// Digits after the decimal point of the finest time stamps of any interface.
    #[must_use]
    pub fn time_digits(&self) -> u8 {
        let interfaces = self.sections.iter().flat_map(|s| s.interfaces.iter());
        let digits = interfaces.map(|i| i.resolution.decimal_digits());
        digits.max().unwrap_or(TsResolution::MICRO.decimal_digits())
    }

    /// How many blocks [`Self::blocks`] leaves out because there are too many.
    #[must_use]
    pub fn blocks_left_out(&self) -> u64 {
        self.blocks_left_out
    }

    /// The blocks that are neither packets, sections nor interfaces (names, secrets,
    /// statistics, unknown ones), in file order.
    #[must_use]
    pub fn blocks(&self) -> &[Structure] {
        &self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Order};
    use super::super::tests::walk_whole;
    use super::*;

    fn layout(bytes: &[u8]) -> Layout {
        let mut layout = Layout::new();
        let heard = walk_whole(bytes);
        heard.structures.into_iter().for_each(|s| layout.push(s));
        layout
    }

    #[test]
    fn headers_alone_are_not_remembered() {
        let order = Order(false);
        let mut bytes = sample::shb(order).repeat(1000);
        bytes.extend(sample::section(order, 0..10));
        bytes.extend(sample::shb(order).repeat(1000));
        bytes.extend(sample::block(order, 10, &[0; 12]));
        let layout = layout(&bytes);
        assert_eq!((layout.sections().count(), layout.forgotten()), (2, 0));
        let alone = self::layout(&sample::section(order, 0..10));
        assert_eq!(layout.blocks().len(), alone.blocks().len() + 1);
    }

    #[test]
    fn a_flood_of_sections_is_bounded() {
        let order = Order(false);
        let one = [sample::shb(order), sample::idb(order, 0, &[])].concat();
        let layout = layout(&one.repeat(MAX_SECTIONS + 5));
        assert_eq!(layout.sections().count(), MAX_SECTIONS);
        assert!(layout.forgotten() >= 5);
        assert_eq!(layout.state_at(u64::MAX).interfaces().len(), 1);
    }
}
