//! `server-process-terminated`: the server process ended.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - Two or more connections of one service end from the server's side within 200 ms, more than half of those open; usually new attempts are refused afterwards.
    ///
    /// ## Meaning
    ///
    /// The process crashed, was killed or stopped. With data unread its connections end by reset, else by FIN.
    ///
    /// ## Easily confused with
    ///
    /// - `service-down-or-restarted`: only refusals are seen.
    /// - `server-rebooted-or-failed-over`: several ports of the host, answered without state.
    ///
    /// ## What to do
    ///
    /// - Journal and core dumps at that moment, the OOM killer, deployments.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.5
    "server-process-terminated", "the server process ended", by "server-host", since "0.1.0", None
}
