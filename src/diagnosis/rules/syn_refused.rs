//! `syn-refused`: connection refused.

use super::common::{companions, ended_later, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - A SYN is answered by RST+ACK that acknowledges it; no SYN-ACK.
    ///
    /// ## Meaning
    ///
    /// Nobody listens on that port, or a host firewall rejects with a reset; in IPv4 the two look the same on the wire. In IPv6 a flow label of 0, where the host uses labels otherwise, points to a reject rule.
    ///
    /// ## Easily confused with
    ///
    /// - `syn-rejected-by-middlebox`: the server's own SYN-ACK follows, or time or hop count show that another machine refused.
    /// - `service-down-or-restarted`: the refusals begin and end at a point in time.
    /// - `port-scan-closed`: the same client tries many ports or hosts.
    ///
    /// ## What to do
    ///
    /// - On the server: `ss -ltn` (is anything listening, and not only on 127.0.0.1?), the service's state, `nft list ruleset | grep reset`.
    /// - Capture on the server: if the SYN is not there, a device on the way refused.
    /// - On Windows a full accept queue also refuses with a reset.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.1, 3.10.7.3
    "syn-refused", "connection refused", by "server-host", since "0.1.0", Some(check)
}

/// Refusals further apart than this are not retries of one SYN.
const SECONDS_PER_RETRY: f64 = 30.0;

fn check(c: &ResetContext) -> Option<Finding> {
    if c.form() != Form::Refusal || !c.by_server() {
        return None;
    }
    let syn = c.trigger().or(c.syn())?;
    let delay = c.rst().time.seconds_since(syn.time);
    let mut finding = Finding::new(0.86, Basis::Observed, Severity::Warning).with([Evidence::of(
        Fact::Refused { delay: Some(delay) },
        [syn, c.rst()],
    )]);
    if syn.len > 0 {
        let acknowledged = c.rst().ack == syn.end();
        let fact = Fact::SynData {
            bytes: syn.len,
            acknowledged,
        };
        finding = finding.with([Evidence::of(fact, [syn, c.rst()])]);
    }
    let refusals: Vec<_> = c
        .episode
        .resets
        .iter()
        .filter(|r| r.form == Form::Refusal && r.from == Side::Server)
        .map(|r| &c.conn.segments[r.segment])
        .filter(|s| s.duplicate_of.is_none())
        .collect();
    if let ([first, .., last], true) = (&refusals[..], refusals.len() >= 2) {
        let spacing = last.time.seconds_since(first.time) / (refusals.len() - 1) as f64;
        if spacing < SECONDS_PER_RETRY {
            let fact = Fact::Attempts {
                count: refusals.len() as u64,
                spacing: Some(spacing),
                same_isn: true,
            };
            finding = finding.with([Evidence::of(fact, refusals.iter().copied())]);
        }
    }
    if c.rst().flow_label == Some(0) {
        finding = finding.with([Evidence::of(Fact::LabelZero, [c.rst()])]);
    }
    Some(
        finding
            .with(ended_later(c))
            .with([made(c)])
            .with(companions(c)),
    )
}
