//! The table: columns as wide as their content, folded when the terminal is narrow.

use super::hostile::{width, wrap};
use super::rows::Row;
use super::text::{Canvas, colour_of};
use std::io;

/// Space between two columns.
const GAP: &str = "  ";
/// Space before the lines below a row: under the second column.
const INDENT: usize = 5;

/// Heading of the column of connections.
const HEAD: &str = "connection";

/// How a table is laid out, from roomy to narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// One line per row: date and time, everything.
    Wide,
    /// The date is a line of its own where it changes.
    DateApart,
    /// The connection stands below its row, too.
    ConnectionBelow,
}

/// Widths of the columns that may vary.
struct Widths {
    number: usize,
    date: usize,
    clock: usize,
    who: usize,
    why: usize,
    connection: usize,
    confidence: usize,
}

impl Widths {
    fn of(rows: &[Row]) -> Self {
        let widest = |head: &str, cell: fn(&Row) -> &str| {
            let cells = rows.iter().map(|r| width(cell(r)));
            cells.max().unwrap_or(0).max(width(head))
        };
        Self {
            number: widest("#", |r| &r.number).max(3),
            date: widest("", |r| &r.date),
            clock: widest("time (UTC)", |r| &r.clock),
            who: widest("who reset", |r| &r.who),
            why: widest("why", |r| &r.why),
            connection: 0,
            confidence: widest("conf", |r| &r.confidence),
        }
    }

    /// Columns that everything but the connection takes.
    fn others(&self, layout: Layout) -> usize {
        let always = self.number + self.clock + self.who + self.why + self.confidence;
        let gaps = GAP.len() * 4;
        match layout {
            Layout::Wide => always + gaps + self.date + 1,
            Layout::DateApart | Layout::ConnectionBelow => always + gaps,
        }
    }

    /// The roomiest layout for so many columns; makes the column of connections as wide as it
    /// can be. A few connections may be too long for it (IPv6 among IPv4): those stand below.
    fn settle(&mut self, rows: &[Row], columns: usize) -> Layout {
        for layout in [Layout::Wide, Layout::DateApart] {
            let room = columns.saturating_sub(self.others(layout) + GAP.len());
            let fitting = || {
                rows.iter()
                    .map(|r| width(&r.connection))
                    .filter(|w| *w <= room)
            };
            if fitting().count() * 2 > rows.len() && room >= HEAD.len() {
                self.connection = fitting().max().unwrap_or(0).max(HEAD.len());
                return layout;
            }
        }
        Layout::ConnectionBelow
    }
}

/// Prints the rows under a heading.
pub(super) fn print(canvas: &mut Canvas<'_>, rows: &[Row]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut widths = Widths::of(rows);
    let layout = widths.settle(rows, canvas.columns());
    heading(canvas, &widths, layout)?;
    let mut date = "";
    for row in rows {
        if layout != Layout::Wide && row.date != date {
            canvas.line(&format!("{:INDENT$}{}", "", row.date))?;
            date = &row.date;
        }
        print_row(canvas, row, &widths, layout)?;
    }
    Ok(())
}

fn heading(canvas: &mut Canvas<'_>, widths: &Widths, layout: Layout) -> io::Result<()> {
    let mut cells = vec![
        right("#", widths.number),
        left("time (UTC)", time_width(widths, layout)),
        left("who reset", widths.who),
        left("why", widths.why),
    ];
    if layout != Layout::ConnectionBelow {
        cells.push(left(HEAD, widths.connection));
    }
    cells.push("conf".to_owned());
    canvas.line(cells.join(GAP).trim_end())
}

fn time_width(widths: &Widths, layout: Layout) -> usize {
    match layout {
        Layout::Wide => widths.date + 1 + widths.clock,
        _ => widths.clock,
    }
}

fn print_row(
    canvas: &mut Canvas<'_>,
    row: &Row,
    widths: &Widths,
    layout: Layout,
) -> io::Result<()> {
    let time = match layout {
        Layout::Wide => format!("{} {}", row.date, row.clock),
        _ => row.clock.clone(),
    };
    let mut cells = vec![
        right(&row.number, widths.number),
        left(&time, time_width(widths, layout)),
        left(&row.who, widths.who),
        canvas.paint(colour_of(row.severity), &left(&row.why, widths.why)),
    ];
    let fits = width(&row.connection) <= widths.connection;
    if layout != Layout::ConnectionBelow {
        let cell = if fits { row.connection.as_str() } else { "" };
        cells.push(left(cell, widths.connection));
    }
    cells.push(row.confidence.clone());
    canvas.line(cells.join(GAP).trim_end())?;
    if !fits {
        below(canvas, &row.connection)?;
    }
    for text in &row.below {
        below(canvas, text)?;
    }
    Ok(())
}

/// A text under its row, broken into lines.
fn below(canvas: &mut Canvas<'_>, text: &str) -> io::Result<()> {
    for line in wrap(text, canvas.columns().saturating_sub(INDENT)) {
        canvas.line(&format!("{:INDENT$}{line}", ""))?;
    }
    Ok(())
}

fn left(text: &str, columns: usize) -> String {
    let pad = columns.saturating_sub(width(text));
    format!("{text}{:pad$}", "")
}

fn right(text: &str, columns: usize) -> String {
    let pad = columns.saturating_sub(width(text));
    format!("{:pad$}{text}", "")
}
