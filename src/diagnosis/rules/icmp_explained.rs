//! `icmp-explained`: an ICMP error says why.

use super::common::{made, request};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::diagnosis::wording::icmp_text;

rule! {
    /// ## Signature
    ///
    /// - An ICMP error that quotes a segment of this connection comes at most two seconds before the reset: prohibited, unreachable, too big, time exceeded.
    ///
    /// ## Meaning
    ///
    /// A router or host on the way refused a packet and said so; the reset is what an endpoint made of it.
    ///
    /// ## Easily confused with
    ///
    /// - `syn-rejected-by-middlebox`: a device that resets instead of sending ICMP.
    ///
    /// ## What to do
    ///
    /// - Act on the ICMP error: its sender's address names the device.
    /// - "Fragmentation needed" or "packet too big": lower the MTU or MSS, and let these messages through.
    ///
    /// ## References
    ///
    /// - RFC 792; RFC 4443; RFC 1122 4.2.3.9
    "icmp-explained", "an ICMP error says why", by "who sent the ICMP error", since "0.1.0", Some(check)
}

/// An ICMP error explains a reset that comes this soon after it.
const SOON: f64 = 2.0;

fn check(c: &ResetContext) -> Option<Finding> {
    let icmp = c.conn.icmp.iter().find(|i| {
        let delay = c.rst().time.seconds_since(i.time);
        (0.0..=SOON).contains(&delay) && i.about == c.sender
    })?;
    if !c.is_abort() {
        return None;
    }
    let text = icmp_text(icmp);
    Some(
        Finding::new(0.75, Basis::Stated, Severity::Error)
            .with([Evidence::framed(
                Fact::Icmp { text: text.clone() },
                [icmp.frame, c.rst_frame()],
            )])
            .with(request(c))
            .with([made(c)])
            .blaming(Blame::Device)
            .about(text),
    )
}
