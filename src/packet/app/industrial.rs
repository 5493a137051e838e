//! Plants: Modbus/TCP, EtherNet/IP, Siemens S7, OPC UA.

use super::cursor::Cursor;
use super::frames::{Frame, exchange};
use super::protocol::Protocol;
use super::story::{AppError, AppStory, Blame, Confidence, Request};
use super::talk::Dialogue;
use super::text::clean;

fn stated(frame: &Frame<'_>, code: String, text: String, fatal: bool) -> AppError {
    AppError {
        code,
        text,
        from_server: true,
        offset: frame.offset,
        fatal,
        blame: Blame::Either,
        explains_close: fatal,
    }
}

fn modbus_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    c.be16()?;
    let (protocol, len) = (c.be16()?, c.be16()?);
    (protocol == 0 && (2..=260).contains(&len)).then(|| u64::from(len) + 6)
}

/// Modbus/TCP: transaction, protocol 0, length, unit, function.
pub(super) fn modbus(d: &Dialogue<'_>) -> Option<AppStory> {
    modbus_length(d.client.bytes)?;
    let function = d.client.bytes.get(7).copied()?;
    let known = matches!(function, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 | 90);
    let echoed = d.server.bytes.get(..2) == d.client.bytes.get(..2)
        && d.server.bytes.get(7).is_some_and(|f| f & 0x7f == function);
    let confidence = match (known, echoed) {
        (true, true) => Confidence::High,
        (true, false) if d.server_port == 502 && d.server.bytes.is_empty() => Confidence::Medium,
        _ => return None,
    };
    let mut story = AppStory::of(Protocol::Modbus, confidence);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [modbus_length; 2],
        |frame, _| {
            let (unit, function) = (frame.data.get(6)?, *frame.data.get(7)?);
            let name = modbus_function(function);
            Some(Request::framed(
                frame,
                name,
                format!("Modbus {name} (function {function}) unit {unit}"),
            ))
        },
        |frame, story| {
            let function = frame.data.get(7).copied().unwrap_or(0);
            let exception = frame.data.get(8).copied().filter(|_| function & 0x80 != 0);
            story.last_response = Some(match exception {
                Some(code) => format!("Modbus exception {code}"),
                None => format!("Modbus {}", modbus_function(function)),
            });
            story.error = exception.map(|code| {
                let text = match code {
                    1 => "illegal function",
                    2 => "illegal data address",
                    3 => "illegal data value",
                    4 => "server device failure",
                    6 => "server device busy",
                    10 => "gateway path unavailable",
                    11 => "gateway target failed to respond",
                    _ => "exception",
                };
                stated(frame, code.to_string(), text.to_owned(), false)
            });
            true
        },
    ))
}

fn modbus_function(function: u8) -> &'static str {
    match function & 0x7f {
        1 => "read coils",
        2 => "read discrete inputs",
        3 => "read holding registers",
        4 => "read input registers",
        5 => "write single coil",
        6 => "write single register",
        8 => "diagnostics",
        15 => "write multiple coils",
        16 => "write multiple registers",
        23 => "read/write registers",
        43 => "encapsulated interface",
        _ => "request",
    }
}

fn enip_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (command, len) = (c.le16()?, c.le16()?);
    enip_command(command)?;
    c.skip(4)?;
    let status = c.le32()?;
    (status <= 0x69).then(|| u64::from(len) + 24)
}

fn enip_command(command: u16) -> Option<&'static str> {
    Some(match command {
        0x0000 => "NOP",
        0x0004 => "ListServices",
        0x0063 => "ListIdentity",
        0x0064 => "ListInterfaces",
        0x0065 => "RegisterSession",
        0x0066 => "UnRegisterSession",
        0x006f => "SendRRData",
        0x0070 => "SendUnitData",
        _ => return None,
    })
}

/// `EtherNet/IP` encapsulation: command, length, session, status.
pub(super) fn enip(d: &Dialogue<'_>) -> Option<AppStory> {
    enip_length(d.client.bytes)?;
    let command = Cursor::new(d.client.bytes).le16()?;
    // NOP begins nothing and is never answered
    let echoed = Cursor::new(d.server.bytes).le16() == Some(command) && command != 0;
    if !(echoed || d.server.bytes.is_empty() && d.server_port == 44_818 && command != 0) {
        return None;
    }
    let mut story = AppStory::of(
        Protocol::EtherNetIp,
        if echoed {
            Confidence::High
        } else {
            Confidence::Medium
        },
    );
    story.client_is_first_endpoint = Some(true);
    let name = |frame: &Frame<'_>| {
        Cursor::new(frame.data)
            .le16()
            .and_then(enip_command)
            .unwrap_or("message")
    };
    Some(exchange(
        d,
        story,
        [enip_length; 2],
        |frame, story| {
            let verb = name(frame);
            story.clean_quit |= verb == "UnRegisterSession";
            Some(Request::framed(frame, verb, format!("EtherNet/IP {verb}")))
        },
        |frame, story| {
            let status = Cursor::from(frame.data, 8).le32().unwrap_or(0);
            story.last_response = Some(format!("EtherNet/IP {}", name(frame)));
            story.error = (status != 0).then(|| {
                stated(
                    frame,
                    format!("0x{status:02x}"),
                    "encapsulation error".to_owned(),
                    false,
                )
            });
            true
        },
    ))
}

fn tpkt_length(data: &[u8]) -> Option<u64> {
    let mut c = Cursor::new(data);
    let (version, reserved, len) = (c.u8()?, c.u8()?, c.be16()?);
    (version == 3 && reserved == 0 && len >= 7).then_some(u64::from(len))
}

/// Siemens S7 on ISO-on-TCP (RFC 1006): TPKT, COTP, then 0x32.
pub(super) fn s7(d: &Dialogue<'_>) -> Option<AppStory> {
    tpkt_length(d.client.bytes)?;
    let cotp = d.client.bytes.get(5).copied()?;
    let tsap = matches!(d.client.bytes.get(11), Some(0xc0..=0xc2));
    let data = cotp == 0xf0 && matches!(d.client.bytes.get(7), Some(0x32 | 0x72));
    if !(cotp == 0xe0 && tsap || data) {
        return None;
    }
    let mut story = AppStory::of(
        Protocol::S7,
        if d.server_port == 102 {
            Confidence::High
        } else {
            Confidence::Low
        },
    );
    story.client_is_first_endpoint = Some(true);
    let name = |frame: &Frame<'_>| match (frame.data.get(5), frame.data.get(7), frame.data.get(17))
    {
        (Some(0xe0), ..) => "connection request",
        (Some(0xd0), ..) => "connection confirm",
        (_, Some(0x32), Some(0xf0)) => "setup communication",
        (_, Some(0x32), Some(0x04)) => "read variable",
        (_, Some(0x32), Some(0x05)) => "write variable",
        (_, Some(0x72), _) => "S7comm-plus message",
        _ => "message",
    };
    Some(exchange(
        d,
        story,
        [tpkt_length; 2],
        |frame, _| {
            let verb = name(frame);
            Some(Request::framed(frame, verb, format!("S7 {verb}")))
        },
        |frame, story| {
            story.last_response = Some(format!("S7 {}", name(frame)));
            // Acknowledgements carry an error class and code.
            let error = Cursor::from(frame.data, 17).be16().filter(|&e| e != 0);
            let acknowledges =
                frame.data.get(7) == Some(&0x32) && matches!(frame.data.get(8), Some(2 | 3));
            story.error = error
                .filter(|_| acknowledges)
                .map(|e| stated(frame, format!("0x{e:04x}"), "S7 error".to_owned(), false));
            true
        },
    ))
}

fn opcua_length(data: &[u8]) -> Option<u64> {
    let kind = data.get(..4)?;
    let known = [&b"HEL"[..], b"ACK", b"ERR", b"OPN", b"CLO", b"MSG", b"RHE"]
        .iter()
        .any(|k| kind.starts_with(k));
    let len = Cursor::from(data, 4).le32()?;
    (known && matches!(kind.last(), Some(b'F' | b'C' | b'A')) && (8..=1 << 27).contains(&len))
        .then_some(u64::from(len))
}

/// OPC UA binary: `HELF`, `OPNF`, `MSGF` ...
pub(super) fn opc_ua(d: &Dialogue<'_>) -> Option<AppStory> {
    opcua_length(d.client.bytes)?;
    let mut story = AppStory::of(Protocol::OpcUa, Confidence::High);
    story.client_is_first_endpoint = Some(true);
    Some(exchange(
        d,
        story,
        [opcua_length; 2],
        |frame, story| {
            let verb = clean(frame.data.get(..3).unwrap_or_default(), 8);
            story.clean_quit |= verb == "CLO";
            let url = if verb == "HEL" {
                let mut c = Cursor::from(frame.data, 28);
                let len = c.le32().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                clean(c.take_some(len.min(400)), 120)
            } else {
                String::new()
            };
            let mut request = Request::framed(
                frame,
                verb.clone(),
                format!("OPC UA {verb} {url}").trim_end().to_owned(),
            );
            request.target = url;
            Some(request)
        },
        |frame, story| {
            let kind = clean(frame.data.get(..3).unwrap_or_default(), 8);
            if kind == "ERR" {
                let mut c = Cursor::from(frame.data, 8);
                let code = c.le32().unwrap_or(0);
                let len = c.le32().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                let text = clean(c.take_some(if len > 4096 { 0 } else { len }), 120);
                story.error = Some(stated(frame, format!("0x{code:08x}"), text, true));
            }
            story.last_response = Some(format!("OPC UA {kind}"));
            true
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::talk::testing::story;
    use super::*;

    #[test]
    fn modbus_exceptions() {
        let ask = b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x0a";
        let s = story(502, &[("c", ask), ("s", b"\0\x01\0\0\0\x03\x01\x83\x02")]);
        assert_eq!(
            (s.protocol, s.confidence),
            (Some(Protocol::Modbus), Confidence::High)
        );
        assert_eq!(s.last_request.unwrap().verb, "read holding registers");
        assert_eq!(s.error.unwrap().text, "illegal data address");
        let s = story(502, &[("c", &ask[..10])]);
        assert_eq!(s.last_request.unwrap().complete, Some(false));
        assert_ne!(
            story(502, &[("c", b"\0\x01\0\x01\0\x06\x01\x03\0\0\0\x0a")]).protocol,
            Some(Protocol::Modbus)
        );
    }

    #[test]
    fn ethernet_ip_sessions() {
        let register = b"\x65\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0";
        let s = story(44818, &[("c", register)]);
        assert_eq!(
            (s.protocol, s.outstanding),
            (Some(Protocol::EtherNetIp), Some(true))
        );
        assert_eq!(s.last_request.unwrap().verb, "RegisterSession");
        assert_ne!(
            story(44818, &[("c", b"\x75\0\x04\0\0\0\0\0\0\0\0\0")]).protocol,
            Some(Protocol::EtherNetIp)
        );
    }

    #[test]
    fn s7_and_opc_ua() {
        let connect = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";
        assert_eq!(story(102, &[("c", connect)]).protocol, Some(Protocol::S7));
        assert_ne!(
            story(102, &[("c", b"\x03\0\0\x16\x11\xe1")]).protocol,
            Some(Protocol::S7)
        );
        let mut hello = b"HELF\x2c\0\0\0".to_vec();
        hello.extend([0; 20]);
        hello.extend_from_slice(b"\x0c\0\0\0opc.tcp://ab");
        let s = story(
            4840,
            &[
                ("c", &hello),
                ("s", b"ERRF\x14\0\0\0\0\0\x7d\x80\x04\0\0\0busy"),
            ],
        );
        assert_eq!(s.last_request.unwrap().summary, "OPC UA HEL opc.tcp://ab");
        assert_eq!(s.error.unwrap().text, "busy");
    }
}
