//! `ineffective-reset`: a reset that did not end the connection.

use super::common::{companions, ended_later, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::reset::{Effect, Form, bad_checksum};

rule! {
    /// ## Signature
    ///
    /// - The sequence number does not equal what the receiver expects next (RFC 5961 makes it send a challenge ACK or nothing), or the checksum is wrong, or a client still connecting is sent a reset that does not acknowledge its SYN.
    /// - The connection goes on: new data or acknowledgments from both sides later than one round trip after it.
    ///
    /// ## Meaning
    ///
    /// Somebody tried to reset the connection and failed, or an endpoint answered a segment that did not belong to it. When the number is far off it was a blind attempt; when it is just behind, a forger lost the race against real data.
    ///
    /// ## Easily confused with
    ///
    /// - `middlebox-injection`: the reset worked on its receiver.
    /// - `late-data-after-fin`: an answer to late data, which may carry an old number as well; its sender had closed.
    ///
    /// ## What to do
    ///
    /// - Look for who could forge it: compare TTL, IP ID and timing of the reset with the packets of the address it carries.
    /// - Capture nearer to the address the reset carries: if it is not there, it was made on the way.
    /// - If the connection failed anyway, look for a later reset or a timeout; this one is not the cause.
    ///
    /// ## References
    ///
    /// - RFC 5961 3.2; RFC 9293 3.5.3
    "ineffective-reset", "a reset that did not end the connection", by "unknown or a device", since "0.1.0", Some(check)
}

/// Further off than this the sender did not know the sequence number at all.
const BLIND_BYTES: u32 = 1 << 20;

fn check(c: &ResetContext) -> Option<Finding> {
    if c.primary().effect != Effect::Ineffective {
        return None;
    }
    let spoilt = bad_checksum(c.conn, c.rst());
    let off = matches!(c.form(), Form::Behind | Form::Beyond);
    let connecting = matches!(c.form(), Form::Refusal | Form::Orphan) && !c.established();
    if !(spoilt || off || c.episode.continues || (connecting && went_through(c))) {
        return None;
    }
    if c.is_stateless() && !c.episode.continues {
        return None;
    }
    let why = if spoilt {
        "its checksum is wrong"
    } else if c.episode.continues || connecting {
        "both sides went on"
    } else {
        "its sequence number is not what the receiver expects"
    };
    let mut finding = Finding::new(0.9, Basis::Observed, Severity::Info)
        .with([Evidence::of(Fact::NoEffect { why }, [c.rst()])]);
    if let (true, Some(next)) = (off, c.own().next) {
        let bytes = i64::from(c.rst().seq.since(next));
        finding = finding.with([Evidence::of(Fact::SequenceOff { bytes }, [c.rst()])]);
        if bytes.unsigned_abs() > u64::from(BLIND_BYTES) || c.form() == Form::Beyond {
            finding = finding.about("blind-reset-attempt");
        }
    }
    if c.forged {
        // who tried is the finding; that it failed is luck
        finding.severity = Severity::Warning;
    }
    Some(
        finding
            .with([made(c)])
            .with(ended_later(c))
            .with(companions(c)),
    )
}

/// The handshake completed although the client had been sent the reset.
fn went_through(c: &ResetContext) -> bool {
    c.episode.handshake_complete
}
