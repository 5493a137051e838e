//! `syn-rejected-by-middlebox`: a device on the path refused the connection.

use super::common::{companions, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::reset::{Form, Kind};

rule! {
    /// ## Signature
    ///
    /// - A SYN is answered by RST+ACK in the server's name.
    /// - The reset was not made by the server: its SYN-ACK arrives after it, it comes sooner than the server can answer, from another hop count, or as a burst of several.
    ///
    /// ## Meaning
    ///
    /// A firewall, intrusion prevention system or filter on the path refused the connection on the server's behalf. The server may be perfectly well.
    ///
    /// ## Easily confused with
    ///
    /// - `syn-refused`: nothing shows that anybody but the server refused.
    /// - A load balancer without a pool member refuses itself: it owns the address, so its hop count is that of its other answers.
    ///
    /// ## What to do
    ///
    /// - Search the firewall logs for this 5-tuple and time: a deny rule with "reset".
    /// - Find the hop: `traceroute -T -p PORT SERVER`; the distance is the reset's TTL counted down from 64, 128 or 255.
    /// - Try from another source network, and capture at the server: if the SYN arrives there, the reset came from the way.
    ///
    /// ## References
    ///
    /// - RFC 3360; RFC 9505 5.1
    "syn-rejected-by-middlebox", "a device on the path refused the connection", by "a device on the path", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let before_answer = c.by_server() && !c.established() && c.side(Side::Client).isn.is_some();
    let refusal = matches!(
        c.form(),
        Form::Refusal | Form::Behind | Form::Beyond | Form::Abort
    );
    if !before_answer || !refusal || !c.forged || c.bytes(Side::Server) > 0 {
        return None;
    }
    let syn_ack = c.conn.segments[c.at..]
        .iter()
        .enumerate()
        .find(|(i, s)| s.from == Side::Server && c.replay.kind(c.at + i) == Kind::SynAck)
        .map(|(_, s)| s);
    let after = syn_ack.map(|s| {
        let delay = s.time.seconds_since(c.rst().time);
        Evidence::of(Fact::SynAckAfterReset { delay }, [c.rst(), s])
    });
    Some(
        Finding::new(0.9, Basis::Observed, Severity::Error)
            .with(after)
            .with([made(c)])
            .with(companions(c))
            .timed(),
    )
}
