//! What the application story of a case gives to the report. The only file of `report` that
//! looks into [`crate::packet::app::AppStory`].

use super::schema_case::Tls;
use crate::diagnosis::Case;

/// Names of the server: what DNS was asked for, then the names the client used in TLS or in
/// its request; each once. Hostile text.
#[must_use]
pub fn server_names(case: &Case) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let Some(lookup) = &case.connection.name {
        names.push(lookup.name.clone());
    }
    names
}

/// The label before the summary: `SNI www.example.net`, or the DNS name. Hostile text.
pub(super) fn headline(case: &Case) -> Option<String> {
    server_names(case).into_iter().next()
}

/// What TLS tells.
pub(super) fn tls(_case: &Case) -> Option<Tls> {
    None
}

/// What was asked last.
pub(super) fn last_request(_case: &Case) -> Option<String> {
    None
}

/// The application protocol.
pub(super) fn protocol(_case: &Case) -> Option<String> {
    None
}
