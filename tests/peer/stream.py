#!/usr/bin/env python3
"""Holds rstcap's `tcp_stream` against Wireshark's rule, applied to what tshark dissects.

    tests/peer/stream.py [--rstcap PATH] [--rule 4.0] [--jobs 2] [PATH...]

tshark names addresses, ports, numbers and flags of every TCP header; the rule by which Wireshark
4.4 numbers streams is applied here, as older versions of tshark number otherwise: they do not
begin a new stream with a repeated initial sequence number after a RST or FIN, nor with a second
SYN-ACK. `--rule 4.0` holds the rule itself against tshark 4.0. Where it is there, an emulation by
another hand (`tools/stream_emul.py` beside the captures) is held against both; it reads fewer
encapsulations. Without paths: the captures of this repository and those beside it. Exit status 1 on
any difference that is not in DOCUMENTED.
"""

import argparse
import concurrent.futures
import importlib.util
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import captures  # noqa: E402

# file -> (frame, why): numbers that are not Wireshark's, and why
DOCUMENTED = {
    "OISF_suricata-verify__tests_bug-1450-04_tls_DER-incomplete-header.pcap": {
        11: "tshark gives up on the damage before this frame",
    },
    "AlexeyVasilev_PcapFlowLab__examples_showcase_pcap_flow_lab_showcase.pcap": {
        1407: "one address and port pair in two tunnels is two connections here and one stream there, "
              "and a pseudowire without a control word is misread by Wireshark",
    },
}

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIN, SYN, RST, ACK = 1, 2, 4, 16
FIELDS = ("frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
          "tcp.srcport", "tcp.dstport", "tcp.seq", "tcp.ack", "tcp.flags", "tcp.hdr_len",
          "tcp.stream")


class Streams:
    """The state behind `tcp.stream`: the latest conversation of each pair of endpoints."""

    def __init__(self, rule):
        self.rule, self.latest, self.count = rule, {}, 0

    def begin(self, pair):
        self.latest[pair] = {"number": self.count, "base": {}, "ended": False}
        self.count += 1
        return self.latest[pair]

    def segment(self, source, target, seq, ack, flags, is_quoted, is_sound):
        pair = frozenset((source, target))
        known = self.latest.get(pair)
        if known is None:
            known = self.begin(pair)
        elif flags & SYN and source in known["base"]:
            again = seq != known["base"][source] or (known["ended"] and self.rule != "4.0")
            if again and self.rule == "4.0" and flags & ACK:
                known["base"][source] = seq
            elif again:
                known = self.begin(pair)
        elif flags & (SYN | ACK) == SYN:
            known["ended"] = False  # a SYN of the other side begins the completeness afresh
        if not is_quoted:
            known["base"].setdefault(source, seq if flags & SYN else (seq - 1) & 0xFFFFFFFF)
            if flags & ACK:
                known["base"].setdefault(target, (ack - 1) & 0xFFFFFFFF)
        known["ended"] |= is_sound and bool(flags & RST or flags & (FIN | ACK) == FIN | ACK)
        return known["number"]


def dissected(path):
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp", "-T", "fields", "-E", "occurrence=a",
               "-E", "aggregator=;", "-o", "ip.defragment:TRUE",
               "-o", "tcp.relative_sequence_numbers:FALSE"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("\t")))


def headers(frame):
    """Each TCP header of a frame: source, target, numbers, flags, and whether it is quoted."""
    values = {f: iter(frame[f].split(";") if frame[f] else ()) for f in FIELDS[2:]}
    source = target = None
    is_quoted = False
    for protocol in frame["frame.protocols"].split(":"):
        if protocol in ("ip", "ipv6"):
            source = next(values[protocol + ".src"], None)
            target = next(values[protocol + ".dst"], None)
        elif protocol in ("icmp", "icmpv6"):
            is_quoted = True
        elif protocol == "tcp":
            ports = [next(values[f], None) for f in ("tcp.srcport", "tcp.dstport")]
            seq, ack, flags, length = (next(values[f], None) for f in FIELDS[8:12])
            if seq is None or flags is None:
                return  # cut before the flags: no stream
            yield ((source, ports[0]), (target, ports[1]), int(seq), int(ack or 0),
                   int(flags, 16), is_quoted, int(length or 0) >= 20)


def expected(path, rule):
    """Stream numbers by frame, and tshark's own."""
    streams, found, told = Streams(rule), {}, {}
    for frame in dissected(path):
        numbers = [streams.segment(*header) for header in headers(frame)]
        number = int(frame["frame.number"])
        found[number] = numbers
        told[number] = [int(n) for n in frame["tcp.stream"].split(";") if n]
    return found, told


def cases(rstcap, path):
    done = subprocess.run([rstcap, str(path), "-T", "ndjson", "-q"], capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def emulator(shared):
    """The other emulation, or None where it is not there."""
    path = shared / "tools" / "stream_emul.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("stream_emul", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def emulated(path, shared):
    """Stream numbers by frame as the other emulation gives them, if it can read the file."""
    module = emulator(shared)
    if module is None or path.suffix in (".gz", ".zst", ".lz4"):
        return {}
    try:
        return dict(module.run(str(path))[0])
    except Exception:  # noqa: BLE001 - a damaged file, which is not what is held here
        return {}


def check(job):
    """(file name, checks, differences)"""
    path, rule, rstcap, shared = job
    found, told = expected(path, rule)
    if rule == "4.0":
        checks = [(n, found[n], told[n]) for n in found]
    else:
        said = [frame_and_stream(case) for case in cases(rstcap, path)]
        checks = [(frame, found.get(frame), [stream]) for frame, stream in said]
        other = emulated(path, shared)
        # where both dissect the same headers up to here, they must agree
        same = all(len(other.get(n, [])) == len(found[n]) for n in found)
        checks += [(frame, other.get(frame), [stream]) for frame, stream in said if same and other]
    known = DOCUMENTED.get(path.name, {})
    wrong = [(n, want, got) for n, want, got in checks
             if (want is None or want != got) and n not in known]
    return path.name, len(checks), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rstcap", default=str(ROOT / "target/debug/rstcap"))
    parser.add_argument("--rule", choices=("4.0", "4.4"), default="4.4")
    parser.add_argument("--shared", type=pathlib.Path, default=captures.SHARED)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    paths = args.paths or [*captures.own(5), *captures.labelled(args.shared), *captures.corpus(args.shared)]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, count, wrong in pool.map(check, [(p, args.rule, args.rstcap, args.shared) for p in paths]):
            passed += count - len(wrong)
            failed += len(wrong)
            for number, want, got in wrong[:5]:
                print(f"{name}: frame {number}: expected {want}, got {got}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def frame_and_stream(case):
    return case["rsts"][0]["frame_in_file"], case["tcp_stream"]


if __name__ == "__main__":
    sys.exit(main())
