//! `late-data-after-fin`: one side had closed, the other still sent.

use super::common::{answers, companions, fin, made, request};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact, LateKind};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::{Segment, Side};
use crate::packet::tcp_flags;
use crate::reset::{Form, Kind, Role};

rule! {
    /// ## Signature
    ///
    /// - The reset's sender had sent FIN; data of its peer arrive afterwards and are answered by a bare RST, one per segment.
    ///
    /// ## Meaning
    ///
    /// The closed side has no use for what still comes. What came late decides whether anything was lost: a TLS close_notify or session ticket is nothing; the rest of a response means the client left early; the first byte of a response means the client closed before it was answered.
    ///
    /// ## Easily confused with
    ///
    /// - `keepalive-race`: the late data are a new request on a connection the server had closed when idle.
    /// - `reset-after-close`: both sides had closed and nothing came late but acknowledgments.
    /// - `client-abort-mid-response`: the client aborted instead of closing.
    ///
    /// ## What to do
    ///
    /// - *tls-close-notify*, *tls-session-ticket*, *goodbye*, *acknowledgment*, *fin*: nothing.
    /// - *response-remainder*, *first-response-byte*: the client closed too early; read to the end, or `shutdown(SHUT_WR)` and wait for the peer's FIN.
    /// - *request*: the server closed first; see why (its log, its keep-alive time).
    /// - *data*: see why one side closed while the other still had something to say (the log of the side that closed).
    ///
    /// ## References
    ///
    /// - RFC 9293 3.6, 3.10.7.1; RFC 1122 4.2.2.13
    "late-data-after-fin", "one side had closed, the other still sent", by "who closed", since "0.1.0", Some(check)
}

/// A TLS alert record with its header, encrypted or not, is no longer.
const ALERT_RECORD: std::ops::RangeInclusive<u32> = 7..=31;

fn check(c: &ResetContext) -> Option<Finding> {
    if c.fin_with_abort {
        return None;
    }
    if c.fin(c.sender).is_none() {
        return after_lost_fin(c);
    }
    let trigger = late_segment(c);
    // a reset that answers something the capture does not show
    let unseen = matches!(c.form(), Form::BareAbort | Form::Stateless)
        && (c.peer().gap || c.peer().segments == 0 || without_a_socket(c));
    if trigger.is_none() && !unseen {
        return None;
    }
    // what the closing side stated says more than that something came after it
    let stated = c
        .story
        .error
        .as_ref()
        .is_some_and(|e| e.from_server == c.by_server() && (e.fatal || e.explains_close));
    if trigger.is_none() && stated && c.one_direction_missing() {
        return None;
    }
    let what = trigger.map_or(LateKind::Other, |t| kind_of(c, t));
    let (count, bytes) = amount(c);
    let peer_closed_too = c.fin(c.sender.peer()).is_some();
    let harmless_kind = matches!(what, LateKind::BareAck | LateKind::OwnFin);
    if harmless_kind && peer_closed_too {
        return None;
    }
    let severity = match what {
        LateKind::CloseNotify
        | LateKind::SessionTicket
        | LateKind::Farewell
        | LateKind::BareAck
        | LateKind::OwnFin => Severity::Harmless,
        LateKind::ResponseRemainder => Severity::Info,
        LateKind::Request if said_goodbye(c) => Severity::Info,
        LateKind::FirstResponse | LateKind::Request => Severity::Warning,
        LateKind::Other => Severity::Info,
    };
    let fact = Fact::Late { what, bytes, count };
    Some(
        Finding::new(
            if trigger.is_some() { 0.9 } else { 0.7 },
            Basis::Observed,
            severity,
        )
        .with(fin(c, c.sender))
        .with([Evidence::of(fact, trigger.into_iter().chain([c.rst()]))])
        .with(request(c).filter(|_| severity >= Severity::Info))
        .with(answers(c))
        .with([made(c)])
        .with(companions(c))
        .about(what.id()),
    )
}

/// A host that writes time stamps would have them, and an ACK, on the abort of a socket. Its FIN
/// was acknowledged, so this answers something else, which the capture lacks.
fn without_a_socket(c: &ResetContext) -> bool {
    let acknowledged = match (c.own().fin, c.peer().max_ack) {
        (Some(fin), Some(ack)) => ack.after(fin.seq),
        _ => false,
    };
    let r = c.rst();
    let plain = !r.has(tcp_flags::ACK) && r.window == 0 && r.options.timestamps.is_none();
    acknowledged && plain && c.own().timestamps && c.fin(c.sender.peer()).is_none() && !c.forged
}

/// The closing side's last words before its FIN were a TLS close_notify: it was done, and what
/// crossed its close is as likely an end as a request.
fn said_goodbye(c: &ResetContext) -> bool {
    let last = c.own().fin.and_then(|f| {
        c.replay
            .state(f.index, c.sender)
            .last_data
            .and_then(|i| c.segment(i))
    });
    let alert = last.is_some_and(|s| ALERT_RECORD.contains(&s.len));
    alert && c.tls().is_some()
}

/// The FIN is missing in the capture, but its acknowledgment is there, and the reset has the
/// number behind it.
fn after_lost_fin(c: &ResetContext) -> Option<Finding> {
    let fin = c.own().fin_implied?;
    let trigger = c.trigger().filter(|_| c.is_stateless())?;
    if c.rst().seq != fin.seq.plus(1) || c.forged {
        return None;
    }
    let mine = c.replay.state(fin.index, c.sender);
    let peers = c.replay.state(fin.index, c.sender.peer());
    let answered = c.by_client() && peers.last_data > mine.last_data;
    let what = match kind_of(c, trigger) {
        _ if answered && trigger.len > 0 && c.tls().is_none() => LateKind::ResponseRemainder,
        LateKind::Request | LateKind::FirstResponse => LateKind::Other,
        what => what,
    };
    let (count, bytes) = amount(c);
    let severity = match what {
        LateKind::ResponseRemainder => Severity::Info,
        _ if bytes > 0 => Severity::Warning,
        _ => Severity::Harmless,
    };
    let implied = Fact::FinImplied { side: c.sender };
    let late = Fact::Late { what, bytes, count };
    Some(
        Finding::new(0.75, Basis::Inferred, severity)
            .with([
                Evidence::of(implied, c.segment(fin.index)),
                Evidence::of(late, [trigger, c.rst()]),
            ])
            .with(request(c))
            .with(answers(c))
            .with([made(c)])
            .with(companions(c))
            .about(what.id()),
    )
}

/// The peer's segment that came after the close.
fn late_segment<'a>(c: &ResetContext<'a>) -> Option<&'a Segment> {
    let trigger = c.trigger()?;
    if c.is_stateless() && c.trigger_kind() != Some(Kind::KeepAlive) {
        return Some(trigger);
    }
    // Windows and others acknowledge the late data with the reset itself
    let fin = c.own().fin?;
    (c.is_abort() && c.primary().trigger? > fin.index && trigger.len > 0).then_some(trigger)
}

fn kind_of(c: &ResetContext, trigger: &Segment) -> LateKind {
    if trigger.len == 0 {
        return if trigger.is_fin() {
            LateKind::OwnFin
        } else {
            LateKind::BareAck
        };
    }
    let tls = c.tls();
    if tls.is_some() && ALERT_RECORD.contains(&trigger.len) {
        return LateKind::CloseNotify;
    }
    if c.by_client() {
        if tls.is_some_and(|t| t.session_tickets_only) {
            return LateKind::SessionTicket;
        }
        // after the client's own goodbye only the answer to it is expected
        if c.story.clean_quit {
            return match tls {
                Some(_) => LateKind::ResponseRemainder,
                None => LateKind::Farewell,
            };
        }
        let at_fin = c.own().fin.map(|f| c.replay.state(f.index, Side::Server));
        let answered = at_fin.is_some_and(|s| s.bytes > 0) && !first_answer(c);
        return if answered {
            LateKind::ResponseRemainder
        } else if c.bytes(Side::Client) > 0 {
            LateKind::FirstResponse
        } else {
            LateKind::Other
        };
    }
    LateKind::Request
}

/// The late data are the first bytes of the answer to what the client asked last.
fn first_answer(c: &ResetContext) -> bool {
    let Some(fin) = c.own().fin else {
        return false;
    };
    let (client, server) = (
        c.replay.state(fin.index, Side::Client),
        c.replay.state(fin.index, Side::Server),
    );
    client.last_data > server.last_data
}

/// Segments and bytes that were refused.
fn amount(c: &ResetContext) -> (u64, u64) {
    let triggers = c
        .episode
        .resets
        .iter()
        .filter(|r| r.from == c.sender && matches!(r.role, Role::Primary | Role::InFlightEcho))
        .filter_map(|r| c.segment(r.trigger?));
    triggers.fold((0, 0), |(n, b), t| (n + 1, b + u64::from(t.len)))
}
