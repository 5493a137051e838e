//! Ids of the diagnosis in words.

use crate::diagnosis::{Basis, Confidence, Party, Severity};
use crate::report::hostile::plain;
use maud::{Markup, html};

/// Who, as the subject of a sentence.
pub(super) fn who(party: Party) -> &'static str {
    match party {
        Party::ClientHost => "The client",
        Party::ServerHost => "The server",
        Party::MiddleboxAsServer => "A device on the path, in the server's name",
        Party::MiddleboxAsClient => "A device on the path, in the client's name",
        Party::MiddleboxBoth => "A device on the path, in both sides' names",
        Party::ServerSideIntermediary => "A load balancer or proxy at the server's address",
        Party::ClientSideIntermediary => "A NAT or proxy in front of the client",
        Party::Unknown => "Not to be told from this capture",
    }
}

/// What the basis means.
pub(super) fn known(basis: Basis) -> &'static str {
    match basis {
        Basis::Stated => "the packets say so themselves",
        Basis::Observed => "every step is in the frames",
        Basis::Inferred => "it rests on an assumption",
    }
}

/// Style class and key of the party's colour: its word without spaces.
pub(super) fn colour(party: Party) -> &'static str {
    match party {
        Party::ClientHost => "client",
        Party::ServerHost => "server",
        Party::MiddleboxAsServer | Party::MiddleboxAsClient | Party::MiddleboxBoth => "middlebox",
        Party::ServerSideIntermediary | Party::ClientSideIntermediary => "intermediary",
        Party::Unknown => "unknown",
    }
}

/// With a capital letter at its beginning.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}", chars.as_str())
}

/// Text of ours or from packets, in which `` `commands` `` are set as such.
pub(super) fn prose(text: &str) -> Markup {
    let text = plain(text);
    let parts: Vec<&str> = text.split('`').collect();
    // a lone backtick is a character like others
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (i, part) in parts.iter().enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// 0 to 3, as the page's script sorts.
pub(super) fn severity_rank(s: Severity) -> u8 {
    match s {
        Severity::Harmless => 0,
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Error => 3,
    }
}

/// 0 to 2, as the page's script sorts.
pub(super) fn confidence_rank(c: Confidence) -> u8 {
    match c {
        Confidence::Low => 0,
        Confidence::Medium => 1,
        Confidence::High => 2,
    }
}
