//! `client-abort-mid-response`: the client closed while the server was still sending.

use super::common::{companions, fin, made, request, sni};
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::evidence::{Evidence, Fact};
use crate::diagnosis::model::{Basis, Severity};
use crate::diagnosis::rule::Finding;
use crate::diagnosis::rule::rule;
use crate::flow::Side;
use crate::packet::app::ResponseState;
use crate::packet::tcp_flags;
use crate::reset::{Kind, Role};

rule! {
    /// ## Signature
    ///
    /// - The answer is incomplete by its framing, or data of the server are unacknowledged or still arriving; the client aborts; often followed by one bare RST for each segment under way.
    ///
    /// ## Meaning
    ///
    /// A cancelled download, a player that seeks, a page left, a client that had read enough or crashed. The kernel makes a reset of `close()` because data are unread.
    ///
    /// ## Easily confused with
    ///
    /// - `normal-close-by-reset`: the answer was complete.
    /// - `client-gave-up-waiting`: the answer had not begun.
    /// - `zero-window-abort`: the client had stopped reading before.
    ///
    /// ## What to do
    ///
    /// - Client log at this time: cancelled, timed out, crashed?
    /// - If the client's window was shrinking before, its application was not reading.
    ///
    /// ## References
    ///
    /// - RFC 1122 4.2.2.13
    "client-abort-mid-response", "the client closed while the server was still sending", by "client-host", since "0.1.0", Some(check)
}

fn check(c: &ResetContext) -> Option<Finding> {
    if !c.by_client() || !c.is_abort() || c.forged {
        return None;
    }
    if c.bytes(Side::Server) == 0 {
        return response_not_seen(c);
    }
    let server_fin = u32::from(c.fin(Side::Server).is_some());
    let in_flight = u64::from(c.unacknowledged(Side::Server).saturating_sub(server_fin));
    let late = c
        .resets_with(Role::InFlightEcho)
        .filter_map(|r| r.trigger)
        .filter(|i| *i > c.at && c.replay.kind(*i) == Kind::Data)
        .count();
    let streaming = c.server_spoke_last() && (in_flight > 0 || late > 0);
    let (seen, expected) = match c.story.response {
        ResponseState::Partial { expected, seen } => (seen, expected),
        _ => (c.bytes(Side::Server), None),
    };
    let cut = c.response_cut();
    // sent in full is not received in full: the RST tells what its sender had
    let open = streaming && (c.response_complete() != Some(true) || in_flight > 0);
    if !cut && !open {
        return left_unread(c);
    }
    let fact = if cut {
        Fact::ResponseCut { seen, expected }
    } else {
        Fact::Streaming {
            bytes: in_flight,
            late_segments: late as u64,
        }
    };
    Some(
        Finding::new(0.85, Basis::Observed, Severity::Info)
            .with([Evidence::of(
                fact,
                c.last_data(Side::Server).into_iter().chain([c.rst()]),
            )])
            .with(request(c).or_else(|| sni(c)))
            .with(companions(c))
            .with(fin(c, Side::Client))
            .with([made(c)]),
    )
}

/// A window this much smaller than it had been (one part in) holds data nobody has read.
const FALLEN: u16 = 4;

/// The head of a long answer is not at hand, so that its framing is unknown; but everything
/// had been acknowledged with a window that told of unread data when the client closed.
fn left_unread(c: &ResetContext) -> Option<Finding> {
    let unknown = c.response_complete().is_none() && !c.story.clean_quit;
    if !unknown || !c.server_spoke_last() || c.conn.left_out.is_empty() {
        return None;
    }
    let answer = c.side(Side::Server).last_data?;
    let windows = |from: usize| {
        (from..c.at)
            .map(|i| &c.conn.segments[i])
            .filter(|s| s.from == Side::Client && !s.is_rst() && !s.is_syn())
    };
    let most = windows(0).map(|s| s.window).max()?;
    let full = windows(answer).min_by_key(|s| s.window)?;
    if full.window > most / FALLEN {
        return None;
    }
    let fact = Fact::NotRead {
        side: Side::Client,
        least: full.window,
        most,
    };
    Some(
        Finding::new(0.6, Basis::Inferred, Severity::Info)
            .with([Evidence::of(fact, [full, c.rst()])])
            .with(request(c).or_else(|| sni(c)))
            .with([made(c)])
            .with(companions(c)),
    )
}

/// Only the client was captured: it had taken data, and after its abort it answered segments
/// that still came, one RST each.
fn response_not_seen(c: &ResetContext) -> Option<Finding> {
    let unseen = c.unseen().filter(|u| u.bytes > 0 && u.after_all)?;
    let echoes = c.episode.resets.iter().filter(|r| {
        let s = &c.conn.segments[r.segment];
        r.segment > c.at && r.from == Side::Client && !s.has(tcp_flags::ACK)
    });
    let echoes: Vec<_> = echoes.map(|r| &c.conn.segments[r.segment]).collect();
    let taken = Fact::UnseenTaken {
        side: Side::Server,
        bytes: unseen.bytes,
    };
    let streaming = Fact::Streaming {
        bytes: 0,
        late_segments: echoes.len() as u64,
    };
    (!echoes.is_empty()).then(|| {
        Finding::new(0.8, Basis::Inferred, Severity::Info)
            .with([
                Evidence::of(streaming, echoes),
                Evidence::of(taken, unseen.last),
                made(c),
            ])
            .with(request(c).or_else(|| sni(c)))
    })
}
