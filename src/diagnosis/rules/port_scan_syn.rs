//! `port-scan-syn`: half-open scan: the port is open, the scanner hung up.

use super::common::{answers, made};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Confidence, Party, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::{Segment, Side};
use crate::packet::tcp_flags;

rule! {
    /// ## Signature
    ///
    /// - SYN, SYN-ACK, then RST from the client without ever an ACK.
    /// - And the same source probes many ports or hosts so in a short time, or its SYN is made like a scanner's: no options but MSS with a small window, the fixed numbers of zmap or masscan, or another TTL than the reset of the kernel below it.
    ///
    /// ## Meaning
    ///
    /// Somebody looks for open ports without connecting. The reset is the scanner's own kernel (or the scanner) dropping the answer.
    ///
    /// ## Easily confused with
    ///
    /// - `connect-cancelled`: a normal client that gave up, usually after a slow answer.
    /// - `health-check`: one port, strictly periodic.
    ///
    /// ## What to do
    ///
    /// - Find out whether the source is an own scanner or monitor; else treat it as reconnaissance.
    ///
    /// ## References
    ///
    /// - nmap reference guide, "TCP SYN scan"
    "port-scan-syn", "half-open scan: the port is open, the scanner hung up", by "client-host", since "0.1.0", Some(check)
}

/// Targets that make a crafted SYN a scanner's beyond doubt.
const SCAN_TARGETS: u32 = 5;
/// Windows of nmap's SYN probes.
const NMAP_WINDOWS: [u16; 4] = [1024, 2048, 3072, 4096];
/// IP ID and window of zmap's.
const ZMAP: (u16, u16) = (54_321, 65_535);

pub(super) fn check(c: &ResetContext) -> Option<Finding> {
    if !half_open(c) {
        return None;
    }
    let syn = c.syn()?;
    // a client that tries many targets need not be a scanner: its probes are counted later
    let what = crafted(syn, c.rst())?;
    let targets = c.host(Side::Client).map_or(0, |h| h.targets);
    let many = targets >= SCAN_TARGETS;
    let prior = if many { 0.92 } else { 0.65 };
    let mut finding = Finding::new(prior, Basis::Observed, Severity::Info);
    if many {
        finding = finding.with([Evidence::of(Fact::ScanTargets { targets }, [syn])]);
    }
    let fact = Fact::ScannerSyn { what };
    finding = finding.with([Evidence::of(fact, [syn, c.rst()])]);
    let finding = finding.with(answers(c)).with([made(c)]);
    Some(if c.forged {
        finding
    } else {
        finding.party(Party::ClientHost, Confidence::High)
    })
}

/// The client answers the SYN-ACK with a reset and never acknowledged it.
pub(super) fn half_open(c: &ResetContext) -> bool {
    c.by_client()
        && c.syn_ack().is_some()
        && c.final_ack().is_none()
        && c.syn().is_some()
        && c.bytes(Side::Client) == 0
}

/// What betrays a SYN that no normal stack sends.
fn crafted(syn: &Segment, rst: &Segment) -> Option<&'static str> {
    let few_options = syn.options.kinds.iter().all(|k| matches!(k, 0..=2));
    if syn.ip_id == Some(ZMAP.0) && syn.window == ZMAP.1 {
        return Some("IP ID 54321 with window 65535, as zmap sends");
    }
    if syn.options.timestamps == Some((u32::MAX, 0)) {
        return Some("the highest time stamp there is, as nmap's system detection sends");
    }
    if few_options && NMAP_WINDOWS.contains(&syn.window) {
        return Some("no options but MSS and a window of nmap's");
    }
    if syn.seq.0 == 0 && few_options {
        return Some("sequence number 0 and no options but MSS");
    }
    let options = &syn.options.kinds;
    let offers_nothing = options.contains(&2) && few_options;
    let window = u32::from(syn.window);
    let odd_window = syn.options.mss.is_some_and(|m| {
        let m = u32::from(m);
        m > 0 && !window.is_multiple_of(m) && window & 0x3ff != 0 && window != 65_535
    });
    if offers_nothing && odd_window && rst.ip_id == Some(0) {
        return Some("no options but MSS, and a window no system opens with");
    }
    let own_kernel = rst.has(tcp_flags::RST) && !rst.has(tcp_flags::ACK);
    if own_kernel && few_options && syn.ttl.abs_diff(rst.ttl) >= 3 {
        return Some("another TTL than the kernel's reset, and no options but MSS");
    }
    None
}
