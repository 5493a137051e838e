"""Bytes of application protocols: just enough for both ends to say what real ones say."""

import os
import struct

SYN_OPTIONS = b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + b"\0\0\0\1\0\0\0\0" + b"\x01\x03\x03\x07"


def vector(size, body):
    return len(body).to_bytes(size, "big") + body


def extension(kind, body):
    return struct.pack("!H", kind) + vector(2, body)


def client_hello(name, big=False):
    """A TLS 1.3 ClientHello; `big` adds a post-quantum key share (X25519MLKEM768, 1216 bytes)."""
    host = name.encode()
    shares = struct.pack("!H", 0x1D) + vector(2, os.urandom(32))
    groups = struct.pack("!H", 0x1D)
    if big:
        shares = struct.pack("!H", 0x11EC) + vector(2, os.urandom(1216)) + shares
        groups = struct.pack("!H", 0x11EC) + groups
    extensions = (
        extension(0, vector(2, b"\0" + vector(2, host)))
        + extension(10, vector(2, groups))
        + extension(13, vector(2, bytes.fromhex("040308040401")))
        + extension(16, vector(2, vector(1, b"h2") + vector(1, b"http/1.1")))
        + extension(43, vector(1, bytes.fromhex("03040303")))
        + extension(51, vector(2, shares))
        + extension(0xFF01, b"\0")
    )
    if big:
        extensions += extension(21, bytes(300))
    suites = bytes.fromhex("130113021303c02bc02f")
    body = b"\3\3" + os.urandom(32) + vector(1, os.urandom(32)) + vector(2, suites) + b"\1\0" + vector(2, extensions)
    return b"\x16\3\1" + vector(2, b"\1" + vector(3, body))


def server_hello():
    """A TLS 1.3 ServerHello with ChangeCipherSpec and an encrypted flight of 600 bytes."""
    extensions = extension(43, b"\3\4") + extension(51, struct.pack("!H", 0x1D) + vector(2, os.urandom(32)))
    body = b"\3\3" + os.urandom(32) + vector(1, os.urandom(32)) + b"\x13\x01\0" + vector(2, extensions)
    hello = b"\x16\3\3" + vector(2, b"\2" + vector(3, body))
    return hello + b"\x14\3\3\0\1\1" + b"\x17\3\3" + vector(2, os.urandom(600))


def request(path="/", host="www.shop.example", method="GET", length=None, extra=""):
    body = "" if length is None else f"Content-Length: {length}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: lab\r\n{body}{extra}\r\n".encode()


def response(status="200 OK", body=b"", length=None, extra=""):
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{extra}\r\n".encode() + body


def mysql_packet(number, body):
    return len(body).to_bytes(3, "little") + bytes([number]) + body


MYSQL_GREETING = mysql_packet(
    0,
    b"\x0a8.0.36\0" + struct.pack("<I", 4711) + b"abcdefgh\0" + b"\xff\xff\xff\x02\0\xff\xdf\x15" + bytes(10)
    + b"ijklmnopqrst\0caching_sha2_password\0",
)
MYSQL_TOO_MANY = mysql_packet(0, b"\xff" + struct.pack("<H", 1040) + b"Too many connections")
MYSQL_HOST_BLOCKED = mysql_packet(
    0, b"\xff" + struct.pack("<H", 1129) + b"Host '10.1.0.2' is blocked because of many connection errors"
)
MYSQL_LOGIN = mysql_packet(
    1,
    struct.pack("<IIB", 0x000FA285, 16777216, 255) + bytes(23) + b"app\0" + vector(1, bytes(32))
    + b"caching_sha2_password\0",
)
MYSQL_OK = mysql_packet(2, b"\0\0\0\2\0\0\0")


def mysql_query(text):
    return mysql_packet(0, b"\3" + text.encode())


def postgres_startup(user="app", database="orders"):
    body = struct.pack("!I", 0x00030000) + f"user\0{user}\0database\0{database}\0\0".encode()
    return struct.pack("!I", len(body) + 4) + body


def postgres_error(severity, code, message):
    body = f"S{severity}\0V{severity}\0C{code}\0M{message}\0\0".encode()
    return b"E" + struct.pack("!I", len(body) + 4) + body


POSTGRES_READY = b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I"


def postgres_query(text):
    body = text.encode() + b"\0"
    return b"Q" + struct.pack("!I", len(body) + 4) + body


BGP_MARKER = b"\xff" * 16


def bgp(kind, body=b""):
    return BGP_MARKER + struct.pack("!HB", 19 + len(body), kind) + body


BGP_OPEN = bgp(1, struct.pack("!BHH4sB", 4, 64512, 180, b"\x0a\1\0\2", 0))
BGP_CEASE = bgp(3, b"\6\2")  # Cease, administrative shutdown (RFC 4486)


def ber(tag, body):
    return bytes([tag]) + vector(1, body)


LDAP_BIND = ber(0x30, b"\2\1\1" + ber(0x60, b"\2\1\3" + ber(4, b"cn=app,dc=corp,dc=test") + ber(0x80, b"x")))
LDAP_NOTICE = ber(
    0x30,
    b"\2\1\0" + ber(0x78, b"\x0a\1\x34" + ber(4, b"") + ber(4, b"shutdown") + ber(0x8A, b"1.3.6.1.4.1.1466.20036")),
)

AMQP_HEADER = b"AMQP\0\0\x09\1"


def amqp_close(code, text):
    method = struct.pack("!HHH", 10, 50, code) + vector(1, text.encode()) + struct.pack("!HH", 0, 0)
    return b"\1\0\0" + vector(4, method) + b"\xce"


HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
HTTP2_REQUEST = b"\0\0\4\1\5\0\0\0\1" + bytes.fromhex("82868441")[:3] + b"\x90"
HTTP2_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
HTTP2_GOAWAY = b"\0\0\x10\7\0\0\0\0\0" + struct.pack("!II", 0, 11) + b"too_many"

TDS_PRELOGIN = b"\x12\1\0\x1a\0\0\0\0" + bytes.fromhex("00000b00060100110001ff") + bytes.fromhex("0f000000000000")
TDS_ANSWER = b"\4\1\0\x1a\0\0\1\0" + bytes.fromhex("00000b00060100110001ff") + bytes.fromhex("0f000000000000")


def smp(flags, number, length=16):
    """A Session Multiplex Protocol header (MS-MC-SMP 2.2.1): SYN 1, ACK 2, FIN 4, DATA 8."""
    return struct.pack("<BBHIII", 0x53, flags, 0, length, number, 4)
