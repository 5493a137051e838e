//! "Did you mean ...?"

/// The candidate nearest to what was typed: one that contains it, or else the one with the
/// fewest changed letters, if these are no more than a third of the word.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    let most = (typed.len() / 3).max(1);
    let by_letters = candidates
        .iter()
        .map(|c| (distance(&typed, c), *c))
        .filter(|(d, _)| *d <= most)
        .min();
    let containing = candidates
        .iter()
        .copied()
        .find(|c| typed.len() >= 3 && c.contains(typed.as_str()));
    by_letters.map(|(_, c)| c).or(containing)
}

/// Letters to insert, delete, replace or swap with their neighbour to turn `a` into `b`
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("ab", "ba"), 1);
    }

    #[test]
    fn guesses() {
        let classes = ["idle-timeout-reset", "syn-refused", "reset-after-close"];
        assert_eq!(
            nearest("idle-timout-reset", &classes),
            Some("idle-timeout-reset")
        );
        assert_eq!(nearest("SYN-REFUSED", &classes), Some("syn-refused"));
        assert_eq!(nearest("refused", &classes), Some("syn-refused"));
        assert_eq!(nearest("quux", &classes), None);
    }
}
