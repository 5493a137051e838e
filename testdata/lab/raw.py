"""Hand-made packets: building, reading, and forging resets on a router."""

import collections
import contextlib
import select
import socket
import struct
import threading
import time

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128

Segment = collections.namedtuple("Segment", "src dst sport dport seq ack flags window ttl ident tos payload")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def build(src, dst, sport, dport, seq, ack, flags, window=0, ttl=64, ident=0, df=True, tos=0, payload=b"", options=b""):
    """An IPv4 TCP packet."""
    source, destination = socket.inet_aton(src), socket.inet_aton(dst)
    options += b"\1" * (-len(options) % 4)
    length = 20 + len(options) + len(payload)
    header = struct.pack(
        "!HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, (5 + len(options) // 4) << 4, flags, window, 0, 0
    )
    tcp = header + options + payload
    check = checksum(source + destination + struct.pack("!BBH", 0, 6, length) + tcp)
    tcp = tcp[:16] + struct.pack("!H", check) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, tos, 20 + length, ident, 0x4000 if df else 0, ttl, 6, 0) + source + destination
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


def parse(frame):
    """The TCP segment of an Ethernet frame with IPv4, or None."""
    if frame[12:14] != b"\x08\0" or frame[23] != 6:
        return None
    packet = frame[14:]
    size = (packet[0] & 15) * 4
    total = struct.unpack("!H", packet[2:4])[0]
    tcp = packet[size:total]
    sport, dport, seq, ack, offset, flags, window = struct.unpack("!HHIIBBH", tcp[:16])
    return Segment(
        socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]), sport, dport, seq, ack, flags, window,
        packet[8], struct.unpack("!H", packet[4:6])[0], packet[1], tcp[(offset >> 4) * 4:],
    )


def raw_socket(host):
    """Sends whole IPv4 packets from `host`."""
    made = host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    return made


def send(host_socket, packet):
    host_socket.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))


def reset_from_server(q, **changes):
    """A RST in the server's name to the sender of segment `q`, as a stateful device makes it."""
    length = len(q.payload) + (1 if q.flags & (SYN | FIN) else 0)
    fields = dict(
        src=q.dst, dst=q.src, sport=q.dport, dport=q.sport, seq=q.ack, ack=q.seq + length, flags=RST | ACK,
        window=0, ttl=64, ident=0x4D2, df=False,
    )
    return build(**(fields | changes))


def reset_to_server(q, **changes):
    """A RST in the name of the sender of `q`, to its receiver."""
    fields = dict(
        src=q.src, dst=q.dst, sport=q.sport, dport=q.dport, seq=q.seq + len(q.payload), ack=q.ack, flags=RST | ACK,
        window=0, ttl=64, ident=0x4D3, df=False,
    )
    return build(**(fields | changes))


class Watch(threading.Thread):
    """Calls `answer(segment)` for each TCP segment that arrives on an interface; sends what it returns."""

    def __init__(self, host, interface, answer):
        super().__init__(daemon=True)
        self.tap = host.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.tap.bind((interface, 3))
        self.out, self.answer, self.running = raw_socket(host), answer, True
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while self.running:
                if not select.select([self.tap], [], [], 0.2)[0]:
                    continue
                frame, address = self.tap.recvfrom(70000)
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                segment = parse(frame)
                for packet in (segment and self.answer(segment)) or ():
                    send(self.out, packet)

    def stop(self):
        self.running = False
        time.sleep(0.25)
