//! Diagrams as text, for terminals: ASCII only but for what names bring along.

use super::{Arrow, Diagram, Lane, Look, Place, Row};
use crate::report::hostile::{cut, width};

/// Columns of time, frame, mark and the spaces between.
const LEFT: usize = 24;
/// Columns of sequence, acknowledgment, length and TTL where there is room.
const NUMBERS: [(&str, usize); 4] = [("seq", 11), ("ack", 11), ("len", 7), ("ttl", 4)];
/// From this width on the numbers are shown.
const WIDE: usize = 100;
/// Narrowest and widest distance of the lanes.
const LANES: (usize, usize) = (30, 78);

/// The lines of the diagram in at most `columns` columns (at least 56). Lines have no spaces
/// at their ends.
#[must_use]
pub fn lines(diagram: &Diagram, columns: usize) -> Vec<String> {
    let numbers = if columns >= WIDE {
        NUMBERS.iter().map(|(_, w)| w).sum()
    } else {
        0
    };
    // two columns are the lanes themselves
    let room = columns.saturating_sub(LEFT + numbers + 2);
    let canvas = Canvas {
        room: room.clamp(LANES.0, LANES.1),
        numbers: numbers > 0,
        device: diagram.device.is_some(),
    };
    let mut lines = canvas.header(diagram);
    lines.extend(diagram.rows.iter().map(|r| canvas.row(r)));
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

struct Canvas {
    /// Columns between the outer lanes.
    room: usize,
    numbers: bool,
    device: bool,
}

impl Canvas {
    /// Column of the device's lane between the outer lanes.
    fn middle(&self) -> usize {
        self.room / 2
    }

    fn header(&self, diagram: &Diagram) -> Vec<String> {
        let part = |pick: fn(&Lane) -> &str, left: &str| {
            let device = diagram.device.as_ref().map_or("", pick);
            let line = spread(
                pick(&diagram.client),
                device,
                pick(&diagram.server),
                self.room + 2,
            );
            format!("{left:LEFT$}{line}")
        };
        let mut names = part(|l| &l.name, "     seconds      frame");
        if self.numbers {
            for (name, columns) in NUMBERS {
                names.push_str(&format!("{name:>columns$}"));
            }
        }
        vec![part(|l| &l.address, ""), names]
    }

    /// What lies between the lanes where nothing happens.
    fn empty(&self) -> Vec<char> {
        let mut cells = vec![' '; self.room];
        if self.device
            && let Some(cell) = cells.get_mut(self.middle())
        {
            *cell = ':';
        }
        cells
    }

    fn row(&self, row: &Row) -> String {
        match row {
            Row::Arrow(a) => self.arrow(a),
            Row::Run(r) => {
                let both = r.from == r.to;
                let (from, to) = if both {
                    (Place::Client, Place::Server)
                } else {
                    (r.from, r.to)
                };
                let mut cells = self.wire(from, to, &r.label, if r.resets { '=' } else { '.' });
                if both && let Some(first) = cells.first_mut() {
                    *first = '<';
                }
                let left = left(&r.time, "", if r.resets { '!' } else { ' ' });
                let frames = if self.numbers {
                    format!("   frames {}", r.frames)
                } else {
                    String::new()
                };
                format!("{left}|{}|{frames}", text_of(&cells))
            }
            Row::Note { frame, text } => format!("{}o {text}", left("", frame, ' ')),
            Row::Break(text) => {
                let cells = self.with_words(vec![' '; self.room], text, 0, self.room);
                format!("{}~{}~", left("", "", ' '), text_of(&cells))
            }
        }
    }

    fn arrow(&self, a: &Arrow) -> String {
        let (mark, stroke) = match a.look {
            Look::Primary => ('!', '='),
            Look::Reset => (' ', '='),
            Look::Trigger => ('*', '-'),
            Look::Icmp => (' ', '.'),
            Look::Plain | Look::Notable | Look::Close => (' ', '-'),
        };
        let mut cells = self.wire(a.from, a.to, &a.label, stroke);
        if a.look.is_reset() {
            let at = match a.to {
                Place::Client => 1,
                Place::Device | Place::Server => self.room.saturating_sub(2),
            };
            if let Some(cell) = cells.get_mut(at) {
                *cell = 'X';
            }
        }
        let mut line = format!("{}|{}|", left(&a.time, &a.frame, mark), text_of(&cells));
        if self.numbers {
            for ((_, columns), number) in NUMBERS.iter().zip(&a.numbers) {
                line.push_str(&format!("{number:>columns$}"));
            }
        }
        line
    }

    /// An arrow with its label in it.
    fn wire(&self, from: Place, to: Place, label: &str, stroke: char) -> Vec<char> {
        let mut cells = self.empty();
        let (start, end) = match (from, to) {
            (Place::Device, Place::Client) | (Place::Client, Place::Device) => (0, self.middle()),
            (Place::Device, _) | (_, Place::Device) => (self.middle() + 1, self.room),
            _ => (0, self.room),
        };
        if let Some(part) = cells.get_mut(start..end) {
            part.fill(stroke);
        }
        let head = if to == Place::Client {
            (start, '<')
        } else {
            (end.saturating_sub(1), '>')
        };
        if let Some(cell) = cells.get_mut(head.0) {
            *cell = head.1;
        }
        if from == Place::Device {
            if let Some(cell) = cells.get_mut(self.middle()) {
                *cell = '#';
            }
            // half a line is short: the label may stand on the other half
            let free = if to == Place::Client {
                end + 1..self.room
            } else {
                0..start.saturating_sub(1)
            };
            if width(label) + 8 > end - start && width(label) <= free.len() {
                return self.with_words(cells, label, free.start, free.end);
            }
        }
        self.with_words(cells, label, start + 3, end.saturating_sub(3))
    }

    /// Puts words into the middle of the cells from `start` to `end`.
    fn with_words(&self, mut cells: Vec<char>, words: &str, start: usize, end: usize) -> Vec<char> {
        let room = end.saturating_sub(start);
        let words = format!(" {} ", cut(words, room.saturating_sub(2)));
        let wide = width(&words);
        if wide > room {
            return cells;
        }
        let at = start + (room - wide) / 2;
        cells.splice(at..at + wide, words.chars());
        cells
    }
}

fn text_of(cells: &[char]) -> String {
    cells.iter().collect()
}

fn left(time: &str, frame: &str, mark: char) -> String {
    format!("{time:>12} {frame:>8} {mark} ")
}

/// Three texts at the left, in the middle and at the right of `room` columns.
fn spread(left: &str, middle: &str, right: &str, room: usize) -> String {
    let middle = cut(middle, room / 2);
    let half = room.saturating_sub(width(&middle) + 2) / 2;
    let (left, right) = (cut(left, half), cut(right, half));
    let spare = room.saturating_sub(width(&left) + width(&middle) + width(&right));
    let lead = (room / 2)
        .saturating_sub(width(&middle) / 2)
        .saturating_sub(width(&left))
        .min(spare);
    format!(
        "{left}{:lead$}{middle}{:rest$}{right}",
        "",
        "",
        rest = spare - lead
    )
}
