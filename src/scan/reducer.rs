//! What takes the chunks of one timeline in, in order: frame numbers, flows, names, file facts.

use super::chunk::Walked;
use super::collector::{Collector, step_back, steps_back};
use super::plan::Progress;
use super::shards::Shards;
use super::source::FileJob;
use crate::anomaly::{Anomalies, Anomaly, AnomalyKind};
use crate::flow::fragments::Fragments;
use crate::flow::loc::Loc;
use crate::flow::names::Names;
use crate::flow::table::Base;
use crate::units::{FrameNumber, Timestamp};

/// Everything that grows along a timeline.
pub struct Reducer<'a> {
    /// Flow tables.
    pub shards: Shards,
    /// DNS.
    pub names: Names,
    /// Fragments of IP datagrams.
    pub fragments: Fragments,
    /// Frames so far.
    pub frames: u64,
    /// RST segments so far.
    pub resets: u64,
    /// Defects so far.
    pub anomalies: Anomalies,
    /// The clock stepped back somewhere.
    pub clock_unreliable: bool,
    /// Least and greatest time so far.
    pub range: Option<(i64, i64)>,
    last_time: Option<i64>,
    progress: &'a dyn Progress,
}

impl<'a> Reducer<'a> {
    /// Before the first chunk.
    pub fn new(shards: Shards, progress: &'a dyn Progress) -> Self {
        Self {
            shards,
            names: Names::default(),
            fragments: Fragments::default(),
            frames: 0,
            resets: 0,
            anomalies: Anomalies::default(),
            clock_unreliable: false,
            range: None,
            last_time: None,
            progress,
        }
    }

    /// Takes a wave of walked chunks in, with the index of each one's file.
    pub fn wave(&mut self, files: &mut [FileJob], wave: &mut [(usize, Walked)]) {
        let mut bases = Vec::with_capacity(wave.len());
        for (file, walked) in wave.iter_mut() {
            let base = Base {
                frame: self.frames,
                offset: walked.found.base,
            };
            walked.found.begin_at(self.last_time.unwrap_or(0));
            self.account(&mut files[*file], &mut walked.found);
            let loc = |frame: u32, offset: u32| {
                Loc::new(
                    base.frame + u64::from(frame) + 1,
                    base.offset + u64::from(offset),
                )
            };
            for fact in std::mem::take(&mut walked.found.dns) {
                let at = loc(fact.frame, fact.offset);
                self.names.add(fact, at);
            }
            for fact in std::mem::take(&mut walked.found.fragments) {
                self.fragments.add(&fact, loc(fact.frame, fact.offset));
            }
            bases.push(base);
        }
        let chunks: Vec<_> = wave.iter().map(|(_, w)| &w.found).zip(bases).collect();
        self.shards.reduce(&chunks);
    }

    fn account(&mut self, file: &mut FileJob, found: &mut Collector) {
        let before = file.frames;
        if file.frames == 0 {
            file.first_frame = self.frames;
        }
        file.frames += found.frames;
        file.other_frames += found.other_frames;
        self.frames += found.frames;
        self.resets += found.resets;
        self.progress.resets(found.resets);
        std::mem::take(&mut found.structures)
            .into_iter()
            .for_each(|s| file.layout.push(s));
        for mut anomaly in std::mem::take(&mut found.anomalies) {
            anomaly.frame = anomaly.frame.map(|f| FrameNumber(before + f.0));
            self.note(file, anomaly);
        }
        self.times(file, found, before + 1);
        self.unread(file, found);
    }

    fn note(&mut self, file: &FileJob, anomaly: Anomaly) {
        self.clock_unreliable |= anomaly.kind == AnomalyKind::TimeGoesBack;
        self.anomalies.add(file.id, anomaly);
    }

    fn times(&mut self, file: &mut FileJob, found: &Collector, frame: u64) {
        let (Some((first, last)), Some((low, high))) = (found.ends, found.range) else {
            return;
        };
        if let Some(before) = self.last_time.filter(|&t| steps_back(t, first)) {
            let frame = Some(FrameNumber(frame));
            self.note(
                file,
                Anomaly {
                    frame,
                    ..step_back(found.base, before, first)
                },
            );
        }
        self.last_time = Some(last);
        let widen =
            |r: Option<(i64, i64)>| r.map_or((low, high), |(a, b)| (a.min(low), b.max(high)));
        self.range = Some(widen(self.range));
        let begin = file.times.map_or(Timestamp(first), |t| t.0);
        file.times = Some((begin, Timestamp(last)));
    }

    fn unread(&mut self, file: &FileJob, found: &Collector) {
        let u = found.unread;
        let kinds = [
            (u.cut, AnomalyKind::HeaderCut, "headers cut by the snaplen"),
            (
                u.malformed,
                AnomalyKind::MalformedPacket,
                "headers contradict themselves",
            ),
        ];
        for ((count, offset), kind, detail) in kinds {
            if count > 0 {
                let tally = crate::anomaly::Tally {
                    count,
                    bytes: 0,
                    first_offset: Some(offset),
                    first_frame: None,
                    detail: detail.to_string(),
                };
                self.anomalies.merge_tally(file.id, kind, tally);
            }
        }
    }
}
