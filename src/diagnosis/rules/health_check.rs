//! `health-check`: a monitor connects at regular intervals and resets.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - Three or more `probe-close` (or half-open probes) of one client at one port, at intervals that vary by less than a tenth.
    ///
    /// ## Meaning
    ///
    /// A load balancer or monitor checks that the port is open. Nothing was lost.
    ///
    /// ## Easily confused with
    ///
    /// - `probe-close`: a single one.
    /// - `port-scan-syn`: many ports.
    ///
    /// ## What to do
    ///
    /// - Nothing. To keep it out of logs, let the check close with FIN or speak the protocol.
    ///
    /// ## References
    ///
    /// - HAProxy configuration manual, "option tcp-check"
    "health-check", "a monitor connects at regular intervals and resets", by "client-host", since "0.1.0", None
}
