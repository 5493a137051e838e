//! `no-such-connection`: a host answered that it does not know the connection.

use super::common::{
    aborted_on_request, answers, companions, made, meets_goodbye, or_load_balancer, request, sni,
};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::reset::Form;

rule! {
    /// ## Signature
    ///
    /// - In the middle of a connection that was not idle, without FIN or reset of that side before, a segment is answered by a bare RST.
    ///
    /// ## Meaning
    ///
    /// The side that answers has lost the connection. Why, the capture rarely shows: (1) it received a forged reset beyond this capture point; (2) its host rebooted or failed over; (3) a load balancer moved the flow to another machine; (4) a NAT lost its state; (5) a proxy dropped it silently.
    ///
    /// ## Easily confused with
    ///
    /// - `late-data-after-fin`: it had closed properly.
    /// - `stale-connection-reuse`: the connection had been idle.
    /// - `middlebox-injection`: time, hop count or later packets show that the host itself did not answer.
    ///
    /// ## What to do
    ///
    /// - Capture at the side that answered: if a reset arrived there before, it was forged on the way.
    /// - Check that host's uptime, its failover log, and the load balancer's and NAT's tables at this time.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.1
    "no-such-connection", "a host answered that it does not know the connection", by "who answered, or unknown", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    let stateless = matches!(c.form(), Form::Stateless | Form::StatelessAck);
    if !stateless
        || c.fin(c.sender).is_some()
        || c.forged
        || aborted_on_request(c)
        || meets_goodbye(c)
    {
        return None;
    }
    let finding = Finding::new(0.55, Basis::Observed, Severity::Error)
        .with(answers(c))
        .with(request(c).or_else(|| sni(c)))
        .with([made(c)])
        .with(companions(c));
    // a client does not forget a conversation it leads: more likely it was sent a reset that
    // this capture point cannot see
    Some(if c.by_client() {
        finding.party(Party::Unknown, Confidence::Medium)
    } else if c.doubtful {
        finding
    } else {
        or_load_balancer(c, finding.party(Party::ServerHost, Confidence::Medium))
    })
}
