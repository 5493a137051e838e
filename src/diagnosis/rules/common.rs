//! Evidence that several rules cite.

use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Confidence, Party};
use crate::diagnosis::rule::Finding;
use crate::flow::{Segment, Side};
use crate::packet::tcp_flags;
use crate::reset::{Effect, Form, Kind, Role};

/// How the reset is made.
pub(super) fn made(c: &ResetContext) -> Evidence {
    let (side, form) = (c.sender, c.form());
    let known = c.replay.end[side.index()].segments > 0;
    let peer_unseen = c.replay.end[side.peer().index()].segments == 0;
    let fact = match form {
        Form::Orphan if known => Fact::MadeUnlike { side },
        _ if c.forged => Fact::MadeByDevice { side, form },
        Form::Stateless if c.rst().has(tcp_flags::ACK) => Fact::MadeForNoAck { side },
        Form::Stateless if peer_unseen && c.trigger().is_none() => {
            Fact::NoSocketShape { held_up: false }
        }
        Form::BareAbort if peer_unseen => Fact::MadeUnseen { side },
        _ => Fact::Made { side, form },
    };
    Evidence::of(fact, [c.rst()])
}

/// What the stateless reset answers, or the data an abort takes with it.
pub(super) fn answers(c: &ResetContext) -> Option<Evidence> {
    let trigger = c.trigger()?;
    let delay = c.rst().time.seconds_since(trigger.time);
    if c.is_abort() {
        let fact = Fact::TakesLast { delay };
        return (trigger.len > 0).then(|| Evidence::of(fact, [trigger, c.rst()]));
    }
    // what the side did answer was not kept if this one cannot have reached it
    if !c.forged && c.rtt(c.sender).is_some_and(|rtt| delay < rtt * 0.5) {
        return None;
    }
    let what = match c.trigger_kind()? {
        _ if trigger.is_fin() && trigger.len == 0 => "a FIN",
        Kind::Data => "data",
        Kind::Retransmission => "retransmitted data",
        Kind::KeepAlive => "a keepalive",
        Kind::WindowProbe => "a window probe",
        Kind::Fin => "a FIN",
        Kind::SynAck => "a SYN-ACK",
        Kind::Syn => "a SYN",
        Kind::PureAck if !trigger.has(tcp_flags::ACK) => "a segment without flags",
        Kind::PureAck => "an acknowledgment",
        Kind::Stray => "a segment of another connection",
        Kind::Reset | Kind::Copy => return None,
    };
    Some(Evidence::of(
        Fact::Answers {
            side: c.sender,
            what,
            delay,
        },
        [trigger, c.rst()],
    ))
}

/// Window of a Citrix NetScaler's SYN-ACK while it answers with SYN cookies.
const NETSCALER_SYN_ACK: u16 = 8190;
/// What it writes into the window of its RST to a segment that fits no connection of its: the
/// window field holds its reason (Citrix CTX695832).
const NETSCALER_NO_CONNECTION: u16 = 8201;

/// The reset carries a load balancer's own reason in its window field.
pub(super) fn load_balancer_code(c: &ResetContext) -> Option<Evidence> {
    let syn_ack = c.syn_ack()?;
    let code = c.rst().window == NETSCALER_NO_CONNECTION && syn_ack.window == NETSCALER_SYN_ACK;
    (c.by_server() && c.is_stateless() && code)
        .then(|| Evidence::of(Fact::BalancerCode, [syn_ack, c.rst()]))
}

/// A finding whose reset carries such a reason: the balancer speaks for itself.
pub(super) fn or_load_balancer(c: &ResetContext, finding: Finding) -> Finding {
    match load_balancer_code(c) {
        Some(code) => finding
            .with([code])
            .party(Party::ServerSideIntermediary, Confidence::Medium),
        None => finding,
    }
}

/// How long after a segment the reset came.
pub(super) fn reset_after(c: &ResetContext, what: &'static str, segment: &Segment) -> Evidence {
    Evidence::of(
        Fact::ResetAfter {
            what,
            delay: c.rst().time.seconds_since(segment.time),
        },
        [segment, c.rst()],
    )
}

/// The last request, in words.
pub(super) fn request(c: &ResetContext) -> Option<Evidence> {
    let text = &c.story.last_request.as_ref()?.summary;
    if text.is_empty() {
        return None;
    }
    Some(Evidence::of(
        Fact::Request { text: text.clone() },
        c.last_data(Side::Client),
    ))
}

/// The server name asked for in TLS.
pub(super) fn sni(c: &ResetContext) -> Option<Evidence> {
    let name = c.tls()?.client_hello.as_ref()?.sni.clone()?;
    Some(Evidence::of(
        Fact::Sni { name },
        first_data(c, Side::Client),
    ))
}

/// The first segment with payload of a side.
pub(super) fn first_data<'a>(c: &ResetContext<'a>, side: Side) -> Option<&'a Segment> {
    c.conn
        .segments
        .iter()
        .enumerate()
        .find(|(i, s)| s.from == side && c.replay.kind(*i) == Kind::Data)
        .map(|(_, s)| s)
}

/// Further resets of the same side that answer what was under way, and the other side's.
pub(super) fn companions(c: &ResetContext) -> Vec<Evidence> {
    let mut found = Vec::new();
    let frames = |role: Role| {
        c.resets_with(role)
            .map(|r| c.conn.segments[r.segment].frame)
            .collect::<Vec<_>>()
    };
    let echoes = frames(Role::InFlightEcho);
    if !echoes.is_empty() {
        let count = echoes.len() as u64;
        let fact = match c.forged {
            true => Fact::MoreInName {
                side: c.sender,
                count,
            },
            false => Fact::Echoes { count },
        };
        found.push(Evidence::framed(fact, echoes));
    }
    let victims = frames(Role::VictimReply);
    if !victims.is_empty() {
        let count = victims.len() as u64;
        found.push(Evidence::framed(Fact::OtherSideToo { count }, victims));
    }
    found
}

/// A later abort that ended the connection after the primary reset had not.
pub(super) fn ended_later(c: &ResetContext) -> Option<Evidence> {
    let later = c.resets_with(Role::Later).find(|r| {
        r.effect == Effect::Effective && matches!(r.form, Form::Abort | Form::BareAbort)
    })?;
    let segment = c.segment(later.segment)?;
    let between = c.at + 1..later.segment;
    let went_on = between.into_iter().any(|i| c.replay.is_news(c.conn, i));
    let fact = Fact::EndedLater {
        side: later.from,
        delay: segment.time.seconds_since(c.rst().time),
    };
    went_on.then(|| Evidence::of(fact, [c.rst(), segment]))
}

/// The FIN of a side, as evidence.
pub(super) fn fin(c: &ResetContext, side: Side) -> Option<Evidence> {
    let fin = c.fin(side)?;
    Some(Evidence::of(
        Fact::FinBefore {
            side,
            delay: c.rst().time.seconds_since(fin.time),
            acknowledged: c.fin_acked(side),
        },
        [fin],
    ))
}

/// The reset acknowledges nothing the client sent: the server never took the data that was
/// on its way.
pub(super) fn server_took_nothing(c: &ResetContext) -> bool {
    let Some(isn) = c.side(Side::Client).isn else {
        return false;
    };
    c.by_server()
        && c.rst().has(tcp_flags::ACK)
        && c.rst().ack == isn.plus(1)
        && c.side(Side::Server)
            .max_ack
            .is_none_or(|a| a.since(isn) <= 1)
}

/// The server name or host the client asked for.
pub(super) fn asked_name(c: &ResetContext) -> Option<String> {
    let sni = c
        .tls()
        .and_then(|t| t.client_hello.as_ref())
        .and_then(|h| h.sni.clone());
    sni.or_else(|| {
        let host = &c.story.last_request.as_ref()?.host;
        (!host.is_empty()).then(|| host.clone())
    })
}

/// An untriggered silence long enough to be a timer's: one second, and ten times what the
/// connection's rhythm or path explains.
pub(super) fn timer_silence(c: &ResetContext) -> Option<f64> {
    const SHORTEST: f64 = 1.0;
    const RHYTHMS: f64 = 10.0;
    let silence = c.idle_before()?;
    (silence >= SHORTEST && silence >= RHYTHMS * c.path_rtt() && silence >= RHYTHMS * rhythm(c))
        .then_some(silence)
}

/// The peer said goodbye (a TLS alert behind which it closes) on a connection at rest, and its
/// other end is gone: the close meets nobody, and nothing is lost.
pub(super) fn meets_goodbye(c: &ResetContext) -> bool {
    const AT_REST: f64 = 1.0;
    let peer = c.sender.peer();
    let goodbye = c.tls().is_some_and(|t| {
        let last = |a: &&crate::packet::app::TlsAlert| {
            a.from_client == (peer == Side::Client) && a.is_last
        };
        let alert = t.alerts.iter().find(last);
        alert.is_some_and(|a| a.is_close_notify() || a.encrypted_guess)
            && t.handshake_complete != Some(false)
    });
    let at_rest = c.idle_before().is_some_and(|s| s >= AT_REST);
    c.is_stateless() && !c.forged && goodbye && at_rest && c.fin(peer).is_some()
}

/// Median gap between the segments with payload before the reset, in seconds; 0 with fewer
/// than three gaps.
fn rhythm(c: &ResetContext) -> f64 {
    let times: Vec<_> = (0..c.wake())
        .filter(|i| c.replay.kind(*i) == Kind::Data)
        .map(|i| c.conn.segments[i].time)
        .collect();
    let mut gaps: Vec<f64> = times.windows(2).map(|w| w[1].seconds_since(w[0])).collect();
    if gaps.len() < 3 {
        return 0.0;
    }
    gaps.sort_by(f64::total_cmp);
    gaps[gaps.len() / 2]
}

/// Confidence grows with the length of a silence and with a product's timer that fits.
pub(super) fn timer_confidence(silence: f64) -> f64 {
    let length = match silence {
        s if s >= 30.0 => 0.75,
        s if s >= 10.0 => 0.7,
        s if s >= 4.0 => 0.65,
        _ => 0.6,
    };
    if crate::diagnosis::timers::matching(silence).is_some() {
        length + 0.12
    } else {
        length
    }
}

/// The product timer a silence fits, as evidence.
pub(super) fn timer(c: &ResetContext, silence: f64) -> Option<Evidence> {
    let timer = crate::diagnosis::timers::matching(silence)
        .filter(|t| c.by_client() && c.outstanding() || !t.products.starts_with("common"))?;
    Some(Evidence::of(
        Fact::Timer {
            seconds: timer.seconds,
            products: timer.products.to_owned(),
        },
        [c.rst()],
    ))
}

/// A RST+ACK without time stamps at once after a request on a connection in use: what Windows
/// makes of an abort, and what proxies and filters make of a request they do not want. A host
/// that has lost the connection answers with a bare RST, most of them.
pub(super) fn aborted_on_request(c: &ResetContext) -> bool {
    const IN_USE: f64 = 5.0;
    c.by_server()
        && c.form() == Form::StatelessAck
        && c.trigger_kind() == Some(Kind::Data)
        && c.client_spoke_last()
        && c.established()
        && c.idle_before().is_some_and(|s| s < IN_USE)
}
