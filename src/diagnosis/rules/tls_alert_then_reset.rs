//! `tls-alert-then-reset`: a TLS alert says why; the reset is only the close.

use super::common::{companions, made, reset_after, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::app::TlsAlert;

rule! {
    /// ## Signature
    ///
    /// - The last TLS record of one side before the reset is an alert: readable with its description, or (encrypted) known by its record type or length.
    ///
    /// ## Meaning
    ///
    /// The alert is the cause. Certificate alerts from the client (bad, expired, unknown authority) point to the server's certificate or the client's trust store; unrecognized_name to the SNI; protocol_version and handshake_failure to versions and ciphers; certificate_required to a missing client certificate. After the alert the sender closes; unread data in its buffer turn the close into a reset.
    ///
    /// ## Easily confused with
    ///
    /// - `late-data-after-fin`, `normal-close-by-reset`: a close_notify, which is an alert too but a normal goodbye.
    /// - `reset-after-client-hello`: no alert came.
    ///
    /// ## What to do
    ///
    /// - Act on the alert: `openssl s_client -connect HOST:PORT -servername NAME -showcerts` shows the chain, versions and alerts.
    /// - *certificate*, *unknown_ca*, *access_denied*: check expiry, the intermediate certificates the server sends, and the client's trust store.
    /// - *unrecognized_name*: ask for a name the server knows.
    /// - *protocol_version*, *handshake_failure*, *insufficient_security*: compare the versions, groups and ciphers both sides offer.
    ///
    /// ## References
    ///
    /// - RFC 8446 6; RFC 5246 7.2
    "tls-alert-then-reset", "a TLS alert says why; the reset is only the close", by "either", since "0.1.0", Some(check)
}

/// An alert explains a reset that comes this soon after it.
const SOON: f64 = 5.0;
/// A server that looks at a certificate answers within this time (seconds).
const AT_ONCE: f64 = 1.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let alert = telling_alert(c)?;
    let from = if alert.from_client {
        Side::Client
    } else {
        Side::Server
    };
    let carrier = c.last_data(from);
    if carrier.is_none_or(|s| c.rst().time.seconds_since(s.time) > SOON) {
        return None;
    }
    let text = match alert.code {
        Some(code) => format!("{code} {}", alert.name),
        None => alert.name.clone(),
    };
    let fact = Fact::Alert {
        from,
        text: text.clone(),
        guessed: alert.encrypted_guess,
    };
    let (cause, basis) = if alert.encrypted_guess {
        (0.6, Basis::Inferred)
    } else {
        (0.95, Basis::Stated)
    };
    let finding = Finding::new(cause, basis, Severity::Error)
        .with([Evidence::of(fact, carrier)])
        .with(sni(c))
        .with(carrier.map(|s| reset_after(c, "the alert", s)))
        .with([made(c)])
        .with(companions(c))
        .about(text)
        .read();
    Some(match alert.code.and_then(|code| blame(code, from)) {
        Some(blame) => finding.blaming(blame),
        None => finding,
    })
}

/// The alert that explains the end: a readable fatal one of either side, else an encrypted
/// one during the handshake. Goodbyes are none.
fn telling_alert<'a>(c: &ResetContext<'a>) -> Option<&'a TlsAlert> {
    let tls = c.tls()?;
    if let Some(fatal) = tls.alerts.iter().find(|a| a.is_fatal()) {
        return Some(fatal);
    }
    // an encrypted alert after the handshake is most likely a close_notify
    // (where one side is missing, or the beginning, the handshake's end is not seen; a FIN behind
    // the alert is a goodbye)
    let goodbye = (c.one_direction_missing() || c.is_mid_flow()) && c.fin(c.sender).is_some();
    let handshaking = tls.handshake_complete != Some(true) && !tls.session_tickets_only && !goodbye;
    tls.alerts
        .iter()
        .find(|a| a.encrypted_guess && a.is_last && a.level.is_none())
        .filter(|a| {
            // or in place of the first answer: the client's certificate, most likely
            let refused =
                !a.from_client && (tls.alert_for_answer || tls.alert_unasked && at_once(c));
            refused || handshaking && tls.app_records[1] <= 4
        })
}

/// The server's last record came soon after the client's: it judges what the client sent, and
/// does not end a rest.
fn at_once(c: &ResetContext) -> bool {
    let last = |side| c.last_data(side).map(|s| s.time);
    match (last(Side::Client), last(Side::Server)) {
        (Some(asked), Some(told)) => told.seconds_since(asked) <= c.path_rtt() + AT_ONCE,
        _ => true,
    }
}

/// Who ought to change, by alert description (RFC 8446 6.2) and sender.
fn blame(code: u8, from: Side) -> Option<Blame> {
    Some(match (code, from) {
        (42..=46 | 48 | 49 | 113 | 51, Side::Client) => Blame::ServerCertificate,
        (42..=46 | 48 | 49 | 51 | 116, Side::Server) => Blame::ClientCertificate,
        (112, Side::Server) => Blame::ServerName,
        (40 | 47 | 70 | 71 | 86 | 109 | 120, _) => Blame::Versions,
        (80, Side::Server) => Blame::ServerState,
        _ => return None,
    })
}
