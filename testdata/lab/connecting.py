"""Resets before a connection carries data."""

import contextlib
import socket
import time

import raw
from messages import request, response
from net import abort, read, vanish, write
from registry import AS_SERVER, AT_SERVER, CLIENT, NONE, SERVER, UNKNOWN, scenario

WEB = "192.0.2.10"


@scenario(NONE)
def nft_reject_output(lab):
    """The server's own output chain rejects its SYN-ACKs: the client only sees silence and retries."""
    lab.S.listen(WEB, 80)
    lab.S.filter("output", "tcp sport 80 tcp flags syn reject with tcp reset")
    with contextlib.suppress(OSError):
        lab.C.connect(WEB, 80, timeout=2.5)


@scenario(("syn-refused-repeatedly", SERVER))
def syn_refused_os_retry(lab):
    """One SYN sent three times, 500 ms apart with the same ISN, as Windows retries a refused connection."""
    out = raw.raw_socket(lab.C)
    for n in range(3):
        raw.send(out, raw.build("10.1.0.2", WEB, 49777, 8080, 0xC0FFEE, 0, raw.SYN, 64240, 128, 7000 + n, options=b"\2\4\5\xb4\1\3\3\x08\1\1\4\2"))
        time.sleep(0.5)


@scenario(("6x syn-refused-repeatedly", SERVER))
def syn_refused_application_retry(lab):
    """An application connects every second to a port where nobody listens."""
    for _ in range(6):
        lab.C.refused(WEB, 5432)
        time.sleep(1)


@scenario(("4x syn-refused-intermittently|service-down-or-restarted", SERVER))
def flapping_service(lab):
    """The same port refuses every second attempt: a listener that comes and goes."""
    for n in range(8):
        if n % 2:
            lab.C.refused(WEB, 8080)
        else:
            listener = lab.S.listen(WEB, 8080)
            connection = lab.C.connect(WEB, 8080)
            accepted = lab.S.accept(listener)
            write(connection, request())
            read(accepted)
            write(accepted, response(body=b"ok"))
            read(connection)
            connection.close()
            read(accepted)
            accepted.close()
            time.sleep(0.05)
            listener.close()
        time.sleep(0.4)


@scenario(C=("ecn-syn-refused", AS_SERVER), R1=NONE, S=NONE)
def ecn_syn_refused(lab):
    """A router resets SYNs that carry ECE and CWR; the same attempt without them succeeds."""
    lab.R1.filter("forward", "tcp flags & (syn|ecn|cwr) == syn|ecn|cwr reject with tcp reset")
    lab.S.serve(WEB, 80, lambda c: (read(c), write(c, response(body=b"ok")), read(c), c.close()))
    lab.C.sysctl(ipv4__tcp_ecn=1)
    lab.C.refused(WEB, 80)
    lab.C.sysctl(ipv4__tcp_ecn=0)
    connection = lab.C.connect(WEB, 80)
    write(connection, request())
    read(connection)
    connection.close()
    time.sleep(0.1)


@scenario(("3x port-scan-syn + 17x syn-refused|port-scan-syn|port-scan-closed|syn-refused-repeatedly", f"{CLIENT} + {SERVER}|{CLIENT}"))
def port_scan_20_ports(lab):
    """A half-open scan of twenty ports by raw SYNs; three are open and the kernel resets their SYN-ACKs."""
    ports = (21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 993, 995, 1723, 3306, 3389, 5900, 8080)
    for port in (22, 80, 443):
        lab.S.listen(WEB, port)
    out = raw.raw_socket(lab.C)
    for n, port in enumerate(ports):
        raw.send(out, raw.build("10.1.0.2", WEB, 41234, port, 0x1234_5678, 0, raw.SYN, 1024, 52, 9000 + 37 * n, df=False, options=b"\2\4\5\xb4"))
        time.sleep(0.005)
    time.sleep(0.2)


@scenario(("connect-cancelled", CLIENT))
def happy_eyeballs_sibling(lab):
    """IPv6 is 300 ms slower than IPv4: IPv4 wins, the late IPv6 SYN-ACK is reset."""
    slow = lambda frame: 0.3 if frame[12:14] == b"\x86\xdd" else 0.0
    lab.bridge.hook = lambda frame, from_client: [(0.01 + slow(frame) * (not from_client), not from_client, frame)]
    lab.S.listen("2001:db8:a::10", 80)
    lab.S.serve(WEB, 80, lambda c: (read(c), write(c, response(body=b"ok")), read(c), c.close()))
    first = lab.C.tcp("2001:db8:a::10")
    first.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        first.connect(("2001:db8:a::10", 80))
    time.sleep(0.25)
    second = lab.C.connect(WEB, 80)
    first.close()
    write(second, request())
    read(second)
    second.close()
    time.sleep(0.4)


@scenario(("synack-unexpected", f"{UNKNOWN}|{CLIENT}"))
def synack_wrong_acknowledgement(lab):
    """The SYN-ACK acknowledges a number the client never sent."""
    lab.S.filter("input", "tcp dport 7000 drop")

    def answer(q):
        if q.dport == 7000 and q.flags == raw.SYN:
            yield raw.reset_from_server(q, seq=0x0BADCAFE, ack=q.seq + 1001, flags=raw.SYN | raw.ACK, window=65160, ident=0, df=True)

    watch = raw.Watch(lab.S, "eth0", answer)
    with contextlib.suppress(OSError):
        lab.C.connect(WEB, 7000, timeout=1.5)
    watch.stop()


@scenario(("handshake-ack-rejected", SERVER))
def syn_cookie_expired(lab):
    """The server answered with a SYN cookie that it no longer accepts when the ACK comes back."""
    lab.S.sysctl(ipv4__tcp_syncookies=2)
    lab.S.listen(WEB, 80)
    lab.C.connect(WEB, 80, timeout=0.5)  # returns when the ACK has just left
    lab.S.sysctl(ipv4__tcp_syncookies=0)
    time.sleep(0.2)


@scenario(("preconnect-abandoned", CLIENT))
def preconnect_abandoned(lab):
    """A connection opened in advance, unused for five seconds, then aborted by the client."""
    listener = lab.S.listen(WEB, 443)
    connection = lab.C.connect(WEB, 443)
    lab.S.accept(listener)
    time.sleep(5)
    abort(connection)


@scenario(("6x health-check", CLIENT))
def health_check_periodic(lab):
    """A monitor connects every two seconds and aborts at once."""
    lab.S.serve(WEB, 8080, lambda c: read(c))
    for _ in range(6):
        started = time.monotonic()
        abort(lab.C.connect(WEB, 8080))
        time.sleep(max(0, 2 - (time.monotonic() - started)))


@scenario(("5x health-check", CLIENT))
def health_check_half_open(lab):
    """A load balancer's half-open monitor: SYN, SYN-ACK, RST every three seconds, one port."""
    lab.S.listen(WEB, 8080)
    lab.C.filter("output", "tcp flags & (rst|ack) == rst drop")
    out = raw.raw_socket(lab.C)

    def answer(q):
        if q.sport == 8080 and q.flags == raw.SYN | raw.ACK:
            yield raw.build(q.dst, q.src, q.dport, q.sport, q.ack, q.seq + 1, raw.RST | raw.ACK, 0, 255, 0)

    watch = raw.Watch(lab.C, "eth0", answer)
    for n in range(5):
        raw.send(out, raw.build("10.1.0.2", WEB, 30000 + n, 8080, 0x51000000 + n * 77777, 0, raw.SYN, 4380, 255, 500 + n, options=b"\2\4\5\xb4"))
        time.sleep(3)
    watch.stop()


@scenario(("4x service-down-or-restarted", SERVER))
def service_starts_late(lab):
    """Refusals until the service is up; afterwards every connection works."""
    for _ in range(4):
        lab.C.refused(WEB, 8080)
        time.sleep(0.5)
    lab.S.serve(WEB, 8080, lambda c: (read(c), write(c, response(body=b"ok")), read(c), c.close()))
    for _ in range(4):
        exchange(lab, 8080)


@scenario(("4x service-down-or-restarted|syn-refused-repeatedly", SERVER))
def service_restart(lab):
    """Connections work, then the port refuses for two seconds, then they work again."""
    handler = lambda c: (read(c), write(c, response(body=b"ok")), read(c), c.close())
    listener = lab.S.serve(WEB, 8080, handler)
    for _ in range(3):
        exchange(lab, 8080)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    time.sleep(0.1)
    for _ in range(4):
        lab.C.refused(WEB, 8080)
        time.sleep(0.5)
    lab.S.serve(WEB, 8080, handler)
    for _ in range(3):
        exchange(lab, 8080)


def exchange(lab, port, address=WEB):
    """One healthy request and answer, closed by the client."""
    connection = lab.C.connect(address, port)
    write(connection, request())
    read(connection)
    connection.close()
    time.sleep(0.3)


@scenario(C=("syn-rejected-by-middlebox", AS_SERVER), R1=NONE, S=NONE)
def nft_reject_with_reference(lab):
    """R1 rejects one port; another port of the same server works and shows the server's distance."""
    lab.R1.filter("forward", "tcp dport 8443 reject with tcp reset")
    lab.S.serve(WEB, 80, lambda c: (read(c), write(c, response(body=b"ok")), read(c), c.close()))
    exchange(lab, 80)
    lab.C.refused(WEB, 8443)
    exchange(lab, 80)


@scenario(C=("4x syn-rejected-by-middlebox", AS_SERVER), R1=NONE, S=NONE)
def nft_reject_many_servers(lab):
    """R1 rejects one port towards four servers of three networks; two other flows show the true distance."""
    lab.R1.filter("forward", "tcp dport 25 reject with tcp reset")
    for address in (WEB, "198.51.100.7"):
        lab.S.serve(address, 80, lambda c: (read(c), write(c, response(body=b"ok")), read(c), c.close()))
        exchange(lab, 80, address)
    for address in (WEB, "198.51.100.7", "198.51.100.20", "203.0.113.10"):
        lab.C.refused(address, 25)
        time.sleep(0.1)


@scenario(("4x no-backend-suspected", f"{AT_SERVER}|{SERVER}"))
def no_backend_haproxy(lab):
    """HAProxy in TCP mode without a server closes each connection at once; the client's request meets a RST."""
    path = f"{lab.scratch}/haproxy-{lab.prefix}.cfg"
    with open(path, "w") as file:
        file.write(
            "defaults\n mode tcp\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n"
            f"frontend f\n bind {WEB}:5432\n default_backend b\nbackend b\n"
        )
    lab.S.popen(["haproxy", "-f", path])
    time.sleep(1)
    for _ in range(4):
        connection = lab.C.connect(WEB, 5432)
        time.sleep(0.1)
        write(connection, b"\0\0\0\x08\4\xd2\x16\x2f")
        time.sleep(0.4)


@scenario(("abortive-close|normal-close-by-reset|reset-after-handshake|probe-close", CLIENT))
def client_aborts_after_banner(lab):
    """A port check reads the SSH banner and aborts."""
    lab.S.serve("192.0.2.20", 22, lambda c: (write(c, b"SSH-2.0-OpenSSH_9.6\r\n"), read(c)))
    connection = lab.C.connect("192.0.2.20", 22)
    read(connection)
    abort(connection)


@scenario(("half-open-recovery", CLIENT))
def half_open_recovery(lab):
    """The client forgot a connection and reuses its port pair; challenge ACK, RST, and the new handshake succeeds."""
    listener = lab.S.listen(WEB, 80)
    first = lab.C.connect(WEB, 80, source_port=40100)
    lab.S.accept(listener)
    write(first, request())
    time.sleep(0.2)
    vanish(first)
    time.sleep(0.5)
    second = lab.C.connect(WEB, 80, source_port=40100)
    accepted = lab.S.accept(listener)
    write(second, request())
    read(accepted)
    write(accepted, response(body=b"ok"))
    read(second)


@scenario(("reset-after-handshake", SERVER))
def accept_then_abort_late_data(lab):
    """The server aborts right after accepting; the client's first data crosses the RST."""
    listener = lab.S.listen(WEB, 9000)
    connection = lab.C.connect(WEB, 9000)
    accepted = lab.S.accept(listener)
    abort(accepted)
    write(connection, b"HELO client.example\r\n")
    time.sleep(0.2)


@scenario(("syn-refused", SERVER))
def closed_port_cisco_look(lab):
    """A refusal shaped as network gear sends it: TTL 255, DF clear, sequence number not zero."""
    lab.S.filter("input", "tcp dport 23 drop")
    watch = raw.Watch(lab.S, "eth0", lambda q: [
        raw.reset_from_server(q, seq=0x2A6F3311, ttl=255, ident=31007)] if q.dport == 23 and q.flags == raw.SYN else ())
    with contextlib.suppress(OSError):
        lab.C.connect(WEB, 23, timeout=1)
    watch.stop()


@scenario(("no-such-connection|orphan-reset|handshake-ack-rejected", SERVER))
def bare_reset_windows_look(lab):
    """A server that lost its state answers with a bare RST whose ack field is set, TTL 128, as Windows does."""
    listener = lab.S.listen(WEB, 3389)
    connection = lab.C.connect(WEB, 3389)
    accepted = lab.S.accept(listener)
    write(connection, b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0")
    read(accepted)
    write(accepted, b"\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\0\x08\0\1\0\0\0")
    read(connection)
    time.sleep(0.2)
    vanish(accepted)
    lab.S.filter("input", "tcp dport 3389 drop")
    watch = raw.Watch(lab.S, "eth0", lambda q: [
        raw.reset_from_server(q, ack=q.ack, flags=raw.RST, ttl=128, ident=5511)] if q.dport == 3389 and q.payload else ())
    write(connection, b"\3\0\0\x0c\2\xf0\x80\4\1\0\1\0")
    time.sleep(0.3)
    watch.stop()


@scenario(C=("handshake-ack-rejected", SERVER))
def acknowledgment_held_up(lab):
    """The path holds the client's ACK for 125 seconds; the SYN cookie it answers has expired by then."""
    lab.S.sysctl(ipv4__tcp_syncookies=2)
    lab.S.listen(WEB, 8095)
    held = {}

    def hook(frame, from_client):
        q = raw.parse(frame)
        if q and from_client and q.dport == 8095 and not q.flags & raw.SYN:
            held.setdefault("since", time.monotonic())
            return [(max(0.01, held["since"] + 125 - time.monotonic()), False, frame)]
        return [(0.01, not from_client, frame)]

    lab.bridge.hook = hook
    connection = lab.C.connect(WEB, 8095)
    connection.settimeout(130)
    read(connection, 1)
    time.sleep(0.2)
