"""The same conversation inside VLAN tags, labels and tunnels, and cut into IP fragments."""

import socket
import struct

import raw
from derive import derived
from registry import SERVER

OUTER = ("198.18.0.1", "198.18.0.2")  # RFC 2544: the ends of the tunnel
SAME = ("reset-after-request", SERVER)


def packets(path):
    """(seconds, microseconds, frame) of a little-endian pcap file."""
    data, offset = path.read_bytes(), 24
    while offset < len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, offset)
        yield seconds, micros, data[offset + 16:offset + 16 + length]
        offset += 16 + length


def rewrite(source, target, change):
    """Replace every frame by the frames that `change(frame)` returns."""
    with open(target, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for seconds, micros, frame in packets(source):
            for changed in change(frame):
                file.write(struct.pack("<IIII", seconds, micros, len(changed), len(changed)) + changed)


def outer_ip(protocol, payload):
    """An IPv4 header of the tunnel before `payload`."""
    ends = b"".join(socket.inet_aton(end) for end in OUTER)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + ends
    return header[:10] + struct.pack("!H", raw.checksum(header)) + header[12:] + payload


def ethernet(frame, kind, payload):
    """The addresses of `frame`, another type and payload."""
    return frame[:12] + struct.pack("!H", kind) + payload


def udp(port, payload):
    return struct.pack("!HHHH", 49152, port, 8 + len(payload), 0) + payload


@derived("http-waf-reset", "C", SAME, "in VLAN 42")
def vlan_http_waf_reset(source, target):
    rewrite(source, target, lambda f: [ethernet(f, 0x8100, struct.pack("!H", 42) + f[12:])])


@derived("http-waf-reset", "C", SAME, "in two VLAN tags (802.1ad)")
def qinq_http_waf_reset(source, target):
    rewrite(source, target, lambda f: [ethernet(f, 0x88A8, struct.pack("!HHH", 7, 0x8100, 42) + f[12:])])


@derived("http-waf-reset", "C", SAME, "under two MPLS labels")
def mpls_http_waf_reset(source, target):
    labels = struct.pack("!II", 16 << 12 | 64, 17 << 12 | 0x100 | 64)
    rewrite(source, target, lambda f: [ethernet(f, 0x8847, labels + f[14:])])


@derived("http-waf-reset", "C", SAME, "in PPPoE")
def pppoe_http_waf_reset(source, target):
    session = lambda f: struct.pack("!BBHHH", 0x11, 0, 9, len(f) - 12, 0x0021)
    rewrite(source, target, lambda f: [ethernet(f, 0x8864, session(f) + f[14:])])


@derived("http-waf-reset", "C", SAME, "in IPIP")
def ipip_http_waf_reset(source, target):
    rewrite(source, target, lambda f: [ethernet(f, 0x0800, outer_ip(4, f[14:]))])


@derived("http-waf-reset", "C", SAME, "in GRE with a key")
def gre_http_waf_reset(source, target):
    rewrite(source, target, lambda f: [ethernet(f, 0x0800, outer_ip(47, struct.pack("!HHI", 0x2000, 0x0800, 77) + f[14:]))])


@derived("http-waf-reset", "C", SAME, "in VXLAN")
def vxlan_http_waf_reset(source, target):
    header = struct.pack("!II", 0x08000000, 5001 << 8)
    rewrite(source, target, lambda f: [ethernet(f, 0x0800, outer_ip(17, udp(4789, header + f)))])


@derived("http-waf-reset", "C", SAME, "in GENEVE")
def geneve_http_waf_reset(source, target):
    header = struct.pack("!BBHI", 0, 0, 0x6558, 5001 << 8)
    rewrite(source, target, lambda f: [ethernet(f, 0x0800, outer_ip(17, udp(6081, header + f)))])


@derived("http-waf-reset", "C", SAME, "in GTP-U")
def gtp_http_waf_reset(source, target):
    header = lambda f: struct.pack("!BBHI", 0x30, 0xFF, len(f) - 14, 99)
    rewrite(source, target, lambda f: [ethernet(f, 0x0800, outer_ip(17, udp(2152, header(f) + f[14:])))])


def fragments(frame):
    """The IPv4 packet of a frame in pieces of 400 bytes."""
    head, payload = frame[14:34], frame[34:14 + struct.unpack("!H", frame[16:18])[0]]
    for offset in range(0, len(payload), 400):
        piece = payload[offset:offset + 400]
        more = 0x2000 if offset + 400 < len(payload) else 0
        place = struct.pack("!H", more | offset // 8)
        fields = head[:2] + struct.pack("!H", 20 + len(piece)) + head[4:6] + place + head[8:10] + b"\0\0" + head[12:]
        check = struct.pack("!H", raw.checksum(fields))
        yield frame[:14] + fields[:10] + check + fields[12:] + piece


@derived("reset-mid-response", "C", ("reset-mid-response", SERVER), "large packets in IP fragments of 400 bytes")
def fragments_reset_mid_response(source, target):
    rewrite(source, target, lambda f: fragments(f) if len(f) > 434 else [f])
