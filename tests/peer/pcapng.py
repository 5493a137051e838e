"""A small pcapng writer and reader for the peer checks (standard library only)."""

import struct
from fractions import Fraction

SHB, IDB, PB, SPB, NRB, ISB, EPB, JOURNAL, DSB = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 9, 10
CUSTOM, CUSTOM_NO_COPY, APPLE = 0xBAD, 0x40000BAD, 0x80000001
START = 1_700_000_000


def pad(data):
    return data + bytes(-len(data) % 4)


class Writer:
    """Builds a file block by block; options are lists of (code, value bytes)."""

    def __init__(self, order="<"):
        self.order, self.out = order, b""

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def options(self, options):
        if not options:
            return b""
        coded = [self.pack("HH", c, len(v)) + pad(v) for c, v in options]
        return b"".join(coded) + bytes(4)

    def block(self, kind, body):
        body = pad(body)
        length = self.pack("I", len(body) + 12)
        self.out += self.pack("I", kind) + length + body + length
        return self

    def section(self, options=(), length=-1):
        head = self.pack("IHHq", 0x1A2B3C4D, 1, 0, length)
        return self.block(SHB, head + self.options(options))

    def interface(self, options=(), link=1, snaplen=0):
        return self.block(IDB, self.pack("HHI", link, 0, snaplen) + self.options(options))

    def packet(self, data, ticks, options=(), interface=0, original=None):
        head = self.pack("IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data),
                         original or len(data))
        return self.block(EPB, head + pad(data) + self.options(options))

    def obsolete(self, data, ticks, drops, options=()):
        head = self.pack("HHIIII", 0, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        return self.block(PB, head + pad(data) + self.options(options))

    def simple(self, data):
        return self.block(SPB, self.pack("I", len(data)) + data)

    def names(self, records, options=()):
        coded = b"".join(self.pack("HH", k, len(v)) + pad(v) for k, v in records) + bytes(4)
        return self.block(NRB, coded + self.options(options))

    def secrets(self, kind, data, options=()):
        return self.block(DSB, self.pack("II", kind, len(data)) + pad(data) + self.options(options))


class Damaged(Exception):
    """What should be a pcapng file is none."""


def options(data, order):
    found, at = [], 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0:
            break
        if at + 4 + length > len(data):
            raise Damaged("an option overruns its block")
        found.append((code, data[at + 4:at + 4 + length]))
        at += 4 + length + -length % 4
    return found


def read(data):
    """Sections with their blocks and packets; raises Damaged where the blocks do not chain."""
    sections, at, order = [], 0, "<"
    while at < len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        if at + 12 > len(data):
            raise Damaged("bytes after the last block")
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12 or length % 4 or at + length > len(data):
            raise Damaged(f"a block of {length} bytes")
        if struct.unpack_from(order + "I", data, at + length - 4) != (length,):
            raise Damaged("the lengths of a block differ")
        body = data[at + 8:at + length - 4]
        if kind == SHB:
            claimed, = struct.unpack_from(order + "q", body, 8)
            sections.append({"order": order, "options": options(body[16:], order),
                             "length": claimed, "begins": at + length, "interfaces": [],
                             "packets": [], "names": [], "secrets": [], "statistics": [],
                             "others": []})
        else:
            add(sections[-1], kind, body, order)
        at += length
        sections[-1]["ends"] = at
    return sections


def add(section, kind, body, order):
    unpack = lambda form, at=0: struct.unpack_from(order + form, body, at)
    if kind == IDB:
        link, _, snaplen = unpack("HHI")
        section["interfaces"].append(
            {"link": link, "snaplen": snaplen, "options": options(body[8:], order)})
    elif kind == EPB:
        number, high, low, captured, original = unpack("IIIII")
        if number >= len(section["interfaces"]):
            raise Damaged("a packet of an interface that is not there")
        rest = 20 + captured + -captured % 4
        interface = section["interfaces"][number]
        section["packets"].append(
            {"interface": interface, "time": time_of(interface, high << 32 | low, order),
             "data": body[20:20 + captured], "original": original,
             "options": options(body[rest:], order), "order": order})
    elif kind == SPB:
        section["packets"].append({"data": body[4:], "time": None, "options": [],
                                   "original": unpack("I")[0], "order": order,
                                   "interface": section["interfaces"][0]})
    elif kind == NRB:
        records, at = [], 0
        while at + 4 <= len(body):
            code, length = unpack("HH", at)
            at += 4 + length + -length % 4
            if code == 0:
                break
            records.append((code, body[at - length - -length % 4:at - -length % 4]))
        section["names"].append((records, options(body[at:], order)))
    elif kind == DSB:
        what, length = unpack("II")
        rest = 8 + length + -length % 4
        section["secrets"].append((what, body[8:8 + length], options(body[rest:], order)))
    elif kind == ISB:
        section["statistics"].append((unpack("I")[0], options(body[12:], order)))
    else:
        section["others"].append((kind, body))


def time_of(interface, ticks, order):
    found = dict(interface["options"])
    resolution = found.get(9, b"\x06")[0]
    base = 2 if resolution & 0x80 else 10
    offset, = struct.unpack(order + "q", found.get(14, bytes(8)))
    return Fraction(ticks, base ** (resolution & 0x7F)) + offset


def read_pcap(data):
    """Packets of a pcap file in the form of [`read`]."""
    order, unit = {0xA1B2C3D4: ("<", 10**6), 0xA1B23C4D: ("<", 10**9)}[
        struct.unpack_from("<I", data)[0]]
    at, packets = 24, []
    while at < len(data):
        seconds, part, captured, original = struct.unpack_from(order + "IIII", data, at)
        at += 16 + captured
        packets.append({"data": data[at - captured:at], "original": original, "options": [],
                        "time": seconds + Fraction(part, unit), "order": order,
                        "interface": {"link": 1, "snaplen": 0, "options": []}})
    empty = dict.fromkeys(["interfaces", "names", "secrets", "statistics", "others"], [])
    return [{**empty, "order": order, "options": [], "length": -1, "packets": packets}]
