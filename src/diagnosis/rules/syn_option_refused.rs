//! `syn-option-refused`: a SYN with an unusual option is refused, a plain one is not.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - A SYN with data, TCP Fast Open, MPTCP or an experimental option is refused; the same client's plain SYN is accepted within five seconds.
    ///
    /// ## Meaning
    ///
    /// A device or the server does not stand the option.
    ///
    /// ## Easily confused with
    ///
    /// - `ecn-syn-refused`: the ECN bits, not another option, are what is refused.
    ///
    /// ## What to do
    ///
    /// - Find the device (compare captures), update it, or switch the option off for this destination.
    ///
    /// ## References
    ///
    /// - RFC 3360; RFC 7413 7.1
    "syn-option-refused", "a SYN with an unusual option is refused, a plain one is not", by "a device or the server", since "0.1.0", None
}
