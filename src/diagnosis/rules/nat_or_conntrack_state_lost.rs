//! `nat-or-conntrack-state-lost`: address translation lost the connection.

use super::common::{answers, companions, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;

rule! {
    /// ## Signature
    ///
    /// - A mid-connection segment is answered by a bare RST that travelled fewer hops than the packets of the address it carries: a device in front of that address answered.
    /// - Or the same sequence numbers reappear with another address or port within seconds (the translation leaked).
    ///
    /// ## Meaning
    ///
    /// The NAT or connection tracker in front of a side no longer knows the connection, so its own stack refuses the segment. In Kubernetes: a packet marked INVALID is not translated back and the pod's address shows up.
    ///
    /// ## Easily confused with
    ///
    /// - `no-such-connection`: nothing shows a device in front of the host.
    /// - `middlebox-injection`: the host behind goes on as if nothing had happened.
    ///
    /// ## What to do
    ///
    /// - On the NAT: `conntrack -S` (invalid, insert_failed), its timeouts, whether its table was flushed or failed over.
    /// - `nf_conntrack_tcp_be_liberal=1`, and DROP instead of REJECT for INVALID packets.
    ///
    /// ## References
    ///
    /// - RFC 5382; RFC 7857
    "nat-or-conntrack-state-lost", "address translation lost the connection", by "a NAT in front of one side", since "0.1.0", Some(check)
}

/// A NAT in front of a host is this many hops nearer, not more.
const NEARER_BY: std::ops::RangeInclusive<u8> = 1..=1;

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.is_stateless() || !c.established() || c.fin(c.sender).is_some() || c.forged {
        return None;
    }
    let usual = c.last(c.sender).filter(|s| !s.is_syn())?;
    let rst = c.rst();
    // the same initial value, fewer hops: plain difference of TTLs
    let nearer = rst.ttl.checked_sub(usual.ttl)?;
    let steady = c.conn.segments[..c.at]
        .iter()
        .filter(|s| s.from == c.sender && !s.is_rst())
        .all(|s| s.ttl == usual.ttl);
    if !NEARER_BY.contains(&nearer) || !steady || c.own().segments < 2 {
        return None;
    }
    let party = match c.sender {
        Side::Client => Party::ClientSideIntermediary,
        Side::Server => Party::ServerSideIntermediary,
    };
    let fact = Fact::Hops {
        reset_ttl: rst.ttl,
        usual_ttl: usual.ttl,
        hops: nearer,
    };
    Some(
        Finding::new(0.65, Basis::Inferred, Severity::Error)
            .with([Evidence::of(fact, [usual, rst])])
            .with(answers(c))
            .with([made(c)])
            .with(companions(c))
            .party(party, Confidence::Medium),
    )
}
