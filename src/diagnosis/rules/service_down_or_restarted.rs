//! `service-down-or-restarted`: the service was down for a time.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - Two or more refusals of one service in one stretch of time, and successes before or after it.
    ///
    /// ## Meaning
    ///
    /// The service stopped, crashed or was restarted.
    ///
    /// ## Easily confused with
    ///
    /// - `server-process-terminated`: its connections are seen to end at the same moment.
    /// - `syn-refused-intermittently`: successes and refusals are mixed.
    ///
    /// ## What to do
    ///
    /// - Service log, journal and deployments at the time of the first refusal.
    ///
    /// ## References
    ///
    /// - RFC 9293 3.10.7.1
    "service-down-or-restarted", "the service was down for a time", by "server-host", since "0.1.0", None
}
