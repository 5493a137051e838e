//! Diagrams as SVG: inline in the page, or as a document of its own.

use super::{Arrow, Diagram, Lane, Look, Place, Row, Run};
use crate::report::hostile::{cut, width};
use maud::{Markup, PreEscaped, html};

/// Colours of both schemes and of print, and how the parts of a diagram look; the page uses the
/// same.
pub(in crate::report) const COLOURS_AND_DIAGRAM: &str =
    concat!(include_str!("colours.css"), include_str!("diagram.css"));

/// All in units of the view box, which has about the size of CSS pixels.
const WIDTH: i32 = 930;
const TIME: i32 = 82;
const FRAME: i32 = 146;
const CLIENT: i32 = 168;
const SERVER: i32 = 676;
const DEVICE: i32 = i32::midpoint(CLIENT, SERVER);
/// Right edges of sequence, acknowledgment, length and TTL.
const NUMBERS: [(&str, i32); 4] = [("seq", 755), ("ack", 826), ("len", 876), ("TTL", 918)];
const HEADER: i32 = 58;
const ROW: i32 = 30;
const BREAK: i32 = 26;
/// How far an arrow falls on its way.
const SLOPE: i32 = 5;
/// Half the width of a lane's box, and characters that fit into it.
const BOX: i32 = 122;
const BOX_CHARACTERS: usize = 38;
/// Width of a character of a label, about.
const CHARACTER: i32 = 7;

/// The diagram as an element of a page that has the style sheets.
#[must_use]
pub fn inline(diagram: &Diagram) -> Markup {
    draw(diagram, None)
}

/// The diagram as a file.
#[must_use]
pub fn document(diagram: &Diagram) -> String {
    let markup = draw(diagram, Some("http://www.w3.org/2000/svg"));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n",
        markup.into_string()
    )
}

fn draw(diagram: &Diagram, namespace: Option<&str>) -> Markup {
    let heights = diagram.rows.iter().map(height);
    let end = HEADER + heights.sum::<i32>() + 10;
    html! {
        svg.seq xmlns=[namespace] viewBox={ "0 0 " (WIDTH) " " (end + 6) } role="img"
            aria-label=(diagram.title) {
            title { (diagram.title) }
            @if namespace.is_some() {
                style { (PreEscaped(COLOURS_AND_DIAGRAM)) }
                rect.paper width=(WIDTH) height=(end + 6) {}
            }
            (headings())
            (lane(&diagram.client, CLIENT, end, "host"))
            @if let Some(device) = &diagram.device { (lane(device, DEVICE, end, "device")) }
            (lane(&diagram.server, SERVER, end, "host"))
            (rows(diagram))
        }
    }
}

fn headings() -> Markup {
    html! {
        g.heads {
            text x=(TIME) y=(HEADER - 8) { "seconds" }
            text x=(FRAME) y=(HEADER - 8) { "frame" }
            @for (name, x) in NUMBERS { text x=(x) y=(HEADER - 8) { (name) } }
        }
    }
}

fn lane(lane: &Lane, x: i32, end: i32, class: &str) -> Markup {
    html! {
        g.lane.(class) {
            path d={ "M" (x) " 40V" (end) } {}
            rect x=(x - BOX) y="4" width=(2 * BOX) height="36" rx="6" {}
            text.name x=(x) y="18" { (lane.name) }
            text.address x=(x) y="33" { (cut(&lane.address, BOX_CHARACTERS)) }
        }
    }
}

fn height(row: &Row) -> i32 {
    match row {
        Row::Break(_) | Row::Note { .. } => BREAK,
        Row::Arrow(_) | Row::Run(_) => ROW,
    }
}

fn rows(diagram: &Diagram) -> Markup {
    let mut y = HEADER;
    html! {
        @for row in &diagram.rows {
            @let top = { let top = y; y += height(row); top };
            @match row {
                Row::Arrow(a) => (arrow(a, top)),
                Row::Run(r) => (run(r, top)),
                Row::Note { frame, text } => (note(frame, text, top)),
                Row::Break(text) => (gap(text, top)),
            }
        }
    }
}

fn x_of(place: Place) -> i32 {
    match place {
        Place::Client => CLIENT,
        Place::Device => DEVICE,
        Place::Server => SERVER,
    }
}

fn arrow(a: &Arrow, top: i32) -> Markup {
    let (from, to) = (x_of(a.from), x_of(a.to));
    let start = top + 17;
    let end = start + SLOPE;
    let tip: String = a.facts.join("\n");
    html! {
        g.row.(a.look.id()) {
            @if !tip.is_empty() { title { (tip) } }
            rect.band x="0" y=(top) width=(WIDTH) height=(ROW) {}
            text.time x=(TIME) y=(top + 22) { (a.time) }
            text.frame x=(FRAME) y=(top + 22) { (a.frame) }
            path.wire d={ "M" (from) " " (start) "L" (to) " " (end) } {}
            (head(from, to, end, a.look))
            @if a.from == Place::Device { circle.origin cx=(from) cy=(start) r="4" {} }
            text.label x=(label_x(&a.label, from, to)) y=(top + 12) { (a.label) }
            @for ((_, x), number) in NUMBERS.iter().zip(&a.numbers) {
                @if !number.is_empty() { text.number x=(x) y=(top + 22) { (number) } }
            }
        }
    }
}

/// The middle of the arrow, moved so that a long label stays between the outer lanes.
fn label_x(label: &str, from: i32, to: i32) -> i32 {
    let half = i32::try_from(width(label)).unwrap_or(i32::MAX / 16) * CHARACTER / 2;
    let (low, high) = (CLIENT + 6 + half, SERVER - 6 - half);
    let middle = i32::midpoint(from, to);
    if low > high {
        i32::midpoint(CLIENT, SERVER)
    } else {
        middle.clamp(low, high)
    }
}

/// The arrowhead; a RST has a cross behind it.
fn head(from: i32, to: i32, y: i32, look: Look) -> Markup {
    let back = if to > from { -1 } else { 1 };
    let cross = to + back * 17;
    html! {
        path.head d={ "M" (to) " " (y) "l" (back * 9) " -4.5v9z" } {}
        @if look.is_reset() {
            path.cross d={ "M" (cross - 5) " " (y - 5) "l10 10m0 -10l-10 10" } {}
        }
    }
}

fn run(r: &Run, top: i32) -> Markup {
    let both = r.from == r.to;
    let (from, to) = if both {
        (CLIENT, SERVER)
    } else {
        (x_of(r.from), x_of(r.to))
    };
    let y = top + 22;
    let look = if r.resets { Look::Reset } else { Look::Plain };
    html! {
        g.row.run.(look.id()) {
            rect.band x="0" y=(top) width=(WIDTH) height=(ROW) {}
            text.time x=(TIME) y=(top + 22) { (r.time) }
            path.wire d={ "M" (from) " " (y - 2) "H" (to) "M" (from) " " (y + 2) "H" (to) } {}
            (head(from, to, y, if both { Look::Plain } else { look }))
            @if both { (head(to, from, y, Look::Plain)) }
            text.label x=(DEVICE) y=(top + 11) { (r.label) }
            text.number.span x=(SERVER + 14) y=(top + 22) { "frames " (r.frames) }
        }
    }
}

fn note(frame: &str, text: &str, top: i32) -> Markup {
    html! {
        g.row.note {
            text.frame x=(FRAME) y=(top + 16) { (frame) }
            circle cx=(CLIENT) cy=(top + 12) r="4" {}
            text.words x=(CLIENT + 12) y=(top + 16) { (text) }
        }
    }
}

/// Both lanes are broken, and the words stand between.
fn gap(text: &str, top: i32) -> Markup {
    let broken = |x: i32| {
        html! {
            rect.hole x=(x - 7) y=(top + 7) width="14" height="11" {}
            path.zigzag d={ "M" (x) " " (top + 5) "l-6 5l12 5l-6 5" } {}
        }
    };
    html! {
        g.row.gap {
            (broken(CLIENT)) (broken(SERVER))
            text.words x=(DEVICE) y=(top + 17) { (text) }
        }
    }
}
