//! `load-balancer-rst-cause`: the load balancer names the cause in the reset.

use super::common::{made, request, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::packet::app::{RstReasonKind, rst_payload};

rule! {
    /// ## Signature
    ///
    /// - The reset carries a payload in the format of F5 BIG-IP (`BIG-IP: [0x...:n] cause`, or `{peer} TCP RST from remote system`).
    ///
    /// ## Meaning
    ///
    /// The device terminates the connection and states why: no pool member available, idle timeout, a reset passed on from its other side.
    ///
    /// ## Easily confused with
    ///
    /// - `rst-with-payload`: readable text in another format.
    ///
    /// ## What to do
    ///
    /// - Look up the cause in the device: `tmsh show net rst-cause`, and the log of the virtual server at this time.
    /// - `No pool member available`: check the health monitors of the pool.
    /// - `TCP RST from remote system`: the server behind the device reset; capture there.
    /// - `Flow expired (sweeper)`: the idle timeout of the profile is shorter than the connection's silence.
    ///
    /// ## References
    ///
    /// - RFC 1122 4.2.2.12; F5 K13223
    "load-balancer-rst-cause", "the load balancer names the cause in the reset", by "the load balancer", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let reason = rst_payload(&c.rst().payload)?;
    if !matches!(
        reason.kind,
        RstReasonKind::BigIp | RstReasonKind::BigIpRemote
    ) {
        return None;
    }
    let party = if c.by_server() {
        Party::ServerSideIntermediary
    } else {
        Party::ClientSideIntermediary
    };
    let text = reason.text.clone();
    let fact = Fact::RstPayload { text, device: true };
    Some(
        Finding::new(0.95, Basis::Stated, Severity::Error)
            .with([Evidence::of(fact, [c.rst()])])
            .with(sni(c).or_else(|| request(c)))
            .with([made(c)])
            .party(party, Confidence::High)
            .about(reason.text),
    )
}
