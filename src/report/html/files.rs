//! Names of input files as the page shows them: no more of their directories than it takes to
//! tell them apart, because the page is made to be shared.

use crate::flow::FrameRef;
use crate::report::Report;
use crate::report::hostile::plain;
use crate::units::FileId;
use std::collections::BTreeMap;

/// Names by file.
pub(super) struct Names {
    names: BTreeMap<FileId, String>,
}

impl Names {
    pub(super) fn of(report: &Report<'_>) -> Self {
        let labels: Vec<(FileId, Vec<&str>)> = report
            .files
            .iter()
            .map(|f| {
                (
                    f.id,
                    f.label
                        .split(['/', '\\'])
                        .rev()
                        .filter(|p| !p.is_empty())
                        .collect(),
                )
            })
            .collect();
        // how many files end with the same components
        let mut ends: BTreeMap<&[&str], u32> = BTreeMap::new();
        for (_, parts) in &labels {
            for n in 1..=parts.len() {
                *ends.entry(&parts[..n]).or_insert(0) += 1;
            }
        }
        let short = |parts: &Vec<&str>| {
            let enough = (1..=parts.len()).find(|n| ends.get(&parts[..*n]) == Some(&1));
            let n = enough.unwrap_or(parts.len());
            let shown: Vec<&str> = parts[..n].iter().rev().copied().collect();
            shown.join("/")
        };
        Self {
            names: labels
                .iter()
                .map(|(id, parts)| (*id, short(parts)))
                .collect(),
        }
    }

    /// The name of a file, not yet escaped.
    pub(super) fn raw(&self, id: FileId) -> &str {
        self.names.get(&id).map_or("", String::as_str)
    }

    /// The name of a file in visible characters; `-` is standard input.
    pub(super) fn shown(&self, id: FileId) -> String {
        match self.raw(id) {
            "-" => "standard input".to_owned(),
            name => plain(name),
        }
    }

    /// `12`, or `ring_00002.pcapng#12` where the frame is not in the file at hand.
    pub(super) fn place(&self, frame: FrameRef, home: FileId) -> String {
        if frame.file == home {
            frame.in_file.to_string()
        } else {
            format!("{}#{}", self.shown(frame.file), frame.in_file)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{Findings, case, file};

    #[test]
    fn directories_only_where_names_are_equal() {
        let mut findings = Findings::of(vec![case(1)]);
        findings.files = vec![
            file(0, "/home/ann/a/ring.pcapng"),
            file(1, "/home/ann/b/ring.pcapng"),
            file(2, "C:\\Users\\ann\\x.pcap"),
            file(3, "-"),
        ];
        let names = Names::of(&findings.report());
        let shown: Vec<String> = (0..4).map(|i| names.shown(FileId(i))).collect();
        assert_eq!(
            shown,
            ["a/ring.pcapng", "b/ring.pcapng", "x.pcap", "standard input"]
        );
        assert_eq!(names.shown(FileId(9)), "");
        let frame = crate::report::testing::frame(12);
        assert_eq!(names.place(frame, FileId(0)), "12");
        assert_eq!(names.place(frame, FileId(1)), "a/ring.pcapng#12");
    }
}
