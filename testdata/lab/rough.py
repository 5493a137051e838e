"""Paths that lose and reorder, devices next to the server, scans without SYN, protocols on unusual ports."""

import contextlib
import os
import socket
import ssl
import threading
import time

import raw
from derive import derived, run
from handshakes import certificates, tls_client
from messages import client_hello, request, response
from net import abort, read, write
from registry import AS_SERVER, CLIENT, NONE, SERVER, UNKNOWN, scenario
from requests import DATA, WEB, pair


def web(lab, port, body=b"fine\n", address=WEB):
    """A web server that answers every request."""

    def handler(connection):
        while read(connection):
            write(connection, response(body=body))

    lab.S.serve(address, port, handler)


def fetch(lab, port):
    """One healthy exchange."""
    connection = lab.C.connect(WEB, port)
    write(connection, request("/"))
    read(connection)
    time.sleep(0.02)
    connection.close()
    time.sleep(0.1)


@scenario(("tls-alert-then-reset", SERVER))
def client_certificate_missing_tls13(lab):
    """TLS 1.3 wants a client certificate and gets none; the request follows the Finished at once, and is answered by an encrypted alert and a reset."""
    authority, chain, key = certificates(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    listener = lab.S.listen(WEB, 9443)

    def serve():
        tls = context.wrap_socket(lab.S.accept(listener), server_side=True, do_handshake_on_connect=False)
        with contextlib.suppress(OSError):
            tls.do_handshake()
        tls.close()

    threading.Thread(target=serve, daemon=True).start()
    tls = tls_client(lab, WEB, "intern.example", port=9443)
    write(tls, request("/secure"))
    write(tls, request("/secure/2"))
    time.sleep(0.3)


@scenario(C=("reset-mid-response", SERVER), S=("reset-mid-response", SERVER))
def reset_overtakes_data(lab):
    """The path reorders: the server's reset overtakes its last data by 3 ms; a challenge ACK, then resets that work."""

    def hook(frame, from_client):
        segment = raw.parse(frame)
        slow = segment is not None and not from_client and segment.payload
        return [(lab.seconds + (0.003 if slow else 0), not from_client, frame)]

    lab.bridge.hook = hook
    connection, accepted = pair(lab, 8081)
    write(connection, request("/feed"))
    read(accepted)
    write(accepted, response(length=90000) + b"w" * 3000)
    time.sleep(0.3)
    write(accepted, b"w" * 4000)
    abort(accepted)
    time.sleep(0.3)


@scenario(
    C=("dead-peer-abort|client-gave-up-waiting", CLIENT),
    S=("abortive-close|preconnect-abandoned|probe-close|client-gave-up-waiting", f"{CLIENT}|{UNKNOWN}"),
)
def large_request_black_hole(lab):
    """R1 swallows large packets: the request never arrives, the client aborts after three seconds with a number the server has not reached."""
    lab.R1.filter("forward", "ip length > 1200 drop")
    connection, _ = pair(lab, 8081)
    time.sleep(0.2)
    write(connection, request("/form", method="POST", length=1300) + b"f" * 1300)
    time.sleep(3.2)
    abort(connection)
    time.sleep(0.2)


@scenario(
    C=("client-gave-up-waiting|client-abort-mid-response", CLIENT),
    S=("client-gave-up-waiting|client-abort-mid-response|dead-peer-abort", CLIENT),
)
def answer_black_hole(lab):
    """R1 swallows large packets towards the client: the request is acknowledged, its answer does not arrive, the client aborts after three seconds."""
    web(lab, 8081, body=b"k" * 1400)
    lab.R1.nft('table inet lab {\nchain f {\ntype filter hook forward priority 0;\noifname "c0" ip length > 1200 drop\n}\n}\n')
    connection = lab.C.connect(WEB, 8081)
    write(connection, request("/document"))
    time.sleep(3)
    abort(connection)
    time.sleep(0.2)


@scenario(("reset-after-request", SERVER))
def web_application_on_port_3000(lab):
    """A web application on port 3000 aborts on one request; the port is registered for another protocol."""
    lab.S.serve(WEB, 3000, lambda c: (read(c), time.sleep(0.03), abort(c)))
    connection = lab.C.connect(WEB, 3000)
    write(connection, request("/boom"))
    time.sleep(0.2)


@scenario(C=("error-response-then-reset", SERVER), S=("error-response-then-reset", SERVER))
def ftp_login_refused(lab):
    """FTP on port 2121: 530 to the password, then an abort."""
    connection, accepted = pair(lab, 2121, DATA)
    for said, asked in ((b"220 ready\r\n", b"USER bob\r\n"), (b"331 password\r\n", b"PASS hunter2\r\n")):
        write(accepted, said)
        read(connection)
        write(connection, asked)
        read(accepted)
    write(accepted, b"530 Login incorrect.\r\n")
    time.sleep(0.03)
    abort(accepted)
    time.sleep(0.1)


@scenario(
    C=("12x port-scan-closed|orphan-reset|no-such-connection", f"{SERVER}|{UNKNOWN}|{CLIENT}"),
    S=("12x port-scan-closed|orphan-reset|no-such-connection", f"{SERVER}|{UNKNOWN}|{CLIENT}"),
)
def acknowledgment_scan(lab):
    """A scan by bare ACKs (nmap -sA): twelve ports of a host answer with resets, and nothing was lost."""
    out = raw.raw_socket(lab.C)
    for n in range(12):
        raw.send(out, raw.build("10.1.0.2", WEB, 41000, 8000 + n, 0, 0x5EED0000 + n, raw.ACK, 1024, 44, 4000 + 7 * n, df=False))
        time.sleep(0.03)
    time.sleep(0.1)


@scenario(
    C=("syn-rejected-by-middlebox|syn-refused", f"{AS_SERVER}|{UNKNOWN}"), S=NONE,
)
def reject_next_to_server(lab):
    """The router next to the server rejects one port: a single hop tells it from the server."""
    lab.R2.filter("forward", "tcp dport 2222 reject with tcp reset")
    web(lab, 8000)
    fetch(lab, 8000)
    lab.C.refused(WEB, 2222)
    fetch(lab, 8000)


@scenario(C=("reset-after-client-hello", SERVER), S=("reset-after-client-hello", SERVER))
def hello_after_starttls(lab):
    """SMTP: STARTTLS is granted, the ClientHello is answered by an abort."""
    connection, accepted = pair(lab, 25, DATA)
    for said, asked in (
        (b"220 mx.corp.test ESMTP\r\n", b"EHLO client.corp.test\r\n"),
        (b"250-mx.corp.test\r\n250 STARTTLS\r\n", b"STARTTLS\r\n"),
        (b"220 go ahead\r\n", client_hello("mx.corp.test")),
    ):
        write(accepted, said)
        read(connection)
        write(connection, asked)
        read(accepted)
    time.sleep(0.03)
    abort(accepted)
    time.sleep(0.1)


@scenario(
    C=("reset-after-request|close-with-unread-data", SERVER), S=("reset-after-request|close-with-unread-data", SERVER),
)
def request_left_unread(lab):
    """The server reads nothing of a long request; its window is full when the process ends after half a second."""
    listener = lab.S.listen(WEB, 8118, SO_RCVBUF=4096)
    connection = lab.C.connect(WEB, 8118)
    accepted = lab.S.accept(listener)
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        connection.sendall(request("/load", method="POST", length=60000) + b"o" * 60000)
    time.sleep(0.5)
    accepted.close()
    time.sleep(0.2)


@scenario(also={"S": ("S", "eth0")}, seconds=0.060)
def download_left_at_full_speed(lab):
    """A client that has read everything so far closes a download; hundreds of segments are under way."""

    def handler(connection):
        read(connection)
        write(connection, response(length=20_000_000) + os.urandom(2_000_000))

    lab.S.serve(WEB, 8104, handler)
    connection = lab.C.connect(WEB, 8104)
    write(connection, request("/film.mp4"))
    got = 0
    while got < 300_000:
        got += len(connection.recv(65536))
    connection.shutdown(socket.SHUT_RD)
    connection.close()
    time.sleep(0.4)


@derived(
    "download-left-at-full-speed", "S", ("late-data-after-fin|client-abort-mid-response", CLIENT),
    "cut to 68 bytes per packet; the middle of a long connection is not kept, and no reset is early for that",
)
def snaplen_download_left(source, target):
    run("editcap", "-F", "pcap", "-s", "68", source, target)
