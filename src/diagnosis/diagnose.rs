//! One connection to one case. Pure: depends on nothing but its arguments.

use super::confidence;
use super::context::ResetContext;
use super::evidence::Evidence;
use super::model::{Alternative, Case, Checklist, Confidence, Diagnosis, Party, Statement, World};
use super::party::{self, Look, Verdict};
use super::rule::{Finding, Rule};
use super::{stage, tree, wording};
use crate::flow::{Connection, reassembly::Transcript};
use crate::packet::app::{AppStory, recognise};
use crate::reset::{self, Episode, Form, Replay};

/// Alternatives that are listed.
const ALTERNATIVES: usize = 3;
/// Alternatives the manual contributes when few other rules matched.
const FROM_MANUAL: usize = 2;

/// Diagnoses a connection that holds at least one RST. (Without one, which callers do not ask
/// for, the case is `unclassified` and its episode empty.)
#[must_use]
pub fn diagnose(conn: Connection, id: u32, world: &World) -> Case {
    let replay = reset::replay(&conn);
    let Some(episode) = reset::examine_replayed(&conn, &replay) else {
        return without_reset(conn, id);
    };
    let at = episode.primary().segment;
    // what was said before the end; what came later cannot have caused it, but tells whether
    // an answer was on its way
    let transcript = Transcript::until(&conn, at);
    let story = recognise(&transcript.dialogue());
    let diagnosis = judge(&conn, &episode, &replay, &story, world);
    Case {
        id,
        connection: conn,
        episode,
        story,
        diagnosis,
        group: 0,
    }
}

fn judge(
    conn: &Connection,
    episode: &Episode,
    replay: &Replay,
    story: &AppStory,
    world: &World,
) -> Diagnosis {
    let look = Look {
        conn,
        replay,
        episode,
        world,
        rtt: reset::measure(conn, replay),
    };
    let verdict = party::judge(&look);
    let mut context = ResetContext::new(conn, episode, replay, story, world);
    context.forged = verdict.forged;
    context.score = verdict.score;
    context.doubtful = verdict.party == Party::Unknown;
    let mut found = tree::matches(&context);
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
    let (lead, evidence) = order(&finding, &verdict);
    let mut diagnosis = Diagnosis {
        class: rule.id,
        title: rule.title,
        party,
        party_confidence,
        cause_confidence: confidence::word(cause),
        basis: finding.basis,
        severity: finding.severity,
        summary: wording::summary(&lead),
        blame: finding.blame.map(wording::blame),
        discriminator: finding.discriminator.clone(),
        evidence: evidence.iter().map(statement).collect(),
        alternatives: alternatives(rule, others),
        advice: wording::advice(rule),
        other_vantage: wording::other_vantage(party, c.episode.vantage.point, c.is_stateless()),
        stage: stage::stage(c),
        zeek_conn_state: stage::zeek_conn_state(c),
        completeness: stage::completeness(c),
        idle_before: c.idle_before(),
        checklist: Checklist::default(),
        contrast: Vec::new(),
        middlebox_score: verdict.score,
    };
    let tells_who = match finding.party {
        Some((stated, _)) if stated == party => finding.evidence.first(),
        _ => verdict.evidence.first(),
    };
    diagnosis.checklist = wording::checklist(c, &diagnosis, tells_who);
    diagnosis
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

/// What leads the summary, and all evidence: the party's first when a device is declared.
fn order(finding: &Finding, verdict: &Verdict) -> (Vec<Evidence>, Vec<Evidence>) {
    let mut all: Vec<Evidence> = Vec::new();
    let mut push = |items: &[Evidence]| {
        for item in items {
            if !all.iter().any(|e: &Evidence| e.fact == item.fact) {
                all.push(item.clone());
            }
        }
    };
    let lead = if verdict.forged {
        // the name first, then what convicts
        let split = finding.evidence.len().min(1);
        push(&finding.evidence[..split]);
        push(&verdict.evidence);
        push(&finding.evidence[split..]);
        all.iter().take(4).cloned().collect()
    } else {
        // another sender among the resets is worth a place in the summary
        let split = finding.evidence.len().min(2);
        push(&finding.evidence[..split]);
        push(&verdict.later);
        push(&finding.evidence[split..]);
        push(&verdict.evidence);
        let lead = finding.evidence.iter().take(split).chain(&verdict.later);
        lead.chain(finding.evidence.iter().skip(split))
            .take(3)
            .cloned()
            .collect()
    };
    (lead, all)
}

fn statement(evidence: &Evidence) -> Statement {
    Statement {
        text: wording::fact(&evidence.fact),
        frames: evidence.frames.clone(),
    }
}

fn alternatives(rule: &'static Rule, others: &[(&'static Rule, Finding)]) -> Vec<Alternative> {
    const LAST_RESORTS: [&str; 2] = ["unclassified", "abortive-close"];
    let mut listed: Vec<Alternative> = others
        .iter()
        .filter(|(r, _)| !LAST_RESORTS.contains(&r.id))
        .take(ALTERNATIVES)
        .map(|(r, _)| Alternative {
            class: r.id,
            why_less_likely: wording::difference(rule, r.id)
                .unwrap_or_else(|| wording::gave_way(rule)),
        })
        .collect();
    for (class, text) in wording::confusable(rule).into_iter().take(FROM_MANUAL) {
        if listed.len() >= ALTERNATIVES {
            break;
        }
        if !listed.iter().any(|a| a.class == class) {
            listed.push(Alternative {
                class,
                why_less_likely: text,
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
        summary: String::new(),
        blame: None,
        discriminator: None,
        evidence: Vec::new(),
        alternatives: Vec::new(),
        advice: Vec::new(),
        other_vantage: None,
        stage: Stage::NoMatch,
        zeek_conn_state: "OTH",
        completeness: 0,
        idle_before: None,
        checklist: Checklist::default(),
        contrast: Vec::new(),
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
