//! `abortive-close`: an endpoint aborted and the capture does not say why.

use super::common::{companions, fin, made, request, sni};
use crate::diagnosis::confidence::payload_cut;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::app::ResponseState;
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - RST+ACK at the sender's own sequence number, in a state that only the endpoint knows; none of the more telling classes fits.
    ///
    /// ## Meaning
    ///
    /// SO_LINGER 0, a killed or crashed process, an administrator's `ss -K`, a pool that evicts, a client that cancels during a TLS handshake or before the answer came. The packet is the same for all of them; the stage of the conversation is named.
    ///
    /// ## Easily confused with
    ///
    /// - `close-with-unread-data`: data were left unread.
    /// - `normal-close-by-reset`: everything had been answered.
    ///
    /// ## What to do
    ///
    /// - Log of the application that sent it, at this time.
    /// - `nstat -az 'TcpExtTCPAbort*'` on Linux tells the kinds; from Linux 6.10 on the tracepoint `tcp:tcp_send_reset` prints the reason.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.5
    "abortive-close", "an endpoint aborted and the capture does not say why", by "the sender", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if c.forged || !(c.form() == Form::Abort || c.form() == Form::BareAbort) {
        return None;
    }
    let stage = stage(c);
    // nothing shows that anything was lost where only one side is heard
    let severity = if c.one_direction_missing() {
        Severity::Info
    } else {
        Severity::Warning
    };
    Some(
        Finding::new(0.6, Basis::Inferred, severity)
            .with([Evidence::of(
                Fact::StageName {
                    stage: stage.to_owned(),
                },
                [c.rst()],
            )])
            .with(missed(c))
            .with(sni(c).or_else(|| request(c)))
            .with(fin(c, Side::Client))
            .with(fin(c, Side::Server))
            .with([made(c)])
            .with(companions(c))
            .about(stage),
    )
}

/// More than a FIN that the capture lacks: payload was lost on its way here.
fn missed(c: &ResetContext) -> Option<Evidence> {
    let bytes = c.missed(c.sender).filter(|&n| n > 1)?;
    let side = c.sender;
    let fact = Fact::Missed { side, bytes };
    (!c.one_direction_missing()).then(|| Evidence::of(fact, [c.rst()]))
}

/// Where the conversation was.
fn stage(c: &ResetContext) -> &'static str {
    if c.one_direction_missing() {
        return "what the other side said is not in the capture";
    }
    if let Some(tls) = c.tls() {
        if tls.handshake_complete == Some(false) && !tls.server_hello {
            return "waiting for the ServerHello";
        }
        if tls.handshake_complete != Some(true) && tls.app_records[0] == 0 {
            return "during the TLS handshake";
        }
    }
    if c.story.protocol.is_none() && payload_cut(c) && c.server_spoke_last() {
        return "after data of the server that the capture has cut off";
    }
    if c.outstanding() && c.by_client() {
        "request pending"
    } else if c.outstanding() {
        "request unanswered"
    } else if c.bytes(Side::Client) + c.bytes(Side::Server) == 0 {
        "no payload seen"
    } else if c.by_client() && c.client_spoke_last() && unfinished(c) {
        "in the middle of what it was sending"
    } else if c.server_spoke_last() && c.story.response == ResponseState::Unknown {
        "during or after an answer whose end the capture does not tell"
    } else {
        "between messages"
    }
}

/// The client's last message is not whole by its protocol's framing.
fn unfinished(c: &ResetContext) -> bool {
    let last = c.story.last_request.as_ref();
    last.is_some_and(|r| r.complete == Some(false))
}
