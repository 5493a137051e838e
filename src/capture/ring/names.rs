//! The names that writers of rotated files give them.

/// The series a file's name puts it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    /// What stands before the file name.
    pub directory: String,
    /// Equal for all files of a series in one directory.
    pub key: String,
    /// Sequence number, if the name has one.
    pub number: Option<u64>,
    /// The number counts up from file to file, so that a hole is a missing file.
    pub counts_up: bool,
    /// The series may begin with the bare name (tcpdump `-C`).
    pub continues_bare: bool,
}

impl Series {
    fn new(directory: &str, key: String, number: Option<u64>, counts_up: bool) -> Self {
        Self {
            directory: directory.to_owned(),
            key,
            number,
            counts_up,
            continues_bare: false,
        }
    }
}

/// The series a path belongs to by its name, if the name fits a pattern.
pub(super) fn series(path: &str) -> Option<Series> {
    let (directory, name) = split_path(path);
    let name = uncompressed(name);
    let (prefix, number, time, suffix);
    if let Some((p, t, n, s)) = time_numbered(name) {
        (prefix, number, time, suffix) = (p, n, t, s);
    } else if let Some((p, n, s)) = numbered(name) {
        (prefix, number, time, suffix) = (p, n, false, s);
    } else {
        return timed_count(directory, name)
            .or_else(|| counted(directory, name))
            .or_else(|| suricata(directory, name))
            .or_else(|| arkime(directory, name))
            .or_else(|| azure(directory, name))
            .or_else(|| timed(directory, name));
    }
    // editcap's first file may lack the time: with and without it are one series
    let kind = if time { "time-number" } else { "number" };
    let key = format!("{kind}:{prefix}:{suffix}");
    Some(Series::new(directory, key, Some(number), true))
}

/// The series that a file with the bare name would begin.
pub(super) fn bare(path: &str) -> Series {
    let (directory, name) = split_path(path);
    let key = format!("count:{}", uncompressed(name));
    Series {
        continues_bare: true,
        ..Series::new(directory, key, Some(0), true)
    }
}

fn split_path(path: &str) -> (&str, &str) {
    path.rfind(['/', '\\'])
        .and_then(|at| Some((path.get(..at)?, path.get(at + 1..)?)))
        .unwrap_or(("", path))
}

fn uncompressed(name: &str) -> &str {
    [".gz", ".zst", ".lz4", ".bz2", ".xz"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// Splits `name.ext` into name and `.ext`; the extension has no dot in it and may be missing.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at + 1 < name.len() => name.split_at(at),
        _ => (name, ""),
    }
}

/// Takes exactly `n` digits off the end.
fn digits_off(text: &str, n: usize) -> Option<(&str, &str)> {
    let at = text.len().checked_sub(n)?;
    let (head, tail) = text.split_at_checked(at)?;
    is_digits(tail).then_some((head, tail))
}

/// Takes all digits off the end.
fn trailing_digits(text: &str) -> (&str, &str) {
    let head = text.trim_end_matches(|c: char| c.is_ascii_digit());
    (head, text.get(head.len()..).unwrap_or_default())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `PRE_00001_20261121001955.pcapng` (dumpcap, editcap -i) and `PRE_00000.pcapng` (editcap -c).
fn numbered(name: &str) -> Option<(&str, u64, &str)> {
    let with_extension = split_extension(name);
    [with_extension, (name, "")]
        .into_iter()
        .find_map(|(stem, suffix)| {
            let stem = digits_off(stem, 14)
                .filter(|(_, time)| is_date_time(time))
                .and_then(|(head, _)| head.strip_suffix('_'))
                .unwrap_or(stem);
            let (head, number) = digits_off(stem, 5)?;
            Some((head.strip_suffix('_')?, number.parse().ok()?, suffix))
        })
}

/// `PRE_20261121001955_00001.pcapng` (dumpcap -b nametimenum:2).
fn time_numbered(name: &str) -> Option<(&str, bool, u64, &str)> {
    let (stem, suffix) = split_extension(name);
    let (head, number) = digits_off(stem, 5)?;
    let (head, time) = digits_off(head.strip_suffix('_')?, 14)?;
    let prefix = head.strip_suffix('_')?;
    is_date_time(time).then_some((prefix, true, number.parse().ok()?, suffix))
}

/// `x.pcap1` (tcpdump -C), `x.pcap0` to `x.pcap2` (-W), `x.pcap.1` and `x.pcap-20240101`
/// (logrotate).
fn counted(directory: &str, name: &str) -> Option<Series> {
    let (head, digits) = trailing_digits(name);
    let is_capture = |name: &str| {
        [".pcap", ".cap", ".pcapng", ".capng"]
            .iter()
            .any(|e| name.ends_with(e))
    };
    let number = || digits.parse().ok();
    if let Some(base) = head.strip_suffix('-') {
        let dated = digits.len() == 8 && is_capture(base);
        return dated.then(|| Series::new(directory, format!("logrotate:{base}"), number(), false));
    }
    if !(1..=6).contains(&digits.len()) {
        return None;
    }
    if let Some(base) = head.strip_suffix('.').filter(|base| is_capture(base)) {
        return Some(Series {
            continues_bare: true,
            ..Series::new(directory, format!("count:{base}"), number(), false)
        });
    }
    is_capture(head).then(|| Series {
        continues_bare: true,
        ..Series::new(directory, format!("count:{head}"), number(), true)
    })
}

/// `log.pcap.[THREAD.]SECONDS[.MICROSECONDS]` (Suricata). Threads capture in parallel, and
/// are series of their own.
fn suricata(directory: &str, name: &str) -> Option<Series> {
    let at = name.rfind(".pcap.")?;
    let (base, rest) = name.split_at_checked(at + ".pcap".len())?;
    let parts: Vec<&str> = rest.split('.').skip(1).collect();
    if !parts.iter().all(|p| is_digits(p)) {
        return None;
    }
    let thread = match parts[..] {
        [seconds] | [seconds, _] if is_epoch(seconds) => "",
        [thread, seconds] | [thread, seconds, _] if is_epoch(seconds) && thread.len() <= 4 => {
            thread
        }
        _ => return None,
    };
    let key = format!("suricata:{base}:{thread}");
    Some(Series::new(directory, key, None, false))
}

/// `NODE-261121-00000042.pcap` (Arkime).
fn arkime(directory: &str, name: &str) -> Option<Series> {
    let stem = name
        .strip_suffix(".pcap")
        .or_else(|| name.strip_suffix(".arkime"))?;
    let (head, number) = digits_off(stem, 8)?;
    let (head, date) = digits_off(head.strip_suffix('-')?, 6)?;
    let node = head.strip_suffix('-')?;
    let (_, month_and_day) = date.split_at_checked(2)?;
    let named = !node.is_empty() && is_month_and_day(month_and_day);
    named.then(|| {
        let key = format!("arkime:{node}");
        Series::new(directory, key, number.parse().ok(), true)
    })
}

/// `packetcapture_HH_MM_SS_mmm.cap` (Azure Network Watcher), below a directory for each day.
fn azure(directory: &str, name: &str) -> Option<Series> {
    let (stem, suffix) = split_extension(name);
    let time = stem.strip_prefix("packetcapture_")?;
    let lengths: Vec<usize> = time.split('_').map(str::len).collect();
    if lengths != [2, 2, 2, 3] || !time.split('_').all(is_digits) {
        return None;
    }
    let mut top = directory;
    for len in [2, 2, 4] {
        top = digits_off(top, len).map_or(top, |(head, _)| head.trim_end_matches(['/', '\\']));
    }
    let key = format!("azure:{suffix}");
    Some(Series::new(top, key, None, false))
}

/// A time in the name: `tdg-20261121-002021.pcap` (tcpdump -G), `dump-1700000000.pcap`
/// (netsniff-ng).
fn timed(directory: &str, name: &str) -> Option<Series> {
    let (prefix, rest) = split_at_time(name)?;
    let suffix = match rest.strip_prefix('.') {
        None if rest.is_empty() || is_digits(rest) => "",
        Some(extension) if !extension.contains('.') => trailing_digits(rest).0,
        _ => return None,
    };
    let key = format!("time:{prefix}:{suffix}");
    Some(Series::new(directory, key, None, false))
}

/// As [`timed`], with tcpdump's counter behind the extension, which begins again with each time.
fn timed_count(directory: &str, name: &str) -> Option<Series> {
    counted(directory, name)?;
    timed(directory, name)
}

/// Splits a name around the first time in it: what comes before (without a separator) and after.
fn split_at_time(name: &str) -> Option<(&str, &str)> {
    name.char_indices()
        .filter(|(_, c)| c.is_ascii_digit())
        .find_map(|(at, _)| {
            let (prefix, rest) = name.split_at_checked(at)?;
            let len = date_time_len(rest).or_else(|| epoch_len(rest))?;
            let prefix = prefix.strip_suffix(['-', '_', '.']).unwrap_or(prefix);
            Some((prefix, rest.get(len..)?))
        })
}

/// Length of a date and time of day (seconds may lack) that a text begins with.
fn date_time_len(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut take = |n: usize, separators: &str| -> Option<&str> {
        let rest = text.get(at..)?;
        let rest_at = rest
            .strip_prefix(|c| separators.contains(c))
            .unwrap_or(rest);
        let digits = rest_at.get(..n).filter(|d| is_digits(d))?;
        at += rest.len() - rest_at.len() + n;
        Some(digits)
    };
    take(4, "")?;
    let date = [take(2, "-")?, take(2, "-")?].concat();
    let mut time = [take(2, "-_T")?, take(2, "-:_")?].concat();
    time.push_str(take(2, "-:_").unwrap_or("00"));
    (is_month_and_day(&date) && is_time_of_day(&time)).then_some(at)
}

/// Length of seconds since 1970, with or without microseconds, that a text begins with.
fn epoch_len(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let seconds = text.get(..10)?;
    (matches!(digits, 10 | 16) && is_epoch(seconds)).then_some(digits)
}

/// Ten digits of seconds: from 2001 on.
fn is_epoch(text: &str) -> bool {
    text.len() == 10 && is_digits(text) && !text.starts_with('0')
}

/// `YYYYMMDDHHMMSS`.
fn is_date_time(text: &str) -> bool {
    let parts = (text.get(4..8), text.get(8..14));
    matches!(parts, (Some(date), Some(time)) if is_month_and_day(date) && is_time_of_day(time))
}

fn is_month_and_day(text: &str) -> bool {
    let part = |range| text.get(range).and_then(|t: &str| t.parse::<u8>().ok());
    matches!((part(0..2), part(2..4)), (Some(1..=12), Some(1..=31)))
}

fn is_time_of_day(text: &str) -> bool {
    let part = |range| text.get(range).and_then(|t: &str| t.parse::<u8>().ok());
    matches!(
        (part(0..2), part(2..4), part(4..6)),
        (Some(0..=23), Some(0..=59), Some(0..=60))
    )
}

#[cfg(test)]
mod tests {
    use super::series;

    /// Number and key; files with equal keys belong together.
    fn parts(name: &str) -> (Option<u64>, String) {
        let series = series(name).unwrap_or_else(|| panic!("{name} fits no pattern"));
        (series.number, series.key)
    }

    #[test]
    fn writers_names_are_known() {
        for (name, number, key) in [
            (
                "PRE_00001_20261121001955.pcapng",
                Some(1),
                "number:PRE:.pcapng",
            ),
            (
                "PRE_00001_20261121001955.pcapng.gz",
                Some(1),
                "number:PRE:.pcapng",
            ),
            (
                "PRE_20261121001955_00001.pcapng",
                Some(1),
                "time-number:PRE:.pcapng",
            ),
            ("split_00000.pcapng", Some(0), "number:split:.pcapng"),
            (
                "split_00001_20231114221320.pcapng",
                Some(1),
                "number:split:.pcapng",
            ),
            ("x.pcap_00000.gz", Some(0), "number:x.pcap:"),
            ("tdc.pcap1", Some(1), "count:tdc.pcap"),
            ("tdw12.pcap00", Some(0), "count:tdw12.pcap"),
            ("tdw12.pcap11", Some(11), "count:tdw12.pcap"),
            ("tdg-20261121-002021.pcap", None, "time:tdg:.pcap"),
            ("tdg-20261121-002021.pcap1", None, "time:tdg:.pcap"),
            ("tdg-20261121-002021.pcap2.gz", None, "time:tdg:.pcap"),
            ("log.pcap.1700000000", None, "suricata:log.pcap:"),
            ("log.pcap.1700000000.123456", None, "suricata:log.pcap:"),
            ("log.pcap.1700000000.lz4", None, "suricata:log.pcap:"),
            ("log.pcap.3.1700000000", None, "suricata:log.pcap:3"),
            ("log.pcap.3.1700000000.123456", None, "suricata:log.pcap:3"),
            ("moloch-261121-00000042.pcap", Some(42), "arkime:moloch"),
            ("moloch-261121-00000043.pcap.zst", Some(43), "arkime:moloch"),
            ("my-node-261121-00000042.arkime", Some(42), "arkime:my-node"),
            ("dump-1700000000.pcap", None, "time:dump:.pcap"),
            ("x.pcap.1", Some(1), "count:x.pcap"),
            ("x.pcap-20240101", Some(20_240_101), "logrotate:x.pcap"),
            ("host_2026-11-21_00-19-55.cap", None, "time:host:.cap"),
            ("eth0-2026-11-21T00:19:55.pcap", None, "time:eth0:.pcap"),
            (
                "a/2026/11/21/packetcapture_00_19_55_123.cap",
                None,
                "azure:.cap",
            ),
        ] {
            assert_eq!(parts(name), (number, key.to_owned()), "{name}");
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        for name in [
            "capture.pcap",
            "rx.pcap",
            "case12.pcapng",
            "10.0.0.1-40000_192.0.2.7-443.pcapng",
            "x_0001.pcap",
            "build-20261399.pcap",
            "notes.txt",
            "0003_20240714T120117.123456Z_10.0.0.1-40000_192.0.2.7-443_refused.pcapng",
            "é_00.pcap",
            "",
        ] {
            assert_eq!(series(name), None, "{name}");
        }
    }

    #[test]
    fn azure_files_of_several_days_belong_together() {
        let a = series("x/2026/11/21/packetcapture_23_59_55_123.cap");
        let b = series("x/2026/11/22/packetcapture_00_09_55_123.cap");
        assert!(a.is_some());
        assert_eq!(a, b);
    }
}
