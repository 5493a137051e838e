//! `reset-after-client-hello`: reset right after the TLS ClientHello.

use super::common::{
    asked_name, companions, first_data, made, reset_after, server_took_nothing, sni,
};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - The client sent a ClientHello (perhaps only its first segments); the server sent no TLS byte; a reset in the server's name.
    ///
    /// ## Meaning
    ///
    /// This is where filters by server name act, where servers that speak no TLS give up, and where some devices and servers fail on large ClientHellos (post-quantum key shares). Which of these it is shows the comparison with connections that worked: another name, a smaller ClientHello, another path.
    ///
    /// ## Easily confused with
    ///
    /// - `reset-after-handshake`: the server never took the ClientHello.
    /// - `tls-alert-then-reset`: a well-behaved server says why.
    /// - `handshake-ack-rejected`: a bare RST because the ACK before was refused.
    ///
    /// ## What to do
    ///
    /// - `openssl s_client -connect HOST:PORT -servername NAME`, with another name, with `-groups X25519`, and from another network.
    /// - Look into the TLS log of the server or load balancer at this time.
    /// - If only this server name is reset, look for a filter; if only large ClientHellos are, see tldr.fail.
    ///
    /// ## References
    ///
    /// - RFC 8446 4.1.2; RFC 9505 4.2.2; tldr.fail
    "reset-after-client-hello", "reset right after the TLS ClientHello", by "server-host or a device on the path", since "0.1.0", Some(check)
}

/// ClientHellos from this size on do not fit one usual segment.
const LARGE: u64 = 1_400;

fn check(c: &ResetContext) -> Option<Finding> {
    let tls = c.tls()?;
    let hello = tls.client_hello.as_ref()?;
    // after STARTTLS or the like the server has spoken, but not since
    let upgraded = !c.story.layers.is_empty() && c.client_spoke_last();
    let answered = c.bytes(Side::Server) > 0 && !upgraded;
    let server_tls = tls.server_hello || tls.hello_retry || answered;
    if !c.by_server() || server_tls || c.fin(Side::Server).is_some() || tls.app_records[0] > 0 {
        return None;
    }
    if !c.forged && server_took_nothing(c) {
        return None;
    }
    let first = first_data(c, Side::Client)?;
    let last = c.last_data(Side::Client).unwrap_or(first);
    let large = hello.len as u64 > LARGE;
    let mut finding = Finding::new(0.62, Basis::Observed, Severity::Error)
        .with(sni(c))
        .with([reset_after(c, "the ClientHello", last)]);
    if large {
        let fact = Fact::HelloSize {
            len: hello.len as u64,
            records: u64::from(c.side(Side::Client).data_segments),
        };
        finding = finding.with([Evidence::of(fact, [first, last])]);
    }
    if c.unacknowledged(Side::Client) > 0 && !c.is_abort() {
        finding = finding.with([Evidence::of(Fact::HelloUnacknowledged, [last])]);
    }
    let about = match asked_name(c) {
        Some(name) => name,
        None => "no server name".to_owned(),
    };
    Some(finding.with([made(c)]).with(companions(c)).about(about))
}
