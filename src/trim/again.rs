//! A case file as the source of a case file: what an earlier run said stays, and is not said
//! again. The earlier run saw the whole capture; where both give the same class, its word
//! stands, as what it counted and how sure it was rest on more.

use super::packet::Packet;
use super::section;
use super::source::Source;
use crate::diagnosis::{Basis, Case, Confidence, Party, Severity, Told};
use crate::error::Result;
use crate::selection::{MAX_COMMENT, clean};

/// Start of the tag at the end of a packet comment.
const TAG: &str = " [rstcap ";
/// That of comments on RSTs.
const RST_TAG: &str = " [rstcap role=rst ";

/// Those of our comments that the packet does not carry yet. `verdict` is the case's, see
/// [`crate::selection::Selection::verdict`].
pub(super) fn new_comments(
    packet: &Packet<'_>,
    mut ours: Vec<String>,
    verdict: &str,
) -> Vec<String> {
    let there: Vec<&str> = packet
        .comments()
        .filter_map(|text| std::str::from_utf8(text).ok())
        .collect();
    if there.is_empty() {
        return ours;
    }
    let judged = is_judged(packet, verdict);
    ours.retain(|own| {
        let repeated = there.iter().any(|text| words(text) == words(own));
        let is_verdict = own.contains(RST_TAG);
        !(repeated || judged && is_verdict)
    });
    ours
}

/// Whether a packet carries an earlier run's verdict of the same class.
pub(super) fn is_judged(packet: &Packet<'_>, verdict: &str) -> bool {
    packet.comments().any(|comment| {
        let text = String::from_utf8_lossy(comment);
        text.contains(RST_TAG) && same_class(words(&text), verdict)
    })
}

/// What the run that wrote a case file says of this case, if the file is one: its section
/// comment names the connection, and the comment on the primary RST the same class.
///
/// The words are somebody's who could write anything: only ids that exist are taken, and the
/// reason comes out as one clean line.
///
/// # Errors
///
/// When the primary RST cannot be read again.
pub fn told(case: &Case, source: &dyn Source) -> Result<Option<Told>> {
    let raw = source.record(case.primary_segment().frame)?;
    let Some(packet) = Packet::read(&raw.bytes, &raw.origin) else {
        return Ok(None);
    };
    let connection = &case.connection;
    let named = format!(
        "connection: client {} > server {}",
        connection.client, connection.server
    );
    let told = section::comments(&raw.origin).find_map(|comment| {
        let text = String::from_utf8_lossy(comment);
        let first = text.lines().next()?;
        let ours = first.starts_with("rstcap ") && text.lines().any(|line| line == named);
        ours.then(|| read(&text))?
    });
    Ok(told.filter(|told| {
        packet.comments().any(|comment| {
            let text = String::from_utf8_lossy(comment);
            text.contains(RST_TAG) && class(words(&text)) == Some(&told.class)
        })
    }))
}

/// Whether the bytes of a section header may be those of a case file: a cheap first test.
#[must_use]
pub fn may_be_case_file(section_header: &[u8]) -> bool {
    memchr::memmem::find(section_header, b"rstcap ").is_some()
}

/// The lines of [`super::provenance`] that say who and why.
fn read(text: &str) -> Option<Told> {
    let after = |words: &str| text.lines().find_map(|line| line.strip_prefix(words));
    let confidence = |text: &str| {
        let word = text.strip_prefix("confidence ")?;
        Confidence::ALL.into_iter().find(|c| c.id() == word)
    };
    let (party, party_confidence) = after("who: ")?.split_once(", ")?;
    let mut why = after("why: ")?.rsplitn(4, ", ");
    let severity = why.next()?.strip_prefix("severity ")?;
    let basis = why.next()?;
    let cause_confidence = confidence(why.next()?)?;
    let (class, _) = why.next()?.split_once(" (")?;
    let mut lines = text.lines().skip_while(|line| *line != "evidence");
    let reason = lines.nth(1).and_then(|line| line.strip_prefix("- "));
    let reason = reason.map_or("", |line| line.rsplit_once(" (frame").map_or(line, |r| r.0));
    Some(Told {
        class: class.to_string(),
        party: Party::ALL.into_iter().find(|p| p.id() == party)?,
        party_confidence: confidence(party_confidence)?,
        cause_confidence,
        basis: Basis::ALL.into_iter().find(|b| b.id() == basis)?,
        severity: Severity::ALL.into_iter().find(|s| s.id() == severity)?,
        cut: text.lines().any(is_cut),
        reason: clean(reason, MAX_COMMENT),
    })
}

/// Whether a line of the comment counts packets of the connection that are left out.
fn is_cut(line: &str) -> bool {
    let number = line.strip_prefix("- ").and_then(|l| {
        l.strip_suffix(" packets of the connection")
            .or_else(|| l.strip_suffix(" packet of the connection"))
    });
    number.is_some_and(|n| n.parse::<u64>().is_ok_and(|n| n > 0))
}

/// Whether a section comment is one of rstcap's about a case of the same class.
pub(super) fn tells(comment: &[u8], verdict: &str) -> bool {
    let text = String::from_utf8_lossy(comment);
    let mut lines = text.lines();
    let is_ours = lines
        .next()
        .is_some_and(|first| first.starts_with("rstcap "));
    is_ours && lines.next().is_some_and(|line| same_class(line, verdict))
}

/// A comment without its tag, which names a case and a frame of one run.
fn words(comment: &str) -> &str {
    comment
        .rfind(TAG)
        .and_then(|at| comment.get(..at))
        .unwrap_or(comment)
}

fn same_class(one: &str, other: &str) -> bool {
    class(one).is_some_and(|class| Some(class) == self::class(other))
}

/// The class that a verdict names: `...: CLASS, who high / why medium`.
fn class(verdict: &str) -> Option<&str> {
    let (before, _) = verdict.rsplit_once(", who ")?;
    Some(before.rsplit_once(": ")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_compared_by_class() {
        let one = "reset by the server 1 ms after the SYN: syn-refused, who high / why high";
        let other = "reset by the server 1 ms after the SYN: syn-refused, who low / why high";
        assert_eq!(class(one), Some("syn-refused"));
        assert!(same_class(one, other));
        assert!(!same_class(one, &one.replace("syn-", "")));
        assert!(!same_class("no verdict", "no verdict"));
        assert!(tells(
            format!("rstcap 0.1.0, case 7\n{other}\nmore").as_bytes(),
            one
        ));
        assert!(!tells(format!("a note\n{other}").as_bytes(), one));
    }

    #[test]
    fn a_comment_is_compared_without_its_tag() {
        assert_eq!(words("x [rstcap role=rst case=1 orig=2]"), "x");
        assert_eq!(words("x [other]"), "x [other]");
    }
}
