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
}

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
                if let Some(section) = self.sections.last_mut() {
                    Arc::make_mut(&mut section.interfaces).push(interface);
                }
            }
            Structure::Block { .. } if self.blocks.len() < MAX_BLOCKS => {
                self.blocks.push(structure);
            }
            Structure::Block { .. } => self.blocks_left_out += 1,
        }
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

    /// The sections, as they were pushed.
    pub fn sections(&self) -> impl Iterator<Item = &Structure> {
        self.sections.iter().map(|s| &s.structure)
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
