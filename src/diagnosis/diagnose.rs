//! One connection to one case. Pure: depends on nothing but its arguments.

use super::confidence;
use super::context::ResetContext;
use super::evidence::{Evidence, Fact};
use super::model::{Alternative, Case, Confidence, Diagnosis, Party, World};
use super::party::{self, Look, Verdict};
use super::rule::{Finding, Rule};
use super::{stage, tree, wording};
use crate::flow::{Connection, reassembly::Transcript};
use crate::packet::app::{AppStory, recognise};
use crate::reset::{self, Episode, Form};
use smallvec::{SmallVec, smallvec};

/// Alternatives that are listed.
const ALTERNATIVES: usize = 3;
/// Alternatives the manual contributes when few other rules matched.
const FROM_MANUAL: usize = 2;

/// Diagnoses a connection that holds at least one RST. (Without one, which callers do not ask
/// for, the case is `unclassified` and its episode empty.)
#[must_use]
pub fn diagnose(conn: Connection, id: u32, world: &World) -> Case {
    let replay = reset::replay(&conn);
    let rtt = reset::measure(&conn, &replay);
    let Some(episode) = reset::examine_replayed(&conn, &replay, &rtt) else {
        return without_reset(conn, id);
    };
    let at = episode.primary().segment;
    // what was said before the end; what came later cannot have caused it, but tells whether
    // an answer was on its way
    let transcript = Transcript::until(&conn, at);
    let story = recognise(&transcript.dialogue());
    let look = Look::new(&conn, &replay, &episode, world, rtt);
    let diagnosis = judge(&look, &story);
    Case {
        id,
        connection: conn,
        episode,
        story,
        diagnosis,
        group: 0,
    }
}

fn judge(look: &Look, story: &AppStory) -> Diagnosis {
    let verdict = party::judge(look);
    let mut context = ResetContext::new(look.conn, look.episode, look.replay, story, look.world);
    context.forged = verdict.forged;
    context.score = verdict.score;
    context.doubtful = verdict.party == Party::Unknown;
    let two_voices = |e: &Evidence| matches!(e.fact, Fact::ConflictingData { .. });
    context.two_voices = verdict
        .evidence
        .iter()
        .chain(&verdict.later)
        .any(two_voices);
    let mut found = tree::matches(&context, 1 + ALTERNATIVES);
    if found.is_empty() {
        // the last rule matches everything
        return empty_diagnosis();
    }
    let (rule, finding) = found.remove(0);
    assemble(&context, rule, finding, &found, verdict)
}

fn assemble(
    c: &ResetContext,
    rule: &'static Rule,
    finding: Finding,
    others: &[(&'static Rule, Finding)],
    verdict: Verdict,
) -> Diagnosis {
    let cause = confidence::of_cause(c, rule.id, &finding, verdict.one_sample);
    let (party, party_confidence) = who(c, &finding, &verdict);
    let stated = finding.party.is_some_and(|(stated, _)| stated == party);
    let score = verdict.score;
    // the finding's first piece of evidence is the first of all
    let by_score = verdict.evidence.first().filter(|_| !stated);
    let by_score = by_score.map(|e| e.fact.clone());
    let (lead, evidence) = order(finding.evidence, verdict);
    let party_evidence = evidence
        .iter()
        .position(|e| by_score.as_ref().is_none_or(|fact| e.fact == *fact))
        .filter(|_| stated || by_score.is_some());
    Diagnosis {
        class: rule.id,
        title: rule.title,
        party,
        party_confidence,
        cause_confidence: confidence::word(cause),
        basis: finding.basis,
        severity: finding.severity,
        blame: finding.blame,
        discriminator: finding.discriminator,
        evidence,
        party_evidence,
        leads: smallvec![lead],
        alternatives: alternatives(rule, others),
        other_vantage: wording::other_vantage(party, c.episode.vantage.point, c.is_stateless()),
        stage: stage::stage(c),
        zeek_conn_state: stage::zeek_conn_state(c),
        completeness: stage::completeness(c),
        idle_before: c.idle_before(),
        contrast: Vec::new(),
        listed: None,
        middlebox_score: score,
    }
}

/// A rule that knows the party from content or state overrules the score, but never a
/// declared device.
fn who(c: &ResetContext, finding: &Finding, verdict: &Verdict) -> (Party, Confidence) {
    let (party, confidence) = match finding.party {
        Some(stated) if !verdict.forged || verdict.party == stated.0 => stated,
        Some(stated)
            if matches!(
                stated.0,
                Party::ServerSideIntermediary | Party::ClientSideIntermediary
            ) =>
        {
            stated
        }
        _ => (verdict.party, verdict.confidence),
    };
    let mut confidence = confidence;
    // a device that forges one direction unseen cannot be excluded where half is missing
    let stranger = c.form() == Form::Orphan && c.replay.end[c.sender.index()].segments == 0;
    let weak = c.one_direction_missing() || confidence::roles_inferred(c) || stranger;
    if weak && confidence == Confidence::High {
        confidence = Confidence::Medium;
    }
    // an address alone proves nothing
    let host = matches!(party, Party::ClientHost | Party::ServerHost);
    if stranger && host && finding.party.is_none() {
        confidence = Confidence::Low;
    }
    (party, confidence)
}

/// How much leads the summary, and all evidence: the party's first when a device is declared.
fn order(finding: Vec<Evidence>, verdict: Verdict) -> (u8, Vec<Evidence>) {
    let mut all: Vec<Evidence> = Vec::with_capacity(finding.len() + verdict.evidence.len());
    let mut push = |items: &mut dyn Iterator<Item = Evidence>| {
        for item in items {
            if !all.iter().any(|e| e.fact == item.fact) {
                all.push(item);
            }
        }
        all.len() as u8
    };
    let mut finding = finding.into_iter();
    let lead = if verdict.forged {
        // the name first, then what convicts
        push(&mut finding.by_ref().take(1));
        push(&mut verdict.evidence.into_iter());
        push(&mut finding).min(4)
    } else {
        // another sender among the resets is worth a place in the summary
        push(&mut finding.by_ref().take(2));
        push(&mut verdict.later.into_iter());
        let lead = push(&mut finding).min(3);
        push(&mut verdict.evidence.into_iter());
        lead
    };
    (lead, all)
}

fn alternatives(
    rule: &'static Rule,
    others: &[(&'static Rule, Finding)],
) -> SmallVec<[Alternative; 3]> {
    let mut listed: SmallVec<[Alternative; 3]> = others
        .iter()
        .map(|(r, _)| Alternative {
            class: r.id,
            why_less_likely: wording::gave_way(rule).into(),
        })
        .collect();
    for (class, difference) in wording::confusable(rule).take(FROM_MANUAL) {
        if listed.len() >= ALTERNATIVES {
            break;
        }
        if !listed.iter().any(|a| a.class == class) {
            listed.push(Alternative {
                class,
                why_less_likely: difference.into(),
            });
        }
    }
    listed
}

fn empty_diagnosis() -> Diagnosis {
    use super::model::{Basis, Severity, Stage};
    Diagnosis {
        class: "unclassified",
        title: tree::rule("unclassified").map_or("", |r| r.title),
        party: Party::Unknown,
        party_confidence: Confidence::Low,
        cause_confidence: Confidence::Low,
        basis: Basis::Inferred,
        severity: Severity::Info,
        blame: None,
        discriminator: None,
        evidence: Vec::new(),
        party_evidence: None,
        leads: SmallVec::new(),
        alternatives: SmallVec::new(),
        other_vantage: None,
        stage: Stage::NoMatch,
        zeek_conn_state: "OTH",
        completeness: 0,
        idle_before: None,
        contrast: Vec::new(),
        listed: None,
        middlebox_score: 0,
    }
}

/// A case for a connection that holds no RST; callers do not ask for one, but no input may
/// panic.
fn without_reset(conn: Connection, id: u32) -> Case {
    use crate::reset::{Vantage, VantagePoint};
    Case {
        id,
        connection: conn,
        episode: Episode {
            resets: Vec::new(),
            primary: 0,
            rtt: [None; 2],
            rtt_samples: [0; 2],
            handshake_complete: false,
            continues: false,
            vantage: Vantage {
                point: VantagePoint::Unknown,
                decisive: false,
                votes: Vec::new(),
            },
        },
        story: AppStory::default(),
        diagnosis: empty_diagnosis(),
        group: 0,
    }
}
