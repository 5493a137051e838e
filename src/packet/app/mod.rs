//! Application protocols, recognised from the first bytes of each direction. A port is only a
//! prior. Truncated and reordered input is the normal case: nothing here fails, it says less.

mod amqp;
mod ber;
mod bgp;
mod cassandra;
mod chat;
mod cluster;
mod cursor;
mod dns;
mod dns_tcp;
mod frames;
mod ftp;
mod hpack;
mod http1;
mod http1_message;
mod http2;
mod imap;
mod industrial;
mod irc;
mod kafka;
mod kerberos;
mod ldap;
mod lines;
mod mask;
mod memcached;
mod mismatch;
mod mongodb;
mod mqtt;
mod mysql;
mod pop3;
mod postgres;
mod protocol;
mod proxy;
mod rdp;
mod redis;
mod registry;
mod remote;
mod rst_payload;
mod sip;
mod smb;
mod smtp;
mod ssh;
mod storage;
mod story;
mod talk;
mod tds;

mod tls;
mod tns;
mod websocket;
mod x11;
mod xmpp;
mod zookeeper;

pub use crate::units::text;
pub use dns::{
    DnsAnswer, DnsAnswers, DnsData, DnsMessage, DnsName, DnsQuestion, dns_message, rcode_name,
    type_name,
};
pub use protocol::Protocol;
pub use registry::{Recogniser, is_reserved, recognisers};
pub use rst_payload::{RstReason, RstReasonKind, rst_payload};
pub use story::{AppError, AppStory, Blame, Confidence, Request, ResponseState};
pub use talk::{Dialogue, Stream, Turn};
pub use tls::{
    ClientHello, TlsAlert, TlsStory, alert_name, client_hello, group_name, is_grease, version_name,
};

/// Tells what the payload of a connection is about. Never fails: without a recognised
/// protocol only `first_bytes` is filled in.
#[must_use]
pub fn recognise(d: &Dialogue<'_>) -> AppStory {
    if d.client.total() == 0 && d.server.total() == 0 {
        return AppStory::default();
    }
    let mut story = registry::best(d);
    let certain = story.confidence >= Confidence::Medium && story.protocol.is_some();
    if !certain {
        let turns = talk::swap_turns(d.turns);
        let other = d.swapped(&turns);
        let swapped = registry::best(&other);
        let better = swapped.protocol.is_some()
            && (swapped.confidence > story.confidence || story.protocol.is_none());
        if better && swapped.client_is_first_endpoint == Some(true) {
            story = swapped;
            mismatch::judge(&other, &mut story);
            story.client_is_first_endpoint = Some(false);
            story.first_bytes = first_bytes(&other);
            return story;
        }
    }
    mismatch::judge(d, &mut story);
    story.first_bytes = first_bytes(d);
    story
}

fn first_bytes(d: &Dialogue<'_>) -> String {
    let bytes = if d.client.bytes.is_empty() {
        d.server.bytes
    } else {
        d.client.bytes
    };
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let line = &bytes[..end];
    let masked = mask::line(line);
    if masked == line {
        text::first_bytes(bytes)
    } else {
        text::first_bytes(&masked)
    }
}

#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
