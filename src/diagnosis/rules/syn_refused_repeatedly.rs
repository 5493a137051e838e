//! `syn-refused-repeatedly`: every attempt is refused.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - Three or more refusals of one client by one service in the capture and no success; or one SYN, with the same sequence number, refused twice or more.
    ///
    /// ## Meaning
    ///
    /// Nothing listens there, and somebody keeps trying: the client's system (Windows repeats a refused SYN after about half a second) or its application.
    ///
    /// ## Easily confused with
    ///
    /// - `syn-refused-intermittently`: some attempts succeed.
    /// - `service-down-or-restarted`: attempts succeeded before or succeed later.
    /// - `port-scan-closed`: many different ports.
    ///
    /// ## What to do
    ///
    /// - On the server: `ss -ltn`, the service's state, the address it binds.
    /// - On the client: who retries, and is the address current (DNS, configuration)?
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.1
    "syn-refused-repeatedly", "every attempt is refused", by "server-host", since "0.1.0", None
}
