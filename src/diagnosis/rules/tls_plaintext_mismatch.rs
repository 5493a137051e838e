//! `tls-plaintext-mismatch`: one side speaks TLS and the other does not.

use super::common::{fin, made, request, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - A ClientHello is answered by something that is not TLS, or plain text is answered by a TLS alert or by words about TLS.
    ///
    /// ## Meaning
    ///
    /// Wrong port or scheme, a missing or unexpected PROXY protocol header, TLS offloaded at another place than the configuration thinks.
    ///
    /// ## Easily confused with
    ///
    /// - `reset-after-client-hello`: nothing at all comes back.
    /// - `invalid-protocol-data`: neither side speaks TLS.
    ///
    /// ## What to do
    ///
    /// - Use the right scheme or port (`https://`, 443, STARTTLS where the protocol wants it).
    /// - Behind a load balancer: check on which leg TLS ends, and whether both sides agree on the PROXY protocol.
    ///
    /// ## References
    ///
    /// - RFC 8446 5; HAProxy PROXY protocol specification
    "tls-plaintext-mismatch", "one side speaks TLS and the other does not", by "client-host", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let text = c.story.plaintext_mismatch.clone()?;
    let frames = [c.last_data(Side::Client), c.last_data(Side::Server)];
    Some(
        Finding::new(0.85, Basis::Observed, Severity::Error)
            .with([Evidence::of(
                Fact::Mismatch { text },
                frames.into_iter().flatten(),
            )])
            .with(sni(c).or_else(|| request(c)))
            .with(fin(c, Side::Server))
            .with([made(c)])
            .blaming(Blame::ClientConfiguration)
            .read(),
    )
}
