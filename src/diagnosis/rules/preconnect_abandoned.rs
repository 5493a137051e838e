//! `preconnect-abandoned`: a connection was opened and never used.

use super::common::{made, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - The handshake (and at most a TLS handshake) is complete, no request follows for three seconds or more, then the client aborts, also in answer to the server's FIN.
    ///
    /// ## Meaning
    ///
    /// Browsers and pools open connections in advance and drop those they do not need. Nothing was lost.
    ///
    /// ## Easily confused with
    ///
    /// - `probe-close`: it is reset at once.
    /// - `idle-timeout-reset`: the connection had been used before.
    ///
    /// ## What to do
    ///
    /// - Nothing.
    ///
    /// ## References
    ///
    /// - Resource Hints, "preconnect" (W3C)
    "preconnect-abandoned", "a connection was opened and never used", by "client-host", since "0.1.0", Some(check)
}

/// Unused for this long before it was dropped.
const UNUSED: f64 = 3.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let ack = c.final_ack()?;
    let unseen = c.unseen().is_some_and(|u| u.bytes > 0);
    let silent = c.is_silent(Side::Client) && c.is_silent(Side::Server) && !unseen;
    let idle = c.idle_before()?;
    if !c.by_client() || c.forged || !(silent || only_tls(c)) || idle < UNUSED {
        return None;
    }
    let nothing = if silent {
        Fact::NothingSaid {
            side: Some(Side::Client),
        }
    } else {
        Fact::NothingAsked
    };
    // a system that has no socket any more lost it in a way that the capture does not show
    c.is_abort().then(|| {
        Finding::new(0.7, Basis::Inferred, Severity::Harmless)
            .with([
                Evidence::of(Fact::Idle { silence: idle }, [ack, c.rst()]),
                Evidence::of(nothing, c.last_data(Side::Client).or(Some(ack))),
            ])
            .with(sni(c))
            .with([made(c)])
    })
}

/// TLS came up, and nothing was asked over it.
fn only_tls(c: &ResetContext) -> bool {
    c.tls().is_some_and(|t| {
        t.handshake_complete == Some(true)
            && t.app_records[0] <= 1
            && (t.session_tickets_only || t.app_records[1] == 0)
            && !t.alerts.iter().any(|a| a.is_fatal())
    })
}

/// The client dropped what it never used, whatever the time.
pub(super) fn unused(c: &ResetContext) -> bool {
    c.by_client() && !c.forged && c.is_abort() && only_tls(c)
}
