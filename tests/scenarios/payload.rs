//! The payload words of the scenario scripts.

/// Bytes a payload expression stands for: `text "GET /"`, `fill 1000`, `hex 0011`,
/// `get www.example /path`, `post www.example /path 5000`, `ok 5`, `ok 5000 sent 1000`, `status 413 Too Large`,
/// `hello name.example [pad 2000]`, `server-hello`, `alert 2 48`, `app 100`.
pub fn bytes(words: &[&str]) -> Vec<u8> {
    let number = |i: usize| {
        words
            .get(i)
            .and_then(|w| w.parse::<usize>().ok())
            .unwrap_or(0)
    };
    match words.first().copied().unwrap_or_default() {
        "text" => text(&words[1..].join(" ")),
        "fill" => vec![b'x'; number(1)],
        "hex" => hex(words.get(1).copied().unwrap_or_default()),
        "get" => format!("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", words[2], words[1]).into_bytes(),
        "post" => format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
            words[2], words[1], words[3]
        )
        .into_bytes(),
        "ok" => {
            let sent = if words.get(2) == Some(&"sent") {
                number(3)
            } else {
                number(1)
            };
            let mut b =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", number(1)).into_bytes();
            b.extend(vec![b'x'; sent]);
            b
        }
        "status" => format!(
            "HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            words[1..].join(" ")
        )
        .into_bytes(),
        "hello" => {
            let pad = if words.get(2) == Some(&"pad") {
                number(3)
            } else {
                0
            };
            client_hello(words.get(1).copied().unwrap_or_default(), pad)
        }
        "server-hello" => server_hello(),
        "alert" => vec![21, 3, 3, 0, 2, number(1) as u8, number(2) as u8],
        "app" => record(23, &vec![0x5a; number(1)]),
        other => panic!("unknown payload word {other}"),
    }
}

fn text(quoted: &str) -> Vec<u8> {
    let inner = quoted.trim().trim_start_matches('"').trim_end_matches('"');
    inner
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\0", "\0")
        .into_bytes()
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).expect("hex digits"))
        .collect()
}

/// A TLS record (RFC 8446 5.1).
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut r = vec![kind, 3, 3];
    r.extend((body.len() as u16).to_be_bytes());
    r.extend(body);
    r
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut h = vec![kind, 0];
    h.extend((body.len() as u16).to_be_bytes());
    h.extend(body);
    record(22, &h)
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut e = kind.to_be_bytes().to_vec();
    e.extend((body.len() as u16).to_be_bytes());
    e.extend(body);
    e
}

/// A ClientHello (RFC 8446 4.1.2) with a server name and padding.
fn client_hello(name: &str, pad: usize) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    let mut server_name = ((name.len() + 3) as u16).to_be_bytes().to_vec();
    server_name.push(0);
    server_name.extend((name.len() as u16).to_be_bytes());
    server_name.extend(name.bytes());
    let mut extensions = extension(0, &server_name);
    extensions.extend(extension(43, &[2, 3, 4]));
    if pad > 0 {
        extensions.extend(extension(21, &vec![0; pad]));
    }
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    handshake(1, &body)
}

/// A ServerHello of TLS 1.3 (RFC 8446 4.1.3).
fn server_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0x13, 0x01, 0]);
    let extensions = extension(43, &[3, 4]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    handshake(2, &body)
}
