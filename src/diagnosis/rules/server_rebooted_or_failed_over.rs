//! `server-rebooted-or-failed-over`: the host lost the state of all its ports.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - Connections to two or more ports of one host are answered within five seconds by bare resets: it knows none of them.
    ///
    /// ## Meaning
    ///
    /// The host rebooted, an address moved to another machine (VRRP, failover, an anycast change), or a device in front lost its table.
    ///
    /// ## Easily confused with
    ///
    /// - `server-process-terminated`: one service, its connections aborted.
    /// - `nat-or-conntrack-state-lost`: the translation in front of it was lost.
    ///
    /// ## What to do
    ///
    /// - The host's uptime, the cluster's failover log, gratuitous ARP and MAC changes of its address.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.5.1
    "server-rebooted-or-failed-over", "the host lost the state of all its ports", by "server-host", since "0.1.0", None
}
