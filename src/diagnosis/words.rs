//! A diagnosis in words, made when somebody wants to read them: most outputs list many cases
//! and show few words of each.

use super::context::ResetContext;
use super::evidence::{Blame, Evidence};
use super::model::{Case, Checklist, Diagnosis, World};
use super::{tree, wording};
use crate::reset;

impl Evidence {
    /// The fact as a sentence: short, concrete, numbers with units, no frame numbers.
    #[must_use]
    pub fn text(&self) -> String {
        wording::fact(&self.fact)
    }
}

impl Blame {
    /// Who or what ought to change.
    #[must_use]
    pub fn text(self) -> &'static str {
        wording::blame(self)
    }
}

impl Diagnosis {
    /// One line that tells the story, at most 160 characters, leading with what decided.
    #[must_use]
    pub fn summary(&self) -> String {
        if let Some(listed) = &self.listed {
            return listed.summary.clone();
        }
        let mut end: usize = self.leads.iter().map(|n| usize::from(*n)).sum();
        let mut line = String::new();
        // each pattern was put before what was known until then
        for lead in self.leads.iter().rev() {
            let start = end.saturating_sub(usize::from(*lead));
            let lead = self.evidence.get(start..end).unwrap_or_default();
            line = wording::lead_with(&wording::summary(lead), &line);
            end = start;
        }
        line
    }

    /// What to check next, at a place.
    #[must_use]
    pub(super) fn advice(&self, place: &wording::Place) -> Vec<String> {
        match (&self.listed, tree::rule(self.class)) {
            (Some(listed), _) => listed.advice.clone(),
            (None, Some(rule)) => wording::advice_for(rule, self.discriminator.as_deref(), place),
            (None, None) => Vec::new(),
        }
    }

    /// Who or what ought to change, when that is not the party that sent the RST.
    #[must_use]
    pub fn to_change(&self) -> Option<&str> {
        let listed = self.listed.as_ref().and_then(|l| l.blame.as_deref());
        self.blame.map(Blame::text).or(listed)
    }

    /// What another capture point would settle, if anything.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&str> {
        let listed = self.listed.as_ref();
        let listed = listed.and_then(|l| l.other_vantage.as_deref());
        self.other_vantage.or(listed)
    }
}

impl Case {
    /// What to check next.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        let place = wording::Place {
            server: self.connection.server,
            name: wording::asked_for(&self.story),
        };
        self.diagnosis.advice(&place)
    }

    /// The ten questions. They are about this connection alone.
    #[must_use]
    pub fn checklist(&self) -> Checklist {
        if let Some(listed) = &self.diagnosis.listed {
            return listed.checklist.clone();
        }
        if self.episode.resets.is_empty() {
            return Checklist::default();
        }
        let world = World::default();
        let replay = reset::replay(&self.connection);
        let context = ResetContext::new(
            &self.connection,
            &self.episode,
            &replay,
            &self.story,
            &world,
        );
        wording::checklist(&context, &self.diagnosis)
    }
}

#[cfg(test)]
mod tests {
    use super::Evidence;
    use crate::diagnosis::evidence::Fact;
    use crate::report::testing::case;
    use smallvec::smallvec;

    fn told(text: &str) -> Evidence {
        Evidence::framed(Fact::OthersToo { text: text.into() }, [])
    }

    #[test]
    fn patterns_lead_the_summary_the_last_one_first() {
        let mut d = case(1).diagnosis;
        d.evidence = ["second pattern", "first pattern", "own", "not in it"]
            .map(told)
            .into();
        d.leads = smallvec![1, 1, 1];
        assert_eq!(d.summary(), "second pattern; first pattern; own");
        d.leads.clear();
        assert_eq!(d.summary(), "");
    }

    #[test]
    fn a_long_summary_is_cut() {
        let mut d = case(1).diagnosis;
        d.evidence = vec![told("pattern"), told(&"x".repeat(200))];
        d.leads = smallvec![1, 1];
        let summary = d.summary();
        assert_eq!(summary.chars().count(), 160);
        assert!(summary.starts_with("pattern; xxx") && summary.ends_with("x..."));
    }

    #[test]
    fn questions_are_answered_from_the_connection() {
        let list = case(1).checklist();
        assert_eq!(list.first_reset, "frame 12, abort from the server address");
        assert!(
            list.sender
                .starts_with("middlebox (high confidence): RST 0.4 ms")
        );
        let mut empty = case(1);
        empty.episode.resets.clear();
        assert_eq!(empty.checklist(), super::Checklist::default());
    }
}
