//! The ten questions a ticket asks.

use super::duration;
use crate::diagnosis::context::ResetContext;
use crate::diagnosis::model::{Checklist, Diagnosis, Party};
use crate::flow::{Connection, Side};
use crate::packet::app::{AppStory, ResponseState};
use crate::reset::Kind;
use crate::units::Timestamp;

/// Answers for one case.
#[must_use]
pub fn checklist(c: &ResetContext, d: &Diagnosis) -> Checklist {
    Checklist {
        first_reset: first_reset(c),
        sender: sender(d),
        just_before: just_before(c),
        handshake: handshake(c),
        tls: tls(c),
        application_data: application_data(c),
        idle: idle(c),
        path_clues: path_clues(c, d),
        last_application_bytes: last_bytes(c),
        where_to_look: where_to_look(c.conn, c.story, c.rst().time, d),
    }
}

fn first_reset(c: &ResetContext) -> String {
    let rst = c.rst();
    let count: u64 = c
        .conn
        .totals
        .resets
        .iter()
        .sum::<u64>()
        .max(c.episode.resets.len() as u64);
    let more = if count > 1 {
        format!(", one of {count}")
    } else {
        String::new()
    };
    format!(
        "frame {}, {} from the {} address{more}",
        rst.frame.number,
        c.form().id(),
        c.sender.word()
    )
}

fn sender(d: &Diagnosis) -> String {
    let reason = d.party_evidence.and_then(|i| d.evidence.get(i));
    let reason = reason.map_or(String::new(), |e| format!(": {}", e.text()));
    format!(
        "{} ({} confidence){reason}",
        d.party.word(),
        d.party_confidence.id()
    )
}

fn just_before(c: &ResetContext) -> String {
    let Some(index) = (0..c.at)
        .rev()
        .find(|&i| !matches!(c.replay.kind(i), Kind::Copy | Kind::Reset))
    else {
        return "nothing in the capture".to_owned();
    };
    let segment = &c.conn.segments[index];
    let what = match c.replay.kind(index) {
        Kind::Syn => "SYN".to_owned(),
        Kind::SynAck => "SYN-ACK".to_owned(),
        Kind::PureAck => "acknowledgment".to_owned(),
        Kind::Data => format!("{} bytes of data", segment.len),
        Kind::Retransmission => "retransmission".to_owned(),
        Kind::KeepAlive => "keepalive".to_owned(),
        Kind::WindowProbe => "window probe".to_owned(),
        Kind::Fin => "FIN".to_owned(),
        Kind::Stray | Kind::Reset | Kind::Copy => "segment of another connection".to_owned(),
    };
    let gap = c.rst().time.seconds_since(segment.time);
    format!(
        "{what} from the {}, {} before",
        segment.from.word(),
        duration(gap)
    )
}

fn handshake(c: &ResetContext) -> String {
    if c.final_ack().is_some() && c.syn().is_some() {
        let rtt = c.path_rtt();
        return format!("complete, {} for both ways", duration(rtt));
    }
    match (c.syn().is_some(), c.syn_ack().is_some(), c.is_mid_flow()) {
        (_, _, true) => "before the capture began".to_owned(),
        (true, true, _) => "the client did not acknowledge the SYN-ACK".to_owned(),
        (true, false, _) => "no SYN-ACK before the reset".to_owned(),
        (false, true, _) => "the SYN is not in the capture".to_owned(),
        (false, false, _) => "not seen".to_owned(),
    }
}

fn tls(c: &ResetContext) -> String {
    let Some(tls) = c.tls() else {
        return if c.bytes(Side::Client) + c.bytes(Side::Server) == 0 {
            "no payload was seen".to_owned()
        } else {
            "no TLS seen".to_owned()
        };
    };
    let name = tls
        .client_hello
        .as_ref()
        .and_then(|h| h.sni.as_deref())
        .map_or(String::new(), |n| format!(", SNI {n}"));
    let state = match tls.handshake_complete {
        Some(true) => "completed",
        Some(false) if tls.server_hello => "began, not completed",
        Some(false) => "ClientHello only",
        None => "seen, completeness unknown",
    };
    format!("{state}{name}")
}

fn application_data(c: &ResetContext) -> String {
    // of a long connection only the beginning and the end are at hand
    let before = |(at, _): &(usize, u64)| *at <= c.primary().segment;
    if c.conn.left_out.iter().any(before) {
        let [client, server] = c.conn.totals.bytes;
        return format!(
            "{client} bytes from the client, {server} from the server in all, repetitions included"
        );
    }
    format!(
        "{} bytes from the client, {} from the server before the reset",
        c.bytes(Side::Client),
        c.bytes(Side::Server)
    )
}

fn idle(c: &ResetContext) -> String {
    c.idle_before().map_or("not known".to_owned(), |s| {
        format!("{} without payload", duration(s))
    })
}

fn path_clues(c: &ResetContext, d: &Diagnosis) -> String {
    let rst = c.rst();
    let mac = rst.src_mac.map_or(String::new(), |m| {
        format!(", MAC {}", m.map(|b| format!("{b:02x}")).join(":"))
    });
    let usual: Vec<String> = {
        let mut ttls: Vec<u8> = c
            .conn
            .segments
            .iter()
            .filter(|s| s.from == c.sender && !s.is_rst())
            .map(|s| s.ttl)
            .collect();
        ttls.sort_unstable();
        ttls.dedup();
        ttls.iter().map(u8::to_string).collect()
    };
    let others = if usual.is_empty() {
        String::new()
    } else {
        format!(", its sender's other packets {}", usual.join(", "))
    };
    format!(
        "RST TTL {}{others}{mac}; captured {}; score {} dB",
        rst.ttl,
        c.episode.vantage.point.id(),
        d.middlebox_score
    )
}

fn last_bytes(c: &ResetContext) -> String {
    let request = c.story.last_request.as_ref().map(|r| r.summary.clone());
    let asked = request
        .filter(|s| !s.is_empty())
        .or_else(|| (!c.story.first_bytes.is_empty()).then(|| c.story.first_bytes.clone()))
        .unwrap_or_else(|| "none seen".to_owned());
    let answer = match c.story.response {
        ResponseState::None => None,
        ResponseState::NotStarted => Some("no answer".to_owned()),
        ResponseState::Partial { seen, .. } => {
            Some(format!("answer incomplete after {seen} bytes"))
        }
        ResponseState::Complete => Some("answered in full".to_owned()),
        ResponseState::Unknown => c.story.last_response.clone(),
    };
    match answer {
        Some(answer) => format!("{asked}; {answer}"),
        None => asked,
    }
}

/// UTC, with as many digits as say something: micro- and millisecond clocks end in zeros.
fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    let digits = text.trim_end_matches('Z');
    let short = digits.strip_suffix("000").unwrap_or(digits);
    format!("{}Z", short.strip_suffix("000").unwrap_or(short))
}

fn where_to_look(conn: &Connection, story: &AppStory, time: Timestamp, d: &Diagnosis) -> String {
    let log = match d.party {
        Party::ClientHost => format!("the client's application log ({})", conn.client.ip),
        Party::ServerHost => format!("the server's or proxy's log ({})", conn.server),
        Party::ServerSideIntermediary => format!("the load balancer's log ({})", conn.server),
        Party::ClientSideIntermediary => "the log of the NAT or proxy before the client".to_owned(),
        Party::MiddleboxAsServer | Party::MiddleboxAsClient | Party::MiddleboxBoth => {
            "the logs of firewalls and filters on the path".to_owned()
        }
        Party::Unknown => "both ends' logs, and those of firewalls between".to_owned(),
    };
    let place = super::Place {
        server: conn.server,
        name: super::asked_for(story),
    };
    let first = d
        .advice(&place)
        .into_iter()
        .next()
        .filter(|a| !a.starts_with("Nothing"))
        .map_or(String::new(), |a| format!("; first: {a}"));
    let time = moment(time);
    format!("{log} at {time}, {} > {}{first}", conn.client, conn.server)
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, moment};

    #[test]
    fn times_have_the_clocks_own_digits() {
        let at = |nanos: i64| moment(Timestamp(1_700_000_000_000_000_000 + nanos));
        assert_eq!(at(123_456_789), "2023-11-14T22:13:20.123456789Z");
        assert_eq!(at(123_456_000), "2023-11-14T22:13:20.123456Z");
        assert_eq!(at(0), "2023-11-14T22:13:20.000Z");
    }
}
