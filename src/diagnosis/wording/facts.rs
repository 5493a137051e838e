//! Facts in words.

use super::{duration, path};
use crate::diagnosis::evidence::{Fact, LateKind};
use crate::flow::Side;
use crate::reset::Form;

/// A fact as a sentence without its final period.
#[must_use]
pub fn fact(fact: &Fact) -> String {
    opening(fact)
        .or_else(|| connecting(fact))
        .or_else(|| stage(fact))
        .or_else(|| talk(fact))
        .or_else(|| stated(fact))
        .or_else(|| closing(fact))
        .or_else(|| time(fact))
        .unwrap_or_else(|| path::fact(fact))
}

fn s(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// How a reset of this form is made, in words.
fn made(side: Side, form: Form) -> String {
    let who = side.word();
    match form {
        Form::Refusal => "RST+ACK that acknowledges the SYN".to_owned(),
        Form::Stateless => format!(
            "bare RST with the number a segment to the {who} acknowledges, as a stack without a socket sends it"
        ),
        Form::StatelessAck => format!(
            "RST+ACK made from the segment it answers, window 0, not from the {who}'s own state"
        ),
        Form::Abort => {
            format!("RST+ACK at the {who}'s next sequence number: its socket was aborted")
        }
        Form::BareAbort => {
            format!("bare RST at the {who}'s next sequence number, answering nothing")
        }
        Form::Behind => format!("RST behind the {who}'s sequence number"),
        Form::Beyond => format!("RST beyond the {who}'s sequence number"),
        Form::Orphan => "RST without anything to compare it with".to_owned(),
    }
}

/// The same of a reset that its alleged sender did not make.
fn made_by_device(side: Side, form: Form) -> String {
    let who = side.word();
    let how = match form {
        Form::Refusal => "RST+ACK that acknowledges the SYN".to_owned(),
        Form::Stateless => "bare RST that repeats a segment's own numbers".to_owned(),
        Form::StatelessAck => "RST+ACK that repeats a segment's own numbers".to_owned(),
        Form::Abort => format!("RST+ACK at the {who}'s next sequence number"),
        Form::BareAbort => format!("bare RST at the {who}'s next sequence number"),
        Form::Behind => format!("RST behind the {who}'s sequence number"),
        Form::Beyond => format!("RST beyond the {who}'s sequence number"),
        Form::Orphan => "RST".to_owned(),
    };
    format!("{how}, in the {who}'s name")
}

/// The reset itself.
fn opening(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Made { side, form } => made(*side, *form),
        Fact::MadeByDevice { side, form } => made_by_device(*side, *form),
        Fact::MadeForNoAck { side } => format!(
            "RST+ACK with sequence number 0, as a stack without a socket answers what the {} sent without ACK",
            side.peer().word()
        ),
        Fact::MoreInName { side, count } => {
            format!(
                "{count} more RST{} in the {}'s name",
                s(*count),
                side.word()
            )
        }
        Fact::MadeUnlike { side } => {
            format!("its numbers fit nothing the {} had said", side.word())
        }
        Fact::MadeUnseen { side } => format!(
            "bare RST at the {}'s next sequence number; what it answers is not in the capture",
            side.word()
        ),
        Fact::NoSocketShape { held_up: true } => {
            "bare RST without the connection's time stamps, as a stack without a socket answers: most likely the ACK was held up behind the capture point".to_owned()
        }
        Fact::NoSocketShape { held_up: false } => {
            "bare RST, as a stack without a socket answers; what it answers is not in the capture"
                .to_owned()
        }
        Fact::SynAckUnseen => {
            "the RST acknowledges a SYN-ACK that is not in the capture".to_owned()
        }
        Fact::TakesLast { delay } => format!(
            "the RST itself acknowledges the last data, sent {} before",
            duration(*delay)
        ),
        Fact::Answers { side, what, delay } => {
            format!(
                "the {}'s end answers {what} with a RST after {}",
                side.word(),
                duration(*delay)
            )
        }
        Fact::ResetAfter { what, delay } => format!("RST {} after {what}", duration(*delay)),
        Fact::NoEffect { why } => format!("the RST had no effect: {why}"),
        Fact::SequenceOff { bytes } => {
            let count = match bytes.unsigned_abs() {
                1 => "one byte".to_owned(),
                n => format!("{n} bytes"),
            };
            let place = if *bytes < 0 { "behind" } else { "beyond" };
            format!("the RST lies {count} {place} the sender's sequence number")
        }
        Fact::EndedLater { side, delay } => format!(
            "the connection came up and was ended by a RST of the {} {} later",
            side.word(),
            duration(*delay)
        ),
        Fact::Echoes { count } => {
            format!(
                "{count} more RST{} of the same side, one for each segment that still came",
                s(*count)
            )
        }
        Fact::OtherSideToo { count } => {
            format!(
                "{count} RST{} of the other side, which has no use for what it was sent",
                s(*count)
            )
        }
        Fact::Copies { count } => format!("captured {count} times"),
        _ => return None,
    })
}

/// Before the connection exists.
fn connecting(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Refused { delay: Some(delay) } => format!("SYN refused after {}", duration(*delay)),
        Fact::Refused { delay: None } => "SYN refused".to_owned(),
        Fact::SynData {
            bytes,
            acknowledged,
        } => format!(
            "the SYN carried {bytes} bytes of data, {}",
            if *acknowledged {
                "acknowledged by the RST"
            } else {
                "not acknowledged"
            }
        ),
        Fact::Attempts {
            count,
            spacing,
            same_isn,
        } => {
            let who = if *same_isn {
                "the client's system repeats the SYN"
            } else {
                "the application tries again"
            };
            match spacing {
                Some(spacing) => format!(
                    "{count} attempts refused, {} apart: {who}",
                    duration(*spacing)
                ),
                None => format!("{count} attempts refused: {who}"),
            }
        }
        Fact::RefusedBare => {
            "the RST has no ACK: clients must not believe it and go on trying".to_owned()
        }
        Fact::ReferenceMissing => "nothing else of this server to compare with".to_owned(),
        Fact::RejectLabel => "made like a firewall's reject rule".to_owned(),
        Fact::SynAckAfterReset { delay } => {
            format!(
                "the server's own SYN-ACK arrives {} after the RST",
                duration(*delay)
            )
        }
        Fact::SynAckSlow {
            delay,
            retransmissions: 0,
        } => {
            format!("the SYN-ACK came after {}", duration(*delay))
        }
        Fact::SynAckSlow {
            delay,
            retransmissions,
        } => format!(
            "the SYN-ACK came after {} and {retransmissions} repeated SYN{}",
            duration(*delay),
            s(u64::from(*retransmissions))
        ),
        Fact::Sibling {
            address,
            head_start,
        } => {
            format!(
                "another attempt, to {address}, had succeeded {} before",
                duration(*head_start)
            )
        }
        Fact::FellBack { address, delay } if *delay < 0.0 => format!(
            "the client's attempt to {address} had succeeded {} before",
            duration(*delay)
        ),
        Fact::FellBack { address, delay } => format!(
            "the client's attempt to {address} succeeded {} later",
            duration(*delay)
        ),
        Fact::ScannerSyn { what } => format!("the SYN is not a normal system's: {what}"),
        Fact::ScanTargets { targets } => {
            format!("the client tried {targets} different ports or hosts")
        }
        _ => return None,
    })
}

/// Distance and direction of a number.
fn off_by(bytes: i64) -> String {
    let side = if bytes < 0 { "below" } else { "above" };
    format!("{} {side}", bytes.unsigned_abs())
}

/// Handshake and stage.
fn stage(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::AckMismatch { bytes } if bytes.unsigned_abs() > 1 << 20 => {
            "the SYN-ACK acknowledges a number that has nothing to do with the client's SYN"
                .to_owned()
        }
        Fact::AckMismatch { bytes } => format!(
            "the SYN-ACK acknowledges a number {} what the client's SYN asks for",
            off_by(*bytes)
        ),
        Fact::AckMismatchUnseen { bytes } => format!(
            "the RST answers a SYN-ACK, not in the capture, that acknowledged a number {} what the client's SYN asks for",
            off_by(*bytes)
        ),
        Fact::NoSyn => "nothing in the capture asked for it".to_owned(),
        Fact::ChallengeAck => {
            "the server answers with an acknowledgment of the old connection".to_owned()
        }
        Fact::NewSyn => "a new SYN on the ports of a connection the server still holds".to_owned(),
        Fact::HandshakeRtt { rtt } => format!("handshake complete, round trip {}", duration(*rtt)),
        Fact::NothingSaid { side: Some(side) } => format!("no byte from the {}", side.word()),
        Fact::NothingSaid { side: None } => "no payload either way".to_owned(),
        Fact::NothingTaken { what } => {
            format!("the {what} was on its way, the RST acknowledges none of it")
        }
        Fact::NothingAsked => "TLS came up, and nothing was asked over it".to_owned(),
        Fact::UnseenTaken { side, bytes: 0 } => format!(
            "the {} had acknowledged no byte of the {}, whose packets are not in the capture",
            side.peer().word(),
            side.word()
        ),
        Fact::UnseenTaken { side, bytes } => format!(
            "the {} had acknowledged {bytes} byte{} of the {}, whose packets are not in the capture",
            side.peer().word(),
            s(*bytes),
            side.word()
        ),
        Fact::StageName { stage } => format!("aborted: {stage}"),
        _ => return None,
    })
}

/// What the two sides said.
fn talk(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Sni { name } => format!("SNI {name}"),
        Fact::HelloSize { len, records } => {
            format!(
                "large ClientHello: {len} bytes in {records} segment{}",
                s(*records)
            )
        }
        Fact::HelloUnacknowledged => "the ClientHello was not acknowledged before".to_owned(),
        Fact::Alert {
            from,
            text,
            guessed,
        } => format!(
            "{} alert from the {}: {text}",
            if *guessed { "probably a TLS" } else { "TLS" },
            from.word()
        ),
        Fact::Mismatch { text } | Fact::Invalid { text } => text.clone(),
        Fact::Request { text } => text.clone(),
        Fact::ResponseCut {
            seen,
            expected: Some(expected),
        } => {
            format!("the answer ends after {seen} of {expected} bytes")
        }
        Fact::ResponseCut {
            seen,
            expected: None,
        } => format!("the answer is incomplete after {seen} bytes"),
        Fact::ResponseComplete { text: Some(text) } => {
            format!("answered in full ({text}), nothing outstanding")
        }
        Fact::ResponseComplete { text: None } => {
            "everything was delivered, nothing outstanding".to_owned()
        }
        _ => return None,
    })
}

/// Errors, leftovers and what the reset itself says.
fn stated(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::AppError { text, from } => format!("the {} said: {text}", from.word()),
        Fact::BodyUnsent { seen, expected } => {
            format!("only {seen} of {expected} bytes of the body had been sent")
        }
        Fact::Unread { bytes } => format!("{bytes} bytes were acknowledged but never answered"),
        Fact::Missed { side, bytes } => format!(
            "by its number, the {} had sent {bytes} bytes that never came by here: lost on the way, or too long for the path",
            side.word()
        ),
        Fact::InFlight { bytes } => format!("{bytes} bytes were not acknowledged yet"),
        Fact::CleanQuit => "the protocol's goodbye had been said".to_owned(),
        Fact::Streaming {
            bytes,
            late_segments,
        } => streaming(*bytes, *late_segments),
        Fact::RstPayload { text, device: true } => format!("the load balancer says: {text}"),
        Fact::RstPayload {
            text,
            device: false,
        } => format!("the RST carries: {text}"),
        Fact::BalancerCode => {
            "window 8201 after a SYN-ACK with window 8190: a Citrix NetScaler's code for a segment without a connection (SYN cookies)".to_owned()
        }
        Fact::MptcpFastClose => {
            "MPTCP fast close: the application aborted the whole connection".to_owned()
        }
        Fact::MptcpReset { reason, code } => {
            format!("MPTCP resets this subflow: {reason} ({code})")
        }
        Fact::Icmp { text } => text.clone(),
        _ => return None,
    })
}

fn streaming(bytes: u64, late_segments: u64) -> String {
    match (bytes, late_segments) {
        (0, 0) => "the server was still sending".to_owned(),
        (0, n) => format!(
            "the server was still sending: {n} more segment{} of it came",
            s(n)
        ),
        (bytes, _) => format!("the server was still sending: {bytes} bytes had not been received"),
    }
}

/// The close.
fn closing(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::FinBefore {
            side,
            delay,
            acknowledged,
        } => format!(
            "the {} had sent FIN {} before{}",
            side.word(),
            duration(*delay),
            if *acknowledged { ", acknowledged" } else { "" }
        ),
        Fact::FinImplied { side } => format!(
            "one number more was acknowledged than the payload takes: the {}'s FIN, most likely",
            side.word()
        ),
        Fact::BothFins => "both sides had closed with FIN".to_owned(),
        Fact::FinWithReset { side } => format!("FIN and RST of the {} left together", side.word()),
        Fact::Late { what, bytes, count } => late(*what, *bytes, *count),
        Fact::RequestIgnoredFin => {
            "the client used a connection whose FIN it had acknowledged".to_owned()
        }
        Fact::RequestCrossedFin => "the request crossed the server's FIN".to_owned(),
        Fact::OthersToo { text } => text.clone(),
        _ => return None,
    })
}

fn late(what: LateKind, bytes: u64, count: u64) -> String {
    let name = match what {
        LateKind::CloseNotify => "a TLS close_notify",
        LateKind::SessionTicket => "TLS session tickets",
        LateKind::Farewell => "the answer to the goodbye",
        LateKind::ResponseRemainder => "the rest of the answer",
        LateKind::FirstResponse => "the answer's first bytes",
        LateKind::Request => "client data",
        LateKind::BareAck => "an acknowledgment",
        LateKind::OwnFin => "the peer's FIN",
        LateKind::Other => "data",
    };
    match (bytes, count) {
        (0, _) => format!("{name} came after the close"),
        (_, 0 | 1) => format!("{name} ({bytes} byte{}) came after the close", s(bytes)),
        _ => format!("{name} ({bytes} bytes in {count} segments) came after the close"),
    }
}

/// Silences, timers, repetition.
fn time(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::NoAnswer { silence } => format!("no byte of an answer in {}", duration(*silence)),
        Fact::TlsStalled { owed_by, silence } => {
            format!(
                "the TLS handshake stalled for {}, the {}'s turn",
                duration(*silence),
                owed_by.word()
            )
        }
        Fact::RequestIncomplete { silence, text } => {
            format!(
                "the {text} message was incomplete, {} of silence",
                duration(*silence)
            )
        }
        Fact::Idle { silence } => format!("silent for {}", duration(*silence)),
        Fact::TimersRunOut { timers } => {
            let one =
                |(seconds, products): &(f64, &str)| format!("{} ({products})", duration(*seconds));
            let list: Vec<String> = timers.iter().map(one).collect();
            format!("by then these timers had run out: {}", list.join("; "))
        }
        Fact::Timer { seconds, products } => format!("{} fits: {products}", duration(*seconds)),
        Fact::Repeated { seconds, times } => {
            format!(
                "{times} connections end after the same {}",
                duration(*seconds)
            )
        }
        Fact::KeepAlive { answered: true } => "keepalives were answered".to_owned(),
        Fact::KeepAlive { answered: false } => "keepalives were not answered".to_owned(),
        Fact::Unanswered {
            side,
            what,
            count,
            silence,
        } => format!(
            "{count} {what} unanswered, the {} silent for {}",
            side.word(),
            duration(*silence)
        ),
        Fact::ZeroWindow { side, seconds } => {
            format!(
                "the {}'s window was closed for {}",
                side.word(),
                duration(*seconds)
            )
        }
        Fact::NotRead { side, least, most } => format!(
            "the {} was not reading all: its window had fallen to {} % of its size",
            side.word(),
            u32::from(*least) * 100 / u32::from(*most).max(1)
        ),
        Fact::ServerWentOn { what, delay } => {
            format!("the server sent {what} {} later", duration(*delay))
        }
        _ => return None,
    })
}
