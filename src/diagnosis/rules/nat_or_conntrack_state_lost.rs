//! `nat-or-conntrack-state-lost`: address translation lost the connection.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - A mid-connection segment is answered by a bare RST, and within seconds the same sequence numbers appear with another address or port (the translation leaked).
    /// - Often the RST travelled one hop less than the packets of the address it carries: the device in front of it answered.
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
    "nat-or-conntrack-state-lost", "address translation lost the connection", by "a NAT in front of one side", since "0.1.0", None
}
