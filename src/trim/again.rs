//! A case file as the source of a case file: what an earlier run said stays, and is not said
//! again. The earlier run saw the whole capture; where both give the same class, its word
//! stands, as what it counted and how sure it was rest on more.

use super::packet::Packet;

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
    let judged = there
        .iter()
        .any(|text| text.contains(RST_TAG) && same_class(words(text), verdict));
    ours.retain(|own| {
        let repeated = there.iter().any(|text| words(text) == words(own));
        let is_verdict = own.contains(RST_TAG);
        !(repeated || judged && is_verdict)
    });
    ours
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
