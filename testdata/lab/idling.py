"""Resets after silence: timers, lost state, races with a close."""

import contextlib
import socket
import threading
import time

import messages as m
import raw
from messages import request, response
from net import abort, read, vanish, write
from registry import AS_CLIENT, AS_SERVER, BOTH, CLIENT, NONE, SERVER, scenario
from requests import DATA, WEB, pair


def together(*plays):
    """Run several conversations at the same time."""
    threads = [threading.Thread(target=play, daemon=True) for play in plays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def talk(connection, accepted, said=None, answer=None):
    """One request and its answer."""
    write(connection, said or request())
    read(accepted)
    write(accepted, answer or response(body=b"ok"))
    read(connection)
    time.sleep(0.1)  # the acknowledgement arrives


@scenario(("3x idle-timeout-reset", SERVER))
def idle_timeout_server(lab):
    """Three idle keep-alive connections are aborted by the server, each twelve seconds after its last byte."""

    def one(n):
        connection, accepted = pair(lab, 8080 + n)
        talk(connection, accepted)
        time.sleep(12)
        abort(accepted)
        time.sleep(0.1)

    together(*(lambda n=n: (time.sleep(n * 0.7), one(n)) for n in range(3)))


@scenario(("idle-timeout-reset|normal-close-by-reset", CLIENT))
def idle_timeout_client(lab):
    """The client's pool aborts a connection that was idle for twelve seconds."""
    connection, accepted = pair(lab, 5432, DATA)
    talk(connection, accepted, m.postgres_startup(), m.POSTGRES_READY)
    time.sleep(12)
    abort(connection)
    time.sleep(0.1)


@scenario(
    C=("idle-timeout-reset", f"{BOTH}|{AS_SERVER}"),
    R1=("idle-timeout-reset", f"{AS_CLIENT}|{BOTH}"), S=("idle-timeout-reset", f"{AS_CLIENT}|{BOTH}"),
)
def idle_timeout_device_both(lab):
    """A device on R1 resets both ends of a connection after twelve idle seconds, as cloud load balancers do."""
    seen = {}

    def answer(q):
        seen[q.src] = q
        return ()

    watches = [raw.Watch(lab.R1, "c0", answer), raw.Watch(lab.R1, "s0", answer)]
    connection, accepted = pair(lab, 8080)
    talk(connection, accepted)
    time.sleep(0.2)
    talk(connection, accepted)
    time.sleep(12)
    client, server = seen["10.1.0.2"], seen[WEB]
    out = raw.raw_socket(lab.R1)
    end = max(server.ack, client.seq + len(client.payload))
    back = server.seq + len(server.payload)
    raw.send(out, raw.reset_from_server(client, seq=back, ack=end))
    raw.send(out, raw.reset_to_server(client, seq=end, ack=back))
    time.sleep(0.2)
    for watch in watches:
        watch.stop()


@scenario(C=("stale-connection-reuse", AS_SERVER), R1=NONE, S=NONE)
def stale_after_firewall_forgot(lab):
    """A stateful firewall on R1 forgets an idle connection; data after 31 seconds is rejected."""
    lab.R1.sysctl(netfilter__nf_conntrack_tcp_loose=0)
    lab.R1.filter("forward", "ct state established accept\nct state new tcp flags & (syn|ack) == syn accept\nmeta l4proto tcp reject with tcp reset")
    connection, accepted = pair(lab, 8080)
    talk(connection, accepted)
    talk(connection, accepted)
    time.sleep(1)
    lab.R1.run("conntrack -F")
    time.sleep(30.2)
    write(connection, request("/after-lunch"))
    time.sleep(0.5)
    lab.R1.unfilter()


@scenario(("stale-connection-reuse", SERVER))
def stale_after_server_forgot(lab):
    """The server's host lost the connection without a packet; data after 31 seconds of silence is reset."""
    connection, accepted = pair(lab, 5432, DATA)
    talk(connection, accepted, m.postgres_startup(), m.POSTGRES_READY)
    time.sleep(1)
    vanish(accepted)
    time.sleep(30.2)
    write(connection, m.postgres_query("select now()"))
    time.sleep(0.2)


@scenario(("keepalive-race", SERVER))
def keepalive_race_crossed(lab):
    """The server closes an idle connection; the client's next request crosses the FIN on the path."""
    connection, accepted = pair(lab, 80)
    talk(connection, accepted)
    time.sleep(2)
    accepted.close()
    time.sleep(0.004)
    write(connection, request("/again"))
    time.sleep(0.2)


@scenario(("server-request-timeout|idle-timeout-reset|reset-after-handshake", SERVER))
def login_grace_time(lab):
    """An SSH-like server sends its banner; the client says nothing and is aborted after six seconds."""
    connection, accepted = pair(lab, 22, DATA)
    write(accepted, b"SSH-2.0-OpenSSH_9.6\r\n")
    read(connection)
    time.sleep(6)
    abort(accepted)
    time.sleep(0.1)


@scenario(("server-request-timeout", SERVER))
def slow_body_timeout(lab):
    """The client stops in the middle of a request body; the server aborts after five seconds."""
    connection, accepted = pair(lab, 80)
    write(connection, request("/form", method="POST", length=5000) + b"a" * 700)
    read(accepted)
    time.sleep(5)
    abort(accepted)
    time.sleep(0.1)


@scenario(("keepalive-probe-rejected", SERVER))
def keepalive_meets_lost_state(lab):
    """Keepalives find out that the server forgot the connection."""
    connection, accepted = pair(lab, 5672, DATA)
    for option, value in ((socket.TCP_KEEPIDLE, 3), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    talk(connection, accepted, m.AMQP_HEADER, b"AMQP\0\0\x09\1")
    time.sleep(3.5)
    vanish(accepted)
    time.sleep(3.5)


@scenario(C=("dead-peer-abort", CLIENT), R1=NONE, S=NONE)
def keepalive_dead_path(lab):
    """The path swallows everything; three unanswered keepalives, then the client aborts."""
    connection, accepted = pair(lab, 5672, DATA)
    talk(connection, accepted, m.AMQP_HEADER, b"AMQP\0\0\x09\1")
    for option, value in ((socket.TCP_KEEPIDLE, 2), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    lab.R1.filter("forward", "drop")
    time.sleep(7)


@scenario(("zero-window-abort", CLIENT))
def zero_window_abort(lab):
    """The client stops reading, its window closes, and after three seconds it aborts."""
    listener = lab.S.listen(WEB, 80)
    connection = lab.C.tcp(WEB)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((WEB, 80))
    accepted = lab.S.accept(listener)
    write(connection, request("/big.iso", "files.example"))
    read(accepted)
    accepted.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        accepted.sendall(response(length=100_000) + b"x" * 100_000)
    time.sleep(3)
    abort(connection)
    time.sleep(0.2)


@scenario(("late-data-after-fin", SERVER))
def request_after_server_close(lab):
    """The server closed after a complete answer and Connection: close; the client sends another request anyway."""
    connection, accepted = pair(lab, 80)
    talk(connection, accepted, answer=response(body=b"bye", extra="Connection: close\r\n"))
    accepted.close()
    time.sleep(0.3)
    write(connection, request("/more"))
    time.sleep(0.2)


@scenario(("late-data-after-fin", CLIENT))
def answer_after_client_left(lab):
    """The client closes before the answer is there; the answer is reset."""
    connection, accepted = pair(lab, 80)
    write(connection, request("/report"))
    read(accepted)
    time.sleep(0.4)
    connection.close()
    time.sleep(0.4)
    write(accepted, response(body=b"too late " * 20))
    time.sleep(0.2)


@scenario(("no-such-connection", SERVER))
def server_lost_one_connection(lab):
    """The server forgets one connection without a packet; the next request, half a second later, is reset."""
    connection, accepted = pair(lab, 80)
    talk(connection, accepted)
    vanish(accepted)
    time.sleep(0.5)
    write(connection, request("/next"))
    time.sleep(0.2)


@scenario(S=("2x keepalive-race", SERVER), seconds=0.015)
def upload_crosses_close(lab):
    """Two idle connections are closed by the server; uploads that left before the FINs arrived meet closed sockets."""
    pairs = [pair(lab, 8080 + n) for n in range(2)]
    for connection, accepted in pairs:
        talk(connection, accepted)
    time.sleep(3)
    for _, accepted in pairs:
        accepted.close()
    time.sleep(0.004)
    for connection, _ in pairs:
        write(connection, request("/buy", method="POST", length=4000) + b"b" * 4000)
    time.sleep(0.3)
