"""The captures of demo/: a working day in a small office, seen on the client's link."""

import contextlib
import os
import socket
import ssl
import struct
import threading
import time

import messages as m
import raw
from handshakes import answer_once, browse, sni_of, tls_client, tls_server
from messages import request, response
from net import abort, read, vanish, write
from registry import AS_SERVER, AT_SERVER, BOTH, CLIENT, SERVER, scenario

RESOLVER = "192.0.2.53"
HOSTS = {
    "www.shop.example": "192.0.2.10,2001:db8:a::10",
    "api.shop.example": "192.0.2.20,2001:db8:a::20",
    "files.shop.example": "192.0.2.30",
    "edge7.cdn.example": "198.51.100.7",
    "news.example": "198.51.100.20",
    "forum.example": "198.51.100.20",
    "banned.example": "198.51.100.66",
    "db.corp.test": "10.3.0.2",
    "mail.corp.test": "203.0.113.10",
    "vault.corp.test": "203.0.113.80",
}
ALIASES = ("static.shop.example,shop.cdn.example", "shop.cdn.example,edge7.cdn.example")


def resolver(lab):
    """A real dnsmasq that knows the names above."""
    options = [f"--host-record={name},{address}" for name, address in HOSTS.items()]
    options += [f"--cname={alias}" for alias in ALIASES]
    lab.S.popen([
        "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file",
        f"--listen-address={RESOLVER}", "--bind-interfaces", "--local=/example/", "--local=/test/", "--user=root", *options,
    ])
    time.sleep(0.5)


def resolve(lab, name):
    """Ask for A and AAAA; the first IPv4 address of the answer."""
    client = lab.C.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(2)
    found = None
    for kind in (1, 28):
        question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
        client.sendto(os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + question + struct.pack("!HH", kind, 1), (RESOLVER, 53))
        answer = client.recv(1500)
        if kind == 1:
            found = socket.inet_ntoa(answer[-4:])
    return found


def visit(lab, name, port, **options):
    """Resolve a name and connect to it."""
    return lab.C.connect(resolve(lab, name), port, **options)


def pair(lab, name, port):
    """A connection to a name and the server's end of it."""
    listener = lab.S.listen(HOSTS[name].split(",")[0], port)
    connection = visit(lab, name, port)
    return connection, lab.S.accept(listener)


def talk(connection, accepted, said, answer):
    """One request and its answer, acknowledged."""
    write(connection, said)
    read(accepted)
    write(accepted, answer)
    read(connection)
    time.sleep(0.1)


def web_page(connection):
    """Answer requests until the client closes."""
    while read(connection):
        write(connection, response(body=b"<h1>Shop</h1>\n"))
    connection.close()


WEB = (
    "syn-refused + upload-rejected + reset-mid-response + client-abort-mid-response + client-gave-up-waiting"
    " + keepalive-race + late-data-after-fin + 5x health-check"
)


@scenario(
    C=(WEB, f"{SERVER} + {SERVER} + {SERVER} + {CLIENT} + {CLIENT} + {SERVER} + {CLIENT} + {CLIENT}"),
    directory="demo", format="pcapng",
)
def demo_web(lab):
    """Plain web traffic: a refused port, a rejected upload, answers cut by either side, an impatient client,
    a keep-alive race, an answer that came too late, health checks, and a healthy page."""
    resolver(lab)
    lab.S.serve("192.0.2.10", 80, web_page)
    page = visit(lab, "www.shop.example", 80)
    write(page, request("/"))
    read(page)
    page.close()
    time.sleep(0.5)

    lab.C.refused(resolve(lab, "api.shop.example"), 8443)
    time.sleep(0.5)
    rejected_upload(lab)

    connection, accepted = cdn_pair(lab)
    write(connection, request("/catalogue.pdf", "static.shop.example"))
    read(accepted)
    write(accepted, response(length=80_000) + b"%PDF" * 1_200)
    read(connection)
    time.sleep(0.2)
    abort(accepted)
    time.sleep(0.5)

    cancelled_download(lab)
    connection, accepted = pair(lab, "api.shop.example", 8080)
    write(connection, request("/report?year=2026", "api.shop.example"))
    read(accepted)
    time.sleep(2)
    abort(connection)
    time.sleep(0.5)

    connection, accepted = pair(lab, "files.shop.example", 8080)
    talk(connection, accepted, request("/index", "files.shop.example"), response(body=b"index"))
    time.sleep(3)
    accepted.close()
    time.sleep(0.3)
    write(connection, request("/readme", "files.shop.example"))
    time.sleep(0.5)

    connection, accepted = pair(lab, "files.shop.example", 8081)
    write(connection, request("/slow", "files.shop.example"))
    read(accepted)
    time.sleep(0.4)
    connection.close()
    time.sleep(0.4)
    write(accepted, response(body=b"too late " * 30))
    time.sleep(0.3)
    health_checks(lab)


def cdn_pair(lab):
    """A connection through the chain of aliases to the edge server."""
    listener = lab.S.listen(HOSTS["edge7.cdn.example"], 80)
    connection = visit(lab, "static.shop.example", 80)
    return connection, lab.S.accept(listener)


def rejected_upload(lab):
    connection, accepted = pair(lab, "files.shop.example", 80)
    write(connection, request("/photos", "files.shop.example", "POST", 30_000))
    sender = threading.Thread(target=write, args=(connection, bytes(30_000)), daemon=True)
    sender.start()
    head = b""
    while b"\r\n\r\n" not in head:
        head += accepted.recv(512)
    write(accepted, response("413 Content Too Large", b"at most 10 kB\n", extra="Connection: close\r\n"))
    accepted.close()
    sender.join(3)
    time.sleep(0.5)


def cancelled_download(lab):
    connection, accepted = pair(lab, "edge7.cdn.example", 8080)
    write(connection, request("/film.mp4", "edge7.cdn.example"))
    read(accepted)
    threading.Thread(target=write, args=(accepted, response(length=500_000) + b"x" * 24_000), daemon=True).start()
    read(connection, 4000)
    time.sleep(0.015)
    abort(connection)
    time.sleep(0.5)


def health_checks(lab):
    address = resolve(lab, "api.shop.example")
    lab.S.serve(address, 9090, read)
    for _ in range(5):
        started = time.monotonic()
        abort(lab.C.connect(address, 9090))
        time.sleep(max(0, 2 - (time.monotonic() - started)))


@scenario(
    C=(
        "2x reset-after-client-hello + tls-alert-then-reset + reset-after-request + tls-plaintext-mismatch",
        f"{AS_SERVER} + {CLIENT} + {SERVER} + {SERVER}",
    ),
    directory="demo", format="pcapng",
)
def demo_tls(lab):
    """TLS: one site filtered by its name while its neighbours work, an unknown certificate authority,
    a reset in place of an answer, and TLS spoken to a plain web server."""
    resolver(lab)
    tls_server(lab, "198.51.100.20", answer_once)
    tls_server(lab, "198.51.100.66", answer_once)
    raw.Watch(lab.R1, "c0", lambda q: [raw.reset_from_server(q)] if sni_of(q) == b"banned.example" else ())
    for name in ("news.example", "banned.example", "forum.example", "banned.example", "news.example"):
        browse(lab, resolve(lab, name), name)
        time.sleep(0.4)

    tls_server(lab, "203.0.113.80", answer_once, tickets=2)
    context = ssl.create_default_context()
    connection = visit(lab, "vault.corp.test", 443)
    with contextlib.suppress(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="vault.corp.test", do_handshake_on_connect=False).do_handshake()
    time.sleep(0.5)

    tls_server(lab, "192.0.2.20", lambda tls: (read(tls), time.sleep(0.03), abort(tls)))
    tls = tls_client(lab, resolve(lab, "api.shop.example"), "api.shop.example")
    write(tls, request("/orders", "api.shop.example", "POST", 2) + b"{}")
    read(tls)
    time.sleep(0.5)

    page = response("400 Bad Request", b"bad request\n", extra="Connection: close\r\n")
    lab.S.serve("192.0.2.10", 80, lambda c: (read(c), write(c, page), time.sleep(0.005), abort(c)))
    connection = visit(lab, "www.shop.example", 80)
    write(connection, m.client_hello("www.shop.example"))
    read(connection)
    time.sleep(0.5)


@scenario(
    C=(
        "idle-timeout-reset + stale-connection-reuse + stale-connection-reuse + preconnect-abandoned",
        f"{SERVER} + {SERVER} + {AS_SERVER} + {CLIENT}",
    ),
    directory="demo", format="pcap",
)
def demo_idle(lab):
    """Silence: a database that closes after twelve idle seconds, two connections that were forgotten during
    31 seconds of silence (one by the server, one by a firewall), and a connection opened in advance."""
    resolver(lab)
    lab.R1.sysctl(netfilter__nf_conntrack_tcp_loose=0)
    lab.R1.filter("forward", "ct state established,new accept\ntcp dport 8080 reject with tcp reset")
    forgotten, forgetful = pair(lab, "db.corp.test", 5432)
    talk(forgotten, forgetful, m.postgres_startup(), m.POSTGRES_READY)
    filtered, web = pair(lab, "www.shop.example", 8080)
    for path in ("/", "/news"):
        talk(filtered, web, request(path), response(body=b"news"))
    mysql, database = pair(lab, "db.corp.test", 3306)
    write(database, m.MYSQL_GREETING)
    read(mysql)
    talk(mysql, database, m.MYSQL_LOGIN, m.MYSQL_OK)
    unused, _ = pair(lab, "news.example", 443)
    time.sleep(0.5)
    vanish(forgetful)
    lab.R1.run("conntrack -F")
    time.sleep(5)
    abort(unused)
    time.sleep(6.5)
    abort(database)
    time.sleep(19.5)
    write(forgotten, m.postgres_query("select now()"))
    time.sleep(1)
    write(filtered, request("/after-lunch"))
    time.sleep(0.5)
    lab.R1.unfilter()


@scenario(
    C=(
        "2x syn-rejected-by-middlebox + 3x error-response-then-reset + 4x no-backend-suspected"
        " + idle-timeout-reset",
        f"{AS_SERVER} + {SERVER} + {AT_SERVER}|{SERVER} + {BOTH}|{AS_SERVER}",
    ),
    directory="demo", format="pcap",
)
def demo_services(lab):
    """Services: a port rejected by a firewall, SMTP, Redis and PostgreSQL that explain themselves before they reset,
    a load balancer without a server, and a device that resets a connection after twelve idle seconds."""
    resolver(lab)
    lab.R1.filter("forward", "tcp dport 25 ip daddr != 203.0.113.10 reject with tcp reset")
    lab.S.serve("192.0.2.10", 80, web_page)
    for name, port in (("www.shop.example", 80), ("www.shop.example", 25), ("www.shop.example", 80), ("news.example", 25)):
        address = resolve(lab, name)
        if port == 25:
            lab.C.refused(address, port)
        else:
            page = lab.C.connect(address, port)
            write(page, request("/"))
            read(page)
            page.close()
        time.sleep(0.4)
    idle, device = start_idle(lab)
    explain(lab, "mail.corp.test", 25, b"220 mail.corp.test ESMTP\r\n", b"EHLO pc7.corp.test\r\n", b"421 4.7.0 Too many connections\r\n", b"MAIL FROM:<a@corp.test>\r\n")
    explain(lab, "db.corp.test", 6379, b"", b"*1\r\n$4\r\nPING\r\n", b"-ERR max number of clients reached\r\n", b"*1\r\n$4\r\nPING\r\n")
    error = m.postgres_error("FATAL", "53300", "sorry, too many clients already")
    explain(lab, "db.corp.test", 5432, b"", m.postgres_startup(), error, b"p\0\0\0\x0bsecret\0")
    balancer(lab)
    end_idle(lab, idle, device)


def explain(lab, name, port, greeting, said, error, unread):
    """The server says why, and closes while the client's next words are unread."""
    connection, accepted = pair(lab, name, port)
    if greeting:
        write(accepted, greeting)
        read(connection)
    write(connection, said)
    read(accepted)
    write(connection, unread)
    time.sleep(0.05)
    write(accepted, error)
    accepted.close()
    time.sleep(0.4)


def balancer(lab):
    path = f"{lab.scratch}/haproxy.cfg"
    with open(path, "w") as file:
        file.write(
            "defaults\n mode tcp\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n"
            "frontend f\n bind 203.0.113.80:5432\n default_backend b\nbackend b\n"
        )
    lab.S.popen(["haproxy", "-f", path])
    time.sleep(0.7)
    for _ in range(4):
        connection = visit(lab, "vault.corp.test", 5432)
        time.sleep(0.1)
        write(connection, m.postgres_startup())
        time.sleep(0.4)


def start_idle(lab):
    """A connection that a device on R1 will reset at both ends."""
    seen = []
    watch = raw.Watch(lab.R1, "s0", lambda q: seen.append(q) if q.sport == 5672 else ())
    connection, accepted = pair(lab, "db.corp.test", 5672)
    talk(connection, accepted, m.AMQP_HEADER, b"AMQP\0\0\x09\1")
    watch.stop()
    return time.monotonic(), seen[-1]


def end_idle(lab, started, q):
    time.sleep(max(0, 12 - (time.monotonic() - started)))
    back = q.seq + len(q.payload)
    out = raw.raw_socket(lab.R1)
    raw.send(out, raw.build(q.src, q.dst, q.sport, q.dport, back, q.ack, raw.RST | raw.ACK, 0, 64, 0, df=False))
    raw.send(out, raw.build(q.dst, q.src, q.dport, q.sport, q.ack, back, raw.RST | raw.ACK, 0, 64, 0, df=False))
    time.sleep(0.3)
