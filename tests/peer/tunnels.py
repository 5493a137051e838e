#!/usr/bin/env python3
"""Holds what rstcap finds in encapsulated packets against tshark.

    tests/peer/tunnels.py [--rstcap PATH] [--keep DIRECTORY]

One connection that is reset, in every encapsulation that rstcap reads: the frames of the resets and
their stream numbers must be tshark's, the handshake must be complete, and the case file must show
tshark the same reset. Encapsulations that tshark reads only with other settings, or not at all, are
listed in OTHERWISE; there the reset must be found all the same.
"""

import argparse
import importlib.util
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("make", ROOT / "testdata" / "fuzz" / "make.py")
make = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make)

MACS = make.MACS
ACROSS = bytes([0xC6, 0x33, 0x64, 1]), bytes([0xC6, 0x33, 0x64, 2])  # ends of the tunnels

# What this tshark does not dissect as it comes, and why.
OTHERWISE = {
    "mpls pseudowire with control word": "tshark takes the control word of zeros for an address",
    "capwap": "tshark swaps the octets of frame control by default",
    "netanalyzer": "tshark wants the header's fields to be sound",
}

# Where rstcap keeps apart what tshark joins: one network's identifier is not another one's, and in the
# networks of two tenants the same addresses are in use at the same time.
APART = {"gre, another key back", "vxlan, another network back"}


def talk():
    """(from the client, IPv4 packet) of each segment; the last one is the reset."""
    ends = [True, False, True, True, False]
    return list(zip(ends, make.TALK))


def talk6():
    a, b = (bytes.fromhex("20010db8" + "00" * 11 + x) for x in ("01", "02"))
    found = []
    for client, packet in talk():
        segment = bytearray(packet[20:])
        ends = a + b if client else b + a
        segment[16:18] = b"\0\0"
        check = make.total(ends + struct.pack(">II", len(segment), 6) + bytes(segment))
        segment[16:18] = struct.pack(">H", check)
        found.append((client, struct.pack(">IHBB", 6 << 28, len(segment), 6, 64) + ends + bytes(segment)))
    return found


def eth(kind, payload, client=True):
    macs = MACS if client else MACS[6:] + MACS[:6]
    return macs + struct.pack(">H", kind) + payload


def outer(protocol, payload, client=True):
    ends = ACROSS if client else ACROSS[::-1]
    return make.ip(protocol, payload, *ends)


def udp(port, payload, client=True, source=50000):
    return outer(17, struct.pack(">HHHH", source, port, 8 + len(payload), 0) + payload, client)


def tags(*numbers, kind=0x8100):
    """Ethernet type and tags before an IPv4 packet."""
    out = b""
    for i, number in enumerate(numbers):
        last = i == len(numbers) - 1
        out += struct.pack(">HH", number, 0x0800 if last else kind)
    return out


def labels(*values):
    return b"".join(struct.pack(">I", v << 12 | (i == len(values) - 1) << 8 | 64) for i, v in enumerate(values))


SNAP = b"\xaa\xaa\x03\0\0\0"
RADIOTAP = struct.pack("<BBHI", 0, 0, 8, 0)
PPI = struct.pack("<BBHI", 0, 0, 8, 105)


def wlan(payload, client=True, qos=b"", flags=1):
    """A data frame to the access point, or from it."""
    a, b, bss = MACS[6:], MACS[:6], bytes([2, 0, 0, 0, 0, 9])
    addresses = bss + a + b if client else a + bss + b
    kind = 0x88 if qos else 0x08
    return bytes([kind, flags if client else 2, 0, 0]) + addresses + b"\0\0" + qos + payload


def msdus(packet):
    """Two MSDUs in one frame; the second one is the packet."""
    def one(body, pad):
        return MACS + struct.pack(">H", len(body)) + body + b"\0" * pad
    first = SNAP + b"\x08\x06" + bytes(28)
    return one(first, -(14 + len(first)) % 4) + one(SNAP + b"\x08\0" + packet, 0)


def ieee8023(payload, client):
    macs = MACS if client else MACS[6:] + MACS[:6]
    return macs + struct.pack(">H", len(payload)) + payload


def fddi(packet, client):
    macs = MACS if client else MACS[6:] + MACS[:6]
    return b"\x50" + macs + SNAP + b"\x08\0" + packet


def macsec(packet, client):
    """Integrity only: the payload is clear (TCI: E and C are 0, SC present)."""
    tag = b"\x20\0" + struct.pack(">I", 7) + bytes(8)
    return eth(0x88E5, tag + b"\x08\0" + packet + bytes(16), client)


def erspan(version, packet, client):
    inner = eth(0x0800, packet, client)
    if version == 1:
        return eth(0x800, outer(47, struct.pack(">HH", 0, 0x88BE) + inner, client), client)
    if version == 2:
        head = struct.pack(">HHI", 0x1000, 0x88BE, 1) + struct.pack(">II", 0x10000007, 0)
    else:
        head = struct.pack(">HHI", 0x1000, 0x22EB, 1) + struct.pack(">III", 0x20000007, 0, 0)
    return eth(0x800, outer(47, head + inner, client), client)


def gtp(packet, client, extended=False, endpoint=7):
    body = packet
    first = 0x30
    if extended:  # next extension type, PDU session container, no more
        body, first = b"\0\0\0\x85" + b"\x01\0\x09\0" + packet, 0x34
    return eth(0x800, udp(2152, struct.pack(">BBHI", first, 255, len(body), endpoint) + body, client, 2152), client)


def l2tp2(packet, client):
    head = struct.pack(">HHH", 0x0002, 7, 9)
    return eth(0x800, udp(1701, head + b"\xff\x03\0\x21" + packet, client, 1701), client)


def nsh(packet, client, kind=0x894F):
    head = struct.pack(">HBBI", 0x0FC6, 1, 1, 0x00000701) + bytes(16)
    return eth(kind, head + packet, client)


def capwap(packet, client, swapped=False):
    # preamble, header length 2 words, radio 1, binding 802.11, T: native frame
    word = 2 << 19 | 1 << 14 | 1 << 9 | 1 << 8
    frame = wlan(SNAP + b"\x08\0" + packet, client)
    if swapped:
        frame = frame[1::-1] + frame[2:]
    return eth(0x800, udp(5247, struct.pack(">BBH", 0, word >> 16 & 0xFF, word & 0xFFFF) + bytes(4) + frame, client), client)


def ah(packet, client):
    """The transport mode: the header stands between those of IP and TCP."""
    header, segment = packet[:20], packet[20:]
    body = bytes([6, 4, 0, 0]) + struct.pack(">II", 7, 1) + bytes(12) + segment
    return eth(0x800, make.ip(51, body, header[12:16], header[16:20]), client)


def cisco_meta(packet, client):
    return eth(0x8909, b"\x01\x01\0\x01\0\x11" + b"\x08\0" + packet, client)


def erf(packet, client):
    frame = eth(0x800, packet, client)
    size = 18 + len(frame)
    return struct.pack("<Q", 1_720_958_477 << 32) + struct.pack(">BBHHH", 2, 4, size, 0, len(frame)) + b"\0\0" + frame


def sll(packet, client):
    return struct.pack(">HHH", 0 if client else 4, 1, 6) + MACS[:6] + b"\0\0\x08\0" + packet


def sll2(packet, client):
    return struct.pack(">HHIHBB", 0x800, 0, 3, 1, 0 if client else 4, 6) + MACS[:6] + b"\0\0" + packet


def nflog(packet, _):
    payload = struct.pack("<HH", 4 + len(packet), 9) + packet
    return b"\x02\0\0\0" + payload + b"\0" * (-len(payload) % 4)


def shapes():
    """name -> (link type, frame of an IPv4 packet and its direction)"""
    e = 1
    yield "vlan", e, lambda p, c: eth(0x8100, tags(5) + p, c)
    yield "vlan, another one back", e, lambda p, c: eth(0x8100, tags(5 if c else 6) + p, c)
    yield "q-in-q", e, lambda p, c: eth(0x88A8, tags(5, 6) + p, c)
    yield "five tags", e, lambda p, c: eth(0x8100, tags(1, 2, 3, 4, 5) + p, c)
    yield "9100 tags", e, lambda p, c: eth(0x9100, tags(5, 6) + p, c)
    yield "mpls", e, lambda p, c: eth(0x8847, labels(16) + p, c)
    yield "mpls, three labels, others back", e, lambda p, c: eth(0x8847, labels(*((16, 17, 18) if c else (19, 20))) + p, c)
    yield "mpls pseudowire with control word", e, lambda p, c: eth(0x8847, labels(16) + bytes(4) + eth(0x800, p, c), c)
    yield "pppoe", e, lambda p, c: eth(0x8864, struct.pack(">BBHHH", 0x11, 0, 1, len(p) + 2, 0x21) + p, c)
    yield "ppp", 9, lambda p, c: b"\xff\x03\0\x21" + p
    yield "ppp, short", 9, lambda p, c: b"\x21" + p
    yield "ppp in hdlc framing", 50, lambda p, c: b"\xff\x03\0\x21" + p
    yield "ppp with direction", 204, lambda p, c: bytes([c]) + b"\xff\x03\0\x21" + p
    yield "cisco hdlc", 104, lambda p, c: b"\x0f\0\x08\0" + p
    yield "llc and snap", e, lambda p, c: ieee8023(SNAP + b"\x08\0" + p, c)
    yield "llc alone", e, lambda p, c: ieee8023(b"\x06\x06\x03" + p, c)
    yield "802.11", 105, lambda p, c: wlan(SNAP + b"\x08\0" + p, c)
    yield "802.11 qos", 105, lambda p, c: wlan(SNAP + b"\x08\0" + p, c, b"\0\0")
    yield "radiotap", 127, lambda p, c: RADIOTAP + wlan(SNAP + b"\x08\0" + p, c)
    yield "ppi", 192, lambda p, c: PPI + wlan(SNAP + b"\x08\0" + p, c)
    yield "a-msdu", 127, lambda p, c: RADIOTAP + wlan(msdus(p), c, b"\x80\0")
    yield "gre", e, lambda p, c: eth(0x800, outer(47, b"\0\0\x08\0" + p, c), c)
    yield "gre, key, sequence, checksum", e, lambda p, c: eth(0x800, outer(47, struct.pack(">HHIII", 0xB000, 0x800, 0, 7, 1) + p, c), c)
    yield "gre, another key back", e, lambda p, c: eth(0x800, outer(47, struct.pack(">HHI", 0x2000, 0x800, 7 + c) + p, c), c)
    yield "gre with ethernet", e, lambda p, c: eth(0x800, outer(47, b"\0\0\x65\x58" + eth(0x800, p, c), c), c)
    for version in (1, 2, 3):
        yield f"erspan {version}", e, lambda p, c, v=version: erspan(v, p, c)
    yield "ip in ip", e, lambda p, c: eth(0x800, outer(4, p, c), c)
    yield "ip in ipv6", e, lambda p, c: eth(0x86DD, make.ip6(4, p), c)
    yield "vxlan", e, lambda p, c: eth(0x800, udp(4789, struct.pack(">II", 8 << 24, 7 << 8) + eth(0x800, p, c), c), c)
    yield "vxlan, another network back", e, lambda p, c: eth(0x800, udp(4789, struct.pack(">II", 8 << 24, 7 + c << 8) + eth(0x800, p, c), c), c)
    yield "vxlan-gpe", e, lambda p, c: eth(0x800, udp(4790, struct.pack(">II", 0x0C << 24 | 1, 7 << 8) + p, c), c)
    yield "geneve", e, lambda p, c: eth(0x800, udp(6081, struct.pack(">BBHI", 0, 0, 0x6558, 7 << 8) + eth(0x800, p, c), c), c)
    yield "geneve with options", e, lambda p, c: eth(0x800, udp(6081, struct.pack(">BBHI", 2, 0, 0x6558, 7 << 8) + b"\x01\x02\x03\x01" + bytes(4) + eth(0x800, p, c), c), c)
    yield "gtp", e, gtp
    yield "gtp, another endpoint back", e, lambda p, c: gtp(p, c, endpoint=8 + c)
    yield "gtp with extension", e, lambda p, c: gtp(p, c, True)
    yield "l2tp 2", e, l2tp2
    yield "nsh", e, lambda p, c: nsh(p, c)
    yield "capwap", e, capwap
    yield "capwap, octets swapped", e, lambda p, c: capwap(p, c, True)
    yield "macsec, integrity only", e, macsec
    yield "cisco security group tag", e, cisco_meta
    yield "fddi", 10, fddi
    yield "frame relay", 107, lambda p, c: b"\x18\x41\x03\xcc" + p
    yield "frame relay, snap", 107, lambda p, c: b"\x18\x41\x03\0\x80\0\0\0\x08\0" + p
    yield "authentication header", e, ah
    yield "mac in mac", e, lambda p, c: eth(0x88E7, struct.pack(">I", 7) + eth(0x800, p, c), c)
    yield "null, little-endian", 0, lambda p, c: b"\x02\0\0\0" + p
    yield "null, big-endian", 0, lambda p, c: b"\0\0\0\x02" + p
    yield "loop", 108, lambda p, c: b"\0\0\0\x02" + p
    yield "raw", 101, lambda p, c: p
    yield "raw ipv4", 228, lambda p, c: p
    yield "linux cooked", 113, sll
    yield "linux cooked 2", 276, sll2
    yield "nflog", 239, nflog
    yield "erf", 197, erf
    yield "tzsp", e, lambda p, c: eth(0x800, udp(37008, b"\x01\0\0\x01\x01" + eth(0x800, p, c), c), c)
    yield "netanalyzer", 240, lambda p, c: bytes(4) + eth(0x800, p, c) + bytes(4)
    yield "vxlan in gre in vlan", e, lambda p, c: eth(0x8100, tags(5) + outer(47, b"\0\0\x08\0" + udp(4789, struct.pack(">II", 8 << 24, 7 << 8) + eth(0x800, p, c), c), c), c)


def shapes6():
    e = 1
    yield "ipv6", e, lambda p, c: eth(0x86DD, p, c)
    yield "6in4", e, lambda p, c: eth(0x800, outer(41, p, c), c)
    yield "teredo", e, lambda p, c: eth(0x800, udp(3544, p, c), c)
    yield "teredo with authentication and origin", e, lambda p, c: eth(0x800, udp(3544, b"\0\x01\0\0" + bytes(9) + b"\0\0" + bytes(6) + p, c), c)
    yield "ipv6 in ipv6", e, lambda p, c: eth(0x86DD, make.ip6(41, p), c)
    yield "ipv6 with extensions", e, lambda p, c: eth(0x86DD, extended(p), c)
    yield "raw ipv6", 229, lambda p, c: p
    yield "ppp ipv6", 9, lambda p, c: b"\xff\x03\0\x57" + p


def extended(packet):
    """Hop-by-hop options, destination options, routing header."""
    chain = bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([43, 0, 1, 4, 0, 0, 0, 0]) + bytes([6, 0, 0, 0, 0, 0, 0, 0])
    body = chain + packet[40:]
    return packet[:4] + struct.pack(">HB", len(body), 0) + packet[7:40] + body


def tshark(path):
    """Frame -> streams, of the frames with a reset of their own."""
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp.flags.reset == 1 && !icmp && !icmpv6",
               "-T", "fields", "-e", "frame.number", "-e", "tcp.stream"]
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rows = (line.split("\t") for line in out.splitlines())
    return {int(frame): [int(s) for s in streams.split(",")] for frame, streams in rows}


def judge(rstcap, name, path, out):
    """What is wrong, in words."""
    done = subprocess.run([rstcap, str(path), "-T", "ndjson", "-w", str(out), "--force"], capture_output=True, text=True)
    if done.returncode != 0:
        return [f"status {done.returncode}: {done.stderr.strip()}"]
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    ours = {r["frame"]: [case["tcp_stream"]] for case in cases for r in case["rsts"]}
    wanted = tshark(path)
    wrong = []
    if name in OTHERWISE:
        if wanted:
            wrong.append("tshark reads it, so that it needs no exception")
        wanted = {len(make.TALK): [0]}
    if name in APART:
        return [] if list(ours) == list(wanted) else [f"resets {ours}, tshark {wanted}"]
    if ours != wanted:
        wrong.append(f"resets {ours}, tshark {wanted}")
    if cases and not cases[0]["handshake"]["complete"]:
        wrong.append("the two directions were not joined")
    for case in cases:
        seen = tshark(out / case["case_file"]) if name not in OTHERWISE else {1: 0}
        if len(seen) != len(case["rsts"]):
            wrong.append(f"the case file shows tshark {len(seen)} resets")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rstcap", default=str(ROOT / "target/debug/rstcap"))
    parser.add_argument("--keep", type=pathlib.Path, help="directory for the captures")
    args = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = args.keep or pathlib.Path(scratch)
        directory.mkdir(exist_ok=True)
        both = [(talk(), shapes()), (talk6(), shapes6())]
        for packets, kinds in both:
            for name, link, frame in kinds:
                path = directory / (name.replace(" ", "-").replace(",", "") + ".pcap")
                frames = [frame(packet, client) for client, packet in packets]
                path.write_bytes(make.pcap(frames, "<", True, link))
                wrong = judge(args.rstcap, name, path, pathlib.Path(scratch) / "out")
                passed, failed = passed + (not wrong), failed + bool(wrong)
                for text in wrong:
                    print(f"{name}: {text}"[:300])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
