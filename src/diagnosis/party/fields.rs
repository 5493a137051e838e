//! Header fields a forger must copy: IP ID, time stamps, window, flow label, DSCP, payload.

use super::{Family, Item, Look};
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::flow::Segment;
use crate::packet::app::{RstReasonKind, rst_payload};
use crate::packet::tcp_flags;
use crate::reset::{Form, Reset, bad_checksum};

/// Segments from which an IP ID series counts as monotone.
const SERIES: usize = 3;
/// Hosts whose resets must share an IP ID; each has this one only, so that chance is out.
const SAME_ID_HOSTS: usize = 3;
/// Largest usual step of a counter.
const STEP: u16 = 64;

fn item(family: Family, weight: i32, fact: Fact, segment: &Segment) -> Item {
    Item {
        family,
        weight,
        hard: false,
        evidence: Evidence::of(fact, [segment]),
    }
}

/// The sender's IP IDs before the reset, if they are a counter. SYN and SYN-ACK are left out:
/// Linux sends its SYN-ACK with ID 0.
fn ip_id_series(look: &Look, reset: &Reset) -> Option<(u16, usize)> {
    let ids: Vec<u16> = look
        .normal(reset.from)
        .filter(|(i, s)| *i < reset.segment && !s.has(tcp_flags::SYN))
        .filter_map(|(_, s)| s.ip_id)
        .collect();
    if ids.len() < SERIES {
        return None;
    }
    let mut steps: Vec<u16> = ids.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    steps.sort_unstable();
    let median = steps[steps.len() / 2];
    (1..=STEP)
        .contains(&median)
        .then(|| (ids[ids.len() - 1], ids.len()))
}

/// Rows 11 and 12: an abort continues its flow's IP ID counter, or does not.
pub(super) fn ip_id_order(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    if !matches!(reset.form, Form::Abort | Form::BareAbort) {
        return None;
    }
    let id = r.ip_id?;
    let (last, segments) = ip_id_series(look, reset)?;
    let step = id.wrapping_sub(last);
    let room = u16::try_from(segments)
        .unwrap_or(u16::MAX)
        .saturating_add(STEP);
    Some(if (1..=room).contains(&step) {
        item(Family::IpId, -10, Fact::IpIdNext { id }, r)
    } else {
        item(Family::IpId, 6, Fact::IpIdJump { id, last }, r)
    })
}

/// The sender's IP IDs count up, and this one is no step of theirs.
pub(super) fn leaves_counter(look: &Look, reset: &Reset) -> bool {
    let Some((last, segments)) = ip_id_series(look, reset) else {
        return false;
    };
    let room = u16::try_from(segments)
        .unwrap_or(u16::MAX)
        .saturating_add(STEP);
    look.segment(reset)
        .ip_id
        .is_some_and(|id| id != 0 && !(1..=room).contains(&id.wrapping_sub(last)))
}

/// Row 13: ID 0 without Don't Fragment while the sender's other packets differ.
pub(super) fn ip_id_zero(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let others_differ = look
        .normal(reset.from)
        .any(|(_, s)| s.ip_id.is_some_and(|id| id != 0) || s.dont_fragment);
    (r.ip_id == Some(0) && !r.dont_fragment && others_differ)
        .then(|| item(Family::IpId, 12, Fact::IpIdZero, r))
}

/// Row 15: the resets of several hosts carry one and the same IP ID: a device's constant.
pub(super) fn ip_id_shared(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let id = r.ip_id.filter(|id| *id != 0)?;
    let own = || look.normal(reset.from).filter_map(|(_, s)| s.ip_id);
    // a host may use a constant itself
    let habit = own().next().is_some() && own().all(|own| own == id);
    let constant = *look.world.crowd.constant_reset_ids.get(&id)?;
    let counted = look.host(reset.from).is_some_and(|h| h.reset_ids == [id]);
    let hosts = constant - usize::from(counted) + 1;
    (!habit && hosts >= SAME_ID_HOSTS).then(|| {
        let fact = Fact::SharedId { id, hosts };
        item(Family::CrossFlow, 12, fact, r)
    })
}

/// Row 16: an abort without the time stamps its sender puts on everything else.
pub(super) fn timestamp_missing(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    lacks_timestamp(look, reset).then(|| item(Family::Options, 4, Fact::TimestampMissing, r))
}

pub(super) fn lacks_timestamp(look: &Look, reset: &Reset) -> bool {
    reset.form == Form::Abort
        && look.segment(reset).options.timestamps.is_none()
        && [reset.from, reset.from.peer()]
            .iter()
            .all(|side| look.replay.state(reset.segment, *side).timestamps)
}

/// Row 17: time stamps that continue the sender's clock and echo the peer's.
pub(super) fn timestamp_continues(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let (tsval, tsecr) = r.options.timestamps?;
    let mine = look.replay.state(reset.segment, reset.from).tsval?;
    let peers = look
        .normal(reset.from.peer())
        .filter(|(i, _)| *i < reset.segment)
        .filter_map(|(_, s)| s.options.timestamps)
        .any(|(val, _)| val == tsecr);
    let forward = tsval.wrapping_sub(mine) as i32 >= 0;
    (forward && peers).then(|| item(Family::Options, -12, Fact::TimestampContinues, r))
}

/// Row 18: the window is the receiver's own last one, copied.
pub(super) fn window_copied(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let mine = look.replay.state(reset.segment, reset.from).window;
    let peers = look.replay.state(reset.segment, reset.from.peer()).window;
    (r.window != 0 && peers == Some(r.window) && mine.is_some_and(|w| w != r.window)).then(|| {
        item(
            Family::Window,
            8,
            Fact::WindowCopied { window: r.window },
            r,
        )
    })
}

/// Row 19: a stateless reply with a window.
pub(super) fn window_of_reply(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    (matches!(reset.form, Form::Stateless | Form::Refusal) && r.window != 0).then(|| {
        item(
            Family::Window,
            3,
            Fact::WindowOfReply { window: r.window },
            r,
        )
    })
}

/// An abort with window 0 and without time stamps, of a stack that has both: stacks that leave
/// the time stamps away keep the window, and those that send window 0 use no time stamps.
pub(super) fn window_zero(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let mine = look.replay.state(reset.segment, reset.from).window;
    (r.window == 0 && mine.is_some_and(|w| w != 0) && lacks_timestamp(look, reset))
        .then(|| item(Family::Window, 4, Fact::WindowZero, r))
}

/// Row 20: an abort with about the sender's last window.
pub(super) fn window_kept(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let last = look.replay.state(reset.segment, reset.from).window?;
    let close = u32::from(r.window.abs_diff(last)) * 10 <= u32::from(last);
    (reset.form == Form::Abort && r.window != 0 && close)
        .then(|| item(Family::Window, -4, Fact::WindowKept { window: r.window }, r))
}

/// Rows 21 and 22: a payload, and what it names.
pub(super) fn payload(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let reason = rst_payload(&r.payload)?;
    let device = matches!(
        reason.kind,
        RstReasonKind::BigIp | RstReasonKind::BigIpRemote
    );
    Some(Item {
        family: Family::Payload,
        weight: if device { 20 } else { 8 },
        hard: device,
        evidence: Evidence::of(
            Fact::RstPayload {
                text: reason.text,
                device,
            },
            [r],
        ),
    })
}

/// Row 25: IPv6 flow label 0 while the sender's other packets carry one.
pub(super) fn label_zero(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let labelled = look
        .normal(reset.from)
        .any(|(_, s)| s.flow_label.is_some_and(|l| l != 0));
    (r.flow_label == Some(0) && labelled).then(|| item(Family::Ip6, 8, Fact::LabelZero, r))
}

/// Row 26: DSCP differs from the sender's and from the trigger's (Linux reflects that).
pub(super) fn tos(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let dscp = |s: &Segment| s.tos >> 2;
    let mut usual = look.normal(reset.from).map(|(_, s)| dscp(s)).peekable();
    let first = *usual.peek()?;
    let steady = usual.all(|d| d == first);
    let reflects = reset
        .trigger
        .and_then(|t| look.conn.segments.get(t))
        .is_some_and(|q| dscp(q) == dscp(r));
    (steady && dscp(r) != first && !reflects).then(|| {
        item(
            Family::Qos,
            3,
            Fact::TosDiffers {
                tos: r.tos,
                usual: first << 2,
            },
            r,
        )
    })
}

/// Row 27: reserved or ECN bits on a reset.
pub(super) fn reserved_bits(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    let odd = tcp_flags::ECE | tcp_flags::CWR | tcp_flags::AE | tcp_flags::RESERVED;
    (r.flags & odd != 0).then(|| item(Family::Qos, 5, Fact::ReservedBits, r))
}

/// Row 39: the checksum is bad on the reset alone.
pub(super) fn checksum(look: &Look, reset: &Reset) -> Option<Item> {
    let r = look.segment(reset);
    bad_checksum(look.conn, r).then(|| item(Family::Checksum, 6, Fact::BadChecksum, r))
}

/// Row 35: an abort in which everything fits: clock, counter, TTL.
pub(super) fn fully_consistent(look: &Look, reset: &Reset) -> bool {
    let r = look.segment(reset);
    let ttl = look.normal(reset.from).any(|(_, s)| s.ttl == r.ttl);
    let clock = timestamp_continues(look, reset).is_some();
    let counter = ip_id_order(look, reset).is_some_and(|i| i.weight < 0);
    reset.form == Form::Abort && ttl && (clock || counter) && !lacks_timestamp(look, reset)
}
