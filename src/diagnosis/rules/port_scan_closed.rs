//! `port-scan-closed`: a scan met a closed port.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - One client is refused by many different ports or hosts within a short time.
    ///
    /// ## Meaning
    ///
    /// Reconnaissance, or an own scanner or inventory tool. The reset is the normal answer of a closed port.
    ///
    /// ## Easily confused with
    ///
    /// - `syn-refused-repeatedly`: always the same service.
    ///
    /// ## What to do
    ///
    /// - Find out whose scanner it is.
    ///
    /// ## References
    ///
    /// - nmap reference guide, "port scanning techniques"
    "port-scan-closed", "a scan met a closed port", by "client-host", since "0.1.0", None
}
