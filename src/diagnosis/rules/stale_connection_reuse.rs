//! `stale-connection-reuse`: data on an idle connection met a peer that had forgotten it.

use super::common::{answers, companions, made, meets_goodbye, or_load_balancer, request};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::diagnosis::timers;
use crate::reset::{Form, Kind};

rule! {
    /// ## Signature
    ///
    /// - The connection was silent for a long time (from 5 s on, usually minutes); then one side sends data and gets a bare RST; no FIN and no reset came before.
    ///
    /// ## Meaning
    ///
    /// A firewall, NAT or load balancer on the way, or the peer itself, had dropped the idle connection without saying so. If the reset comes sooner than the peer can answer, or from another hop count, it is the device.
    ///
    /// ## Easily confused with
    ///
    /// - `keepalive-race`: the server had sent a FIN.
    /// - `no-such-connection`: the connection was busy.
    /// - `idle-timeout-reset`: the reset came by itself when the timer fired.
    ///
    /// ## What to do
    ///
    /// - Compare the silence with the idle timeouts on the path: NLB 350 s, Azure 240 s, ASA and Palo Alto 3600 s.
    /// - Enable TCP keepalives with an interval below the shortest of them, or make the client's pool drop idle connections earlier.
    ///
    /// ## References
    ///
    /// - RFC 5382 REQ-5; RFC 1122 4.2.3.6
    "stale-connection-reuse", "data on an idle connection met a peer that had forgotten it", by "the server or a device on the path", since "0.1.0", Some(check)
}

/// Silence from which forgetting by idleness is the first thing to think of.
const IDLE: f64 = 5.0;
/// From here on it is likely.
const LONG: f64 = 30.0;

fn check(c: &ResetContext) -> Option<Finding> {
    if c.form() == Form::Stateless && c.trigger().is_none() {
        return woken_unseen(c);
    }
    let data = matches!(c.trigger_kind()?, Kind::Data | Kind::Retransmission);
    let silence = c.idle_packets()?;
    let refused_repeats = c.trigger_kind()? == Kind::Retransmission && silence < LONG;
    if !c.is_stateless()
        || meets_goodbye(c)
        || !data
        || refused_repeats
        || silence < IDLE
        || c.fin(c.sender).is_some()
        || c.own().segments == 0
    {
        return None;
    }
    let cause = match silence {
        s if s >= 120.0 => 0.87,
        s if s >= LONG => 0.8,
        _ => 0.65,
    };
    let run_out = timers::expired(silence, 2);
    let expired = (!run_out.is_empty()).then(|| {
        let timers = run_out.iter().map(|t| (t.seconds, t.products)).collect();
        Evidence::of(Fact::TimersRunOut { timers }, [c.rst()])
    });
    let last = (0..c.wake()).rev().find_map(|i| {
        let s = &c.conn.segments[i];
        (!s.is_rst() && s.duplicate_of.is_none()).then_some(s)
    });
    let finding = Finding::new(cause, Basis::Inferred, Severity::Error)
        .with([Evidence::of(
            Fact::Idle { silence },
            last.into_iter().chain(c.trigger()),
        )])
        .with(answers(c))
        .with(request(c))
        .with(expired)
        .with([made(c)])
        .with(companions(c))
        .blaming(Blame::Timers)
        .timed();
    Some(or_load_balancer(c, finding))
}

/// The capture lacks what woke the connection: a reply without a socket ends the silence.
fn woken_unseen(c: &ResetContext) -> Option<Finding> {
    let unseen = c.unseen()?;
    let silence = c.idle_packets()?;
    let used = unseen.bytes > 0 || c.own().bytes > 0;
    if silence < IDLE || !used || c.fin(c.sender).is_some() {
        return None;
    }
    Some(
        Finding::new(0.65, Basis::Inferred, Severity::Error)
            .with([
                Evidence::of(
                    Fact::Idle { silence },
                    c.last(c.sender).into_iter().chain([c.rst()]),
                ),
                made(c),
            ])
            .with(companions(c))
            .blaming(Blame::Timers)
            .timed(),
    )
}
