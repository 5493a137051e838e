"""Resets of connections that carry requests in plain text."""

import socket
import threading
import time

import messages as m
from messages import request, response
from net import abort, read, vanish, write
from registry import CLIENT, SCENARIOS, SERVER, Scenario, scenario

WEB, DATA = "192.0.2.10", "192.0.2.20"


def pair(lab, port, address=WEB, **options):
    """A connection and the server's end of it."""
    listener = lab.S.listen(address, port)
    connection = lab.C.connect(address, port, **options)
    return connection, lab.S.accept(listener)


def refuse_with(lab, port, asks, answer, unread=b"more"):
    """The client asks, the server answers with an error and closes without reading what came after."""
    connection, accepted = pair(lab, port, DATA)
    for greeting, said in asks:
        if greeting:
            write(accepted, greeting)
            read(connection)
        write(connection, said)
        read(accepted)
    write(connection, unread)
    time.sleep(0.05)
    write(accepted, answer)
    accepted.close()
    time.sleep(0.1)


EXPLAINED = ("error-response-then-reset", SERVER)


@scenario(EXPLAINED)
def smtp_421_then_reset(lab):
    """SMTP: the server says 421 and closes while the client's pipelined commands wait unread."""
    refuse_with(
        lab, 25,
        [(b"220 mail.corp.test ESMTP\r\n", b"EHLO client.corp.test\r\n"), (b"250-mail.corp.test\r\n250 PIPELINING\r\n", b"MAIL FROM:<a@corp.test>\r\n")],
        b"421 4.7.0 mail.corp.test Too many connections, closing\r\n", b"RCPT TO:<b@corp.test>\r\nDATA\r\n",
    )


@scenario(EXPLAINED)
def mysql_too_many_connections(lab):
    """MySQL: ERR 1040 in place of the greeting, then an abort."""
    connection, accepted = pair(lab, 3306, DATA)
    write(accepted, m.MYSQL_TOO_MANY)
    time.sleep(0.03)
    abort(accepted)
    time.sleep(0.1)


@scenario(EXPLAINED)
def redis_max_clients(lab):
    """Redis: -ERR max number of clients reached; the client's first command stays unread."""
    refuse_with(lab, 6379, [], b"-ERR max number of clients reached\r\n", b"*1\r\n$4\r\nPING\r\n")


@scenario(EXPLAINED)
def postgres_fatal_too_many(lab):
    """PostgreSQL: FATAL 53300 to the startup message; the password sent after it stays unread."""
    refuse_with(
        lab, 5432, [(b"", m.postgres_startup())],
        m.postgres_error("FATAL", "53300", "sorry, too many clients already"), b"p\0\0\0\x0bsecret\0",
    )


@scenario(EXPLAINED)
def postgres_admin_shutdown(lab):
    """PostgreSQL: FATAL 57P01 on a working session, then an abort."""
    connection, accepted = pair(lab, 5432, DATA)
    write(connection, m.postgres_startup())
    read(accepted)
    write(accepted, m.POSTGRES_READY)
    read(connection)
    time.sleep(0.5)
    write(accepted, m.postgres_error("FATAL", "57P01", "terminating connection due to administrator command"))
    abort(accepted)
    time.sleep(0.1)


@scenario(EXPLAINED)
def http_503_then_reset(lab):
    """HTTP: 503 with Connection: close while a pipelined request stays unread."""
    refuse_with(
        lab, 80, [(b"", request("/orders"))],
        response("503 Service Unavailable", b"overloaded\n", extra="Connection: close\r\n"), request("/orders?page=2"),
    )


@scenario(EXPLAINED)
def http2_goaway_then_reset(lab):
    """HTTP/2 in clear text: GOAWAY ENHANCE_YOUR_CALM, then an abort."""
    refuse_with(lab, 80, [(b"", m.HTTP2_PREFACE), (m.HTTP2_SETTINGS, m.HTTP2_REQUEST)], m.HTTP2_GOAWAY, m.HTTP2_REQUEST)


@scenario(EXPLAINED)
def bgp_notification_then_reset(lab):
    """BGP: NOTIFICATION Cease, then an abort."""
    connection, accepted = pair(lab, 179, DATA)
    for a, b in ((connection, accepted), (accepted, connection)):
        write(a, m.BGP_OPEN)
        read(b)
    write(connection, m.bgp(4))
    read(accepted)
    write(accepted, m.bgp(4))
    time.sleep(0.5)
    write(accepted, m.BGP_CEASE)
    abort(accepted)
    time.sleep(0.1)


@scenario(EXPLAINED)
def ldap_notice_of_disconnection(lab):
    """LDAP: notice of disconnection in place of the bind response."""
    refuse_with(lab, 389, [(b"", m.LDAP_BIND)], m.LDAP_NOTICE, m.LDAP_BIND)


@scenario(EXPLAINED)
def amqp_connection_close(lab):
    """AMQP: connection.close 530 after the protocol header, then an abort."""
    refuse_with(lab, 5672, [(b"", m.AMQP_HEADER)], m.amqp_close(530, "NOT_ALLOWED - vhost down"), m.AMQP_HEADER)


def upload(lab, status, size):
    connection, accepted = pair(lab, 80)
    write(connection, request("/upload", "files.example", "POST", size))
    sender = threading.Thread(target=write, args=(connection, bytes(size)), daemon=True)
    sender.start()
    head = b""
    while b"\r\n\r\n" not in head:
        head += accepted.recv(512)
    write(accepted, response(status, b"no\n", extra="Connection: close\r\n"))
    accepted.close()
    sender.join(3)
    time.sleep(0.1)


@scenario(("upload-rejected", SERVER))
def upload_rejected_413(lab):
    """413 while the client is still sending 30 kB; the server closes without reading the rest."""
    upload(lab, "413 Content Too Large", 30_000)


@scenario(("upload-rejected", SERVER))
def upload_rejected_401(lab):
    """401 before the body was read; an upload of 20 kB is cut."""
    upload(lab, "401 Unauthorized", 20_000)


@scenario(("invalid-protocol-data", SERVER))
def invalid_protocol_data(lab):
    """A web server aborts on bytes that are not HTTP; HTTP to the same port works before and after."""

    def handler(connection):
        if read(connection).startswith(b"GET "):
            write(connection, response(body=b"ok"))
            read(connection)
            connection.close()
        else:
            abort(connection)

    lab.S.serve(WEB, 80, handler)
    for said in (request(), b"\x80\1\xff\xff\0\0\0\0\xde\xad\xbe\xef" * 4, request()):
        connection = lab.C.connect(WEB, 80)
        write(connection, said)
        read(connection)
        connection.close()
        time.sleep(0.3)


@scenario(("half-close-refused", SERVER))
def half_close_refused(lab):
    """The client half-closes after its request; the server takes that for an abort and resets."""
    connection, accepted = pair(lab, 80)
    write(connection, request("/report"))
    connection.shutdown(socket.SHUT_WR)
    read(accepted)
    read(accepted)
    time.sleep(0.05)
    abort(accepted)
    time.sleep(0.1)


@scenario(("reset-mid-response", SERVER))
def reset_mid_response(lab):
    """The server aborts after 6 kB of a 50 kB answer."""
    connection, accepted = pair(lab, 80)
    write(connection, request("/big.iso", "files.example"))
    read(accepted)
    write(accepted, response(length=50_000) + b"x" * 6_000)
    read(connection)
    time.sleep(0.1)
    read(connection)
    abort(accepted)
    time.sleep(0.1)


@scenario(("close-with-unread-data", SERVER))
def close_with_unread_request(lab):
    """The answer is complete; a second, pipelined request stays unread when the server closes."""
    connection, accepted = pair(lab, 80)
    write(connection, request("/1"))
    read(accepted)
    write(accepted, response(body=b"first"))
    read(connection)
    write(connection, request("/2"))
    time.sleep(0.1)
    accepted.close()
    time.sleep(0.1)


@scenario(("normal-close-by-reset", CLIENT))
def pool_evicts_after_answer(lab):
    """A connection pool aborts a connection right after a complete PostgreSQL answer."""
    connection, accepted = pair(lab, 5432, DATA)
    for said, answer in (
        (m.postgres_startup(), m.POSTGRES_READY),
        (m.postgres_query("select 1"), b"C\0\0\0\x0dSELECT 1\0" + b"Z\0\0\0\5I"),
    ):
        write(connection, said)
        read(accepted)
        write(accepted, answer)
        read(connection)
    time.sleep(0.02)
    abort(connection)
    time.sleep(0.1)


@scenario(("3x client-gave-up-waiting", CLIENT))
def three_clients_give_up(lab):
    """Three clients abort two seconds after requests that the server never answers."""
    lab.S.serve(WEB, 8080, lambda c: (read(c), time.sleep(20)))
    for n in range(3):
        connection = lab.C.connect(WEB, 8080)
        write(connection, request(f"/slow/{n}", "api.shop.example"))
        time.sleep(2)
        abort(connection)
    time.sleep(0.1)


@scenario(("abortive-close|client-gave-up-waiting|client-abort-mid-response", CLIENT))
def client_aborts_pending_request(lab):
    """The client aborts 0.3 s after its request, before any answer."""
    connection, accepted = pair(lab, 80)
    write(connection, request("/search?q=a"))
    read(accepted)
    time.sleep(0.3)
    abort(connection)
    time.sleep(0.1)


@scenario(("late-data-after-fin", CLIENT))
def mars_smp_fin(lab):
    """SQL Server MARS: the client closes, the server's SMP:FIN arrives late and is reset."""
    connection, accepted = pair(lab, 1433, DATA)
    write(connection, m.TDS_PRELOGIN)
    read(accepted)
    write(accepted, m.TDS_ANSWER)
    read(connection)
    write(connection, m.smp(1, 0))
    read(accepted)
    write(connection, m.smp(4, 0))
    connection.close()
    read(accepted)
    read(accepted)
    time.sleep(0.1)
    write(accepted, m.smp(4, 0))
    time.sleep(0.1)


@scenario((
    "4x server-process-terminated + 2x syn-refused|service-down-or-restarted|server-process-terminated",
    f"{SERVER} + {SERVER}",
))
def crash_of_a_service(lab):
    """Four working connections are aborted together, then the port refuses."""
    listener = lab.S.listen(WEB, 8080)
    ends = []
    for _ in range(4):
        connection = lab.C.connect(WEB, 8080)
        accepted = lab.S.accept(listener)
        write(connection, request())
        read(accepted)
        write(accepted, response(body=b"ok"))
        read(connection)
        write(connection, request("/next"))
        time.sleep(0.05)
        ends.append(accepted)
    time.sleep(1)
    listener.close()
    for accepted in ends:
        accepted.close()
    time.sleep(0.2)
    for _ in range(2):
        lab.C.refused(WEB, 8080)
        time.sleep(0.3)


@scenario(("3x server-rebooted-or-failed-over", SERVER))
def server_rebooted(lab):
    """A server forgets connections on three ports; two seconds later every one of them is answered by a RST."""
    ends = []
    for port in (22, 80, 5432):
        connection, accepted = pair(lab, port)
        write(connection, b"hello\n")
        read(accepted)
        write(accepted, b"hello yourself\n")
        read(connection)
        ends.append((connection, accepted))
    time.sleep(0.15)
    for _, accepted in ends:
        vanish(accepted)
    time.sleep(2)
    for connection, _ in ends:
        write(connection, b"are you there?\n")
        time.sleep(0.1)


def ask(lab, port, said, greeting=b"", address=DATA):
    """The server aborts in place of an answer."""
    connection, accepted = pair(lab, port, address)
    if greeting:
        write(accepted, greeting)
        read(connection)
    write(connection, said)
    read(accepted)
    time.sleep(0.02)
    abort(accepted)
    time.sleep(0.1)


@scenario(("reset-after-request", SERVER))
def mysql_query_reset(lab):
    """The MySQL server aborts in place of the answer to a query."""
    connection, accepted = pair(lab, 3306, DATA)
    for a, b, said in (
        (accepted, connection, m.MYSQL_GREETING), (connection, accepted, m.MYSQL_LOGIN), (accepted, connection, m.MYSQL_OK),
        (connection, accepted, m.mysql_query("SELECT id, total FROM orders WHERE customer = 42")),
    ):
        write(a, said)
        read(b)
    time.sleep(0.02)
    abort(accepted)
    time.sleep(0.1)


@scenario(("reset-after-request", SERVER))
def redis_command_reset(lab):
    """The Redis server aborts in place of the answer to a command."""
    ask(lab, 6379, b"*3\r\n$3\r\nSET\r\n$4\r\nkey1\r\n$5\r\nvalue\r\n")


@scenario(("reset-after-request", SERVER), also={"leg": ("R1", "c0"), "any": ("R1", "any")})
def http_waf_reset(lab):
    """A server aborts on one request line and answers others."""

    def handler(connection):
        if b"UNION" in read(connection):
            abort(connection)
        else:
            write(connection, response(body=b"ok"))
            read(connection)
            connection.close()

    lab.S.serve(WEB, 80, handler)
    for path in ("/", "/item?id=1+UNION+SELECT+1", "/about"):
        connection = lab.C.connect(WEB, 80)
        write(connection, request(path))
        read(connection)
        connection.close()
        time.sleep(0.2)


@scenario(("reset-after-request", SERVER))
def wraparound(lab):
    """As a plain abort after a request, with the client's sequence number passing 2^32 in its request."""
    connection, accepted = pair(lab, 80, isn=0xFFFF_FFF0)
    write(connection, request("/wrap"))
    read(accepted)
    time.sleep(0.02)
    abort(accepted)
    time.sleep(0.1)


@scenario(("reset-after-request", SERVER))
def v6_reset_after_request(lab):
    """IPv6: the server aborts in place of an answer."""
    ask(lab, 80, request("/v6"), address="2001:db8:a::10")


@scenario(("client-abort-mid-response", CLIENT))
def v6_client_abort_mid_response(lab):
    """IPv6: the client aborts a download and resets what is in flight."""
    connection, accepted = pair(lab, 80, "2001:db8:a::10")
    write(connection, request("/big.iso", "files.example"))
    read(accepted)
    threading.Thread(target=write, args=(accepted, response(length=200_000) + b"x" * 24_000), daemon=True).start()
    read(connection, 4000)
    time.sleep(0.015)
    abort(connection)
    time.sleep(0.2)


# The same with segmentation and checksum offload left on: giant segments, unfinished checksums, no delay.
for base in (http_waf_reset, reset_mid_response, v6_client_abort_mid_response, pool_evicts_after_answer):
    again = SCENARIOS[base.__name__.replace("_", "-")]
    SCENARIOS["offload-" + base.__name__.replace("_", "-")] = Scenario(
        again.play, {v: again.labels[v] for v in ("C", "S")}, {"offload": True}
    )
