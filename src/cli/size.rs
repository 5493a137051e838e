//! Sizes in bytes on the command line.

/// Reads `4096`, `512k`, `64M`, `4G`; the letters are powers of 1024, as memory is counted.
///
/// # Errors
/// What was expected.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong =
        || format!("'{text}' is not a size; write a number of bytes, or one with k, M or G");
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(d) => (d, 1 << 10),
        None => match text.strip_suffix(['m', 'M']) {
            Some(d) => (d, 1 << 20),
            None => match text.strip_suffix(['g', 'G']) {
                Some(d) => (d, 1 << 30),
                None => (text, 1_u64),
            },
        },
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let n: u64 = digits.parse().map_err(|_| wrong())?;
    n.checked_mul(unit).filter(|n| *n > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn units() {
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse("512k"), Ok(524_288));
        assert_eq!(parse("64M"), Ok(67_108_864));
        assert_eq!(parse("4G"), Ok(4_294_967_296));
        for text in ["", "0", "k", "-1", "1.5G", "+4", "99999999999999G"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
