//! From a case to the rows of its diagram.

use super::collapse::{Item, Piece, Sum, collapse};
use super::relative::{self, Place as Relative};
use super::{Arrow, Diagram, Lane, Look, Place, Row, Run, label};
use crate::diagnosis::{Case, Party};
use crate::flow::{IcmpError, Segment, Side};
use crate::report::figures::{counted, seconds};
use crate::report::hostile::{cut, plain};
use crate::reset::{Reset, Role};
use crate::selection::{Kept, Reason, Selection};
use crate::units::{FrameNumber, Timestamp};
use std::collections::BTreeMap;

/// A silence this long is drawn as a break, in nanoseconds.
const SILENCE: i64 = 1_000_000_000;
/// Neighbours of the primary RST that are drawn one by one, on either side.
const NEAR: usize = 3;
/// Longest name of a lookup in columns.
const MAX_NAME: usize = 60;
/// ICMP errors drawn.
const MAX_ICMP: usize = 8;
/// Further RSTs drawn when there are more than the second number.
const FURTHER: usize = 3;
const MAX_FURTHER: usize = 6;

/// Everything a row is made from.
struct Source<'a> {
    case: &'a Case,
    places: Vec<Relative>,
    kept: BTreeMap<FrameNumber, &'a Kept>,
    /// Packets that are not in the selection, by the frame they precede; `None`: at the end.
    gaps: BTreeMap<Option<FrameNumber>, u64>,
    start: Timestamp,
}

/// Lays the diagram of a case out. What is drawn is what the case file holds of the connection.
#[must_use]
pub fn layout(case: &Case, selection: &Selection) -> Diagram {
    let source = Source::new(case, selection);
    let items = items(&source);
    let mut rows = lookup(case);
    let mut last: Option<Timestamp> = None;
    let mut icmp = case.connection.icmp.iter().take(MAX_ICMP).peekable();
    for piece in collapse(&items) {
        let members = match &piece {
            Piece::One(item) => std::slice::from_ref(item),
            Piece::Many(items) => items.as_slice(),
        };
        let indexes = || members.iter().map(|i| i.index);
        let segments = &case.connection.segments;
        let (Some(first), Some(end)) = (
            indexes().next().and_then(|i| segments.get(i)),
            indexes().next_back().and_then(|i| segments.get(i)),
        ) else {
            continue;
        };
        while let Some(e) = icmp.next_if(|e| e.frame.number < first.frame.number) {
            rows.push(Row::Arrow(source.icmp(e)));
        }
        rows.extend(source.gap_before(first, last));
        rows.push(match &piece {
            Piece::One(item) => Row::Arrow(source.arrow(item.index, first)),
            Piece::Many(_) => {
                Row::Run(source.run(first, end, indexes().filter_map(|i| segments.get(i))))
            }
        });
        last = Some(end.time);
    }
    rows.extend(icmp.map(|e| Row::Arrow(source.icmp(e))));
    if let Some(n) = source.gaps.get(&None) {
        rows.push(Row::Break(format!("{} not drawn", counted(*n, "packet"))));
    }
    Diagram {
        title: title(case),
        client: lane("client", case, Side::Client),
        device: device(case),
        server: lane("server", case, Side::Server),
        rows,
    }
}

fn title(case: &Case) -> String {
    format!(
        "Sequence of packets between client {} and server {}, reset by {}",
        case.connection.client,
        case.connection.server,
        case.diagnosis.party.word()
    )
}

fn lane(name: &str, case: &Case, side: Side) -> Lane {
    Lane {
        name: name.to_owned(),
        address: case.connection.endpoint(side).to_string(),
    }
}

fn device(case: &Case) -> Option<Lane> {
    let address = match case.diagnosis.party {
        Party::MiddleboxAsServer => format!("as {}", case.connection.server.ip),
        Party::MiddleboxAsClient => format!("as {}", case.connection.client.ip),
        Party::MiddleboxBoth => "as both sides".to_owned(),
        _ => return None,
    };
    Some(Lane {
        name: "device on the path".to_owned(),
        address,
    })
}

/// Whether the device sent this RST.
fn forged(case: &Case, reset: &Reset) -> bool {
    let own = matches!(reset.role, Role::VictimReply | Role::InFlightEcho);
    let blamed = match case.diagnosis.party {
        Party::MiddleboxAsServer => reset.from == Side::Server,
        Party::MiddleboxAsClient => reset.from == Side::Client,
        Party::MiddleboxBoth => true,
        _ => false,
    };
    blamed && !own
}

fn lookup(case: &Case) -> Vec<Row> {
    let Some(name) = &case.connection.name else {
        return Vec::new();
    };
    let before = case.connection.totals.first_time;
    let age = before.seconds_since(name.answer_time);
    let ago = if age >= 0.0 {
        format!(", {} before", seconds(age))
    } else {
        String::new()
    };
    let asked = cut(&plain(&name.name), MAX_NAME);
    vec![Row::Note {
        frame: name.answer.in_file.to_string(),
        text: format!("DNS {asked} = {}{ago}", case.connection.server.ip),
    }]
}

/// The selected segments in order, copies left out, each with its weight.
fn items(source: &Source<'_>) -> Vec<Item> {
    let case = source.case;
    let primary = case.episode.resets.get(case.episode.primary);
    let at = primary.map(|r| r.segment);
    let trigger = primary.and_then(|r| r.trigger);
    let mut items: Vec<Item> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (index, s) in case.connection.segments.iter().enumerate() {
        let Some(kept) = source.kept.get(&s.frame.number) else {
            continue;
        };
        if s.duplicate_of.is_some() {
            continue;
        }
        let quiet = last.is_some_and(|t| s.time.nanos_since(t) >= SILENCE);
        items.push(Item {
            index,
            weight: if at == Some(index) || trigger == Some(index) {
                4
            } else {
                weight(s, &kept.reasons)
            },
            after_break: quiet || source.gaps.contains_key(&Some(s.frame.number)),
        });
        last = Some(s.time);
    }
    thin_out_replies(case, &mut items);
    let near = items.iter().position(|i| Some(i.index) == at).unwrap_or(0);
    let window = near.saturating_sub(NEAR)..=near.saturating_add(NEAR);
    for (i, item) in items.iter_mut().enumerate() {
        if window.contains(&i) {
            item.weight = item.weight.max(1);
        }
    }
    items
}

/// The first few further RSTs are drawn; of a long row of them one line tells enough.
fn thin_out_replies(case: &Case, items: &mut [Item]) {
    let segments = &case.connection.segments;
    let is_reset =
        |i: &&mut Item| i.weight == 2 && segments.get(i.index).is_some_and(Segment::is_rst);
    let further: Vec<&mut Item> = items.iter_mut().filter(is_reset).collect();
    if further.len() > MAX_FURTHER {
        for item in further.into_iter().skip(FURTHER) {
            item.weight = 0;
        }
    }
}

fn weight(s: &Segment, reasons: &[Reason]) -> u8 {
    let opening = [
        Reason::Handshake,
        Reason::ClientHello,
        Reason::Alert,
        Reason::ServerHello,
    ];
    let named = |r: &Reason| !ordinary(*r) && *r != Reason::LastRequest;
    if reasons.iter().any(|r| opening.contains(r)) {
        3
    } else if s.is_rst() || s.is_fin() || reasons.iter().any(named) {
        2
    } else if reasons.contains(&Reason::LastRequest) {
        1
    } else {
        0
    }
}

/// Kept for its place only. What provoked a further RST counts as that, too: the trigger of the
/// primary one is known by its index.
fn ordinary(reason: Reason) -> bool {
    matches!(reason, Reason::Context | Reason::Trigger)
}

impl<'a> Source<'a> {
    fn new(case: &'a Case, selection: &'a Selection) -> Self {
        let frames = &selection.frames;
        let mut gaps = BTreeMap::new();
        for gap in &selection.left_out {
            let before = frames.get(gap.before).map(|k| k.frame.number);
            // the next frame may be of another connection: the break is drawn at the next of ours
            let ours = before.and_then(|number| {
                let later = case.connection.segments.iter().map(|s| s.frame.number);
                later
                    .filter(|n| *n >= number)
                    .find(|n| frames.binary_search_by_key(n, |k| k.frame.number).is_ok())
            });
            let sum: &mut u64 = gaps.entry(ours).or_insert(0);
            *sum = sum.saturating_add(gap.count);
        }
        Self {
            case,
            places: relative::places(&case.connection),
            kept: frames.iter().map(|k| (k.frame.number, k)).collect(),
            gaps,
            start: case.connection.totals.first_time,
        }
    }

    fn time(&self, at: Timestamp) -> String {
        format!("{:.6}", at.seconds_since(self.start))
    }

    /// The break before a segment: packets left out, silence, or both.
    fn gap_before(&self, s: &Segment, last: Option<Timestamp>) -> Option<Row> {
        let silence = last
            .map(|t| s.time.nanos_since(t))
            .filter(|n| *n >= SILENCE);
        let length = silence.map(|n| seconds(n as f64 / 1e9));
        let left_out = self.gaps.get(&Some(s.frame.number));
        let text = match (left_out, length) {
            (None, None) => return None,
            (None, Some(length)) => format!("{length} without a packet"),
            (Some(n), None) => format!("{} not drawn", counted(*n, "packet")),
            (Some(n), Some(length)) => format!("{length}, {} not drawn", counted(*n, "packet")),
        };
        Some(Row::Break(text))
    }

    fn arrow(&self, index: usize, s: &Segment) -> Arrow {
        let case = self.case;
        let place = self.places.get(index).copied().unwrap_or_default();
        let kept = self.kept.get(&s.frame.number);
        let reasons = kept.map(|k| k.reasons.as_slice()).unwrap_or_default();
        let reset = case.episode.resets.iter().find(|r| r.segment == index);
        let made_up = reset.is_some_and(|r| forged(case, r));
        let (from, to) = ends(s.from);
        Arrow {
            time: self.time(s.time),
            frame: s.frame.in_file.to_string(),
            from: if made_up { Place::Device } else { from },
            to,
            look: self.look(index, s, reasons),
            label: match reset {
                Some(r) => label::reset(s, r, made_up),
                None => label::segment(case, s, place, reasons),
            },
            numbers: [
                place.seq.to_string(),
                place.ack.map(|a| a.to_string()).unwrap_or_default(),
                s.len.to_string(),
                s.ttl.to_string(),
            ],
            facts: kept.map(|k| facts(&k.comments)).unwrap_or_default(),
        }
    }

    fn look(&self, index: usize, s: &Segment, reasons: &[Reason]) -> Look {
        let primary = self.case.episode.resets.get(self.case.episode.primary);
        let notable = |r: &Reason| !ordinary(*r);
        if primary.is_some_and(|r| r.segment == index) {
            Look::Primary
        } else if s.is_rst() {
            Look::Reset
        } else if primary.is_some_and(|r| r.trigger == Some(index)) {
            Look::Trigger
        } else if s.is_fin() {
            Look::Close
        } else if reasons.iter().any(notable) {
            Look::Notable
        } else {
            Look::Plain
        }
    }

    fn icmp(&self, e: &IcmpError) -> Arrow {
        let (to, from) = ends(e.about);
        // the device's lane stands for the path; without one the error comes from the far side
        let from = if self.case.diagnosis.party.word() == "middlebox" {
            Place::Device
        } else {
            from
        };
        let kept = self.kept.get(&e.frame.number);
        Arrow {
            time: self.time(e.time),
            frame: e.frame.in_file.to_string(),
            from,
            to,
            look: Look::Icmp,
            label: label::icmp(e),
            numbers: Default::default(),
            facts: kept.map(|k| facts(&k.comments)).unwrap_or_default(),
        }
    }

    fn run<'s>(
        &self,
        first: &Segment,
        end: &Segment,
        segments: impl Iterator<Item = &'s Segment>,
    ) -> Run {
        let sum = Sum::of(segments);
        let (from, to) = match sum.direction() {
            Some(side) => ends(side),
            None => (Place::Client, Place::Client),
        };
        Run {
            time: self.time(first.time),
            frames: format!("{}-{}", first.frame.in_file, end.frame.in_file),
            from,
            to,
            label: sum.words(),
            resets: sum.resets != [0, 0],
        }
    }
}

fn ends(from: Side) -> (Place, Place) {
    match from {
        Side::Client => (Place::Client, Place::Server),
        Side::Server => (Place::Server, Place::Client),
    }
}

/// The words of packet comments, without their tags.
fn facts(comments: &[String]) -> Vec<String> {
    let words = |c: &String| {
        let end = c.rfind(" [rstcap ").unwrap_or(c.len());
        plain(c.get(..end).unwrap_or(c))
    };
    comments.iter().map(words).collect()
}
