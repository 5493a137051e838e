//! `middlebox-injection`: a third party forged the reset.

use super::common::{asked_name, companions, made, request, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::reset::{Form, Kind};

rule! {
    /// ## Signature
    ///
    /// - The score says that the reset was not made by the address it carries (two families of evidence or a hard one).
    /// - That side goes on: data, acknowledgments, a SYN-ACK arrive after "its" reset; or the number is behind, beyond, stepped.
    ///
    /// ## Meaning
    ///
    /// A device beside the path watched the connection and sent resets to one or both ends: censorship, traffic management, an intrusion prevention system on a mirror port.
    ///
    /// ## Easily confused with
    ///
    /// - `firewall-policy-reset`: the device is in the path and swallows what offended it.
    /// - Several resets of one genuine host are normal: an abort and one answer for each segment under way.
    ///
    /// ## What to do
    ///
    /// - Find the device: the TTL gives its distance (if it does not copy the TTL); compare traces from other networks.
    /// - See whether it depends on content: other server name, other URL, other port.
    /// - Capture at the other end: it will have been sent resets too, or show the connection alive.
    ///
    /// ## References
    ///
    /// - RFC 9505 5.2; Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets (NDSS 2009)
    "middlebox-injection", "a third party forged the reset", by "a device on the path", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.forged {
        return None;
    }
    let cause = if delivered(c) { 0.88 } else { 0.6 };
    let finding = Finding::new(cause, Basis::Observed, Severity::Error)
        .with(sni(c).or_else(|| request(c)))
        .with([made(c)])
        .with(companions(c));
    Some(match asked_name(c) {
        Some(name) => finding.about(name),
        None => finding,
    })
}

/// The data around the reset reached the other side: the device did not swallow them. With a
/// burst or a wrong number the forger does not sit in the path either.
pub(super) fn delivered(c: &ResetContext) -> bool {
    let off = matches!(c.form(), Form::Behind | Form::Beyond);
    let strafed = c.resets_with(crate::reset::Role::Strafe).next().is_some();
    off || strafed || acknowledged_later(c) == Some(true)
}

/// The swallowing itself is seen: the other side comes back without what was sent to it.
pub(super) fn swallowed_known(c: &ResetContext) -> bool {
    acknowledged_later(c) == Some(false)
}

/// Whether the last data before the reset are acknowledged after it; `None` if the other side
/// is not heard of again.
fn acknowledged_later(c: &ResetContext) -> Option<bool> {
    let carries = |i: &usize| {
        matches!(
            c.replay.kind(*i),
            Kind::Data | Kind::Retransmission | Kind::Syn
        )
    };
    // what was sent to the side in whose name the reset speaks; its own last words may be forged
    let to_sender = |i: &usize| c.conn.segments[*i].from != c.sender && carries(i);
    let last = (0..c.at)
        .rev()
        .find(to_sender)
        .or_else(|| (0..c.at).rev().find(carries))?;
    let sent = &c.conn.segments[last];
    if c.side(sent.from.peer())
        .max_ack
        .is_some_and(|a| a.at_or_after(sent.end()))
    {
        return Some(true);
    }
    let mut later = c.conn.segments[c.at + 1..]
        .iter()
        .filter(|s| s.from != sent.from && !s.is_rst() && s.duplicate_of.is_none())
        .peekable();
    later.peek()?;
    Some(later.any(|s| s.ack.at_or_after(sent.end())))
}
