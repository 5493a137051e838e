//! Tunnels in UDP, which only a port announces: believed when an IP header comes out.

use super::{capwap, geneve, gtp, gue, l2tp, teredo, tzsp, vxlan};
use crate::packet::dissection::{Dissection, Outcome};
use crate::packet::layer::Layer;
use crate::packet::link::mpls;
use crate::packet::{Stop, StopReason};

type Dissect = for<'a> fn(&mut Dissection<'a>, Layer<'a>) -> Outcome;

/// The tunnel of a pair of ports, if any.
#[inline]
pub(in crate::packet) fn find(src_port: u16, dst_port: u16) -> Option<Dissect> {
    // below all tunnels' ports on both sides: DNS, NTP and most others
    if src_port < 1701 && dst_port < 1701 {
        return None;
    }
    match (src_port, dst_port) {
        // the source port of these is a hash of the flow inside
        (_, 4789 | 8472) => Some(vxlan::dissect),
        (_, 4790) => Some(vxlan::dissect_gpe),
        (_, 6080) => Some(gue::dissect),
        (_, 6081) => Some(geneve::dissect),
        (_, 6635) => Some(dissect_mpls),
        (_, 37008) => Some(tzsp::dissect),
        (_, 2152) | (2152, _) => Some(gtp::dissect),
        (_, 3544) | (3544, _) => Some(teredo::dissect),
        (_, 1701) | (1701, _) => Some(l2tp::dissect_udp),
        (_, 5247) | (5247, _) => Some(capwap::dissect),
        _ => None,
    }
}

/// MPLS in UDP (RFC 7510).
fn dissect_mpls<'a>(d: &mut Dissection<'a>, payload: Layer<'a>) -> Outcome {
    d.enter(payload, "mpls in udp")?;
    mpls::dissect(d, payload)
}

/// Looks into a UDP payload. The dissection stays as it was when no sound IP header is in it.
pub(in crate::packet) fn attempt<'a>(
    d: &mut Dissection<'a>,
    payload: Layer<'a>,
    dissect: Dissect,
) -> Outcome {
    let before = *d;
    d.view.stop = None;
    let outcome = dissect(d, payload);
    let found = d.view.ip_offset > before.view.ip_offset;
    let unsound = |stop: Option<Stop>| {
        stop.is_some_and(|s| s.reason == StopReason::Malformed && s.layer.starts_with("ip"))
    };
    if !found || unsound(d.view.stop) || unsound(outcome.err()) {
        *d = before;
        return outcome.or_else(|stop| match stop.reason {
            StopReason::TooDeep => Err(stop),
            _ => Ok(()),
        });
    }
    d.view.stop = before.view.stop.or(d.view.stop);
    outcome
}
