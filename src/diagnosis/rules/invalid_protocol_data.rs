//! `invalid-protocol-data`: the server refused bytes that are not its protocol.

use super::common::{companions, first_data, made, request, server_took_nothing};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::diagnosis::wording;
use crate::flow::Side;
use crate::packet::app::{Confidence, Protocol, is_reserved, recognisers};
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - The client's first bytes are not what the server's greeting, or other connections to the port, call for; the server sends nothing or an error, and resets within a second or so.
    ///
    /// ## Meaning
    ///
    /// Wrong port, a scanner, a missing PROXY protocol header, a client configured for another protocol.
    ///
    /// ## Easily confused with
    ///
    /// - `tls-plaintext-mismatch`: one side speaks TLS.
    /// - `reset-after-request`: the bytes fit the port.
    ///
    /// ## What to do
    ///
    /// - Compare what the client speaks with what the port is for; correct address, port or protocol.
    /// - Behind a load balancer: does it add a PROXY protocol header the server does not expect, or the reverse?
    ///
    /// ## References
    ///
    /// - HAProxy PROXY protocol specification
    "invalid-protocol-data", "the server refused bytes that are not its protocol", by "client-host; the server reset", since "0.1.0", Some(check)
}

/// The refusal comes at once, human and timer delays apart.
const PROMPT: f64 = 2.0;

/// Fewer bytes than this may be the start of anything.
const LEAST_BYTES: u64 = 8;

fn check(c: &ResetContext) -> Option<Finding> {
    // what the snaplen cut away cannot be judged
    let whole = first_data(c, Side::Client).is_some_and(|s| s.payload.len() == s.len as usize);
    if !whole {
        return None;
    }
    let text = c
        .story
        .invalid_for_port
        .clone()
        .or_else(|| unlike_others(c))?;
    // a ClientHello is a matter of TLS, and what was never taken was not refused
    let hello = c.tls().is_some_and(|t| t.client_hello.is_some());
    if hello || server_took_nothing(c) {
        return None;
    }
    // nor by a system that had no socket for it
    if c.form() == Form::Stateless && c.fin(Side::Server).is_none() {
        return None;
    }
    let first = first_data(c, Side::Client)?;
    let prompt = c.rst().time.seconds_since(c.last_data(Side::Client)?.time) <= PROMPT;
    let only_greeting = c.bytes(Side::Server) == 0
        || c.story.banner_seen
        || c.story.error.is_some()
        || c.side(Side::Server).data_segments <= 1;
    if !c.by_server() || !prompt || !only_greeting || c.forged {
        return None;
    }
    Some(
        Finding::new(0.72, Basis::Inferred, Severity::Error)
            .with([Evidence::of(Fact::Invalid { text }, [first])])
            .with(request(c))
            .with([made(c)])
            .with(companions(c))
            .blaming(Blame::ClientConfiguration)
            .read(),
    )
}

/// Bytes of no known protocol on a port that has one, while other connections to it work.
fn unlike_others(c: &ResetContext) -> Option<String> {
    let port = c.conn.server.port;
    let certain = c.story.protocol.is_some() && c.story.confidence == Confidence::High;
    if certain || !is_reserved(port) {
        return None;
    }
    let expected: Vec<Protocol> = recognisers()
        .iter()
        .filter(|r| r.ports.contains(&port))
        .map(|r| r.protocol)
        .collect();
    // the usual ones come first in the list of protocols
    let known_for = expected.iter().min()?.name();
    let works = || c.service().is_some_and(|s| s.worked > 0);
    let whole = || c.established() && !c.is_mid_flow() && c.bytes(Side::Client) >= LEAST_BYTES;
    let foreign = c.story.protocol.is_none_or(|p| !expected.contains(&p));
    if !(foreign && works() && whole()) {
        return None;
    }
    Some(wording::unlike(known_for, &c.story.first_bytes))
}
