//! `syn-refused-intermittently`: the same port sometimes accepts and sometimes refuses.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - SYN-ACKs and refusals of one service, mixed within ten minutes.
    ///
    /// ## Meaning
    ///
    /// One of several machines behind the address is down, a limit of connections per source or per second is reached, a full accept queue (Windows and BSD refuse with a reset), a server that accepts one connection at a time, a rolling update.
    ///
    /// ## Easily confused with
    ///
    /// - `service-down-or-restarted`: refusals and successes are not mixed.
    ///
    /// ## What to do
    ///
    /// - Compare TTL, MSS, window scale and time stamps of accepting and refusing answers: different ones are different machines.
    /// - Look at the load balancer's health checks, connection limits and the accept queue.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.1
    "syn-refused-intermittently", "the same port sometimes accepts and sometimes refuses", by "server-host or behind it", since "0.1.0", None
}
