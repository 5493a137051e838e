"""Resets of TLS connections."""

import contextlib
import socket
import ssl
import threading
import time

import raw
from messages import client_hello, request, response, server_hello
from net import abort, read, sh, write
from registry import AS_SERVER, CLIENT, NONE, SERVER, UNKNOWN, scenario
from requests import pair

WEB, EDGE = "192.0.2.10", "198.51.100.20"


def certificates(lab):
    """A small P-256 authority and a server certificate; returns (authority, chain, key) paths."""
    d = lab.scratch
    sh(
        f"cd {d} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 "
        "-subj '/CN=Lab authority' && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout s.key -out s.csr -subj '/CN=lab.example' && "
        "printf 'subjectAltName=DNS:*.example,DNS:*.shop.example,DNS:*.corp.test' > ext && "
        "openssl x509 -req -in s.csr -CA ca.pem -CAkey ca.key -days 20 -extfile ext -out s.pem"
    )
    return f"{d}/ca.pem", f"{d}/s.pem", f"{d}/s.key"


def tls_server(lab, address, handler, port=443, most=ssl.TLSVersion.TLSv1_3, tickets=0):
    """Serve TLS; returns the path of the authority. `handler` gets the TLS connection."""
    authority, chain, key = certificates(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.maximum_version = most
    context.num_tickets = tickets

    def wrapped(connection):
        with contextlib.suppress(OSError, ssl.SSLError):
            tls = context.wrap_socket(connection, server_side=True)
            lab.keep.append(tls)
            handler(tls)

    lab.S.serve(address, port, wrapped, backlog=128)
    return authority


def tls_client(lab, address, name, authority=None, port=443, **options):
    """A TLS connection; without an authority the certificate is not checked."""
    context = ssl.create_default_context(cafile=authority)
    if authority is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = lab.C.connect(address, port, **options)
    tls = context.wrap_socket(connection, server_hostname=name)
    lab.keep.append(tls)
    return tls


def answer_once(tls):
    """One HTTP exchange, then the orderly close that the client begins."""
    read(tls)
    write(tls, response(body=b"fine\n"))
    read(tls)
    tls.unwrap().close()


def browse(lab, address, name, path="/", port=443):
    """A healthy exchange over TLS; True if it worked."""
    try:
        tls = tls_client(lab, address, name, port=port)
        write(tls, request(path, name))
        got = read(tls)
        tls.unwrap().close()
        return bool(got)
    except OSError:
        return False


def say_hello(lab, address, name, big=False, port=443):
    """Send a hand-made ClientHello and read what comes."""
    connection = lab.C.connect(address, port)
    connection.settimeout(2)
    write(connection, client_hello(name, big))
    got = read(connection)
    time.sleep(0.05)
    with contextlib.suppress(OSError):
        connection.close()
    return got


@scenario(("2x reset-after-client-hello", SERVER))
def client_hello_server_abort(lab):
    """The server aborts on every ClientHello."""
    lab.S.serve(WEB, 443, lambda c: (read(c), time.sleep(0.002), abort(c)))
    for _ in range(2):
        say_hello(lab, WEB, "www.shop.example")
        time.sleep(0.2)


@scenario(("2x reset-after-client-hello", SERVER))
def large_client_hello_server_abort(lab):
    """The server reads once and aborts when the ClientHello is not complete; small ones work."""

    def handler(connection):
        first = read(connection, 1448)
        if len(first) < 5 + int.from_bytes(first[3:5], "big"):
            abort(connection)
        else:
            write(connection, server_hello())
            read(connection)
            connection.close()

    lab.S.serve(WEB, 443, handler)
    for big in (False, True, False, True):
        say_hello(lab, WEB, "pq.shop.example", big)
        time.sleep(0.2)


def sni_of(q):
    """The server name in a ClientHello segment, by its place in the bytes."""
    at = q.payload.find(b"\0\0\0")
    while 0 <= at < len(q.payload) - 9 and q.payload[:1] == b"\x16":
        size = int.from_bytes(q.payload[at + 7:at + 9], "big")
        if int.from_bytes(q.payload[at + 2:at + 4], "big") == size + 5 and q.payload[at + 6] == 0:
            return q.payload[at + 9:at + 9 + size]
        at = q.payload.find(b"\0\0", at + 1)
    return b""


@scenario(
    C=("12x reset-after-client-hello", AS_SERVER),
    S=("12x no-such-connection|client-abort-mid-response|abortive-close", f"{UNKNOWN}|{CLIENT}"),
)
def sni_blocked_among_healthy(lab):
    """R1 forges a RST for one server name: 12 attempts are reset, 40 others to the same address work."""
    tls_server(lab, EDGE, answer_once)
    raw.Watch(lab.R1, "c0", lambda q: [raw.reset_from_server(q)] if sni_of(q) == b"banned.example" else ())
    for n in range(52):
        name = "banned.example" if n % 13 in (2, 6, 10) else f"site{n % 5}.example"
        assert browse(lab, EDGE, name) == (name != "banned.example"), name
        time.sleep(0.05)


@scenario(
    C=("3x reset-after-client-hello", AS_SERVER),
    R1=("3x no-such-connection", UNKNOWN), S=("3x no-such-connection", UNKNOWN),
)
def large_client_hello_blocked(lab):
    """R1 forges a RST whenever a ClientHello does not fit into one segment; the small ones work."""
    lab.S.serve(EDGE, 443, lambda c: (whole_hello(c), write(c, server_hello()), read(c), c.close()))

    def answer(q):
        if q.dport == 443 and q.payload[:2] == b"\x16\3" and len(q.payload) < 5 + int.from_bytes(q.payload[3:5], "big"):
            yield raw.reset_from_server(q)

    raw.Watch(lab.R1, "c0", answer)
    for n in range(7):
        say_hello(lab, EDGE, "pq.example", big=n % 2 == 1)
        time.sleep(0.1)


def whole_hello(connection):
    """Read until the record is complete."""
    got = b""
    while len(got) < 5 or len(got) < 5 + int.from_bytes(got[3:5], "big"):
        more = connection.recv(4096)
        if not more:
            return
        got += more


@scenario(("2x reset-after-client-hello|firewall-policy-reset", AS_SERVER), S=NONE)
def sni_blocked_in_path(lab):
    """A device on the path swallows the ClientHello of one name and resets the client; another name works."""
    tls_server(lab, EDGE, answer_once)

    def hook(frame, from_client):
        q = raw.parse(frame) if from_client else None
        if q and q.dport == 443:
            if sni_of(q) == b"banned.example":
                blocked.add(q.sport)
                reset = raw.reset_from_server(q, ident=0, ttl=128)
                return [(0.0002, True, frame[6:12] + frame[:6] + b"\x08\0" + reset)]
            if q.sport in blocked:
                return None
        return [(0.010, not from_client, frame)]

    blocked = set()
    lab.bridge.hook = hook
    for name in ("ok.example", "banned.example", "ok.example", "banned.example"):
        browse(lab, EDGE, name)
        time.sleep(0.2)
    time.sleep(0.5)


@scenario(("tls-alert-then-reset(48)", CLIENT))
def unknown_authority(lab):
    """The client does not know the authority: alert unknown_ca, then RST over what was still arriving."""
    tls_server(lab, WEB, answer_once, tickets=2)
    context = ssl.create_default_context()
    connection = lab.C.connect(WEB, 443)
    with contextlib.suppress(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="www.shop.example", do_handshake_on_connect=False).do_handshake()
    time.sleep(0.2)


@scenario(("tls-alert-then-reset", SERVER))
def client_certificate_refused(lab):
    """Mutual TLS 1.2: no client certificate, the server sends handshake_failure and aborts."""
    authority, chain, key = certificates(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(authority)
    context.maximum_version, context.verify_mode = ssl.TLSVersion.TLSv1_2, ssl.CERT_REQUIRED

    def handler(connection):
        tls = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with contextlib.suppress(ssl.SSLError):
            tls.do_handshake()
        abort(tls)

    lab.S.serve(WEB, 443, handler)
    assert not browse(lab, WEB, "www.shop.example")
    time.sleep(0.1)


@scenario(("tls-alert-then-reset", SERVER))
def protocol_version_refused(lab):
    """The server sends alert protocol_version to a ClientHello and aborts."""
    lab.S.serve(WEB, 443, lambda c: (read(c), write(c, b"\x15\3\3\0\2\2\x46"), time.sleep(0.005), abort(c)))
    say_hello(lab, WEB, "legacy.shop.example")
    time.sleep(0.1)


@scenario(("tls-plaintext-mismatch", SERVER))
def tls_to_http_server(lab):
    """A ClientHello to a plain web server: 400 Bad Request, then RST."""
    page = response("400 Bad Request", b"bad request\n", extra="Connection: close\r\n")
    lab.S.serve(WEB, 80, lambda c: (read(c), write(c, page), time.sleep(0.005), abort(c)))
    say_hello(lab, WEB, "www.shop.example", port=80)
    time.sleep(0.1)


@scenario(("tls-plaintext-mismatch", SERVER))
def http_to_tls_server(lab):
    """Plain HTTP to a TLS port: the server says so in plain text, then resets."""
    page = response("400 Bad Request", b"The plain HTTP request was sent to HTTPS port\n", extra="Connection: close\r\n")
    lab.S.serve(WEB, 443, lambda c: (read(c), write(c, page), time.sleep(0.005), abort(c)))
    connection = lab.C.connect(WEB, 443)
    write(connection, request())
    read(connection)
    time.sleep(0.1)


@scenario(("tls-handshake-timeout", SERVER))
def handshake_timeout_server(lab):
    """The client stops after the server's flight; the server aborts at its ten-second timer."""
    lab.S.serve(WEB, 443, lambda c: (read(c), write(c, server_hello()), time.sleep(10), abort(c)))
    connection = lab.C.connect(WEB, 443)
    write(connection, client_hello("www.shop.example"))
    read(connection)
    time.sleep(10.2)


@scenario(("tls-handshake-timeout|client-gave-up-waiting", CLIENT))
def handshake_timeout_client(lab):
    """The server never answers the ClientHello; the client aborts after five seconds."""
    connection, accepted = pair(lab, 443)
    write(connection, client_hello("www.shop.example"))
    read(accepted)
    time.sleep(5)
    abort(connection)
    time.sleep(0.1)


@scenario(("abortive-close|client-abort-during-handshake|client-abort-mid-response", CLIENT))
def client_aborts_handshake(lab):
    """The client aborts after the ServerHello without an alert and without waiting."""
    connection, accepted = pair(lab, 443)
    write(connection, client_hello("www.shop.example"))
    read(accepted)
    write(accepted, server_hello())
    read(connection)
    time.sleep(0.02)
    abort(connection)
    time.sleep(0.1)


@scenario(("late-data-after-fin", CLIENT))
def close_notify_after_close(lab):
    """TLS 1.2: the client closes without waiting; the server's close_notify meets a closed socket."""

    def handler(tls):
        read(tls)
        write(tls, response(body=b"fine\n"))
        read(tls)
        time.sleep(0.1)
        with contextlib.suppress(OSError):
            tls.unwrap()

    tls_server(lab, WEB, handler, most=ssl.TLSVersion.TLSv1_2)
    tls = tls_client(lab, WEB, "www.shop.example")
    write(tls, request())
    read(tls)
    with contextlib.suppress(OSError):
        tls.settimeout(0.01)
        tls.unwrap()
    tls.close()
    time.sleep(0.3)


@scenario(("reset-after-request", SERVER))
def tls_request_reset(lab):
    """Over TLS 1.3 the server aborts in place of the answer."""
    tls_server(lab, WEB, lambda tls: (read(tls), time.sleep(0.03), abort(tls)))
    tls = tls_client(lab, WEB, "api.shop.example")
    write(tls, request("/secret", "api.shop.example"))
    read(tls)
    time.sleep(0.1)


@scenario(("reset-after-client-hello", SERVER))
def v6_client_hello_server_abort(lab):
    """IPv6: the server aborts on a ClientHello."""
    lab.S.serve("2001:db8:a::10", 443, lambda c: (read(c), time.sleep(0.002), abort(c)))
    say_hello(lab, "2001:db8:a::10", "v6.shop.example")
    time.sleep(0.1)


@scenario(C=("preconnect-abandoned", CLIENT), seconds=0.015)
def preconnect_after_tls(lab):
    """A TLS connection opened in advance; nothing is asked for six seconds, then the client aborts."""
    tls_server(lab, WEB, lambda tls: read(tls), port=8443, tickets=2)
    tls = tls_client(lab, WEB, "warm.example", port=8443)
    time.sleep(0.2)
    tls.settimeout(0.2)
    read(tls, 1)
    time.sleep(6)
    abort(tls)
    time.sleep(0.1)
