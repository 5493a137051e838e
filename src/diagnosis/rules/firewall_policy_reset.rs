//! `firewall-policy-reset`: an in-path device reset the connection and kept the rest back.

use super::common::{asked_name, companions, made, request, sni};
use super::middlebox_injection::{delivered, swallowed_known};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - The score says that a device made the reset (two families of evidence or a hard one).
    /// - The segment that provoked it was swallowed: nothing more of the impersonated side arrives that shows it got it.
    ///
    /// ## Meaning
    ///
    /// A firewall, intrusion prevention system or proxy in the path rejects by policy: the connection is cut on both sides or left to rot on the other. When the reset has the host's own distance in hops and in time, the filter stands on that host or right before it, and who sent it is left open.
    ///
    /// ## Easily confused with
    ///
    /// - `middlebox-injection`: the impersonated side got the segment and goes on: the forger stands beside the path.
    /// - `stale-connection-reuse`: a device resets because it has forgotten, not because of content.
    ///
    /// ## What to do
    ///
    /// - Search the device's log for this 5-tuple and time; if the reset's TTL is not that of the host's other packets, it tells how many hops away the device stands.
    /// - Look at the packet filter of the host whose address the reset carries (`nft list ruleset | grep reset`).
    /// - Compare with other server names, URLs and source networks.
    /// - Capture at the other end: it will show the connection alive, or reset "by the client".
    ///
    /// ## References
    ///
    /// - RFC 3360; RFC 9505 5
    "firewall-policy-reset", "a filter in the path reset the connection and kept the rest back", by "a device on the path", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.forged || delivered(c) {
        return None;
    }
    let finding = Finding::new(
        if swallowed_known(c) { 0.8 } else { 0.62 },
        Basis::Inferred,
        Severity::Error,
    )
    .with(sni(c).or_else(|| request(c)))
    .with([made(c)])
    .with(companions(c));
    Some(match asked_name(c) {
        Some(name) => finding.about(name),
        None => finding,
    })
}
