//! `ecn-syn-refused`: a SYN that asks for ECN is refused, one without is not.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - A SYN with ECE and CWR is refused; the same client's SYN without them is accepted within five seconds.
    ///
    /// ## Meaning
    ///
    /// A device on the path takes the ECN bits for an attack. RFC 3360 calls this a fault.
    ///
    /// ## Easily confused with
    ///
    /// - `syn-option-refused`: an option, not the ECN bits.
    ///
    /// ## What to do
    ///
    /// - Update or reconfigure the firewall; as a workaround switch ECN off (`net.ipv4.tcp_ecn=0`).
    ///
    /// ## References
    ///
    /// - RFC 3360 2.1; RFC 3168 6.1.1.1
    "ecn-syn-refused", "a SYN that asks for ECN is refused, one without is not", by "a device on the path", since "0.1.0", None
}
