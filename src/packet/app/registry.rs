//! All recognisers in one ordered list. Content decides; the port only breaks ties.

use super::protocol::Protocol;
use super::story::AppStory;
use super::talk::Dialogue;
use super::{dns_tcp, http1, http2, tls};

/// One protocol's recogniser.
pub struct Recogniser {
    /// The protocol it looks for.
    pub protocol: Protocol,
    /// Ports where the protocol is expected; a prior, never proof.
    pub ports: &'static [u16],
    /// Returns a story if the content is the protocol's.
    run: fn(&Dialogue<'_>) -> Option<AppStory>,
}

const fn entry(
    protocol: Protocol,
    ports: &'static [u16],
    run: fn(&Dialogue<'_>) -> Option<AppStory>,
) -> Recogniser {
    Recogniser {
        protocol,
        ports,
        run,
    }
}

/// In order of precedence: the ones with unmistakable first bytes come first.
static RECOGNISERS: &[Recogniser] = &[
    entry(
        Protocol::Tls,
        &[
            443, 465, 636, 853, 989, 990, 992, 993, 995, 3269, 5061, 5671, 6443, 8443, 8883, 9443,
        ],
        tls::recognise,
    ),
    entry(Protocol::Http2, &[80, 8080, 50051], http2::recognise),
    entry(
        Protocol::Http1,
        &[80, 591, 3128, 8000, 8008, 8080, 8081, 8088, 8888],
        http1::recognise,
    ),
    entry(Protocol::Dns, &[53], dns_tcp::recognise),
];

/// All recognisers in order of precedence.
#[must_use]
pub fn recognisers() -> &'static [Recogniser] {
    RECOGNISERS
}

/// The best story of all recognisers: by confidence, then by port, then by order.
pub(super) fn best(d: &Dialogue<'_>) -> AppStory {
    let mut best: Option<((super::Confidence, bool), AppStory)> = None;
    for recogniser in RECOGNISERS {
        let Some(story) = (recogniser.run)(d) else {
            continue;
        };
        let rank = (story.confidence, recogniser.ports.contains(&d.server_port));
        if best.as_ref().is_none_or(|(r, _)| rank > *r) {
            best = Some((rank, story));
        }
    }
    best.map(|(_, story)| story).unwrap_or_default()
}

/// Protocols expected on a port, in order of precedence.
pub(super) fn expected_on(port: u16) -> impl Iterator<Item = Protocol> {
    RECOGNISERS
        .iter()
        .filter(move |r| r.ports.contains(&port))
        .map(|r| r.protocol)
}
