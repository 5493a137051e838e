#!/usr/bin/env python3
"""Writes the seeds of the mutation runner beside this file: one small capture per shape of
file, one frame per encapsulation. The other seeds are the captures in ../scenarios."""

import pathlib
import struct

HERE = pathlib.Path(__file__).parent
CLIENT, SERVER = bytes([10, 0, 0, 1]), bytes([192, 0, 2, 7])
MACS = bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1])
NS = 1_720_958_477_000_000_000


def total(data):
    data += b"\0" * (len(data) % 2)
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    while value > 0xFFFF:
        value = (value & 0xFFFF) + (value >> 16)
    return value ^ 0xFFFF


def ip(proto, payload, source=CLIENT, target=SERVER, fragment=0x4000):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, fragment, 64, proto, 0) + source + target
    return head[:10] + struct.pack(">H", total(head)) + head[12:] + payload


def ip6(following, payload):
    ends = bytes.fromhex("20010db8000000000000000000000001" "20010db8000000000000000000000002")
    return struct.pack(">IHBB", 6 << 28, len(payload), following, 64) + ends + payload


def tcp(client, seq, ack, flags, payload=b"", options=b""):
    ports = (40000, 443) if client else (443, 40000)
    head = struct.pack(">HHIIBBHHH", *ports, seq, ack, (5 + len(options) // 4) << 4, flags, 64240, 0, 0) + options
    ends = CLIENT + SERVER if client else SERVER + CLIENT
    value = total(ends + struct.pack(">HH", 6, len(head) + len(payload)) + head + payload)
    return head[:16] + struct.pack(">H", value) + head[18:] + payload


def segment(client, *rest):
    ends = (CLIENT, SERVER) if client else (SERVER, CLIENT)
    return ip(6, tcp(client, *rest), *ends)


def udp(port, payload):
    return struct.pack(">HHHH", 50000, port, 8 + len(payload), 0) + payload


def ethernet(kind, payload):
    return MACS + struct.pack(">H", kind) + payload


RESET = segment(False, 5001, 1019, 0x14)
TALK = [
    segment(True, 1000, 0, 2, b"", bytes.fromhex("020405b40402080a000000010000000001030307")),
    segment(False, 5000, 1001, 0x12, b"", bytes.fromhex("020405b4")),
    segment(True, 1001, 5001, 0x10),
    segment(True, 1001, 5001, 0x18, b"GET / HTTP/1.1\r\n\r\n"),
    RESET,
]


def pcap(frames, order="<", nanos=False, link=1, modified=False):
    magic = 0xA1B2CD34 if modified else 0xA1B23C4D if nanos else 0xA1B2C3D4
    out = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link)
    for i, frame in enumerate(frames):
        seconds, rest = divmod(NS + i * 1_000_000, 10**9)
        out += struct.pack(order + "IIII", seconds, rest if nanos else rest // 1000, len(frame), len(frame))
        out += (b"\0" * 8 if modified else b"") + frame
    return out


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def options(order, pairs):
    out = b""
    for code, value in pairs:
        out += struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)
    return out + struct.pack(order + "HH", 0, 0)


def section(order, pairs=()):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options(order, pairs))


def interface(order, link=1, pairs=()):
    return block(order, 1, struct.pack(order + "HHI", link, 0, 0) + options(order, pairs))


def enhanced(order, at, frame, pairs=(), number=0):
    ticks = (NS + at * 1_000_000) // 1000
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 6, head + frame + b"\0" * (-len(frame) % 4) + options(order, pairs))


def rich(order):
    secret = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n"
    out = section(order, [(1, b"a comment"), (2, b"hardware"), (4, b"a program")])
    out += interface(order, 1, [(2, b"eth0"), (9, b"\x06"), (11, b"\0tcp"), (14, b"\0" * 8)])
    out += interface(order, 101, [(2, b"tun0")])
    out += block(order, 10, struct.pack(order + "II", 0x544C534B, len(secret)) + secret)
    name = SERVER + b"www.example.net\0"
    out += block(order, 4, struct.pack(order + "HH", 1, len(name)) + name + struct.pack(order + "HH", 0, 0))
    out += block(order, 0x80000001, struct.pack(order + "I", 501) + options(order, [(2, b"curl")]))
    for i, frame in enumerate(TALK):
        pairs = [(1, b"seen"), (2, struct.pack(order + "I", 1 + i % 2)), (0x8001, b"\0\0\0\0")]
        out += enhanced(order, i, ethernet(0x800, frame), pairs)
    out += block(order, 5, struct.pack(order + "III", 0, 0, 0) + options(order, [(4, b"\x05" + b"\0" * 7)]))
    return out


def old_blocks(order):
    out = section(order) + interface(order)
    for i, frame in enumerate(ethernet(0x800, f) for f in TALK):
        ticks = (NS + i * 1_000_000) // 1000
        head = struct.pack(order + "HHIIII", 0, i, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        out += block(order, 2, head + frame)
    out += block(order, 3, struct.pack(order + "I", 54) + ethernet(0x800, RESET))
    return out + block(order, 0xBAD, struct.pack(order + "I", 32473) + b"custom")


def erf(frames):
    out = b""
    for i, frame in enumerate(frames):
        seconds, rest = divmod(NS + i * 1_000_000, 10**9)
        extension = bytes([3, 0, 0, 0, 0, 0, 0, 1]) if i % 2 else b""
        kind = 2 | (0x80 if extension else 0)
        size = 18 + len(extension) + len(frame)
        size += -size % 8
        head = struct.pack("<Q", seconds << 32 | (rest << 32) // 10**9) + struct.pack(">BBHHH", kind, 4, size, 0, len(frame))
        out += (head + extension + b"\0\0" + frame).ljust(size, b"\0")
    return out


def netmon(frames):
    head = b"GMBU" + struct.pack("<BBH8H", 3, 2, 1, 2024, 7, 0, 14, 12, 1, 17, 0)
    records, table = b"", b""
    for i, frame in enumerate(frames):
        table += struct.pack("<I", 128 + len(records))
        records += struct.pack("<QII", i * 1000, len(frame), len(frame)) + frame
        records += struct.pack("<HIQB", 1, 0, (NS + i * 1_000_000) // 100 + 116_444_736_000_000_000, 0)
    head += struct.pack("<II", 128 + len(records), len(table))
    return head.ljust(128, b"\0") + records + table


def snoop(frames):
    out = b"snoop\0\0\0" + struct.pack(">II", 2, 4)
    for i, frame in enumerate(frames):
        data = frame + b"\0" * (-len(frame) % 4)
        seconds, rest = divmod(NS + i * 1_000_000, 10**9)
        out += struct.pack(">IIIIII", len(frame), len(frame), 24 + len(data), 0, seconds, rest // 1000) + data
    return out


def files():
    frames = [ethernet(0x800, f) for f in TALK]
    yield "pcap-little-micro.cap", pcap(frames)
    yield "pcap-big-nano.cap", pcap(frames, ">", True)
    yield "pcap-modified.cap", pcap(frames, "<", False, 1, True)
    yield "pcap-raw-link.cap", pcap(TALK, "<", False, 101)
    yield "pcap-then-pcapng.cap", pcap(frames[:3]) + rich("<")
    yield "pcapng-rich-little.cap", rich("<")
    yield "pcapng-rich-big.cap", rich(">")
    yield "pcapng-old-blocks.cap", old_blocks("<")
    yield "pcapng-two-sections-two-orders.cap", rich("<") + old_blocks(">")
    yield "snoop.cap", snoop(frames)
    yield "erf.cap", erf(frames)
    yield "netmon.cap", netmon(frames)


def encapsulated():
    whole = ethernet(0x800, RESET)
    yield "plain", whole
    yield "two-vlan-tags", ethernet(0x88A8, struct.pack(">HHHH", 5, 0x8100, 6, 0x800) + RESET)
    yield "mpls", ethernet(0x8847, struct.pack(">II", 0x10040, 0x20140) + RESET)
    yield "pppoe", ethernet(0x8864, struct.pack(">BBHHH", 0x11, 0, 1, len(RESET) + 2, 0x21) + RESET)
    yield "gre-key", ethernet(0x800, ip(47, struct.pack(">HHI", 0x2000, 0x800, 7) + RESET))
    yield "gre-erspan", ethernet(0x800, ip(47, struct.pack(">HHIII", 0x1000, 0x88BE, 1, 0x10000007, 0) + whole))
    yield "vxlan", ethernet(0x800, ip(17, udp(4789, struct.pack(">II", 8 << 24, 7 << 8) + whole)))
    yield "geneve", ethernet(0x800, ip(17, udp(6081, struct.pack(">BBHI", 0, 0, 0x6558, 7 << 8) + whole)))
    yield "gtp", ethernet(0x800, ip(17, udp(2152, struct.pack(">BBHI", 0x30, 255, len(RESET), 7) + RESET)))
    yield "ip-in-ip", ethernet(0x800, ip(4, RESET))
    yield "teredo", ethernet(0x800, ip(17, udp(3544, ip6(6, tcp(False, 1, 2, 0x14)))))
    chain = bytes([43, 0, 0, 0, 0, 0, 0, 0]) + bytes([60, 0, 0, 0, 0, 0, 0, 0]) + bytes([6, 0, 1, 4, 0, 0, 0, 0])
    yield "ipv6-extensions", ethernet(0x86DD, ip6(0, chain + tcp(False, 1, 2, 0x14)))
    yield "icmp-quote", ethernet(0x800, ip(1, struct.pack(">BBHI", 3, 13, 0, 0) + TALK[0]))
    yield "fragment", ethernet(0x800, ip(6, tcp(False, 1, 2, 0x14), fragment=0x2000))
    answer = bytes.fromhex("1234818000010002000000000377777707657861" "6d706c65036e65740000010001")
    answer += bytes.fromhex("c00c0005000100000e1000040161c010" "c02d0001000100000e100004c0000207")
    yield "dns-answer", ethernet(0x800, ip(17, struct.pack(">HHHH", 53, 50000, 8 + len(answer), 0) + answer))
    loop = bytes.fromhex("12348180000100010000000003777777c00c00010001c00c00010001000000010004c0000207")
    yield "dns-name-loop", ethernet(0x800, ip(17, struct.pack(">HHHH", 53, 50000, 8 + len(loop), 0) + loop))
    yield "rst-with-text", ethernet(0x800, segment(False, 1, 2, 0x14, b"BIG-IP: [0x2a1b3c4:1234] Connection limit"))


def main():
    for name, data in files():
        (HERE / name).write_bytes(data)
    for name, data in encapsulated():
        (HERE / f"{name}.frame").write_bytes(data)


if __name__ == "__main__":
    main()
