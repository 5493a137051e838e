#!/usr/bin/env python3
"""Every format that editcap writes is read as tshark reads it, or named with the command that converts it.

    tests/peer/formats.py [--rstcap PATH]
"""

import argparse
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("make", ROOT / "testdata" / "fuzz" / "make.py")
make = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make)

SOURCE = ROOT / "testdata" / "demo" / "services.pcap"
READ = {"pcap", "pcapng", "nsecpcap", "modpcap", "nokiapcap", "rh6_1pcap", "suse6_3pcap", "snoop", "netmon1", "netmon2", "erf"}
# first bytes of formats that this editcap does not write from Ethernet -> what must be said of them
NAMED = {
    b"\x7fver": "Peek", b"XCP\0": "NetXray", b"iptrace 2.0": "iptrace", b"\x05VNF": "Visual", b"\x01\x10": "LANalyzer",
    b"ObserverPktBufferVersion": "Observer", b"TRSNIFF data    \x1a": "Sniffer", b"\x54\x52\x00\x64\x00": "nettl",
    b"\xaa\xaa\xaa\xaa": "5View", b"12345.0(i) len=98:0010db": "NetScreen", b"xxxxNetScaler V20 Performance Data": "NetScaler",
    b"BZh9": "bzip2 -dc", b"\xfd7zXZ\0": "xz -dc", b"PK\x03\x04": "unzip -p",
}


def tshark(path):
    """(frame, time to the microsecond, TCP payload length, sequence number) of each reset, and the status."""
    names = ("frame.number", "frame.time_epoch", "tcp.len", "tcp.seq_raw")
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp.flags.reset == 1", "-T", "fields"]
    done = subprocess.run([*command, *(w for n in names for w in ("-e", n))], capture_output=True, text=True)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()], done.returncode


def resets(path, rstcap):
    """The same resets as rstcap finds them: frame -> time; and what it said."""
    done = subprocess.run([rstcap, str(path), "-T", "ndjson"], capture_output=True, text=True)
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    return {r["frame"]: r["time"] for case in cases for r in case["rsts"]}, done


def nanoseconds(text):
    """Fraction of a second, in nanoseconds."""
    fraction = re.search(r"\.(\d+)", text)
    return int(fraction.group(1)[:9].ljust(9, "0")) if fraction else 0


def compare(path, rstcap, scratch):
    """What differs for a format that is read."""
    wanted, _ = tshark(path)
    found, done = resets(path, rstcap)
    wrong = []
    if done.returncode != 0:
        return [f"status {done.returncode}: {done.stderr.strip()}"]
    if {int(row[0]) for row in wanted} != set(found):
        wrong.append(f"resets {sorted(found)}, tshark {[row[0] for row in wanted]}")
    for row in wanted:
        if nanoseconds(row[1]) != nanoseconds(found.get(int(row[0]), "")):
            wrong.append(f"frame {row[0]}: {found.get(int(row[0]))}, tshark {row[1]}")
    out = scratch / "out"
    subprocess.run([rstcap, str(path), "-w", str(out), "--force", "-q"], capture_output=True)
    numbers = {row[3] for row in wanted}
    seen = {row[3] for file in out.glob("*.pcapng") for row in tshark(file)[0]}
    if not seen <= numbers or (numbers and not seen):
        wrong.append("the case files show tshark other resets")
    for file in out.glob("*"):
        file.unlink()
    return wrong


def kinds():
    said = subprocess.run(["editcap", "-F"], capture_output=True, text=True)
    return re.findall(r"^\s+([a-z0-9_-]+) - ", said.stdout + said.stderr, re.M)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rstcap", default=str(ROOT / "target" / "debug" / "rstcap"))
    args = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        frames = [make.ethernet(0x800, packet) for packet in make.TALK]
        (scratch / "made.erf").write_bytes(make.erf(frames))
        (scratch / "made.netmon").write_bytes(make.netmon(frames))
        for path in (scratch / "made.erf", scratch / "made.netmon"):
            results.append((path.name, compare(path, args.rstcap, scratch)))
        for kind in kinds():
            path = scratch / f"x.{kind}"
            source = scratch / "made.erf" if kind == "erf" else SOURCE
            if subprocess.run(["editcap", "-F", kind, str(source), str(path)], capture_output=True).returncode != 0:
                continue  # it does not write Ethernet in this format
            if kind in READ:
                results.append((kind, compare(path, args.rstcap, scratch)))
            else:
                _, done = resets(path, args.rstcap)
                named = done.returncode == 2 and "editcap FILE FILE.pcapng" in done.stderr
                results.append((kind, [] if named else [f"status {done.returncode}: {done.stderr.strip()}"]))
        for magic, word in NAMED.items():
            path = scratch / "named"
            path.write_bytes(magic.ljust(600, b"\xe5"))
            _, done = resets(path, args.rstcap)
            results.append((word, [] if done.returncode == 2 and word in done.stderr else [done.stderr.strip()]))
    for what, wrong in results:
        for text in wrong[:3]:
            print(f"{what}: {text}"[:300])
    failed = sum(bool(wrong) for _, wrong in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
