//! `syn-refused`: connection refused.

use super::common::{companions, ended_later, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::tcp_flags;
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
    if !c.by_server() {
        return None;
    }
    if c.form() != Form::Refusal {
        return not_to_rfc(c);
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

/// The answer to a SYN is a RST without ACK: some embedded systems refuse so, and clients must
/// not believe it (RFC 9293 3.10.7.3). They try again until they give up.
pub(super) fn not_to_rfc(c: &ResetContext) -> Option<Finding> {
    const AT_ONCE: f64 = 1.0;
    let syn = c.syn().filter(|s| s.time <= c.rst().time)?;
    let delay = c.rst().time.seconds_since(syn.time);
    let bare = c.form() == Form::Orphan && !c.rst().has(tcp_flags::ACK);
    let answers = c.rst().seq.0 == 0 || c.rst().seq == syn.seq || c.rst().seq == syn.end();
    let alone = c.side(Side::Server).segments == 0 && c.bytes(Side::Client) == 0;
    if !(bare && answers && alone && delay <= AT_ONCE) || c.episode.handshake_complete {
        return None;
    }
    Some(
        Finding::new(0.6, Basis::Inferred, Severity::Warning)
            .with([Evidence::of(
                Fact::Refused { delay: Some(delay) },
                [syn, c.rst()],
            )])
            .with([Evidence::of(Fact::RefusedBare, [c.rst()])]),
    )
}
