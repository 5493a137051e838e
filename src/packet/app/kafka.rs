//! Apache Kafka: request headers, correlation, and the errors that end connections.

use super::cursor::Cursor;
use super::frames::{Answer, Frame, Frames, settle};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;
use std::collections::VecDeque;

struct Header {
    api: u16,
    version: u16,
    correlation: u32,
    client: String,
}

fn header(data: &[u8]) -> Option<Header> {
    let mut c = Cursor::from(data, 4);
    let (api, version, correlation) = (c.be16()?, c.be16()?, c.be32()?);
    let client = match c.be16()? {
        0xffff => String::new(),
        n if n <= 255 => {
            let id = c.take_some(usize::from(n));
            if !id.iter().all(|b| (0x20..0x7f).contains(b)) {
                return None;
            }
            clean(id, 60)
        }
        _ => return None,
    };
    (api <= 92 && version <= 20).then_some(Header {
        api,
        version,
        correlation,
        client,
    })
}

fn request_length(data: &[u8]) -> Option<u64> {
    let len = Cursor::new(data).be32()?;
    (10..=104_857_600).contains(&len).then_some(())?;
    header(data)?;
    Some(u64::from(len) + 4)
}

fn response_length(data: &[u8]) -> Option<u64> {
    let len = Cursor::new(data).be32()?;
    (4..=104_857_600).contains(&len).then(|| u64::from(len) + 4)
}

pub(super) fn recognise(d: &Dialogue<'_>) -> Option<AppStory> {
    let first = request_length(d.client.bytes)?;
    let asked = header(d.client.bytes)?;
    // Nobody begins with Produce version 0, and zeros are like anything.
    if asked.api == 0 && asked.version == 0 {
        return None;
    }
    let replied = Cursor::from(d.server.bytes, 4).be32();
    let paired = replied == Some(asked.correlation);
    if !paired && !d.server.bytes.is_empty() || first > 10_000_000 {
        return None;
    }
    let confidence = match (paired, asked.client.is_empty()) {
        (true, _) => Confidence::High,
        (false, false) => Confidence::Medium,
        (false, true) => Confidence::Low,
    };
    let mut story = AppStory::of(Protocol::Kafka, confidence);
    story.client_is_first_endpoint = Some(true);
    // Requests that wait for their answer, in order: Kafka answers in order.
    let mut waiting: VecDeque<(u32, u16)> = VecDeque::new();
    let mut last = None;
    for frame in Frames::new(d, true, 0, request_length) {
        let Some(header) = header(frame.data) else {
            continue;
        };
        story.requests += u32::from(frame.complete());
        waiting.push_back((header.correlation, header.api));
        last = Some(request(&frame, &header));
    }
    let mut answer = Answer::Unknown;
    for frame in Frames::new(d, false, 0, response_length) {
        let correlation = Cursor::from(frame.data, 4).be32().unwrap_or(0);
        // A produce request with acks=0 has no answer.
        let index = waiting.iter().position(|w| w.0 == correlation);
        let api = index
            .and_then(|i| waiting.drain(..=i).next_back())
            .map(|w| w.1);
        story.responses += u32::from(frame.complete());
        answer = Answer::of(&frame);
        story.last_response = Some(format!("Kafka response {correlation}"));
        // In these the error code comes first.
        if matches!(api, Some(17 | 18 | 36)) {
            story.error = Cursor::from(frame.data, 8)
                .be16()
                .filter(|&e| e != 0)
                .map(|e| error(&frame, e));
        }
    }
    if let Some(request) = last {
        settle(&mut story, d, request, answer);
        if !waiting.is_empty() && answer != Answer::Unknown && story.outstanding == Some(false) {
            // The last answer was to an earlier request.
            story.outstanding = story.last_request.as_ref().and_then(|r| r.complete);
        }
    }
    Some(story)
}

fn request(frame: &Frame<'_>, header: &Header) -> Request {
    let name = api_name(header.api);
    let by = if header.client.is_empty() {
        String::new()
    } else {
        format!(" client {}", header.client)
    };
    let text = format!(
        "Kafka {name} v{} correlation {}{by}",
        header.version, header.correlation
    );
    let mut request = Request::framed(frame, name, text);
    request.target = header.client.clone();
    request
}

fn error(frame: &Frame<'_>, code: u16) -> AppError {
    let text = match code {
        33 => "unsupported SASL mechanism",
        34 => "illegal SASL state",
        35 => "unsupported version",
        58 => "SASL authentication failed",
        _ => "error",
    };
    AppError {
        code: code.to_string(),
        text: text.to_owned(),
        from_server: true,
        offset: frame.offset,
        fatal: matches!(code, 33 | 34 | 58),
        blame: Blame::Client,
        explains_close: matches!(code, 33 | 34 | 58),
    }
}

fn api_name(api: u16) -> &'static str {
    const NAMES: &[&str] = &[
        "Produce",
        "Fetch",
        "ListOffsets",
        "Metadata",
        "LeaderAndIsr",
        "StopReplica",
        "UpdateMetadata",
        "ControlledShutdown",
        "OffsetCommit",
        "OffsetFetch",
        "FindCoordinator",
        "JoinGroup",
        "Heartbeat",
        "LeaveGroup",
        "SyncGroup",
        "DescribeGroups",
        "ListGroups",
        "SaslHandshake",
        "ApiVersions",
        "CreateTopics",
        "DeleteTopics",
        "DeleteRecords",
        "InitProducerId",
        "OffsetForLeaderEpoch",
        "AddPartitionsToTxn",
        "AddOffsetsToTxn",
        "EndTxn",
        "WriteTxnMarkers",
        "TxnOffsetCommit",
        "DescribeAcls",
        "CreateAcls",
        "DeleteAcls",
        "DescribeConfigs",
        "AlterConfigs",
        "AlterReplicaLogDirs",
        "DescribeLogDirs",
        "SaslAuthenticate",
    ];
    NAMES.get(usize::from(api)).copied().unwrap_or("request")
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    fn ask(api: u16, correlation: u32) -> Vec<u8> {
        let body = [
            &api.to_be_bytes()[..],
            &[0, 3],
            &correlation.to_be_bytes(),
            b"\0\x04app1\0\0",
        ]
        .concat();
        [&(body.len() as u32).to_be_bytes()[..], &body].concat()
    }

    fn reply(correlation: u32, rest: &[u8]) -> Vec<u8> {
        [
            &(rest.len() as u32 + 4).to_be_bytes()[..],
            &correlation.to_be_bytes(),
            rest,
        ]
        .concat()
    }

    #[test]
    fn answers_are_matched_by_correlation() {
        let both = [ask(3, 7), ask(1, 8)].concat();
        let s = story(9092, &[("c", &both), ("s", &reply(7, b"abc"))]);
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Kafka), Confidence::High)
        );
        assert_eq!(
            s.last_request.unwrap().summary,
            "Kafka Fetch v3 correlation 8 client app1"
        );
        assert_eq!((s.requests, s.responses, s.outstanding), (2, 1, Some(true)));
    }

    #[test]
    fn failed_authentication() {
        let s = story(
            9092,
            &[("c", &ask(36, 1)), ("s", &reply(1, &[0, 58, 0xff, 0xff]))],
        );
        assert!(s.error.unwrap().explains_close);
    }

    #[test]
    fn cuts_and_near_misses() {
        let s = story(9092, &[("c", &ask(3, 7)[..18])]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        assert_ne!(
            story(9092, &[("c", &ask(3, 7)), ("s", &reply(9, b""))]).protocol,
            Some(Protocol::Kafka)
        );
    }
}
