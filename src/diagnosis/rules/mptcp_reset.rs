//! `mptcp-reset`: MPTCP closed the connection or one of its subflows.

use super::common::{companions, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Blame, Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::MptcpOption;

rule! {
    /// ## Signature
    ///
    /// - The reset carries an MPTCP option: MP_FASTCLOSE, or MP_TCPRST with a reason.
    ///
    /// ## Meaning
    ///
    /// MP_FASTCLOSE: the application aborted the whole multipath connection, all subflows are reset. MP_TCPRST: one subflow is given up for the stated reason; the connection may live on in others. An endpoint that received MP_FASTCLOSE answers with a reset: then the peer asked for it.
    ///
    /// ## Easily confused with
    ///
    /// - `abortive-close`: the same without the option.
    ///
    /// ## What to do
    ///
    /// - Look at the other subflows of the connection before calling it failed.
    /// - Reason 6 (middlebox interference): look for a firewall that strips or rewrites TCP options on this path.
    /// - With MP_FASTCLOSE look into the log of the application that aborted.
    ///
    /// ## References
    ///
    /// - RFC 8684 3.5, 3.6
    "mptcp-reset", "MPTCP closed the connection or one of its subflows", by "the sender", since "0.1.0", Some(check)
}

/// RFC 8684 3.6.
const REASONS: [&str; 7] = [
    "unspecified error",
    "MPTCP-specific error",
    "lack of resources",
    "administratively prohibited",
    "too much outstanding data",
    "unacceptable performance",
    "middlebox interference",
];

fn check(c: &ResetContext) -> Option<Finding> {
    let asked_by_peer = (0..c.at).rev().take(16).find(|&i| {
        let s = &c.conn.segments[i];
        s.from != c.sender && s.options.mptcp.contains(&MptcpOption::FastClose)
    });
    let own = c.rst().options.mptcp.iter().find_map(|o| match o {
        MptcpOption::FastClose => Some(("fastclose".to_owned(), Fact::MptcpFastClose)),
        MptcpOption::TcpRst { reason, .. } => {
            let text = REASONS
                .get(usize::from(*reason))
                .unwrap_or(&"unknown reason");
            let fact = Fact::MptcpReset {
                reason: text,
                code: *reason,
            };
            Some((format!("reason {reason}"), fact))
        }
        MptcpOption::Other(_) => None,
    });
    let (about, fact) = match (own, asked_by_peer) {
        (_, Some(_)) => ("fastclose".to_owned(), Fact::MptcpFastClose),
        (Some(own), None) => own,
        (None, None) => return None,
    };
    let request = asked_by_peer.and_then(|i| c.segment(i));
    let finding = Finding::new(0.97, Basis::Stated, Severity::Info)
        .with([
            Evidence::of(fact, request.into_iter().chain([c.rst()])),
            made(c),
        ])
        .with(companions(c))
        .about(about);
    Some(if asked_by_peer.is_some() {
        finding.blaming(Blame::PeerApplication(c.sender.peer()))
    } else {
        finding
    })
}
