//! `no-backend-suspected`: the load balancer had no server to pass this on to.

use crate::diagnosis::rule::rule;

rule! {
    /// ## Signature
    ///
    /// - The handshake is complete; the server's end closes or resets within a round trip without a byte and without having taken the client's data.
    /// - At least three connections to the same address and port end like this and none works meanwhile; or the cause is stated.
    ///
    /// ## Meaning
    ///
    /// A load balancer or proxy accepted the connection and found no healthy server behind it. One such connection alone can have other reasons and is not called this.
    ///
    /// ## Easily confused with
    ///
    /// - `reset-after-handshake`: a policy that rejects this client; others work.
    /// - `late-data-after-fin`: a single connection closed before the client's data came.
    /// - `server-process-terminated`: established connections die at the same time.
    ///
    /// ## What to do
    ///
    /// - Look at the load balancer's health page (`show stat` in HAProxy) at this time.
    /// - Check the service behind it, and the health check itself.
    ///
    /// ## References
    ///
    /// - HAProxy management guide, "show stat"
    "no-backend-suspected", "the load balancer had no server to pass this on to", by "the load balancer", since "0.1.0", None
}
