//! Fisher's exact test for two by two tables: exact for the small counts that captures have.

/// Probability, under independence, of a table at least as extreme as
/// `[[a, b], [c, d]]` towards a larger `a` (one-sided).
#[must_use]
pub fn one_sided(a: u64, b: u64, c: u64, d: u64) -> f64 {
    let (row, column, all) = (a + b, a + c, a + b + c + d);
    let largest = row.min(column);
    (a..=largest)
        .map(|x| {
            let rest = column - x;
            if rest > all - row {
                return 0.0;
            }
            (ln_choose(row, x) + ln_choose(all - row, rest) - ln_choose(all, column)).exp()
        })
        .sum::<f64>()
        .min(1.0)
}

fn ln_choose(n: u64, k: u64) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    let k = k.min(n - k);
    (0..k)
        .map(|i| (((n - i) as f64) / ((i + 1) as f64)).ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::one_sided;

    #[test]
    fn known_tables() {
        // the lady tasting tea: 3 of 4 right, p = 17/70
        assert!((one_sided(3, 1, 1, 3) - 17.0 / 70.0).abs() < 1e-9);
        // all apart: 1 / C(10, 5)
        assert!((one_sided(5, 0, 0, 5) - 1.0 / 252.0).abs() < 1e-12);
        // nothing to tell
        assert!((one_sided(0, 5, 0, 5) - 1.0).abs() < 1e-9);
    }
}
