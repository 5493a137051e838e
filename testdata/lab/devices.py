"""Resets made by devices on the path, and captures that only look like it."""

import contextlib
import time

import raw
from messages import request, response
from net import abort, read, write
from registry import AS_CLIENT, AS_SERVER, AT_SERVER, BOTH, CLIENT, NONE, SERVER, UNKNOWN, scenario
from requests import WEB, pair

EDGE = "198.51.100.20"


def web(lab, address=WEB, delay=0.0):
    """A web server that answers every request."""

    def handler(connection):
        while read(connection):
            time.sleep(delay)
            write(connection, response(body=b"hello from the real server\n"))

    lab.S.serve(address, 80, handler)


def get(lab, path, address=WEB, wait=0.3):
    """A request; whatever happens."""
    with contextlib.suppress(OSError):
        connection = lab.C.connect(address, 80, timeout=2)
        write(connection, request(path))
        read(connection)
        time.sleep(0.05)
        connection.close()
    time.sleep(wait)


@scenario(
    C=("middlebox-injection", AS_SERVER),
    R1=("no-such-connection", UNKNOWN), S=("no-such-connection", UNKNOWN),
    also={"leg": ("R1", "c0"), "any": ("R1", "any")},
)
def keyword_injection(lab):
    """R1 forges one RST on a keyword in the request; the real answer still arrives. Other requests work."""
    web(lab)
    raw.Watch(lab.R1, "c0", lambda q: [raw.reset_from_server(q)] if b"forbidden" in q.payload else ())
    for path in ("/", "/forbidden", "/"):
        get(lab, path)


@scenario(C=("4x middlebox-injection|syn-rejected-by-middlebox|reset-after-request", AS_SERVER))
def residual_blocking(lab):
    """After a keyword R1 resets every new connection between the two hosts for four seconds."""
    web(lab)
    state = {"until": 0.0}

    def answer(q):
        if b"forbidden" in q.payload:
            state["until"] = time.monotonic() + 4
        if time.monotonic() < state["until"] and q.dport == 80 and (q.payload or q.flags == raw.SYN):
            for n in range(3):
                yield raw.reset_from_server(q, ident=0x2000 + n, ttl=60 + n, window=900 + n)

    raw.Watch(lab.R1, "c0", answer)
    get(lab, "/")
    for path in ("/forbidden", "/a", "/b", "/c"):
        get(lab, path, wait=0.7)
    time.sleep(4)
    get(lab, "/")


@scenario(
    C=("rst-with-payload", AS_SERVER),
    R1=("no-such-connection", UNKNOWN), S=("no-such-connection", UNKNOWN),
)
def reset_with_text(lab):
    """A device answers a request with a RST that carries readable text."""
    web(lab)
    raw.Watch(lab.R1, "c0", lambda q: [raw.reset_from_server(q, payload=b"Blocked by policy 17\n")] if b"forbidden" in q.payload else ())
    get(lab, "/forbidden")


@scenario(C=("icmp-explained", CLIENT))
def prohibited_then_abort(lab):
    """R1 answers the request with ICMP 3/13 and drops it; the client aborts after two seconds."""
    lab.R1.filter("forward", "ip protocol tcp tcp dport 80 ip length > 100 reject with icmp admin-prohibited")
    connection, _ = pair(lab, 80)
    write(connection, request("/"))
    time.sleep(2)
    abort(connection)
    time.sleep(0.1)


@scenario(C=("ineffective-reset", CLIENT), R1=NONE, S=NONE)
def low_ttl_decoy(lab):
    """A tool on the client's own host sends a RST with TTL 1 that must not reach the server; the connection goes on."""
    web(lab)
    out = raw.raw_socket(lab.C)
    sent = []

    def answer(q):
        if q.sport == 80 and q.payload and not sent:
            sent.append(q)
            yield raw.build(q.dst, q.src, q.dport, q.sport, q.ack, q.seq + len(q.payload), raw.RST | raw.ACK, 502, 1, 77)

    watch = raw.Watch(lab.C, "eth0", answer)
    connection = lab.C.connect(WEB, 80)
    for path in ("/1", "/2", "/3"):
        write(connection, request(path))
        read(connection)
        time.sleep(0.1)
    connection.close()
    time.sleep(0.1)
    watch.stop()
    del out


class BehindNat:
    """A healthy connection to a pod behind R2's destination NAT, which lets invalid segments pass; its last segment `q` at the pod."""

    def __init__(self, lab, port, pod_port, paths, body):
        lab.R2.filter("forward", "ct state established,related,new,invalid accept")
        lab.R2.nft(
            "table ip nat {\nchain pre {\ntype nat hook prerouting priority -100;\n"
            f"ip daddr 203.0.113.80 tcp dport {port} dnat to 10.3.0.2:{pod_port}\n}}\n}}\n"
        )
        self.listener = lab.S.listen("10.3.0.2", pod_port)
        seen = []
        self.watch = raw.Watch(lab.S, "eth0", lambda q: seen.append(q) or ())
        self.connection = lab.C.connect("203.0.113.80", port)
        self.accepted = lab.S.accept(self.listener)
        for path in paths:
            write(self.connection, request(path))
            read(self.accepted)
            write(self.accepted, response(body=body))
            read(self.connection)
        time.sleep(0.3)
        self.q = [s for s in seen if s.dport == pod_port][-1]
        self.end = self.q.seq + len(self.q.payload)


@scenario(
    C=(
        "nat-or-conntrack-state-lost|orphan-reset|no-such-connection + no-such-connection|nat-or-conntrack-state-lost",
        f"{AT_SERVER}|{CLIENT}|{UNKNOWN} + {UNKNOWN}|{SERVER}|{AT_SERVER}",
    ),
    S=("no-such-connection|nat-or-conntrack-state-lost|client-abort-mid-response|abortive-close", f"{UNKNOWN}|{CLIENT}"),
)
def conntrack_invalid_leak(lab):
    """Kubernetes-like: a segment out of window is not translated back, and the client resets the pod's address."""
    pod = BehindNat(lab, 80, 8080, ("/1", "/2"), b"pod answer")
    stray = raw.build("10.3.0.2", pod.q.src, 8080, pod.q.sport, pod.q.ack + 400_000_000, pod.end, raw.ACK | raw.PSH, 509, 64, 4242, payload=b"stale segment")
    raw.send(raw.raw_socket(lab.S), stray)
    time.sleep(0.3)
    write(pod.connection, request("/3"))
    time.sleep(0.3)
    pod.watch.stop()


@scenario(("2x middlebox-injection", f"{AS_SERVER}|{BOTH}"), seconds=0.010)
def injection_near_server(lab):
    """A device on R2 (server side) forges three RSTs with stepped numbers towards the client; all vantages see them."""
    web(lab, EDGE, 0.02)

    def answer(q):
        if b"forbidden" in q.payload:
            for n, step in enumerate((0, 1460, 4380)):
                yield raw.reset_from_server(q, seq=q.ack + step, ttl=200 + n, ident=100 * n)

    raw.Watch(lab.R2, "c0", answer)
    get(lab, "/forbidden", EDGE)
    get(lab, "/forbidden/2", EDGE)


@scenario(C=("nat-or-conntrack-state-lost", f"{CLIENT}|{AT_SERVER}"))
def out_of_window_leak(lab):
    """Destination NAT on R2: one segment out of window leaves with the address behind it; the connection stays healthy."""
    pod = BehindNat(lab, 443, 9443, ("/0", "/1", "/2"), b"pod")
    stray = raw.build("10.3.0.2", pod.q.src, 9443, pod.q.sport, pod.q.ack + 300_000_000, pod.end, raw.ACK | raw.PSH, 509, 64, 4242, payload=b"out of window " * 20)
    raw.send(raw.raw_socket(lab.S), stray)
    time.sleep(0.4)
    pod.watch.stop()
