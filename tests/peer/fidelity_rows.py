"""The rows of the fidelity table: what is built, and what must be in the output."""

import struct
from fractions import Fraction

from pcapng import (APPLE, CUSTOM, JOURNAL, START, Writer)

COMMENT = 1
ORIGINAL = 2000


class Row:
    def __init__(self, name, build, check, options=()):
        self.name, self.build, self.check, self.options = name, build, check, list(options)


def segment(source, target, seq, ack, flags, payload=b""):
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), seq & 0xFFFF, 0x4000, 64, 6, 0,
                     bytes(source[0]), bytes(target[0]))
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq, ack, 0x50, flags, 64240, 0, 0)
    return bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]) + ip + tcp + payload


CLIENT, SERVER = ((10, 0, 0, 1), 40000), ((192, 0, 2, 7), 443)
OTHER = ((10, 0, 0, 9), 50000)
RANDOM = bytes([0xAB]) * 32
HELLO = (b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" + RANDOM +
         b"\x00\x00\x02\x13\x01\x01\x00")
FLOW = [
    segment(CLIENT, SERVER, 100, 0, 2),
    segment(SERVER, CLIENT, 500, 101, 18),
    segment(CLIENT, SERVER, 101, 501, 16),
    segment(CLIENT, SERVER, 101, 501, 24, HELLO),
    segment(SERVER, CLIENT, 501, 101 + len(HELLO), 20),
]
STRANGER = segment(OTHER, SERVER, 7, 9, 16, b"x")


def capture(order="<", section=(), interface=(), packet=(), before=None, after=None, ticks=None,
            start=START * 10**6):
    """A section with the connection; `packet` are the options of its RST, `before` and `after`
    write further blocks."""
    w = Writer(order).section(section).interface(interface)
    if before:
        before(w)
    w.packet(STRANGER, start)
    for number, data in enumerate(FLOW):
        last = number == len(FLOW) - 1
        at = ticks(number) if ticks else start + number
        w.packet(data, at, packet if last else (), original=ORIGINAL)
    if after:
        after(w)
    return w.out


def packets(sections):
    return [p for s in sections for p in s["packets"] if p["data"] in FLOW]


def reset(sections):
    return [p for p in packets(sections) if p["data"] == FLOW[-1]][0]


def values(options, code):
    return [v for c, v in options if c == code]


def first_of(options, wanted):
    """The wanted options are there, each code's values first and in order."""
    return all(values(options, code)[:len(of)] == of for code, of in
               {c: values(wanted, c) for c, _ in wanted}.items())


def epb(name, options, order="<"):
    return Row(name, lambda: capture(order, packet=options),
               lambda s: first_of(reset(s)["options"], options) or
               ("x" if any(values(reset(s)["options"], c) for c, _ in options) else False))


def idb(name, options):
    return Row(name, lambda: capture(interface=options),
               lambda s: first_of(reset(s)["interface"]["options"], options))


def times(name, interface, ticks, expected, floor=False):
    def check(sections):
        found = [p["time"] for p in packets(sections)]
        wanted = [expected(n) for n in range(len(FLOW))]
        if floor and found != wanted:
            wanted = [Fraction(t.numerator * 10**9 // t.denominator, 10**9) for t in wanted]
        if found == wanted:
            return "k"
        close = all(abs(a - b) < Fraction(1, 10**6) for a, b in zip(found, wanted))
        return "L" if close and len(found) == len(wanted) else "x"
    return Row(name, lambda: capture(interface=interface, ticks=ticks), check)


def u64(n):
    return struct.pack("<Q", n)


def exact(sections):
    return [(p["data"], p["original"]) for p in packets(sections)] == [(d, ORIGINAL) for d in FLOW]


def apple():
    def before(w):
        for pid, name in ((501, b"curl"), (502, b"sshd")):
            w.block(APPLE, w.pack("I", pid) + w.options([(2, name)]))
    return capture(before=before, packet=[(0x8001, w32(1)), (0x8003, w32(0))])


def w32(n):
    return struct.pack("<I", n)


def has_processes(sections):
    blocks = [b for s in sections for k, b in s["others"] if k == APPLE]
    names = [b[:4] for b in blocks] == [w32(501), w32(502)]
    return names and values(reset(sections)["options"], 0x8001) == [w32(1)]


def two_sections(second="<"):
    w = Writer().section([(COMMENT, b"first"), (2, b"host A")]).interface([(2, b"eth0")])
    w.packet(STRANGER, START * 10**6).packet(FLOW[0], START * 10**6 + 1)
    v = Writer(second).section([(COMMENT, b"second"), (2, b"host B")])
    v.interface([(2, b"eth1")]).interface([(2, b"eth2"), (9, b"\x09")])
    for number, data in enumerate(FLOW[1:]):
        v.packet(data, START * 10**9 + 2000 + number, interface=1)
    return w.out + v.out


def comments(sections):
    return b"\n".join(v for s in sections for v in values(s["options"], COMMENT))


def second_interface(sections):
    found = [(values(p["interface"]["options"], 2), p["time"]) for p in packets(sections)]
    wanted = [([b"eth0"], START + Fraction(1, 10**6))]
    wanted += [([b"eth2"], START + Fraction(2000 + n, 10**9)) for n in range(4)]
    return found == wanted or "x"


def second_header(sections):
    said = comments(sections) + b"".join(v for s in sections for c, v in s["options"] if c == 2)
    return all(word in said for word in (b"first", b"second", b"host A", b"host B"))


def explicit_length():
    whole = capture()
    return Writer().section((), len(whole) - 28).out + whole[28:]


def true_length(sections):
    ends = [(s["length"], s["ends"] - s["begins"]) for s in sections if "ends" in s]
    return bool(ends) and (all(told in (-1, true) for told, true in ends) or "x")


def two_interfaces():
    w = Writer().section().interface([(2, b"unused")], link=113, snaplen=96)
    w.interface([(2, b"eth0")])
    for number, data in enumerate([STRANGER] + FLOW):
        w.packet(data, START * 10**6 + number, interface=1)
    return w.out


NAMES = [(1, b"\xc0\x00\x02\x07www.example.net\0"), (1, b"\x0a\x00\x00\x01laptop\0"),
         (1, b"\x0a\x00\x00\x09stranger\0"), (3, b"\x02\x00\x00\x00\x00\x01nic\0")]


def named():
    return capture(before=lambda w: w.names(NAMES, [(2, b"ns.example"), (3, b"\x0a\x00\x00\x35")]))


def names(sections):
    return [r for s in sections for records, _ in s["names"] for r in records]


def asked():
    question = b"\x03www\x07example\x03net\x00\x00\x01\x00\x01"
    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07"

    def message(flags, answers, body, ports, addresses):
        dns = struct.pack(">HHHHHH", 7, flags, 1, answers, 0, 0) + body
        udp = struct.pack(">HHHH", *ports, 8 + len(dns), 0) + dns
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, *addresses)
        return FLOW[0][:14] + ip + udp

    client, server = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x35"
    query = message(0x0100, 0, question, (5353, 53), (client, server))
    reply = message(0x8180, 1, question + answer, (53, 5353), (server, client))

    def before(w):
        w.packet(query, START * 10**6 - 20).packet(reply, START * 10**6 - 10)
    return capture(before=before)


def line(random):
    return f"CLIENT_RANDOM {random * 32} {'11' * 48}\n".encode()


def keyed():
    log = line("ab") + line("cd")
    return capture(before=lambda w: w.secrets(0x544C534B, log, [(COMMENT, b"from the proxy")]))


def secrets(sections):
    return b"".join(data for s in sections for _, data, _ in s["secrets"])


def statistics():
    body = lambda w: w.pack("III", 0, 0, 0) + w.options([(4, u64(1000)), (5, u64(3))])
    return capture(after=lambda w: w.block(5, body(w)))


def counted(sections):
    """As a block, or in words: a block of a part makes Wireshark print a wrong loss rate."""
    if any(values(o, 4) == [u64(1000)] for s in sections for _, o in s["statistics"]):
        return True
    said = b"".join(values(reset(sections)["interface"]["options"], COMMENT))
    return b"1000 received" in said and b"3 dropped" in said


ENTRY = f"__REALTIME_TIMESTAMP={START}000001\nMESSAGE=reset\n".encode()


def extra():
    return capture(before=lambda w: w.block(CUSTOM, w.pack("I", 32473) + b"data")
                   .block(JOURNAL, ENTRY))


def has_extra(sections):
    found = dict(b for s in sections for b in s["others"])
    return found.get(CUSTOM) == w32(32473) + b"data" and found.get(JOURNAL, b"").startswith(ENTRY)


def old_packets():
    w = Writer().section().interface()
    for number, data in enumerate(FLOW):
        w.obsolete(data, START * 10**6 + number, 3, [(COMMENT, b"old"), (2, w32(1))])
    return w.out


def old_kept(sections):
    found = packets(sections)
    return [p["data"] for p in found] == FLOW and all(
        values(p["options"], COMMENT)[:1] == [b"old"] and values(p["options"], 2) == [w32(1)] and
        values(p["options"], 4) == [u64(3)] for p in found)


def simple_packets():
    w = Writer().section().interface()
    for data in FLOW:
        w.simple(data)
    return w.out


def numbered(sections):
    ids = [values(p["options"], 5) for p in packets(sections)]
    return ids == [[u64(n)] for n in range(2, 2 + len(FLOW))]


ADDRESSES = [(4, b"\x0a\x00\x00\x01\xff\xff\xff\x00"), (4, b"\x0a\x01\x00\x01\xff\xff\x00\x00"),
             (5, bytes(15) + b"\x01\x40"), (6, b"\x02\x00\x00\x00\x00\x01"),
             (7, b"\x02\x00\x00\xff\xfe\x00\x00\x01"), (16, u64(10**8)), (17, u64(10**9)),
             (18, b"Europe/Berlin"), (10, w32(3600))]
MICROS = lambda n: START * 10**6 + n
# 64 bits of picoseconds end in August 1970
PICO = lambda n: 10**7 * 10**12 + 33_000_001_234 * n + 1_234_567
BINARY = lambda n: (START << 30) + (n << 24) + 5

ROWS = [
    Row("packet bytes, original length", capture, exact),
    times("times in nanoseconds", [(9, b"\x09")], lambda n: START * 10**9 + 7 * n,
          lambda n: START + Fraction(7 * n, 10**9)),
    times("times with `if_tsoffset`", [(14, struct.pack("<q", 3600))], MICROS,
          lambda n: START + 3600 + Fraction(n, 10**6)),
    times("times in units of 2^-30 s (to the nanosecond)", [(9, b"\x9e")], BINARY,
          lambda n: Fraction(BINARY(n), 1 << 30), floor=True),
    times("times in picoseconds (to the nanosecond)", [(9, b"\x0c")], PICO,
          lambda n: Fraction(PICO(n), 10**12), floor=True),
    times("times in seconds (`if_tsresol` 0)", [(9, b"\x00")], lambda n: START + n,
          lambda n: Fraction(START + n)),
    epb("packet comments", [(COMMENT, b"one"), (COMMENT, "zwei ü".encode()), (COMMENT, b"one")]),
    epb("empty packet comment", [(COMMENT, b"")]),
    epb("`epb_flags`, `epb_packetid`, `epb_queue`, `epb_dropcount`",
        [(2, w32(0x0102_0302 & 0xFFFF0FFF)), (5, u64(77)), (6, w32(3)), (4, u64(9))]),
    epb("`epb_hash`", [(3, b"\x02\x01\x02\x03\x04"), (3, b"\x03" + bytes(16))]),
    epb("`epb_verdict`", [(7, b"\x01" + u64(2)), (7, b"\x00\x09")]),
    epb("process and thread id", [(8, struct.pack(">II", 501, 502))]),
    Row("Apple process information", apple, has_processes),
    epb("unknown and local options", [(0x0123, b"abcde"), (0x9ABC, b"local")]),
    epb("custom options that may be copied",
        [(2988, w32(32473) + b"text"), (2989, w32(32473) + b"\0\1\2")]),
    Row("custom options that must not be copied are not",
        lambda: capture(packet=[(19372, w32(32473) + b"text"), (19373, w32(32473) + b"\1")]),
        lambda s: not values(reset(s)["options"], 19372) + values(reset(s)["options"], 19373)),
    idb("IDB name, description, filter, OS, hardware, speed, comments",
        [(2, b"eth0"), (3, b"uplink"), (11, b"\0tcp"), (12, b"Linux"), (15, b"NIC"),
         (8, u64(10**9)), (COMMENT, b"tap 7"), (COMMENT, b"rack 2")]),
    idb("IDB addresses, MAC, EUI, tx/rx speed, time zone", ADDRESSES),
    idb("IDB custom and unknown options", [(2988, w32(32473) + b"t"), (0x0222, b"?")]),
    Row("unused interfaces left out", two_interfaces,
        lambda s: [values(i["options"], 2) for x in s for i in x["interfaces"]] == [[b"eth0"]]),
    Row("SHB hardware, OS, application, comments",
        lambda: capture(section=[(2, b"hw"), (3, b"os"), (4, b"app"), (COMMENT, b"a"),
                                 (COMMENT, b"b")]),
        lambda s: first_of(s[0]["options"], [(2, b"hw"), (3, b"os"), (4, b"app"), (COMMENT, b"a"),
                                             (COMMENT, b"b")])),
    Row("SHB of a second section", two_sections, second_header),
    Row("interfaces of a second section", two_sections, second_interface),
    Row("a second section in the other byte order", lambda: two_sections(">"), second_interface),
    Row("explicit section length", explicit_length, true_length),
    Row("NRB names", named, lambda s: all(n in names(s) for n in NAMES[:2])),
    Row("NRB names of other hosts left out", named,
        lambda s: bool(names(s)) and NAMES[2] not in names(s)),
    Row("NRB options, EUI records", named,
        lambda s: NAMES[3] in names(s) and
        any(values(o, 2) == [b"ns.example"] for x in s for _, o in x["names"])),
    Row("names of DNS answers added", asked, lambda s: NAMES[0] in names(s)),
    Row("keys of the connection (`--secrets matched`)", keyed,
        lambda s: line("ab") in secrets(s), ["--secrets", "matched"]),
    Row("keys of others left out (`--secrets matched`)", keyed,
        lambda s: line("cd") not in secrets(s), ["--secrets", "matched"]),
    Row("no keys unless asked for", keyed, lambda s: not secrets(s)),
    Row("DSB comment (`--secrets matched`)", keyed,
        lambda s: any(values(o, COMMENT) == [b"from the proxy"]
                      for x in s for _, _, o in x["secrets"]), ["--secrets", "matched"]),
    Row("interface counters (block or words)", statistics, counted),
    Row("custom and journal blocks (`--keep-blocks custom,journal`)", extra, has_extra,
        ["--keep-blocks", "custom,journal"]),
    Row("obsolete packet block: options, drops", old_packets, old_kept),
    Row("simple packet block: bytes", simple_packets,
        lambda s: [p["data"] for p in packets(s)] == FLOW),
    Row("big-endian section: bytes, options",
        lambda: capture(">", packet=[(4, struct.pack(">Q", 9)), (COMMENT, b"c")]),
        lambda s: exact(s) and first_of(reset(s)["options"], [
            (4, struct.pack(reset(s)["order"] + "Q", 9)), (COMMENT, b"c")])),
    Row("original frame numbers", capture, numbered),
]
